import type { Schemas } from "../api/client";
import { routes, to } from "../routes";
import { words } from "../words";
import { locale, money } from "../words/format";
import { metres } from "./CarField";
import { fit, MEASURES } from "./cars";
import { areaName } from "./names";
import type { Candidate, Found } from "./searching";
import { minutesOf } from "./slots";
import type { Wish } from "./wish";

/** One free space: the whole card leads to it. */
export function ResultCard({
  one,
  found,
  selected,
  onShow,
}: {
  one: Candidate;
  found: Found;
  selected: boolean;
  onShow: () => void;
}) {
  const w = words.value.driver.results;
  const { space } = one;
  return (
    <a
      id={`space-${space.id}`}
      class={`card result ${selected ? "selected" : ""}`}
      href={addressOf(one, found)}
      onFocus={onShow}
    >
      <span class="result-head">
        <strong class="name">{areaName(space)}</strong>
        <span class="name soft">{words.value.driver.space.number(space.index)}</span>
        <span>
          <span class="big number">{money(one.expectedCost, found.currency)}</span>{" "}
          <span class="soft together">{stayWords(found)}</span>
        </span>
        <span class="soft number">
          {BigInt(one.maximumCost) > BigInt(one.expectedCost)
            ? w.most(money(one.maximumCost, found.currency))
            : w.sure}
        </span>
      </span>
      <span class="chips">
        {one.walkMinutes !== null && one.walkM !== null && (
          <span class="chip">{w.walk(one.walkMinutes, words.value.common.metres(one.walkM))}</span>
        )}
        {space.charger && <span class="chip">⚡ {w.charger(kilowatt(space.charger.powerW))}</span>}
        <span class="chip">{space.heightCm ? w.clearance(metres(space.heightCm)) : w.openAir}</span>
        {fitChip(found.wish, space)}
      </span>
      <span class="soft">{one.why}</span>
    </a>
  );
}

/** What the price is for. */
function stayWords({ wish, window }: Found): string {
  const { results: w, find } = words.value.driver;
  const length = find.length(minutesOf(window));
  return wish.plug ? w.stayCharged(length, find.kwh(wish.kwh)) : w.stay(length);
}

function fitChip(wish: Wish, space: Schemas["SpaceOut"]) {
  if (!wish.car) return null;
  const { spareCm } = fit(space, MEASURES[wish.car]);
  const w = words.value.driver.results;
  return <span class="chip good">✓ {spareCm < 25 ? w.tight(spareCm) : w.fits}</span>;
}

/** The space's address, with all that the price depends on. */
export function addressOf(one: Candidate, found: Found): string {
  const { wish, window } = found;
  return to(
    routes.space,
    { spaceId: one.space.id },
    {
      start: window.start,
      end: window.end,
      offer: one.offer,
      kwh: wish.plug ? wish.kwh : null,
      max: one.maximumCost,
    },
  );
}

export function kilowatt(watts: number): string {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(watts / 1000);
}
