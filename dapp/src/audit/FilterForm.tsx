import { useState } from "preact/hooks";
import { Button } from "../parts/Button";
import { Field } from "../parts/Field";
import { words } from "../words";
import { EMPTY, type Filter, type FilterField } from "./filter";
import { wrongIn } from "./FilterFailure";
import { OUTCOMES, type Outcome } from "./verify/tariff";

/** What to look for. What the service refuses is said at its field. */
export function FilterForm({
  filter,
  error,
  onApply,
}: {
  filter: Filter;
  error: unknown;
  onApply: (filter: Filter) => void;
}) {
  const w = words.value.audit;
  const [draft, setDraft] = useState(filter);
  const set = (change: Partial<Filter>) => setDraft({ ...draft, ...change });
  const wrong = (field: FilterField): string | undefined => wrongIn(error, field);
  const outcomes = OUTCOMES.filter((one): one is Exclude<Outcome, "none"> => one !== "none");
  return (
    <form
      class="card audit-filter"
      onSubmit={(event) => {
        event.preventDefault();
        onApply(draft);
      }}
    >
      <Field label={w.outcome}>
        {(input) => (
          <select
            {...input}
            value={draft.outcome}
            onChange={(event) => set({ outcome: event.currentTarget.value as Outcome | "" })}
          >
            <option value="">{w.anyOutcome}</option>
            {outcomes.map((one) => (
              <option key={one} value={one}>
                {w.outcomes[one]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={w.party} hint={w.partyHint} wrong={wrong("party")}>
        {(input) => (
          <input
            {...input}
            value={draft.party}
            spellcheck={false}
            onInput={(event) => set({ party: event.currentTarget.value })}
          />
        )}
      </Field>
      <Field label={`${w.asDriver} / ${w.asOwner}`}>
        {(input) => (
          <select
            {...input}
            value={draft.role}
            onChange={(event) => set({ role: event.currentTarget.value as Filter["role"] })}
          >
            <option value="driver">{w.asDriver}</option>
            <option value="owner">{w.asOwner}</option>
          </select>
        )}
      </Field>
      <Field label={w.space} wrong={wrong("space")}>
        {(input) => (
          <input
            {...input}
            value={draft.space}
            spellcheck={false}
            placeholder="0x…"
            onInput={(event) => set({ space: event.currentTarget.value })}
          />
        )}
      </Field>
      <Field label={w.from} wrong={wrong("from")}>
        {(input) => (
          <input
            {...input}
            type="date"
            value={draft.from}
            onInput={(event) => set({ from: event.currentTarget.value })}
          />
        )}
      </Field>
      <Field label={w.until} wrong={wrong("until")}>
        {(input) => (
          <input
            {...input}
            type="date"
            value={draft.until}
            onInput={(event) => set({ until: event.currentTarget.value })}
          />
        )}
      </Field>
      <div class="row">
        <Button type="submit" kind="main">
          {w.apply}
        </Button>
        <Button
          kind="plain"
          onPress={() => {
            setDraft(EMPTY);
            onApply(EMPTY);
          }}
        >
          {w.clear}
        </Button>
      </div>
    </form>
  );
}
