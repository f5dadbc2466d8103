import { useState } from "preact/hooks";
import { Field } from "../parts/Field";
import { Button } from "../parts/Button";
import { words } from "../words";
import { locate, NotLocated, type Unlocated } from "./locate";
import { Map } from "./map/Map";
import { found, places } from "./searching";
import { RADII, type LngLat, type Wish } from "./wish";
import { placeName } from "./Summary";

/** Where: words, the device's position, or the middle of a map. */
export function PlaceField({
  wish,
  onChange,
  wrong,
}: {
  wish: Wish;
  onChange: (part: Partial<Wish>) => void;
  wrong: string | null | undefined;
}) {
  const [map, setMap] = useState(false);
  const [failed, setFailed] = useState<Unlocated | null>(null);
  const w = words.value.driver.find;

  async function near(): Promise<void> {
    setFailed(null);
    try {
      onChange({ point: await locate(), by: "me", words: "", radius: 800 });
      setMap(false);
    } catch (error) {
      setFailed(error instanceof NotLocated ? error.why : "unavailable");
    }
  }
  return (
    <div class="place" data-unlocated={failed ?? undefined}>
      <Field label={w.place} wrong={wrong ?? (failed && w.unlocated[failed])}>
        {(input) => (
          <input
            {...input}
            type="search"
            maxLength={80}
            enterKeyHint="search"
            autocomplete="off"
            list="berth-places"
            value={wish.words}
            placeholder={w.placeHint}
            onInput={(event) => onChange(typed(event.currentTarget.value, wish))}
          />
        )}
      </Field>
      <datalist id="berth-places">
        {places().map((one) => (
          <option key={one.name} value={one.name} />
        ))}
      </datalist>
      <div class="row">
        <Button kind="slim" onPress={near} busy={w.locating}>
          <span aria-hidden="true">◎</span> {w.near}
        </Button>
        <button type="button" class="button slim" aria-expanded={map} onClick={() => setMap(!map)}>
          {map ? w.hideMap : w.onMap}
        </button>
      </div>
      {wish.point && (
        <div class="point">
          <span class="chip">{placeName({ ...wish, words: "" })}</span>
          <button
            type="button"
            class="icon-button"
            onClick={() => onChange({ point: null })}
            title={w.dropPoint}
          >
            <span aria-hidden="true">✕</span>
            <span class="quiet">{w.dropPoint}</span>
          </button>
        </div>
      )}
      {wish.point && wish.by === "me" && <p class="soft small">{w.meNote}</p>}
      {map && (
        <>
          <p class="soft small">{w.pickHint}</p>
          <Map
            center={wish.point ?? somePoint()}
            radius={wish.radius}
            onPick={(point: LngLat) => onChange({ point, by: "map", words: "" })}
          />
        </>
      )}
      {wish.point && (
        <label class="inline">
          <span>{w.walkUpTo}</span>
          <select
            value={wish.radius}
            onChange={(event) => onChange({ radius: Number(event.currentTarget.value) })}
          >
            {[...new Set([...RADII, wish.radius])]
              .sort((a, b) => a - b)
              .map((radius) => (
                <option key={radius} value={radius}>
                  {words.value.common.metres(radius)}
                </option>
              ))}
          </select>
        </label>
      )}
    </div>
  );
}

/** Words typed anew take the place of a point that nobody chose on a map or by position. */
function typed(text: string, wish: Wish): Partial<Wish> {
  return wish.point && wish.by === "middle" ? { words: text, point: null } : { words: text };
}

/** Where a map opens that has no point yet. */
function somePoint(): LngLat {
  const shown = found.value?.items[0]?.space.publicPoint ?? places()[0]?.point;
  return shown?.coordinates ?? [0, 20];
}
