import { useState } from "preact/hooks";
import { ask, client, type Schemas } from "../../api/client";
import { encode } from "../../chain/market";
import { Button } from "../../parts/Button";
import { Failure } from "../../parts/Failure";
import { useResource } from "../../parts/useResource";
import { running, useWork, WorkState } from "../../parts/useWork";
import { When } from "../../parts/When";
import { account, useLive } from "../../wallet";
import { words } from "../../words";
import { BlockForm } from "./BlockForm";
import { entriesOf } from "./entries";

type Space = Schemas["SpaceDetailOut"];
const DAYS = 14;

/** When the space is taken in the next days, by whom of the two, and keeping a time free. */
export function Calendar({ space }: { space: Space }) {
  const w = words.value.offer.calendar;
  const [blocking, setBlocking] = useState(false);
  const { work, run } = useWork();
  const found = useResource(() => load(space.id), space.id, 60_000);
  useLive("lease.", (event) => event.spaceId === space.id && found.refresh());
  useLive("space.", (event) => event.spaceId === space.id && found.refresh());
  const zone = space.offers[0]?.utcOffset;
  // a manager may give back what the owner keeps as well
  const own = account.value?.address.toLowerCase() === space.owner.toLowerCase();
  const kept = own ? w.blocked : w.kept;
  async function unblock(id: string): Promise<void> {
    if (await run(encode("unblock", [BigInt(id)]))) found.reload();
  }
  return (
    <section class="card stack" data-where="own-space" data-state="calendar">
      <h2>{w.title(DAYS)}</h2>
      <Failure error={found.error} onRetry={found.reload} />
      {found.loading && !found.data && <p class="soft">{words.value.common.loading}</p>}
      {found.data?.length === 0 && <p>{w.free}</p>}
      <ul class="offer-list">
        {found.data?.map((entry) => (
          <li key={entry.start} class="row">
            <span class="grow">
              <When at={entry.start} until={entry.end} {...(zone ? { zone } : {})} />
            </span>
            <span class={entry.blocked === null ? "chip good" : "chip warn"}>
              {entry.blocked !== null ? `⊘ ${kept}` : `● ${w.leased}`}
            </span>
            {entry.blocked && (
              <Button onPress={() => unblock(entry.blocked ?? "")} disabled={running(work)}>
                {w.unblock}
              </Button>
            )}
          </li>
        ))}
      </ul>
      <WorkState work={work} done={w.unblocked} />
      {blocking ? (
        <BlockForm
          space={space}
          zone={zone}
          onDone={() => {
            found.reload();
          }}
          onClose={() => setBlocking(false)}
        />
      ) : (
        <Button onPress={() => setBlocking(true)}>{w.block}</Button>
      )}
    </section>
  );
}

async function load(spaceId: string) {
  const [calendar, kept] = await Promise.all([
    ask(
      client.GET("/v1/spaces/{spaceId}/calendar", {
        params: { path: { spaceId }, query: { days: DAYS } },
      }),
    ),
    keptTimes(),
  ]);
  return entriesOf(calendar.taken, kept, spaceId);
}

/** All that is kept: of how many spaces is not known beforehand. */
async function keptTimes(): Promise<Schemas["KeptTimeOut"][]> {
  const found: Schemas["KeptTimeOut"][] = [];
  let cursor: string | null = null;
  do {
    const query: { limit: number; cursor?: string } = { limit: 100, ...(cursor ? { cursor } : {}) };
    const page: Schemas["KeptTimesOut"] = await ask(
      client.GET("/v1/me/kept", { params: { query } }),
    );
    found.push(...page.items);
    cursor = page.next;
  } while (cursor);
  return found;
}
