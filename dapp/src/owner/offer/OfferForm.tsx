import { useState } from "preact/hooks";
import type { Schemas } from "../../api/client";
import { now } from "../../api/clock";
import { encode } from "../../chain/market";
import { config } from "../../config";
import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";
import { useFirstWrong } from "../../parts/useFirstWrong";
import { useWork, WorkState } from "../../parts/useWork";
import { words } from "../../words";
import { money, parseMoney } from "../../words/format";
import { perSlot, termsOf, type Draft, type WrongKind } from "./draft";
import { first } from "./first";
import { HoursField } from "./HoursField";
import { MoreTerms } from "./MoreTerms";
import { Preview } from "./Preview";
import { duration } from "./said";
import { ZoneField } from "./ZoneField";

type Space = Schemas["SpaceDetailOut"];

const SHORTEST = [15, 30, 60, 120, 240, 480, 1440] as const;
const LONGEST = [60, 120, 240, 480, 720, 1440, 2880, 4320, 10080] as const;

/** A new offer: what it costs, when, and what a driver would pay. */
export function OfferForm({ space, onDone }: { space: Space; onDone: () => void }) {
  const w = words.value.offer;
  const [draft, setDraft] = useState<Draft>(() => first(space, config.value?.places ?? [], now()));
  const [tried, setTried] = useState(false);
  const { work, run } = useWork();
  const { currency } = space;
  const charger = space.charger !== null;
  const found = termsOf(draft, currency.decimals, charger, now());
  const change = (part: Partial<Draft>) => setDraft((old) => ({ ...old, ...part }));
  const running = work.kind === "asking" || work.kind === "following";
  const wrong = (name: keyof Draft): string | null => {
    const kind: WrongKind | undefined = found.wrong?.[name];
    // an empty price is no mistake before somebody wants to publish
    if (!kind || (!tried && draft[name] === "")) return null;
    return w.wrong[kind];
  };
  const [form, lookAtWrong] = useFirstWrong<HTMLElement>();
  async function publish(): Promise<void> {
    setTried(true);
    if (!found.terms) return lookAtWrong();
    if (await run(encode("publishOffer", [BigInt(space.id), found.terms]))) onDone();
  }
  return (
    <section class="card stack" data-where="own-space" data-state="form" ref={form}>
      <h2>{w.form.title}</h2>
      <Field
        label={w.form.perHour(currency.symbol)}
        hint={exactly(draft.perHour, currency) ?? w.form.perHourHint}
        wrong={wrong("perHour")}
      >
        {(input) => (
          <input
            {...input}
            inputMode="decimal"
            autocomplete="off"
            value={draft.perHour}
            onInput={(event) => change({ perHour: event.currentTarget.value })}
          />
        )}
      </Field>
      {charger && (
        <Field
          label={w.form.perKwh(currency.symbol)}
          hint={w.form.perKwhHint}
          wrong={wrong("perKwh")}
        >
          {(input) => (
            <input
              {...input}
              inputMode="decimal"
              autocomplete="off"
              value={draft.perKwh}
              onInput={(event) => change({ perKwh: event.currentTarget.value })}
            />
          )}
        </Field>
      )}
      <HoursField
        mask={draft.hours}
        onChange={(hours) => change({ hours })}
        wrong={wrong("hours")}
      />
      <ZoneField
        draft={draft}
        again={space.offers.length > 0}
        onChange={(zone) => change({ zone })}
        wrong={wrong("zone")}
      />
      <div class="offer-pair">
        <DateField
          label={w.form.firstDay}
          value={draft.firstDay}
          wrong={wrong("firstDay")}
          onChange={(firstDay) => change({ firstDay })}
        />
        <DateField
          label={w.form.lastDay}
          value={draft.lastDay}
          wrong={wrong("lastDay")}
          onChange={(lastDay) => change({ lastDay })}
        />
        <LengthField
          label={w.form.minimum}
          value={draft.minimumMinutes}
          options={SHORTEST}
          onChange={(minimumMinutes) => change({ minimumMinutes })}
        />
        <LengthField
          label={w.form.maximum}
          value={draft.maximumMinutes}
          options={LONGEST}
          wrong={wrong("maximumMinutes")}
          onChange={(maximumMinutes) => change({ maximumMinutes })}
        />
      </div>
      <MoreTerms draft={draft} onChange={change} wrong={wrong} />
      {found.terms ? (
        <Preview
          terms={found.terms}
          currency={currency}
          feeBasisPoints={config.value?.feeBasisPoints ?? 0}
        />
      ) : (
        <p class="soft">{w.preview.notYet}</p>
      )}
      {tried && found.wrong && (
        <p class="wrong" role="alert">
          {w.form.look}
        </p>
      )}
      <WorkState work={work} done={w.published} />
      <Button kind="main wide" onPress={publish} disabled={running}>
        {w.form.publish}
      </Button>
      <p class="soft">{w.form.fixed}</p>
    </section>
  );
}

/** The price as the contract gets it, shown back. */
function exactly(text: string, currency: Schemas["CurrencyOut"]): string | null {
  const hourly = parseMoney(text, currency.decimals);
  const slot = hourly === null ? null : perSlot(hourly);
  if (slot === null || slot === 0n) return null;
  return words.value.offer.form.exactly(money(slot, currency), money(slot * 4n, currency));
}

function DateField({
  label,
  value,
  wrong,
  onChange,
}: {
  label: string;
  value: string;
  wrong: string | null;
  onChange: (value: string) => void;
}) {
  return (
    <Field label={label} wrong={wrong}>
      {(input) => (
        <input
          {...input}
          type="date"
          value={value}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

function LengthField({
  label,
  value,
  options,
  wrong,
  onChange,
}: {
  label: string;
  value: number;
  options: readonly number[];
  wrong?: string | null;
  onChange: (minutes: number) => void;
}) {
  const offered = [...new Set([...options, value])].sort((a, b) => a - b);
  return (
    <Field label={label} wrong={wrong}>
      {(input) => (
        <select
          {...input}
          value={value}
          onChange={(event) => onChange(Number(event.currentTarget.value))}
        >
          {offered.map((minutes) => (
            <option key={minutes} value={minutes}>
              {duration(minutes)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
