import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { language, words } from "../../words";
import type { LngLat } from "../wish";

export interface Mark {
  id: string;
  point: LngLat;
  /** Short: the price. */
  text: string;
  /** For a screen reader, in full. */
  label: string;
}

export interface MapProps {
  center: LngLat;
  /** The wanted place and how far it may be. */
  radius?: number | null;
  marks?: readonly Mark[];
  selected?: string | null;
  onSelect?: (id: string) => void;
  /** The middle was moved by hand. */
  onPick?: (point: LngLat) => void;
}

let loaded: ComponentType<MapProps> | null = null;

/** The map, loaded when it is first shown; without it the page is whole too. */
export function Map(props: MapProps) {
  const [state, setState] = useState<"loading" | "ready" | "failed">(loaded ? "ready" : "loading");
  useEffect(() => {
    if (loaded) return;
    let ended = false;
    import("./LeafletMap").then(
      (module) => {
        loaded = module.LeafletMap;
        if (!ended) setState("ready");
      },
      () => ended || setState("failed"),
    );
    return () => {
      ended = true;
    };
  }, []);
  const w = words.value;
  if (state === "failed") return <p class="soft small">{w.driver.map.failed}</p>;
  if (!loaded) return <div class="map waiting soft">{w.common.loading}</div>;
  const Loaded = loaded;
  // its buttons are named when it is made
  return <Loaded key={language.value} {...props} />;
}
