/** Money, times and distances in the reader's form. Amounts are minor units as decimal text. */
import { language } from "./index";

export interface Currency {
  symbol: string;
  decimals: number;
}

/** `"12340000"` at 6 decimals is "12.34 tEUR" (two digits at least, all that are not zero). */
export function money(minor: string | bigint, currency: Currency): string {
  const amount = BigInt(minor);
  const unit = 10n ** BigInt(currency.decimals);
  const whole = amount / unit;
  const fraction = (amount < 0n ? -amount % unit : amount % unit)
    .toString()
    .padStart(currency.decimals, "0");
  const kept = fraction.replace(/0+$/, "").padEnd(Math.min(2, currency.decimals), "0");
  const sign = amount < 0n && whole === 0n ? "-" : "";
  const [group, point] = separators();
  const grouped = whole.toString().replace(/\B(?=(\d{3})+(?!\d))/g, group);
  return `${sign}${grouped}${kept ? point + kept : ""}\u00a0${currency.symbol}`;
}

/**
 * The same to two digits, half of one up. For sums that follow from a price by the minute; what
 * somebody signs, takes or checks is told to its last digit.
 */
export function cents(minor: string | bigint, currency: Currency): string {
  if (currency.decimals <= 2) return money(minor, currency);
  const amount = BigInt(minor);
  const cent = 10n ** BigInt(currency.decimals - 2);
  const size = amount < 0n ? -amount : amount;
  const rounded = ((size + cent / 2n) / cent) * cent;
  return money(amount < 0n ? -rounded : rounded, currency);
}

/** Whole units as typed by a person ("2.5") as minor units; null when it is no amount. */
export function parseMoney(text: string, decimals: number): bigint | null {
  const found = /^\s*(\d+)(?:[.,](\d+))?\s*$/.exec(text);
  if (!found || (found[2]?.length ?? 0) > decimals) return null;
  return BigInt((found[1] ?? "0") + (found[2] ?? "").padEnd(decimals, "0"));
}

function separators(): [string, string] {
  const parts = new Intl.NumberFormat(locale()).formatToParts(1234567.5);
  const of = (type: string, otherwise: string) =>
    parts.find((p) => p.type === type)?.value ?? otherwise;
  return [of("group", ","), of("decimal", ".")];
}

export function locale(): string {
  return language.value === "zh" ? "zh-CN" : "en-GB";
}

/** A moment (RFC 3339) in a zone: an IANA name, an offset like "+11:00", or the reader's own. */
export function time(moment: string | Date, zone?: string): string {
  return new Intl.DateTimeFormat(locale(), {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...zoned(zone),
  }).format(placed(moment, zone));
}

export function date(moment: string | Date, zone?: string): string {
  return new Intl.DateTimeFormat(locale(), {
    weekday: "short",
    day: "numeric",
    month: "short",
    ...zoned(zone),
  }).format(placed(moment, zone));
}

export function dateTime(moment: string | Date, zone?: string): string {
  return new Intl.DateTimeFormat(locale(), {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...zoned(zone),
  }).format(placed(moment, zone));
}

/** A zone by its name. Browsers from before the end of 2023 take no offset for a zone. */
function zoned(zone: string | undefined): { timeZone?: string } {
  if (!zone) return {};
  return { timeZone: fixedOffset(zone) === null ? zone : "UTC" };
}

/** The moment whose reading in UTC is the moment's reading at an offset; else the moment itself. */
function placed(moment: string | Date, zone: string | undefined): Date {
  const at = new Date(moment);
  return new Date(at.getTime() + ((zone && fixedOffset(zone)) || 0) * 60_000);
}

/** Minutes of an offset like "+05:45"; null where it is a zone's name. */
export function fixedOffset(zone: string): number | null {
  const found = /^([+-])(\d\d):(\d\d)$/.exec(zone);
  if (!found) return null;
  return (found[1] === "-" ? -1 : 1) * (Number(found[2]) * 60 + Number(found[3]));
}

/** `0x5aAe…BeAed`: enough to recognise, the whole of it goes into a title. */
export function short(hex: string): string {
  return hex.length > 13 ? `${hex.slice(0, 6)}…${hex.slice(-5)}` : hex;
}

/** A zone's offset at a moment: "UTC+11", "UTC+5:30", "UTC". */
export function offsetOf(moment: string | Date, zone?: string): string {
  const given = zone ? fixedOffset(zone) : null;
  if (given !== null) return offsetText(given);
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZoneName: "shortOffset",
    ...zoned(zone),
  }).formatToParts(new Date(moment));
  const told = parts.find((part) => part.type === "timeZoneName")?.value ?? "GMT";
  return told.replace("GMT", "UTC").replace(/[+-]0$/, "");
}

function offsetText(offset: number): string {
  if (offset === 0) return "UTC";
  const size = Math.abs(offset);
  const minutes = size % 60 ? `:${String(size % 60).padStart(2, "0")}` : "";
  return `UTC${offset < 0 ? "-" : "+"}${Math.floor(size / 60)}${minutes}`;
}

/** Does the reader's own clock show the same as the zone's, at this moment? */
export function sameClock(moment: string | Date, zone: string): boolean {
  return offsetOf(moment) === offsetOf(moment, zone);
}
