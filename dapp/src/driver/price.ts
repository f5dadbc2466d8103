/** What a stay costs under an offer's terms: the contract's arithmetic, in minor units. */
import type { Schemas } from "../api/client";

type Terms = Pick<
  Schemas["OfferOut"],
  | "pricePerSlot"
  | "pricePerKwh"
  | "overstayPercent"
  | "reserveMinutes"
  | "minimumPercent"
  | "freeCancelHours"
  | "noShowPercent"
  | "cancelPercent"
>;

export interface Price {
  /** Goes into escrow; it can never cost more. */
  maximum: bigint;
  expected: bigint;
  rent: bigint;
  energy: bigint;
  /** Due however short the stay is. */
  minimum: bigint;
  overstayReserve: bigint;
  overstayPerHour: bigint;
  cancelCharge: bigint;
  noShowCharge: bigint;
}

const SLOT_MINUTES = 15n;

export function priceOf(terms: Terms, slots: number, kwh: number): Price {
  const perSlot = BigInt(terms.pricePerSlot);
  const count = BigInt(slots);
  const rent = perSlot * count;
  const energy = BigInt(terms.pricePerKwh) * BigInt(kwh);
  const over = (minutes: number) =>
    (perSlot * BigInt(terms.overstayPercent) * BigInt(minutes)) / 1500n;
  const booked = SLOT_MINUTES * count;
  const part = (booked * BigInt(terms.minimumPercent) + 99n) / 100n;
  const least = part > SLOT_MINUTES ? part : SLOT_MINUTES;
  const overstayReserve = over(terms.reserveMinutes);
  return {
    maximum: rent + energy + overstayReserve,
    expected: rent + energy,
    rent,
    energy,
    minimum: (perSlot * (least < booked ? least : booked)) / SLOT_MINUTES,
    overstayReserve,
    overstayPerHour: over(60),
    cancelCharge: (rent * BigInt(terms.cancelPercent)) / 100n,
    noShowCharge: (rent * BigInt(terms.noShowPercent)) / 100n,
  };
}

/** Until when cancelling is free; null: no more, or it cannot be cancelled at all. */
export type Cancelling = { kind: "free"; until: number } | { kind: "charged" } | { kind: "never" };

export function cancelling(terms: Terms, start: number, now: number): Cancelling {
  if (start <= now) return { kind: "never" };
  const until = start - terms.freeCancelHours * 3_600_000;
  if (BigInt(terms.cancelPercent) === 0n) return { kind: "free", until: start };
  return until > now ? { kind: "free", until } : { kind: "charged" };
}

/** The offer that asks the least for a stay, among those that may allow it. */
export function cheapest<T extends Terms>(
  offers: readonly T[],
  slots: number,
  kwh: number,
  allows: (offer: T) => boolean,
): T | null {
  let best: T | null = null;
  for (const offer of offers.filter(allows)) {
    if (!best || priceOf(offer, slots, kwh).expected < priceOf(best, slots, kwh).expected)
      best = offer;
  }
  return best;
}
