/** What a driver would pay by an offer, by the formulas that the contract settles with. */
import { depositOf, feeOf, partsOf, type Terms } from "../../audit/verify/tariff";
import type { OfferTerms } from "./draft";

export interface Case {
  minutes: number;
  /** The offer's shortest and longest stay allow it. */
  possible: boolean;
  /** What an ordinary stay costs. */
  pays: bigint;
  /** What is held at the booking: it can never cost more. */
  held: bigint;
  /** Of it to the owner, without the market's fee. */
  earns: bigint;
}

export interface Preview {
  stays: Case[];
  /** A stay of three hours that ends half an hour late. */
  overstay: { minutes: number; billed: number; extra: bigint; pays: bigint };
  /** Of three hours booked, one is stayed. */
  early: { pays: bigint };
  noShow: bigint;
  lateCancel: bigint;
  /** An hour of overstay. */
  overstayPerHour: bigint;
}

const DEPARTED = 1;
const CANCELLED = 6;
const NO_SHOW = 9;
const GRACE = 5;
const SLOT = 15;
export const LENGTHS = [60, 180, 1440] as const;
export const BOOKED = 180;
export const LATE = 30;

export function previewOf(offer: OfferTerms, feeBasisPoints: bigint): Preview {
  const terms: Terms = { ...offer, feeBps: feeBasisPoints };
  const after = BOOKED + LATE;
  const late = costOf(terms, BOOKED, after);
  return {
    stays: LENGTHS.map((minutes) => {
      const pays = costOf(terms, minutes, minutes).total;
      return {
        minutes,
        possible:
          BigInt(minutes / SLOT) >= offer.minSlots && BigInt(minutes / SLOT) <= offer.maxSlots,
        pays,
        held: depositOf(terms, stay(minutes)),
        earns: pays - feeOf(terms, pays),
      };
    }),
    overstay: {
      minutes: LATE,
      billed: Math.min(LATE - GRACE, Number(offer.reserveMinutes)),
      extra: late.overstay,
      pays: late.total,
    },
    early: { pays: costOf(terms, BOOKED, 60).total },
    noShow: costOf(terms, BOOKED, 0, NO_SHOW).total,
    lateCancel: costOf(terms, BOOKED, 0, CANCELLED).total,
    overstayPerHour: (terms.pricePerSlot * terms.overstayPct * 60n) / 1500n,
  };
}

function stay(minutes: number) {
  return { slots: BigInt(minutes / SLOT), kwhCap: 0n, start: 0n };
}

function costOf(
  terms: Terms,
  booked: number,
  until: number,
  outcome = DEPARTED,
): { overstay: bigint; total: bigint } {
  // arrived at the start; a cancellation is at the last moment, when it is not free any more
  const recorded = { outcome, rent: 0n, arrived: 1, until, energyWh: 0, closedAt: 0 };
  const parts = partsOf(terms, stay(booked), recorded);
  if (!parts) return { overstay: 0n, total: 0n };
  return { overstay: parts.overstay, total: parts.rent + parts.overstay + parts.energy };
}
