/** Where the focus goes when what had it is gone, so that nobody has to begin at the top again. */

/** The heading, for a screen reader to begin at; the content where there is none yet. */
export function focusHeading(): void {
  if (document.querySelector("dialog[open]")) return;
  const content = document.getElementById("content");
  const heading = content?.querySelector<HTMLElement>("h1");
  if (heading) heading.tabIndex = -1;
  (heading ?? content)?.focus({ preventScroll: true });
}

/** An element and all that it is in. */
export function around(element: HTMLElement): HTMLElement[] {
  const found: HTMLElement[] = [];
  for (let one: HTMLElement | null = element; one; one = one.parentElement) found.push(one);
  return found;
}

/**
 * When nothing has the focus any more: the innermost of these that is still there gets it. The page
 * as a whole does not: where a sheet has closed, it is for what opened it to say where to go on.
 */
export function keepFocus(places: readonly HTMLElement[]): void {
  const { activeElement, body } = document;
  if (activeElement && activeElement !== body) return;
  const place = places.find((one) => one.isConnected && one.closest("header, main, dialog"));
  if (!place) return;
  // not in the order of Tab: only a place to go on from
  if (!(place instanceof HTMLButtonElement)) place.tabIndex = -1;
  place.focus({ preventScroll: true });
}
