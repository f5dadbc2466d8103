import { useId } from "preact/hooks";
import { words } from "../../words";
import { countOf, inWords, PRESETS, type Mask, type Preset } from "./hours";
import { HoursGrid } from "./HoursGrid";
import { weekdays } from "./said";

const NAMES = Object.keys(PRESETS) as Preset[];

/** When the space is shared: a preset, or painted; and in words. */
export function HoursField({
  mask,
  onChange,
  wrong,
}: {
  mask: Mask;
  onChange: (mask: Mask) => void;
  wrong: string | null;
}) {
  const w = words.value.offer;
  const id = useId();
  const names = weekdays("days");
  const count = countOf(mask);
  return (
    <div class="field" role="group" aria-labelledby={id}>
      <span class="label" id={id}>
        {w.form.hours}
      </span>
      <span class="hint">{w.form.hoursHint}</span>
      <div class="row">
        {NAMES.map((name) => (
          <button
            key={name}
            type="button"
            class="button"
            aria-pressed={mask === PRESETS[name]}
            onClick={() => onChange(PRESETS[name])}
          >
            {w.presets[name]}
          </button>
        ))}
      </div>
      <HoursGrid mask={mask} onChange={onChange} labelledBy={id} />
      <p class="soft" role="status">
        {mask === PRESETS.always ? w.offers.always : inWords(mask, names)}
        <br />
        {w.form.hoursSum(count)}
      </p>
      {wrong && (
        <span class="wrong" role="alert">
          {wrong}
        </span>
      )}
    </div>
  );
}
