import type { Schemas } from "../api/client";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { useResource } from "../parts/useResource";
import { routes, to } from "../routes";
import { words } from "../words";
import { ResultCard } from "./ResultCard";
import { found, nextBest } from "./searching";
import type { Order } from "./order";
import { BLANK, queryOf, type Wish } from "./wish";

/** Somebody was faster: the best of the others, one tap away. */
export function NextBest({ space, order }: { space: Schemas["SpaceDetailOut"]; order: Order }) {
  const w = words.value.driver.reserve.taken;
  const wish = wishLike(space, order);
  const other = useResource(() => nextBest(wish, space.id), `${space.id} ${order.span.start}`);
  const [best] = other.data?.items ?? [];
  return (
    <>
      <Notice tone="warn" title={w.title}>
        <p>{w.text}</p>
        {other.loading && <p>{w.looking}</p>}
        {!other.loading && !other.error && !best && <p>{w.none}</p>}
      </Notice>
      <Failure error={other.error} onRetry={other.reload} />
      {best && other.data && (
        <>
          <h3>{w.next}</h3>
          <ResultCard one={best} found={other.data} selected={false} onShow={() => undefined} />
        </>
      )}
      <a class="button wide" href={to(routes.find, {}, queryOf(wish))}>
        {w.search}
      </a>
    </>
  );
}

/** The same wish as before; without one, the same stay near the same place. */
export function wishLike(space: Schemas["SpaceDetailOut"], order: Order): Wish {
  const before = found.value?.wish;
  const stay = {
    start: order.span.start,
    minutes: (order.span.end - order.span.start) / 60_000,
  };
  if (before) return before.start === null ? before : { ...before, ...stay };
  return {
    ...BLANK,
    ...stay,
    point: space.publicPoint.coordinates,
    by: "map",
    radius: 1500,
    plug: order.kwh ? (space.charger?.connectors[0] ?? null) : null,
    kwh: order.kwh || BLANK.kwh,
  };
}
