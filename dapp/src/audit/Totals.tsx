import type { ComponentChildren } from "preact";
import type { Schemas } from "../api/client";
import { words } from "../words";
import { money, type Currency } from "../words/format";

/** Sums over all that the filter finds. */
export function Totals({
  totals,
  currency,
  children,
}: {
  totals: Schemas["TotalsOut"];
  currency: Currency;
  children?: ComponentChildren;
}) {
  const w = words.value.audit;
  const rows = [
    [w.rent, totals.rent],
    [w.overstay, totals.overstay],
    [w.energy, totals.energy],
    [w.ownerGot, totals.ownerShare],
    [w.fee, totals.fee],
    [w.refund, totals.refund],
  ] as const;
  return (
    <section class="card stack">
      <div class="row">
        <h2 class="grow">{w.totals(totals.count)}</h2>
        {totals.count > 0 && children}
      </div>
      <dl class="facts">
        {rows.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd class="number">{money(value, currency)}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}
