/** One settlement with all that led to it, as the service tells it. */
import { ask, client, type Schemas } from "../api/client";

export type Detail = Schemas["SettlementDetailOut"];

export function detailOf(number: number): Promise<Detail> {
  return ask(client.GET("/v1/audit/settlements/{number}", { params: { path: { number } } }));
}

/** Do both say the same, but for what is the service's word alone: whether it is final, and by which
 * rule it charges, a sentence in the reader's language? */
export function alike(one: Detail, other: Detail): boolean {
  return covered(one) === covered(other);
}

function covered(detail: Detail): string {
  return JSON.stringify({ ...detail, final: null, charge: null });
}
