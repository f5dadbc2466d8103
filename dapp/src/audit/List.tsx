import type { Schemas } from "../api/client";
import { routes, to } from "../routes";
import { words } from "../words";
import { dateTime, money, short, type Currency } from "../words/format";

type Settlement = Schemas["SettlementOut"];

export function costOf(one: Settlement): bigint {
  return BigInt(one.rent) + BigInt(one.overstay) + BigInt(one.energy);
}

/** Settlements, one a line; on a phone one a card. */
export function List({ items, currency }: { items: Settlement[]; currency: Currency }) {
  const w = words.value.audit;
  return (
    <ul class="audit-list">
      {items.map((one) => (
        <li key={one.number} class="card" data-final={one.final}>
          <a href={to(routes.settlement, { number: one.number })}>
            <strong>
              {w.number} {one.number}
            </strong>{" "}
            {w.outcomes[one.outcome]}
          </a>
          {!one.final && <span class="chip warn">{w.notFinal}</span>}
          <span class="soft number">
            {w.closed} {dateTime(one.closedAt, "UTC")} (UTC)
          </span>
          <dl class="audit-line">
            <div>
              <dt>{w.paid}</dt>
              <dd class="number">{money(costOf(one), currency)}</dd>
            </div>
            <div>
              <dt>{w.refund}</dt>
              <dd class="number">{money(one.refund, currency)}</dd>
            </div>
            <div>
              <dt>{w.driver}</dt>
              <dd class="mono" title={one.driver}>
                {short(one.driver)}
              </dd>
            </div>
            <div>
              <dt>{w.owner}</dt>
              <dd class="mono" title={one.owner}>
                {short(one.owner)}
              </dd>
            </div>
          </dl>
        </li>
      ))}
    </ul>
  );
}
