import { useRoute } from "preact-iso";
import { useState } from "preact/hooks";
import { ask, client, type Schemas } from "../api/client";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { useResource } from "../parts/useResource";
import { useTitle } from "../parts/useTitle";
import { routes } from "../routes";
import { account, requireAccount, resuming, useLive } from "../wallet";
import { spaceName } from "../driver/names";
import { words } from "../words";
import { Calendar } from "./offer/Calendar";
import { OfferForm } from "./offer/OfferForm";
import { Offers } from "./offer/Offers";
import { Place } from "./place/Place";
import "../style/offer.css";

/** One space of the owner's: its offers, a new one, and when it is taken. */
export function OwnSpace() {
  const w = words.value.offer;
  const id = useRoute().params["spaceId"] ?? "";
  const space = useResource(
    () => ask(client.GET("/v1/spaces/{spaceId}", { params: { path: { spaceId: id } } })),
    id,
  );
  const found = space.data;
  const name = found ? spaceName(found) : w.title;
  useTitle(name);
  useLive("offer.", (event) => event.spaceId === id && space.reload());
  useLive("space.", (event) => event.spaceId === id && space.reload());
  return (
    <div
      class="offer stack"
      data-where="own-space"
      data-state={found ? "shown" : space.error ? "failed" : "loading"}
    >
      <h1>{name}</h1>
      <a href={routes.owner}>← {w.all}</a>
      <Failure error={space.error} onRetry={space.reload} />
      {space.loading && !found && <p class="soft">{words.value.common.loading}</p>}
      {found && <Owned space={found} reload={space.reload} />}
    </div>
  );
}

function Owned({ space, reload }: { space: Schemas["SpaceDetailOut"]; reload: () => void }) {
  const w = words.value.offer;
  // open until its own work is done: the news of the offer may come before the end of it
  const [open, setOpen] = useState(space.offers.length === 0);
  const [published, setPublished] = useState(false);
  const me = account.value?.address.toLowerCase();
  if (resuming.value) return <p class="soft">{words.value.wallet.signingIn}</p>;
  if (!me) {
    return (
      <section class="card stack">
        <p>{w.out}</p>
        <Button kind="main wide" onPress={() => requireAccount().catch(() => undefined)}>
          {words.value.wallet.signIn}
        </Button>
      </section>
    );
  }
  if (![space.owner, space.manager].some((who) => who?.toLowerCase() === me)) {
    return <Notice tone="warn">{w.notYours}</Notice>;
  }
  return (
    <>
      {!space.listed && <Notice tone="warn">{w.unlisted}</Notice>}
      {published && <Notice tone="good">{w.published}</Notice>}
      <Offers space={space} onDone={reload} />
      {space.listed && open && (
        <OfferForm
          space={space}
          onDone={() => {
            setOpen(false);
            setPublished(true);
            reload();
          }}
        />
      )}
      {space.listed && !open && (
        <Button
          kind="main wide"
          onPress={() => {
            setOpen(true);
            setPublished(false);
          }}
        >
          {w.another}
        </Button>
      )}
      <Calendar space={space} />
      <Place spaceId={space.id} />
    </>
  );
}
