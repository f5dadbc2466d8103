/** What fills a space's calendar: times that are leased, and times that owner or manager keep. */
import type { Schemas } from "../../api/client";

export interface Entry {
  start: string;
  end: string;
  /** The time is kept out of sharing: what giving it back names; "" where it has been given back. */
  blocked: string | null;
}

type Kept = Schemas["KeptTimeOut"];

/** The taken times, split where a block begins or ends within one of them. */
export function entriesOf(
  taken: readonly Schemas["Window"][],
  kept: readonly Kept[],
  spaceId: string,
): Entry[] {
  const blocks = kept
    .filter((one) => one.spaceId === spaceId)
    .sort((a, b) => Date.parse(a.window.start) - Date.parse(b.window.start));
  const entries: Entry[] = [];
  for (const window of taken) {
    let at = Date.parse(window.start);
    const end = Date.parse(window.end);
    const add = (until: number, blocked: string | null) => {
      if (until > at) entries.push({ start: rfc(at), end: rfc(until), blocked });
      at = Math.max(at, until);
    };
    for (const block of blocks) {
      const from = Math.max(Date.parse(block.window.start), at);
      const until = Math.min(Date.parse(block.window.end), end);
      if (until <= from) continue;
      add(from, null);
      add(until, block.givenBack ? "" : block.id);
    }
    add(end, null);
  }
  return entries;
}

function rfc(moment: number): string {
  return new Date(moment).toISOString();
}
