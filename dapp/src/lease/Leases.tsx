import { useEffect } from "preact/hooks";
import { ask, client, type Schemas } from "../api/client";
import { now } from "../api/clock";
import { numberOf } from "../driver/names";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { useResource } from "../parts/useResource";
import { When } from "../parts/When";
import { routes, to } from "../routes";
import { signIn } from "../shell/Header";
import { account, resuming, useLive } from "../wallet";
import { words } from "../words";
import { cents, money } from "../words/format";
import { forgetOld } from "./kept";
import "../style/lease.css";

/** The account's parking as a driver: what is open first. */
export function Leases() {
  const w = words.value.lease;
  const who = account.value;
  return (
    <div class="lease stack">
      <h1>{w.list.title}</h1>
      {who && <List key={who.address} address={who.address} />}
      {!who && resuming.value && <p class="soft">{words.value.wallet.signingIn}</p>}
      {!who && !resuming.value && (
        <section class="card stack">
          <p>{w.signInFirst}</p>
          <Button kind="main wide" onPress={signIn}>
            {words.value.wallet.signIn}
          </Button>
        </section>
      )}
    </div>
  );
}

const OPEN = ["booked", "parked", "claimed"];

function List({ address }: { address: string }) {
  const w = words.value.lease.list;
  const list = useResource(
    () => ask(client.GET("/v1/me/leases", { params: { query: { role: "driver", limit: 50 } } })),
    address,
  );
  useLive("lease.", list.reload);
  useEffect(() => forgetOld(now()), []);
  if (list.error && !list.data) return <Failure error={list.error} onRetry={list.reload} />;
  if (!list.data) return <p class="soft">{words.value.common.loading}</p>;
  const { items, currency } = list.data;
  if (!items.length) {
    return (
      <section class="card" data-where="leases" data-state="empty">
        <p>{w.none}</p>
        <a class="button main wide" href={routes.find}>
          {w.find}
        </a>
      </section>
    );
  }
  const open = items.filter((one) => OPEN.includes(one.state));
  const over = items.filter((one) => !OPEN.includes(one.state));
  return (
    <>
      {open.length > 0 && <Part title={w.open} items={open} currency={currency} />}
      {over.length > 0 && <Part title={w.over} items={over} currency={currency} />}
    </>
  );
}

function Part({
  title,
  items,
  currency,
}: {
  title: string;
  items: Schemas["LeaseOut"][];
  currency: Schemas["CurrencyOut"];
}) {
  return (
    <section>
      <h2>{title}</h2>
      <ul class="leases">
        {items.map((one) => (
          <li key={one.id}>
            <a
              class="card"
              href={to(routes.lease, { leaseId: one.id })}
              data-where="leases"
              data-state={one.state}
            >
              <strong>
                <When at={one.window.start} until={one.window.end} zone={one.utcOffset} />
              </strong>
              <span>{one.stateSentence}</span>
              <span class="soft">
                {words.value.driver.space.number(numberOf(one.spaceId))}
                {" · "}
                {one.cost === null
                  ? words.value.lease.list.deposit(money(one.deposit, currency))
                  : words.value.lease.list.paid(cents(one.cost, currency))}
              </span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
