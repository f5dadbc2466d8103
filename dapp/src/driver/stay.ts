/** The stay that an address of a space asks for. */
import type { Schemas } from "../api/client";
import { allows } from "./day";
import { cheapest } from "./price";
import { moved, slotsIn, slotOf, spanOf, SLOT, type Span } from "./slots";

export interface Stay {
  span: Span;
  /** The start had passed: it begins now. */
  begun: boolean;
  kwh: number;
  offer: number | null;
  /** What was told before, minor units. */
  told: bigint | null;
}

type Query = Readonly<Record<string, string | undefined>>;

const LONGEST = 672 * SLOT;

export function stayIn(query: Query, now: number): Stay {
  const start = Date.parse(query["start"] ?? "");
  const end = Date.parse(query["end"] ?? "");
  const sound = end > start && end - start <= LONGEST;
  const asked = sound
    ? { start: slotOf(start), end: Math.ceil(end / SLOT) * SLOT }
    : spanOf(null, 120, now);
  const span = moved(asked, now);
  return {
    span,
    begun: span !== asked,
    kwh: number(query["kwh"], 255) ?? 0,
    offer: number(query["offer"], 65_535),
    told: /^\d{1,30}$/.test(query["max"] ?? "") ? BigInt(query["max"] ?? "") : null,
  };
}

function number(text: string | undefined, most: number): number | null {
  const found = /^\d{1,5}$/.test(text ?? "") ? Number(text) : 0;
  return found >= 1 && found <= most ? found : null;
}

/** The offer that was found, if it still allows the stay; else the cheapest that does. */
export function offerFor(
  offers: readonly Schemas["OfferOut"][],
  stay: Pick<Stay, "span" | "kwh" | "offer">,
): Schemas["OfferOut"] | null {
  const named = offers.find((one) => one.number === stay.offer);
  if (named && allows(named, stay.span)) return named;
  return cheapest(offers, slotsIn(stay.span), stay.kwh, (one) => allows(one, stay.span));
}
