import { useLocation, useRoute } from "preact-iso";
import { useMemo, useState } from "preact/hooks";
import { ask, client, type Schemas } from "../api/client";
import { now } from "../api/clock";
import { useLive } from "../api/live";
import { refresh } from "../config";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { useResource } from "../parts/useResource";
import { useTitle } from "../parts/useTitle";
import { When } from "../parts/When";
import { routes, to } from "../routes";
import { words } from "../words";
import "../style/driver.css";
import { Day } from "./Day";
import { clashes, dayOf } from "./day";
import { Facts } from "./Facts";
import { spaceName } from "./names";
import { PriceCard } from "./PriceCard";
import { priceOf } from "./price";
import { ReservePart } from "./ReservePart";
import { found } from "./searching";
import { rfc, slotsIn, type Span } from "./slots";
import { offerFor, stayIn, type Stay } from "./stay";
import { Terms } from "./Terms";
import { TimeSheet } from "./TimeSheet";
import { queryOf } from "./wish";

/** One space for one stay: what it costs at most, and the button that reserves it. */
export function Space() {
  const { params } = useRoute();
  const { query } = useLocation();
  const id = params["spaceId"] ?? "";
  const address = JSON.stringify(query);
  const stay = useMemo(
    () => stayIn(JSON.parse(address) as Record<string, string>, now()),
    [address],
  );
  const space = useResource(
    () => ask(client.GET("/v1/spaces/{spaceId}", { params: { path: { spaceId: id } } })),
    id,
  );
  const calendar = useCalendar(id, stay, space.data?.offers[0]?.utcOffset);
  useLive("space.", () => (space.reload(), calendar.reload()));
  const w = words.value.driver.space;
  const name = space.data ? spaceName(space.data) : null;
  useTitle(name);
  return (
    <div class="space-screen" data-where="space" data-state={space.data ? "space" : "loading"}>
      <p>
        <a class="back" href={found.value ? to(routes.find, {}, queryOf(found.value.wish)) : "/"}>
          ← {w.back}
        </a>
      </p>
      <h1>{name ?? w.title}</h1>
      {space.loading && !space.data && <p class="soft">{w.loading}</p>}
      <Failure error={space.error} onRetry={space.reload} />
      {space.data && (
        <Known space={space.data} stay={stay} taken={calendar.data} problem={calendar.error} />
      )}
    </div>
  );
}

function useCalendar(id: string, stay: Stay, zone: string | undefined) {
  const day = dayOf(stay.span.start, zone);
  const days = Math.min(8, Math.ceil((stay.span.end - day.start) / 86_400_000));
  return useResource(async () => {
    const request = { path: { spaceId: id }, query: { from: rfc(day.start), days } };
    const { taken } = await ask(client.GET("/v1/spaces/{spaceId}/calendar", { params: request }));
    return taken.map((one) => ({ start: Date.parse(one.start), end: Date.parse(one.end) }));
  }, `${id} ${day.start} ${days}`);
}

function Known({
  space,
  stay,
  taken,
  problem,
}: {
  space: Schemas["SpaceDetailOut"];
  stay: Stay;
  taken: Span[] | undefined;
  problem: Error | undefined;
}) {
  const { route } = useLocation();
  const [choosing, setChoosing] = useState(false);
  // whoever is reserving is told there what came of it, and not only that the space is taken
  const [reserving, setReserving] = useState(false);
  const w = words.value.driver.space;
  const { span, kwh } = stay;
  const offer = offerFor(space.offers, stay);
  const zone = offer?.utcOffset ?? space.offers[0]?.utcOffset;
  const price = offer && priceOf(offer, slotsIn(span), kwh);
  const busy = taken !== undefined && clashes(taken, span);

  function take(next: Span): void {
    setChoosing(false);
    setReserving(false);
    route(to(routes.space, { spaceId: space.id }, addressParts(stay, next)), true);
  }
  return (
    <div class="space-columns">
      <div>
        <section class="card" aria-labelledby="stay">
          <h2 id="stay">{w.when}</h2>
          <p class="row">
            <span class="grow">
              <When at={rfc(span.start)} until={rfc(span.end)} {...(zone ? { zone } : {})} />
            </span>
            <Button onPress={() => setChoosing(true)}>{w.changeTime}</Button>
          </p>
          <p class="soft">
            {words.value.driver.find.length(slotsIn(span) * 15)}
            {span.start < now() && ` · ${w.quarters}`}
          </p>
          {stay.begun && <p class="soft">{w.begun}</p>}
          <Failure error={problem} />
          {taken && <Day space={space} taken={taken} span={span} zone={zone} />}
        </section>
        <section class="card" aria-labelledby="price">
          <h2 id="price">{w.price}</h2>
          {!space.listed && <Notice tone="warn" title={w.delisted} />}
          {space.listed && !offer && <Notice tone="warn" title={w.noOffer} />}
          {offer && price && (
            <PriceCard
              price={price}
              span={span}
              kwh={kwh}
              currency={space.currency}
              told={stay.begun ? null : stay.told}
            />
          )}
          {busy && offer && !reserving && <Notice tone="warn" title={w.takenNow} />}
        </section>
        {offer && price && space.listed && (!busy || reserving) && (
          <ReservePart
            key={`${span.start} ${span.end}`}
            space={space}
            order={{ spaceId: space.id, offer: offer.number, span, kwh }}
            maximum={price.maximum}
            onMove={async () => {
              // the service says that the time has begun: its clock is asked for, not this device's
              await refresh().catch(() => undefined);
              take(spanFromNow(span));
            }}
            onStep={(step) => setReserving(step.at !== "idle")}
          />
        )}
      </div>
      <div>
        {offer && price && (
          <section class="card" aria-labelledby="terms">
            <h2 id="terms">{w.terms}</h2>
            <Terms offer={offer} price={price} span={span} kwh={kwh} currency={space.currency} />
          </section>
        )}
        <Facts space={space} />
      </div>
      {choosing && (
        <TimeSheet span={span} zone={zone} onTake={take} onClose={() => setChoosing(false)} />
      )}
    </div>
  );
}

function spanFromNow(span: Span): Span {
  return stayIn({ start: rfc(span.start), end: rfc(span.end) }, now()).span;
}

/** The time changes, and with it the price that was told: the offer stays if it may. */
function addressParts(stay: Stay, span: Span) {
  return {
    start: rfc(span.start),
    end: rfc(span.end),
    offer: stay.offer,
    kwh: stay.kwh || null,
  };
}
