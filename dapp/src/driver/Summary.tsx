import { Button } from "../parts/Button";
import { words } from "../words";
import { date, time } from "../words/format";
import { cityAt, zoneOf } from "./searching";
import type { Wish } from "./wish";

/** The wish in one line, while its results are shown. */
export function Summary({ wish, onChange }: { wish: Wish; onChange: () => void }) {
  const w = words.value.driver.find;
  return (
    <div class="summary card">
      <p>
        <strong>{placeName(wish)}</strong>
        {" · "}
        {timeWords(wish)}
        {wish.car && ` · ${w.sizes[wish.car]}`}
        {wish.plug && ` · ${w.summary.charge(plugName(wish.plug), wish.kwh)}`}
      </p>
      <Button onPress={onChange}>{w.change}</Button>
    </div>
  );
}

export function placeName(wish: Wish): string {
  const w = words.value.driver.find;
  const text = wish.words.trim();
  if (!wish.point) return text;
  const point = {
    me: w.pointMe,
    map: w.pointMap,
    middle: cityAt(wish.point) ?? w.pointMiddle,
  }[wish.by];
  const around = w.around(point, words.value.common.metres(wish.radius));
  return text ? `${text} · ${around}` : around;
}

function timeWords(wish: Wish): string {
  const w = words.value.driver.find;
  const length = w.length(wish.minutes);
  if (wish.start === null) return w.summary.now(length);
  const zone = zoneOf(wish);
  const at = new Date(wish.start);
  return w.summary.later(`${date(at, zone)} ${time(at, zone)}`, length);
}

export function plugName(plug: string): string {
  return (words.value.driver.plugs as Readonly<Record<string, string>>)[plug] ?? plug;
}
