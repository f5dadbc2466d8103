/** What is reserved, and what of an account's would go into it. */
import { ask, client, type Schemas } from "../api/client";
import type { Span } from "./slots";
import { windowOf } from "./wish";

export interface Order {
  spaceId: string;
  offer: number;
  span: Span;
  kwh: number;
}

/** The order as a quote asks for it. */
export function stayOf({ spaceId, offer, span, kwh }: Order) {
  return { spaceId, offer, window: windowOf(span), energyKwh: kwh };
}

/** What there is to pay with, and how much of it the market would have to take. */
export async function fundsFor(order: Order): Promise<Schemas["QuoteOut"]["funds"]> {
  const { funds } = await ask(client.POST("/v1/quotes", { body: stayOf(order) }));
  return funds;
}
