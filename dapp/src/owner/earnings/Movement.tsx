import type { Schemas } from "../../api/client";
import { When } from "../../parts/When";
import { routes, to } from "../../routes";
import { words } from "../../words";
import { cents, type Currency } from "../../words/format";

/** One line of the statement: what it was, when, how much, and for which lease. */
export function Movement({ entry, currency }: { entry: Schemas["EntryOut"]; currency: Currency }) {
  const w = words.value.earnings;
  const plus = BigInt(entry.amount) > 0n ? "+" : "";
  return (
    <li class="row" data-cell={`movement-${entry.kind}`} data-final={entry.final}>
      <span class="grow">
        <strong>{w.kinds[entry.kind]}</strong>{" "}
        {!entry.final && <span class="chip warn">{w.notFinal}</span>}
        <br />
        <span class="soft">
          <When at={entry.at} />
          {entry.fee !== "0" && ` · ${w.fee(cents(entry.fee, currency))}`}
        </span>
        {entry.leaseId && (
          <>
            {" "}
            <a href={to(routes.lease, { leaseId: entry.leaseId })}>{w.lease}</a>
          </>
        )}
      </span>
      <strong class="number">
        {plus}
        {cents(entry.amount, currency)}
      </strong>
    </li>
  );
}
