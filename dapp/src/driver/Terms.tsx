import type { Schemas } from "../api/client";
import { now } from "../api/clock";
import { config } from "../config";
import { words } from "../words";
import { cents, dateTime, locale, sameClock, offsetOf } from "../words/format";
import { sentences } from "../words/join";
import { cancelling, type Cancelling, type Price } from "./price";
import type { Span } from "./slots";

type Offer = Schemas["OfferOut"];

/** What happens to the price when plans change, from the offer's terms. */
export function Terms({
  offer,
  price,
  span,
  kwh,
  currency,
}: {
  offer: Offer;
  price: Price;
  span: Span;
  kwh: number;
  currency: Schemas["CurrencyOut"];
}) {
  const w = words.value.driver.space;
  const sum = (amount: bigint) => cents(amount, currency);
  const grace = config.value?.policy.graceMinutes ?? 5;
  const can = cancelling(offer, span.start, now());
  return (
    <dl class="facts">
      <dt>{w.early.label}</dt>
      <dd>{price.minimum < price.rent ? w.early.pays(sum(price.minimum)) : w.early.whole}</dd>
      <dt>{w.over.label}</dt>
      <dd>
        {price.overstayReserve > 0n
          ? w.over.costs(grace, sum(price.overstayPerHour), sum(price.overstayReserve))
          : w.over.free}
      </dd>
      {can.kind !== "never" && (
        <>
          <dt>{w.cancel.label}</dt>
          <dd>{cancelWords(offer, price, span, can, sum)}</dd>
        </>
      )}
      <dt>{w.absent.label}</dt>
      <dd>
        {sentences(
          can.kind === "never" && w.absent.begun,
          price.noShowCharge > 0n ? w.absent.costs(sum(price.noShowCharge)) : w.absent.free,
        )}
      </dd>
      {kwh > 0 && (
        <>
          <dt>{w.charging.label}</dt>
          <dd>{w.charging.costs(sum(BigInt(offer.pricePerKwh)), sum(price.energy))}</dd>
        </>
      )}
      {offer.feeBasisPoints > 0 && (
        <>
          <dt>{w.fee.label}</dt>
          <dd>{w.fee.costs(percent(offer.feeBasisPoints))}</dd>
        </>
      )}
    </dl>
  );
}

function cancelWords(
  offer: Offer,
  price: Price,
  span: Span,
  can: Exclude<Cancelling, { kind: "never" }>,
  sum: (amount: bigint) => string,
): string {
  const w = words.value.driver.space.cancel;
  if (can.kind === "charged") return w.charged(sum(price.cancelCharge));
  if (can.until === span.start) return w.always;
  return w.free(clockThere(can.until, offer.utcOffset)) + w.then(sum(price.cancelCharge));
}

function clockThere(at: number, zone: string): string {
  const moment = new Date(at);
  const there = sameClock(moment, zone) ? "" : ` (${offsetOf(moment, zone)})`;
  return dateTime(moment, zone) + there;
}

function percent(basisPoints: number): string {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: 2 }).format(basisPoints / 100);
}
