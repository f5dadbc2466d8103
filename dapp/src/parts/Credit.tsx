import { ask, client } from "../api/client";
import { useLive } from "../api/live";
import { config } from "../config";
import { account } from "../wallet/state";
import { words } from "../words";
import { money } from "../words/format";
import { useResource } from "./useResource";

/** What the account has to pay with; nothing where nobody is signed in, or there is no credit. */
export function Credit() {
  const address = account.value?.address ?? "";
  const me = useResource(
    async () => (address ? ask(client.GET("/v1/me")) : null),
    address,
    // what was given a moment ago is in the index a moment later
    address ? 4000 : undefined,
  );
  useLive("account.", me.reload);
  if (!me.data || me.data.credit === "0") return null;
  const w = words.value.driver.space.at;
  const credit = money(me.data.credit, me.data.currency);
  return (
    <p class="credit" data-where="credit" data-state="credit">
      {config.value?.local ? w.testCredit(credit) : w.credit(credit)}
    </p>
  );
}
