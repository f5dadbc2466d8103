import type { ComponentChildren } from "preact";
import { Notice } from "../parts/Notice";
import { words } from "../words";
import { money } from "../words/format";
import { headed } from "../words/join";
import type { Report } from "./verify/whole";

const TONES = { complete: "good", gap: "bad", mismatch: "bad", misbilled: "bad" } as const;

/** What came of reading the whole ledger. */
export function Verdict({
  report,
  node,
  children,
}: {
  report: Report;
  /** Whose word it is. */
  node: string;
  /** What it means for the rest of the page. */
  children?: ComponentChildren;
}) {
  const w = words.value.audit;
  const v = w.verdict;
  const { verdict, checked, count, block, sums, currency } = report;
  const told = {
    complete: count === 0n ? v.empty : v.completeText(Number(checked), Number(block)),
    gap: v.gapText(Number(checked), Number(count)),
    mismatch: v.mismatchText,
    misbilled: v.misbilledText(new Set(report.findings.map((one) => one.number)).size),
  }[verdict];
  return (
    <div class="stack" data-where="ledger" data-state={`verdict-${verdict}`}>
      <Notice tone={TONES[verdict]} title={v[verdict]}>
        <p>{told}</p>
        {report.findings.slice(0, 20).map((one) => (
          <p key={`${one.number}${one.what}`}>
            {headed(`${w.number} ${one.number}`, w.what[one.what])}
          </p>
        ))}
      </Notice>
      {children}
      <dl class="facts card">
        <dt>{v.through}</dt>
        <dd class="mono">{node}</dd>
        <dt>{v.block}</dt>
        <dd class="number">{block.toString()}</dd>
        <dt>{v.head}</dt>
        <dd class="mono">{report.head}</dd>
        <dt>{v.chainHead}</dt>
        <dd class="mono">{report.chainHead}</dd>
        <dt>{w.ownerGot}</dt>
        <dd class="number">{money(sums.owners, currency)}</dd>
        <dt>{w.fee}</dt>
        <dd class="number">{money(sums.fee, currency)}</dd>
        <dt>{w.refund}</dt>
        <dd class="number">{money(sums.refund, currency)}</dd>
      </dl>
    </div>
  );
}
