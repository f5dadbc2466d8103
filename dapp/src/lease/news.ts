/** What has changed on a screen is brought into sight, and to a screen reader. */
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** When `state` changes, the title of what is new is seen; it has the focus if that was lost. */
export function useNews(state: string, place: RefObject<HTMLElement>): void {
  const before = useRef(state);
  useEffect(() => {
    if (before.current === state) return;
    before.current = state;
    if (place.current) bring(place.current);
  }, [state, place]);
}

function bring(place: HTMLElement): void {
  if (document.querySelector("dialog[open]")) return;
  const title = place.querySelector<HTMLElement>("h2, .notice strong") ?? place;
  const focused = document.activeElement;
  // the button that was pressed has gone with what it stood in
  if (!focused || focused === document.body) {
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
  }
  title.scrollIntoView({ block: "nearest" });
}
