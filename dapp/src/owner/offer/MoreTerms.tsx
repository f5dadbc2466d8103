import { Field } from "../../parts/Field";
import { words } from "../../words";
import type { Draft } from "./draft";

const NAMES = [
  "freeCancelHours",
  "cancelPercent",
  "noShowPercent",
  "overstayPercent",
  "reserveMinutes",
  "minimumPercent",
] as const satisfies readonly (keyof Draft)[];

/** What happens when plans change; whoever opens nothing has sane terms. */
export function MoreTerms({
  draft,
  onChange,
  wrong,
}: {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  wrong: (name: keyof Draft) => string | null;
}) {
  const w = words.value.offer.more;
  const broken = NAMES.some((name) => wrong(name) !== null);
  return (
    <details open={broken || undefined}>
      <summary>{w.title}</summary>
      <div class="offer-pair">
        {NAMES.map((name) => (
          <Field key={name} label={w[name].label} hint={w[name].hint} wrong={wrong(name)}>
            {(input) => (
              <input
                {...input}
                inputMode="numeric"
                autocomplete="off"
                value={draft[name]}
                onInput={(event) => onChange({ [name]: event.currentTarget.value })}
              />
            )}
          </Field>
        ))}
      </div>
    </details>
  );
}
