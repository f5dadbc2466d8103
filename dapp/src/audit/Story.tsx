import type { Schemas } from "../api/client";
import { words } from "../words";
import { dateTime } from "../words/format";

/** What led to a settlement, in its order, each with its transaction. */
export function Story({ detail }: { detail: Schemas["SettlementDetailOut"] }) {
  const w = words.value.audit;
  const { booking, recomputed } = detail;
  const left = detail.evidence.find((one) => one.kind === "left");
  const steps = [
    ["registered", detail.registrationTransaction],
    ["offered", detail.offerTransaction],
    ["booked", booking.transaction],
    ["arrived", detail.arrivedTransaction],
    ["left", left?.transaction ?? null],
    ["claimed", detail.claimedTransaction],
    ["closed", detail.transaction],
  ] as const;
  return (
    <section class="card stack">
      <h2>{w.one.how}</h2>
      <ol class="audit-steps">
        {steps
          .filter(([, transaction]) => transaction !== null)
          .map(([name, transaction]) => (
            <li key={name} data-cell={`step-${name}`}>
              {w.one[name]}
              <br />
              <span class="soft">{w.one.transaction}</span> <code>{transaction}</code>
            </li>
          ))}
      </ol>
      <dl class="facts">
        <dt>{w.one.window}</dt>
        <dd class="number">
          {dateTime(booking.window.start, "UTC")} – {dateTime(booking.window.end, "UTC")} UTC
        </dd>
        {detail.arrived > 0 && (
          <>
            <dt>{w.one.stay}</dt>
            <dd>{w.one.minutes(detail.arrived - 1, detail.until)}</dd>
          </>
        )}
        <dt>{w.one.energyUsed}</dt>
        <dd class="number">{detail.energyWh} Wh</dd>
      </dl>
      <h3>{w.one.evidence}</h3>
      {detail.evidence.length === 0 && <p class="soft">{w.one.noEvidence}</p>}
      {detail.evidence.map((one) => (
        <dl class="facts" key={one.signature} data-cell={`evidence-${one.kind}`}>
          <dt>{w.one.kinds[one.kind]}</dt>
          <dd class="number">
            {dateTime(new Date(one.from * 1000), "UTC")} –{" "}
            {dateTime(new Date(one.until * 1000), "UTC")} UTC
          </dd>
          <dt>{w.one.signedBy}</dt>
          <dd class="mono">{one.lock}</dd>
          <dt>{w.one.signature}</dt>
          <dd class="mono">{one.signature}</dd>
          <dt>{w.one.transaction}</dt>
          <dd class={one.transaction ? "mono" : ""}>{one.transaction ?? w.one.notOnChain}</dd>
        </dl>
      ))}
      <h3>{w.one.hashes}</h3>
      <dl class="facts">
        <dt>{w.one.record}</dt>
        <dd class="mono">{recomputed.recordHash}</dd>
        <dt>{w.one.head}</dt>
        <dd class="mono">{recomputed.head}</dd>
      </dl>
    </section>
  );
}
