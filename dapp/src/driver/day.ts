/** A day of a space, and which stays an offer allows: the contract's rules, for showing. */
import type { Schemas } from "../api/client";
import { momentOf, shared, SLOT, wallOf, type Span, type Zone } from "./slots";

type Terms = Pick<
  Schemas["OfferOut"],
  "hoursOfWeek" | "utcOffset" | "firstDay" | "lastDay" | "minimumMinutes" | "maximumMinutes"
>;

export function allows(offer: Terms, span: Span): boolean {
  const minutes = (span.end - span.start) / 60_000;
  if (minutes < offer.minimumMinutes || minutes > offer.maximumMinutes) return false;
  for (let at = span.start; at < span.end; at += SLOT) if (!opened(offer, at)) return false;
  return true;
}

function opened(offer: Terms, at: number): boolean {
  const { date } = wallOf(at, offer.utcOffset);
  return (
    offer.firstDay <= date &&
    date <= offer.lastDay &&
    shared(offer.hoursOfWeek, at, offer.utcOffset)
  );
}

/** A day from midnight to midnight, by the clock there. */
export function dayOf(moment: number, zone: Zone): Span {
  const { date } = wallOf(moment, zone);
  const next = new Date(Date.parse(`${date}T00:00:00Z`) + 36 * 3_600_000).toISOString();
  return {
    start: momentOf({ date, time: "00:00" }, zone) ?? moment,
    end: momentOf({ date: next.slice(0, 10), time: "00:00" }, zone) ?? moment,
  };
}

export type Kind = "free" | "taken" | "closed" | "yours" | "clash";

export interface Run extends Span {
  kind: Kind;
}

/** What a day holds, in runs of quarter hours: taken, not shared, free, and the wanted stay. */
export function runs(
  day: Span,
  taken: readonly Span[],
  offers: readonly Terms[],
  wanted: Span | null,
): Run[] {
  const found: Run[] = [];
  for (let at = day.start; at < day.end; at += SLOT) {
    const busy = taken.some((one) => one.start <= at && at < one.end);
    const mine = wanted !== null && wanted.start <= at && at < wanted.end;
    const kind: Kind = busy
      ? mine
        ? "clash"
        : "taken"
      : !offers.some((offer) => opened(offer, at))
        ? "closed"
        : mine
          ? "yours"
          : "free";
    const last = found.at(-1);
    if (last?.kind === kind) last.end = at + SLOT;
    else found.push({ kind, start: at, end: at + SLOT });
  }
  return found;
}

export function clashes(taken: readonly Span[], span: Span): boolean {
  return taken.some((one) => one.start < span.end && span.start < one.end);
}
