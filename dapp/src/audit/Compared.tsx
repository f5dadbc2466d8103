import { Notice } from "../parts/Notice";
import { words } from "../words";
import { headed, listed } from "../words/join";
import type { Compared as Found } from "./verify/shown";

const MOST = 20;

/** In what the list on this page is not the chain's. */
export function Compared({ found }: { found: Found }) {
  const { verdict: w, fields, number } = words.value.audit;
  const { rows, sums, behind, newer } = found;
  const differs = rows.length > 0 || sums.length > 0;
  const state = differs ? "service-differs" : behind > 0 ? "service-behind" : "service-agrees";
  return (
    <div data-where="ledger" data-state={state}>
      {differs && (
        <Notice tone="bad" title={w.differs}>
          {rows.slice(0, MOST).map((one) => (
            <p key={`${one.number} ${one.what}`}>
              {headed(
                `${number} ${one.number}`,
                one.what === "altered"
                  ? w.differences.altered(listed(one.fields.map((name) => fields[name])))
                  : w.differences[one.what],
              )}
            </p>
          ))}
          {rows.length > MOST && <p>…</p>}
          {sums.length > 0 && <p>{w.sums(listed(sums.map((name) => fields[name])))}</p>}
        </Notice>
      )}
      {state === "service-agrees" && (
        <Notice tone="good">
          {w.agrees}
          {newer > 0 && <p>{w.newer(newer)}</p>}
        </Notice>
      )}
      {!differs && behind > 0 && <Notice tone="warn">{w.behind(behind)}</Notice>}
    </div>
  );
}
