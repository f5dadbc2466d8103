import { useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import { Button } from "../parts/Button";
import { Field } from "../parts/Field";
import { Notice } from "../parts/Notice";
import { Progress } from "../parts/Progress";
import { routes } from "../routes";
import "../style/audit.css";
import { words } from "../words";
import { short } from "../words/format";
import { headed } from "../words/join";
import { collect, digestOf, textOf, type Format } from "./file";
import { filterFrom, type Filter } from "./filter";
import { FilterFailure } from "./FilterFailure";

interface Made {
  count: number;
  unconfirmed: number;
  url: string;
  name: string;
  digest: string | null;
}

const TYPES = { csv: "text/csv", json: "application/json" } as const;

/** The ledger, or a part of it, as a file with its digest. */
export function Export() {
  const w = words.value.audit;
  const filter = filterFrom(useLocation().query);
  const [format, setFormat] = useState<Format>("csv");
  const [reading, setReading] = useState<{ done: number; of: number } | null>(null);
  const [made, setMade] = useState<Made | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => () => (made ? URL.revokeObjectURL(made.url) : undefined), [made]);
  const [broken, setBroken] = useState<typeof reading>(null);
  async function make(): Promise<void> {
    setMade(null);
    setError(null);
    setBroken(null);
    let last: typeof reading = null;
    try {
      const items = await collect(filter, (done, of) => setReading((last = { done, of })));
      const text = textOf(items, format);
      const url = URL.createObjectURL(new Blob([text], { type: TYPES[format] }));
      const name = `berth-settlements.${format}`;
      const unconfirmed = items.filter((one) => !one.final).length;
      setMade({ count: items.length, unconfirmed, url, name, digest: await digestOf(text) });
    } catch (failed) {
      setBroken(last);
      setError(failed);
    } finally {
      setReading(null);
    }
  }
  const done = made && (made.count > 0 ? "ready" : "empty");
  const state = reading ? "reading" : error ? "failed" : (done ?? "choosing");
  return (
    <div class="audit stack" data-where="export" data-state={state}>
      <h1>{w.export.title}</h1>
      <a href={routes.audit}>← {w.one.back}</a>
      <p>{w.export.text}</p>
      {chips(filter).map((text) => (
        <span class="chip" key={text}>
          {text}
        </span>
      ))}
      <Field label={w.export.format}>
        {(input) => (
          <select
            {...input}
            value={format}
            onChange={(event) => {
              setFormat(event.currentTarget.value as Format);
              setMade(null);
            }}
          >
            <option value="csv">CSV</option>
            <option value="json">JSON</option>
          </select>
        )}
      </Field>
      <Button kind="main" onPress={make}>
        {w.export.start}
      </Button>
      {reading && (
        <Progress
          n={reading.done}
          of={reading.of}
          label={w.export.progress(reading.done, reading.of)}
        />
      )}
      <FilterFailure error={error} onRetry={make} />
      {broken && <p>{w.export.halfway(broken.done, broken.of)}</p>}
      {made && made.count === 0 && <Notice tone="warn">{w.export.empty}</Notice>}
      {made && made.count > 0 && (
        <Notice tone="good" title={w.export.ready(made.count)}>
          {made.digest && (
            <p>
              {w.export.digest}
              <br />
              <code>{made.digest}</code>
            </p>
          )}
          {made.unconfirmed > 0 && <p>! {w.export.unconfirmed(made.unconfirmed)}</p>}
          <a class="button main" href={made.url} download={made.name}>
            {w.export.save}
          </a>
        </Notice>
      )}
    </div>
  );
}

/** What the filter asks for, in words. */
function chips({ outcome, party, role, space, from, until }: Filter): string[] {
  const w = words.value.audit;
  const asked = [
    [w.outcome, outcome && outcome !== "none" ? w.outcomes[outcome] : ""],
    [role === "owner" ? w.owner : w.driver, short(party)],
    [w.space, space],
    [w.from, from],
    [w.until, until],
  ] as const;
  return asked.filter(([, value]) => value !== "").map(([name, value]) => headed(name, value));
}
