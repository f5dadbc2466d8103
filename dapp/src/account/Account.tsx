import { ask, client } from "../api/client";
import { Button } from "../parts/Button";
import { Copy } from "../parts/Copy";
import { Failure } from "../parts/Failure";
import { useResource } from "../parts/useResource";
import { routes } from "../routes";
import { signIn } from "../shell/Header";
import { useLive } from "../api/live";
import { signOut } from "../wallet/session";
import { account, resuming } from "../wallet/state";
import type { Account as Found } from "../wallet/types";
import { words } from "../words";
import { money } from "../words/format";
import { Device } from "./Device";
import { Funds } from "./Funds";
import { Settings } from "./Settings";
import { Vehicles } from "./Vehicles";
import "../style/account.css";

/** Who is signed in, what they hold, and what this device keeps. */
export function Account() {
  const w = words.value.wallet.account;
  const found = account.value;
  return (
    <div
      class="account stack"
      data-where="account"
      data-state={found ? "in" : resuming.value ? "resuming" : "out"}
    >
      <h1>{w.title}</h1>
      {found ? <SignedIn key={found.address} found={found} /> : <SignedOut />}
      <Settings />
      <Device />
    </div>
  );
}

function SignedOut() {
  const w = words.value.wallet;
  if (resuming.value) return <p class="soft">{w.signingIn}</p>;
  return (
    <section class="card">
      <h2>{w.account.out}</h2>
      <p>{w.account.outText}</p>
      <Button kind="main wide" onPress={signIn}>
        {w.signIn}
      </Button>
    </section>
  );
}

function SignedIn({ found }: { found: Found }) {
  const w = words.value.wallet;
  const me = useResource(() => ask(client.GET("/v1/me")), found.address);
  useLive("account.", me.reload);
  useLive("lease.", me.reload);
  const guest = found.choice.kind === "guest";
  return (
    <>
      <section class="card">
        <h2>{w.account.who}</h2>
        <dl class="facts">
          <dt>{w.account.with}</dt>
          <dd>{guest ? w.guestName : found.choice.name || w.nameless}</dd>
          <dt>{w.account.address}</dt>
          <dd>
            <code>{found.address}</code>
          </dd>
        </dl>
        <div class="row">
          <Copy text={found.address} />
          <Button onPress={signOut}>{w.signOut}</Button>
        </div>
      </section>
      <section class="card">
        <h2>{w.account.credit}</h2>
        <Failure error={me.error} onRetry={me.reload} />
        {me.loading && !me.data && <p class="soft">{words.value.common.loading}</p>}
        {me.data && (
          <>
            <p class="big number">{money(me.data.credit, me.data.currency)}</p>
            <p class="soft">{w.account.creditText}</p>
            <div class="row">
              <a class="button" href={routes.leases}>
                {w.account.openLeases(me.data.openLeasesAsDriver)}
              </a>
              <a class="button" href={routes.owner}>
                {w.account.spaces(me.data.spaces)}
              </a>
              {me.data.credit !== "0" && (
                <a class="button" href={routes.earnings}>
                  {w.account.withdraw}
                </a>
              )}
            </div>
          </>
        )}
        <Funds onDone={me.reload} />
      </section>
      <Vehicles address={found.address} />
    </>
  );
}
