/** An offer as it is typed, and as the contract takes it. */
import { parseMoney } from "../../words/format";
import { PRESETS, type Mask } from "./hours";
import { dayOf, quartersAt } from "./zone";

export interface Draft {
  /** Whole units for an hour, as typed. */
  perHour: string;
  /** Whole units for a kWh, as typed. */
  perKwh: string;
  hours: Mask;
  zone: string;
  firstDay: string;
  lastDay: string;
  minimumMinutes: number;
  maximumMinutes: number;
  overstayPercent: string;
  reserveMinutes: string;
  minimumPercent: string;
  freeCancelHours: string;
  cancelPercent: string;
  noShowPercent: string;
}

/** What an owner who changes nothing gets. */
export const FIRST = {
  perHour: "",
  perKwh: "0",
  hours: PRESETS.always as Mask,
  minimumMinutes: 30,
  maximumMinutes: 1440,
  overstayPercent: "200",
  reserveMinutes: "60",
  minimumPercent: "0",
  freeCancelHours: "1",
  cancelPercent: "50",
  noShowPercent: "100",
} as const;

/** The contract's `OfferTerms`. */
export interface OfferTerms {
  pricePerSlot: bigint;
  pricePerKwh: bigint;
  overstayPct: bigint;
  reserveMinutes: bigint;
  minimumPct: bigint;
  freeCancelHours: bigint;
  noShowPct: bigint;
  cancelPct: bigint;
  hoursOfWeek: bigint;
  utcOffset: bigint;
  firstDay: bigint;
  lastDay: bigint;
  minSlots: bigint;
  maxSlots: bigint;
  flags: bigint;
}

export type Wrong = Partial<Record<keyof Draft, WrongKind>>;
export type WrongKind =
  "price" | "exact" | "none" | "zone" | "day" | "reversed" | "length" | "range" | "above";

const SLOT_MINUTES = 15;
const MOST_PRICE = 2n ** 80n - 1n;
/** The longest lease, a week. */
export const MOST_MINUTES = 672 * SLOT_MINUTES;
/** The unlock asks for the plate, the driver's word and to be near. */
const FLAGS = 7n;

/** The price of a quarter hour; null when an hour's price has no exact quarter. */
export function perSlot(perHour: bigint): bigint | null {
  return perHour % 4n === 0n ? perHour / 4n : null;
}

/** The terms, or what is wrong with each field. `now`: the service's time, milliseconds. */
export function termsOf(
  draft: Draft,
  decimals: number,
  charger: boolean,
  now: number,
): { terms: OfferTerms; wrong: null } | { terms: null; wrong: Wrong } {
  const wrong: Wrong = {};
  const hourly = parseMoney(draft.perHour, decimals);
  const slot = hourly === null ? null : perSlot(hourly);
  if (hourly === null || hourly === 0n) wrong.perHour = "price";
  else if (slot === null) wrong.perHour = "exact";
  else if (slot > MOST_PRICE) wrong.perHour = "price";
  const kwh = charger ? parseMoney(draft.perKwh, decimals) : 0n;
  if (kwh === null || kwh > MOST_PRICE) wrong.perKwh = "price";
  if (draft.hours === 0n) wrong.hours = "none";
  const utcOffset = quartersAt(draft.zone, now);
  if (utcOffset === null) wrong.zone = "zone";
  const firstDay = dayOf(draft.firstDay);
  const lastDay = dayOf(draft.lastDay);
  if (firstDay === null) wrong.firstDay = "day";
  if (lastDay === null) wrong.lastDay = "day";
  else if (firstDay !== null && lastDay < firstDay) wrong.lastDay = "reversed";
  const stays = draft.minimumMinutes <= draft.maximumMinutes;
  if (!stays || draft.maximumMinutes > MOST_MINUTES) wrong.maximumMinutes = "length";
  const whole = (name: keyof Draft, least: bigint, most: bigint): bigint => {
    const found = integer(String(draft[name]));
    if (found === null || found < least || found > most) wrong[name] = "range";
    return found ?? 0n;
  };
  const noShowPct = whole("noShowPercent", 0n, 100n);
  const cancelPct = whole("cancelPercent", 0n, 100n);
  if (!wrong.cancelPercent && !wrong.noShowPercent && cancelPct > noShowPct) {
    wrong.cancelPercent = "above";
  }
  const rest = {
    overstayPct: whole("overstayPercent", 100n, 1000n),
    reserveMinutes: whole("reserveMinutes", 0n, 1440n),
    minimumPct: whole("minimumPercent", 0n, 100n),
    freeCancelHours: whole("freeCancelHours", 0n, 2160n),
  };
  if (Object.keys(wrong).length) return { terms: null, wrong };
  return {
    wrong: null,
    terms: {
      pricePerSlot: slot ?? 0n,
      pricePerKwh: kwh ?? 0n,
      ...rest,
      noShowPct,
      cancelPct,
      hoursOfWeek: draft.hours,
      utcOffset: BigInt(utcOffset ?? 0),
      firstDay: BigInt(firstDay ?? 0),
      lastDay: BigInt(lastDay ?? 0),
      minSlots: BigInt(draft.minimumMinutes / SLOT_MINUTES),
      maxSlots: BigInt(draft.maximumMinutes / SLOT_MINUTES),
      flags: FLAGS,
    },
  };
}

function integer(text: string): bigint | null {
  return /^\s*\d{1,9}\s*$/.test(text) ? BigInt(text.trim()) : null;
}
