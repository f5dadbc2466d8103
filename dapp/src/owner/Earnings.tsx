import { useEffect, useState } from "preact/hooks";
import { ask, client, type Schemas } from "../api/client";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { useAgain } from "../parts/useAgain";
import { useResource } from "../parts/useResource";
import { routes } from "../routes";
import { account, requireAccount, resuming, useLive } from "../wallet";
import { words } from "../words";
import { cents, money } from "../words/format";
import { AutoPayout } from "./earnings/AutoPayout";
import { Movement } from "./earnings/Movement";
import { Withdraw } from "./earnings/Withdraw";
import "../style/offer.css";

type Statement = Schemas["StatementOut"];
type Totals = Schemas["StatementTotalsOut"];

/** What the account has earned: available, booked, to be settled; and each movement. */
export function Earnings() {
  const w = words.value.earnings;
  const address = account.value?.address;
  return (
    <div
      class="stack"
      data-where="earnings"
      data-state={address ? "in" : resuming.value ? "resuming" : "out"}
    >
      <h1>{w.title}</h1>
      <a href={routes.owner}>← {words.value.offer.all}</a>
      {address ? (
        <Mine key={address} address={address} />
      ) : resuming.value ? (
        <p class="soft">{words.value.wallet.signingIn}</p>
      ) : (
        <section class="card stack">
          <p>{w.out}</p>
          <Button kind="main wide" onPress={() => requireAccount().catch(() => undefined)}>
            {words.value.wallet.signIn}
          </Button>
        </section>
      )}
    </div>
  );
}

function Mine({ address }: { address: string }) {
  const statement = useResource(() => page(null), address, 60_000);
  useLive("lease.", statement.reload);
  useLive("account.", statement.reload);
  const { data } = statement;
  const unsure = data?.items.filter((one) => !one.final) ?? [];
  useAgain(statement.reload, unsure.length > 0);
  return (
    <>
      <Failure error={statement.error} onRetry={statement.reload} />
      {statement.loading && !data && <p class="soft">{words.value.common.loading}</p>}
      {data?.totals && (
        <>
          <section class="card stack" data-cell="sum-available">
            <h2>{words.value.earnings.available}</h2>
            <p class="big number">{money(data.totals.credit, data.currency)}</p>
            <p class="soft">{words.value.earnings.availableText}</p>
            <Withdraw
              credit={BigInt(data.totals.credit)}
              currency={data.currency}
              onDone={statement.reload}
            />
          </section>
          <Sums
            totals={data.totals}
            currency={data.currency}
            unsure={unsure.some((one) => one.kind === "earning")}
          />
        </>
      )}
      <AutoPayout address={address} />
      {data && <Movements first={data} />}
    </>
  );
}

function Sums({
  totals,
  currency,
  unsure,
}: {
  totals: Totals;
  currency: Schemas["CurrencyOut"];
  /** Some of what is earned is not final. */
  unsure: boolean;
}) {
  const w = words.value.earnings;
  const { booked, pending } = totals;
  const say = (amount: string) => cents(amount, currency);
  return (
    <div class="earnings-sums">
      <section class="card" data-cell="sum-booked">
        <h2>{w.open}</h2>
        <p class="big number">{say(booked.expected)}</p>
        <p>{booked.leases > 0 ? w.openText(booked.leases) : w.openNone}</p>
        {booked.leases > 0 && <p class="soft">{w.escrow(say(booked.escrow))}</p>}
      </section>
      <section class="card" data-cell="sum-pending">
        <h2>{w.pending}</h2>
        <p class="big number">{say(pending.expected)}</p>
        <p>{pending.leases > 0 ? w.pendingText(pending.leases) : w.pendingNone}</p>
        {pending.leases > 0 && <p class="soft">{w.escrow(say(pending.escrow))}</p>}
      </section>
      <section class="card" data-cell="sum-earned">
        <h2>{w.earned}</h2>
        <p class="big number">{say(totals.earned)}</p>
        <p class="soft">{w.fees(say(totals.fees))}</p>
        {unsure && <p class="soft">{w.unsure}</p>}
      </section>
      <section class="card" data-cell="sum-withdrawn">
        <h2>{w.withdrawn}</h2>
        <p class="big number">{say(totals.withdrawn)}</p>
      </section>
    </div>
  );
}

/** All movements, newest first, a page at a time. */
function Movements({ first }: { first: Statement }) {
  const w = words.value.earnings;
  const [older, setOlder] = useState<Statement[]>([]);
  const [error, setError] = useState<unknown>(null);
  const newest = first.items[0]?.transaction;
  // a new movement shifts the pages: begin again with the first
  useEffect(() => setOlder([]), [newest]);
  const pages = [first, ...older];
  const next = pages[pages.length - 1]?.next ?? null;
  async function more(): Promise<void> {
    setError(null);
    try {
      const found = await page(next);
      setOlder((before) => [...before, found]);
    } catch (failed) {
      setError(failed);
    }
  }
  return (
    <section class="card stack">
      <h2>{w.movements}</h2>
      {first.items.length === 0 && <p>{w.none}</p>}
      <ul class="earnings-list">
        {pages.flatMap((one) =>
          one.items.map((entry) => (
            <Movement
              key={`${entry.transaction} ${entry.kind} ${entry.leaseId} ${entry.amount}`}
              entry={entry}
              currency={first.currency}
            />
          )),
        )}
      </ul>
      <Failure error={error} onRetry={more} />
      {next && <Button onPress={more}>{w.more}</Button>}
    </section>
  );
}

function page(cursor: string | null): Promise<Statement> {
  return ask(
    client.GET("/v1/me/statement", {
      params: { query: { limit: 20, ...(cursor ? { cursor } : {}) } },
    }),
  );
}
