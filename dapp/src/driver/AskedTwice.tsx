import type { Schemas } from "../api/client";
import { useLive } from "../api/live";
import { useResource } from "../parts/useResource";
import { account } from "../wallet/state";
import { words } from "../words";
import { money } from "../words/format";
import { fundsFor, type Order } from "./order";

/**
 * Before anything is pressed: that the wallet is going to ask twice, where the market has to be let
 * take tokens first. Nothing where it asks once, or nobody is signed in, or no wallet asks at all.
 */
export function AskedTwice({
  order,
  currency,
}: {
  order: Order;
  currency: Schemas["CurrencyOut"];
}) {
  const mine = account.value;
  const asked = mine && mine.choice.kind !== "guest" ? mine.address : "";
  const { data, reload } = useResource(
    async () => (asked ? fundsFor(order) : null),
    `${asked} ${JSON.stringify(order)}`,
  );
  useLive("account.", reload);
  if (!data) return null;
  const pulled = BigInt(data.pulled);
  if (pulled <= BigInt(data.allowance) || pulled > BigInt(data.tokenBalance)) return null;
  return (
    <p data-where="reserve" data-state="asked-twice">
      {words.value.driver.reserve.twice(money(pulled, currency))}
    </p>
  );
}
