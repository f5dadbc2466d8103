import { useRef } from "preact/hooks";
import { ask, client, type Schemas } from "../api/client";
import { ApiError } from "../api/problem";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { useResource } from "../parts/useResource";
import { routes, to } from "../routes";
import { words } from "../words";
import { cents, dateTime } from "../words/format";
import { useNews } from "./news";
import type { Detail } from "./stage";

/** The bill of a lease that is over. */
export function Over({ lease, zone }: { lease: Detail; zone: string | undefined }) {
  const leaseId = lease.id;
  const receipt = useResource(
    () => ask(client.GET("/v1/leases/{leaseId}/receipt", { params: { path: { leaseId } } })),
    leaseId,
    10_000,
  );
  const place = useRef<HTMLDivElement>(null);
  useNews(receipt.data ? "receipt" : "", place);
  const pending = receipt.error instanceof ApiError && receipt.error.code === "lease.open";
  if (!receipt.data && receipt.error && !pending) {
    return <Failure error={receipt.error} onRetry={receipt.reload} />;
  }
  if (!receipt.data) {
    return (
      <Notice title={lease.stateSentence}>
        <p>{words.value.lease.receipt.soon}</p>
      </Notice>
    );
  }
  return (
    <div ref={place}>
      <Receipt receipt={receipt.data} role={lease.role} zone={zone} />
    </div>
  );
}

function Receipt({
  receipt,
  role,
  zone,
}: {
  receipt: Schemas["ReceiptOut"];
  role: "driver" | "owner";
  zone: string | undefined;
}) {
  const w = words.value.lease.receipt;
  // the file has them to the last digit
  const paid = (minor: string): string => cents(minor, receipt.currency);
  const rows: [string, string | null][] = [
    [rentName(receipt.outcome), paid(receipt.rent)],
    [w.minutes, billed(receipt)],
    [w.energy, receipt.energy === "0" ? null : paid(receipt.energy)],
    [w.overstay, receipt.overstay === "0" ? null : paid(receipt.overstay)],
    [w.deposit, paid(receipt.deposit)],
    [w.refund, role === "driver" ? paid(receipt.refund) : null],
    [w.compensation, receipt.compensation === null ? null : paid(receipt.compensation)],
    [w.fee, role === "owner" ? paid(receipt.fee) : null],
    [w.share, role === "owner" ? paid(receipt.ownerShare) : null],
    // by the clock of the space, as the stay above it
    [w.closed, dateTime(receipt.closedAt, zone)],
  ];
  return (
    <section
      class="card stack receipt"
      data-where="receipt"
      data-state="receipt"
      data-outcome={receipt.outcome}
    >
      <h2>{w.title}</h2>
      <p>{receipt.outcomeSentence}</p>
      {!receipt.final && (
        <div data-where="receipt" data-state="provisional">
          <Notice title={w.provisional}>
            <p>{w.provisionalText}</p>
          </Notice>
        </div>
      )}
      <p>
        {w.cost}
        <br />
        <span class="big number">{paid(receipt.cost)}</span>
      </p>
      <dl class="facts">
        {rows.map(
          ([name, value]) =>
            value !== null && (
              <>
                <dt>{name}</dt>
                <dd class="number">{value}</dd>
              </>
            ),
        )}
      </dl>
      <div class="row">
        <Button kind="main" onPress={() => download(receipt)}>
          {w.download}
        </Button>
        <a class="button" href={to(routes.settlement, { number: receipt.number })}>
          {w.audit}
        </a>
      </div>
    </section>
  );
}

/** The minutes that are billed; where they are more than the stay was, that they are the least. */
export function billed({ billedMinutes, arrivedMinute, leftMinute }: Schemas["ReceiptOut"]) {
  if (billedMinutes === null) return null;
  const { common, lease } = words.value;
  const minutes = common.minutes(billedMinutes);
  const stayed = arrivedMinute === null || leftMinute === null ? null : leftMinute - arrivedMinute;
  if (stayed === null || stayed >= billedMinutes) return minutes;
  const w = lease.receipt;
  return stayed > 0 ? w.least(minutes, common.minutes(stayed)) : w.leastShort(minutes);
}

/** What is due for another reason than the time is called by that. */
function rentName(outcome: string): string {
  const w = words.value.lease.receipt;
  return (w.charges as Readonly<Record<string, string>>)[outcome] ?? w.rent;
}

function download(receipt: Schemas["ReceiptOut"]): void {
  const text = JSON.stringify(receipt, null, 2);
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `berth-receipt-${receipt.number}.json`;
  link.click();
  URL.revokeObjectURL(url);
}
