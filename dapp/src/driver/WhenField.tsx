import { useId } from "preact/hooks";
import { now } from "../api/clock";
import { words } from "../words";
import { offsetOf } from "../words/format";
import { momentOf, soonest, timesOn, wallOf, type Zone } from "./slots";
import { LENGTHS } from "./wish";

const AHEAD_DAYS = 90;
const DAY = 86_400_000;

/** When, and how long: by the clock of the place. */
export function WhenField({
  start,
  minutes,
  zone,
  onChange,
  wrong,
}: {
  start: number | null;
  minutes: number;
  zone: Zone;
  onChange: (part: { start?: number | null; minutes?: number }) => void;
  wrong: string | null | undefined;
}) {
  const id = useId();
  const w = words.value.driver.find;
  const lengths = [...new Set<number>([...LENGTHS, minutes])].sort((a, b) => a - b);
  const later = () => onChange({ start: start ?? soonest(now()) + 3_600_000 });
  return (
    <div class="when">
      <fieldset class="segments even solid">
        <legend>{w.when}</legend>
        <label>
          <input
            type="radio"
            class="quiet"
            name={`${id}-when`}
            checked={start === null}
            onChange={() => onChange({ start: null })}
          />
          {w.now}
        </label>
        <label>
          <input
            type="radio"
            class="quiet"
            name={`${id}-when`}
            checked={start !== null}
            onChange={later}
          />
          {w.later}
        </label>
      </fieldset>
      {start !== null && <Later start={start} zone={zone} onChange={onChange} />}
      {wrong && (
        <p class="wrong" role="alert">
          {wrong}
        </p>
      )}
      <fieldset class="segments even three solid">
        <legend>{w.long}</legend>
        {lengths.map((one) => (
          <label key={one}>
            <input
              type="radio"
              class="quiet"
              name={`${id}-long`}
              checked={one === minutes}
              onChange={() => onChange({ minutes: one })}
            />
            {w.length(one)}
          </label>
        ))}
      </fieldset>
    </div>
  );
}

function Later({
  start,
  zone,
  onChange,
}: {
  start: number;
  zone: Zone;
  onChange: (part: { start: number }) => void;
}) {
  const id = useId();
  const w = words.value.driver.find;
  const wall = wallOf(start, zone);
  const times = timesOn(wall.date, zone, now());
  function set(date: string, time: string): void {
    const open = timesOn(date, zone, now());
    // a day that has begun no longer has all its hours
    const moment = momentOf({ date, time: open.includes(time) ? time : (open[0] ?? time) }, zone);
    if (moment !== null) onChange({ start: moment });
  }
  return (
    <>
      <div class="pair">
        <label class="field" for={`${id}-day`}>
          <span class="label">{w.day}</span>
          <input
            id={`${id}-day`}
            type="date"
            value={wall.date}
            min={wallOf(now(), zone).date}
            max={wallOf(now() + AHEAD_DAYS * DAY, zone).date}
            onChange={(event) =>
              event.currentTarget.value && set(event.currentTarget.value, wall.time)
            }
          />
        </label>
        <label class="field" for={`${id}-time`}>
          <span class="label">{w.timeOfDay}</span>
          <select
            id={`${id}-time`}
            value={wall.time}
            onChange={(event) => set(wall.date, event.currentTarget.value)}
          >
            {(times.includes(wall.time) ? times : [wall.time, ...times]).map((time) => (
              <option key={time}>{time}</option>
            ))}
          </select>
        </label>
      </div>
      <p class="soft small">{zone ? w.thereClock(offsetOf(new Date(start), zone)) : w.yourClock}</p>
    </>
  );
}
