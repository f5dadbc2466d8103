import type { Schemas } from "../api/client";
import { Credit } from "../parts/Credit";
import { Notice } from "../parts/Notice";
import { words } from "../words";
import { money } from "../words/format";
import { sentences } from "../words/join";
import type { Price } from "./price";
import { slotsIn, type Span } from "./slots";

/** What the stay costs, what it can cost at most and why that is more, and what there is for it. */
export function PriceCard({
  price,
  span,
  kwh,
  currency,
  told,
}: {
  price: Price;
  span: Span;
  kwh: number;
  currency: Schemas["CurrencyOut"];
  /** The most that was told before; null where that was for another stay. */
  told: bigint | null;
}) {
  const w = words.value.driver;
  const sum = (amount: bigint) => money(amount, currency);
  const length = w.find.length(slotsIn(span) * 15);
  const late = price.maximum - price.expected;
  return (
    <>
      <p>
        <span class="big number">{sum(price.expected)}</span>{" "}
        <span class="soft together">
          {kwh > 0 ? w.space.at.wholeCharged(length, w.find.kwh(kwh)) : w.space.at.whole(length)}
        </span>
      </p>
      <p>
        <strong class="number">{w.space.at.most(sum(price.maximum))}</strong>
        <br />
        <span class="soft">
          {sentences(w.space.at.mostText, late > 0n && w.space.at.late(sum(late)))}
        </span>
      </p>
      <Credit />
      {told !== null && told < price.maximum && (
        <Notice tone="warn" title={w.reserve.dearer.title}>
          <p>{w.reserve.dearer.text(sum(told), sum(price.maximum))}</p>
        </Notice>
      )}
    </>
  );
}
