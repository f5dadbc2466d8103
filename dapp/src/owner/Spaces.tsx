import { ask, client, type Schemas } from "../api/client";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { useResource } from "../parts/useResource";
import { useTitle } from "../parts/useTitle";
import { routes, to } from "../routes";
import { account, requireAccount, resuming, useLive } from "../wallet";
import { Button } from "../parts/Button";
import { words } from "../words";
import { spaceName } from "../driver/names";
import { chargerWords } from "./charger";
import { troubleOf, useOf } from "./state";
import "../style/owner.css";

type Space = Schemas["MySpaceOut"];
type Lease = Schemas["LeaseOut"];
/** So often the locks are looked at, milliseconds. */
const LOCKS = 10_000;

/** What an owner shares, and how each space is at the moment. */
export function Spaces() {
  const w = words.value.owner.spaces;
  useTitle(w.title);
  const found = account.value;
  return (
    <div
      class="stack"
      data-where="spaces"
      data-state={found ? "in" : resuming.value ? "resuming" : "out"}
    >
      <h1>{w.title}</h1>
      {found ? <Own key={found.address} address={found.address} /> : <Out />}
    </div>
  );
}

/** For whoever is not signed in. */
export function Out() {
  const w = words.value.owner;
  if (resuming.value) return <p class="soft">{words.value.common.loading}</p>;
  return (
    <section class="card stack">
      <p>{w.spaces.intro}</p>
      <Button kind="main wide" onPress={() => requireAccount().catch(() => undefined)}>
        {words.value.wallet.signIn}
      </Button>
    </section>
  );
}

function Own({ address }: { address: string }) {
  const w = words.value.owner.spaces;
  // what locks say comes as no event
  const spaces = useResource(() => ask(client.GET("/v1/me/spaces")), address, LOCKS);
  const leases = useResource(
    () => ask(client.GET("/v1/me/leases", { params: { query: { role: "owner", open: true } } })),
    address,
  );
  useLive("space.", spaces.reload);
  useLive("lease.", leases.reload);
  const items = spaces.data?.items ?? [];
  return (
    <>
      <Failure error={spaces.error} onRetry={spaces.reload} />
      {spaces.loading && !spaces.data && <p class="soft">{words.value.common.loading}</p>}
      {spaces.data && items.length === 0 && (
        <Notice title={w.none}>
          <p>{w.noneText}</p>
        </Notice>
      )}
      <ul class="plain-list">
        {items.map((space) => (
          <li key={space.id}>
            <Card space={space} leases={leases.data?.items ?? []} />
          </li>
        ))}
      </ul>
      <a class="button main wide" href={routes.register}>
        {w.register}
      </a>
      <a class="button wide" href={routes.earnings}>
        {w.earnings}
      </a>
    </>
  );
}

function Card({ space, leases }: { space: Space; leases: Lease[] }) {
  const w = words.value.owner;
  const use = useOf(space, leases);
  const trouble = space.listed ? troubleOf(space) : null;
  const tone = use === "free" ? "good" : use === "delisted" || use === "occupied" ? "bad" : "warn";
  return (
    <a
      class="card space-link"
      href={to(routes.ownSpace, { spaceId: space.id })}
      data-where="own"
      data-state={use}
      data-trouble={trouble ?? undefined}
    >
      <strong>{space.private?.address || spaceName(space)}</strong>
      <span class={`chip ${tone}`}>{w.spaces.states[use]}</span>
      {trouble && <span class="chip bad">⚠ {w.spaces.troubles[trouble]}</span>}
      {trouble && <span class="soft">{w.spaces.troubleText}</span>}
      <span class="soft">
        {chargerWords(space.charger?.powerW ?? 0, space.charger?.connectors ?? [])}
      </span>
    </a>
  );
}
