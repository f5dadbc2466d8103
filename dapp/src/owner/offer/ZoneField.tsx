import { useMemo } from "preact/hooks";
import { now } from "../../api/clock";
import { Field } from "../../parts/Field";
import { words } from "../../words";
import { date, time } from "../../words/format";
import { sentences } from "../../words/join";
import type { Draft } from "./draft";
import { dayOf, nextChange, offsetText, quartersAt, quartersOf, zones } from "./zone";

const DAY = 86_400_000;
const YEAR = 366;

/** By which clock the hours are meant; says what happens when that clock changes. */
export function ZoneField({
  draft,
  again,
  onChange,
  wrong,
}: {
  draft: Draft;
  /** There was an offer before, whose offset the draft begins with; else its neighbours'. */
  again: boolean;
  onChange: (zone: string) => void;
  wrong: string | null;
}) {
  const w = words.value.offer.zone;
  const { zone } = draft;
  const all = useMemo(zones, []);
  const hour = Math.floor(now() / 3_600_000) * 3_600_000;
  const last = dayOf(draft.lastDay);
  const days = last === null ? YEAR : Math.ceil((last * DAY - hour) / DAY) + 1;
  const within = Math.max(0, Math.min(days, YEAR));
  const change = useMemo(() => nextChange(zone, hour, within), [zone, hour, within]);
  const quarters = quartersAt(zone, hour);
  const fixed = quartersOf(zone) !== null;
  const offset = (count: number) => `UTC${offsetText(count)}`;
  return (
    <div class="stack">
      <Field label={w.label} hint={w.hint} wrong={wrong}>
        {(input) => (
          <select {...input} value={zone} onChange={(event) => onChange(event.currentTarget.value)}>
            {fixed && <option value={zone}>{(again ? w.fixed : w.around)(`UTC${zone}`)}</option>}
            {all.map((name) => (
              <option key={name} value={name}>
                {name.replaceAll("_", " ")}
              </option>
            ))}
          </select>
        )}
      </Field>
      {quarters !== null && (
        <p class="soft" role="status">
          {sentences(
            w.now(offset(quarters)),
            change
              ? w.change(
                  `${date(new Date(change.at), zone)} ${time(new Date(change.at), zone)}`,
                  offset(change.quarters),
                  offset(quarters),
                  change.quarters > quarters,
                )
              : w.same,
          )}
        </p>
      )}
    </div>
  );
}
