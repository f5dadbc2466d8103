import type { Schemas } from "../api/client";
import { words } from "../words";
import { date, time } from "../words/format";
import { headed } from "../words/join";
import { dayOf, runs, type Run } from "./day";
import type { Span } from "./slots";

/** The day of the stay as a strip, and the same in words. */
export function Day({
  space,
  taken,
  span,
  zone,
}: {
  space: Schemas["SpaceDetailOut"];
  taken: readonly Span[];
  span: Span;
  zone: string | undefined;
}) {
  const w = words.value.driver.space;
  const day = dayOf(span.start, zone);
  const all = runs(day, taken, space.offers, span);
  const share = (run: Span) => `${((run.end - run.start) / (day.end - day.start)) * 100}%`;
  const clock = (at: number) => (at === day.end ? "24:00" : time(new Date(at), zone));
  const told = all.filter((run) => run.kind !== "free" || all.length === 1);
  return (
    <section class="day" aria-labelledby="day">
      <h3 id="day">{w.dayOf(date(new Date(span.start), zone))}</h3>
      <div class="strip" aria-hidden="true">
        {all.map((run) => (
          <span key={run.start} class={run.kind} style={{ width: share(run) }} />
        ))}
      </div>
      <div class="ticks soft" aria-hidden="true">
        {["0", "6", "12", "18", "24"].map((hour) => (
          <span key={hour}>{hour}</span>
        ))}
      </div>
      <ul class="runs">
        {told.map((run) => (
          <li key={run.start}>
            <span class={`swatch ${run.kind}`} aria-hidden="true" />
            <span class="number">
              {clock(run.start)} – {clock(run.end)}
            </span>{" "}
            {kindWords(run)}
          </li>
        ))}
      </ul>
    </section>
  );
}

function kindWords({ kind }: Run): string {
  const w = words.value.driver.space;
  if (kind === "clash") return headed(w.yours, w.taken);
  return w[kind];
}
