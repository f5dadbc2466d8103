import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import type { Resource } from "../parts/useResource";
import { When } from "../parts/When";
import { words } from "../words";
import { money } from "../words/format";
import { heaps } from "./map/marks";
import { Map, type Mark } from "./map/Map";
import { NoneFree } from "./NoneFree";
import { spaceName } from "./names";
import { ResultCard } from "./ResultCard";
import { found, more, zoneOf, type Found } from "./searching";
import { minutesOf } from "./slots";
import type { Wish } from "./wish";

/** What is free: a list that has everything, and a map beside it. */
export function Results({
  wish,
  answer,
  onSearch,
}: {
  wish: Wish;
  answer: Omit<Resource<Found | null>, "data"> & { data: Found | null };
  onSearch: (wish: Wish) => void;
}) {
  const { data, error, loading, reload } = answer;
  const w = words.value.driver.results;
  const heading = useRef<HTMLHeadingElement>(null);
  const ready = data?.key;
  useEffect(() => {
    // after a press on the button the results are read out; coming back keeps the place
    if (ready && document.activeElement === document.body) {
      heading.current?.focus({ preventScroll: true });
    }
  }, [ready]);
  return (
    <section class="results" aria-labelledby="results" aria-busy={loading}>
      <h2 id="results" tabIndex={-1} ref={heading}>
        {w.title}
      </h2>
      <p role="status" class={data && !loading ? "soft" : ""}>
        {loading && !data && words.value.driver.find.searching}
        {data && data.total > 0 && w.found(data.total)}
      </p>
      <Failure error={error} onRetry={reload} />
      {data && data.total === 0 && <NoneFree key={data.key} wish={wish} onSearch={onSearch} />}
      {data && data.items.length > 0 && <Booked data={data} />}
      {data && data.items.length > 0 && <FreeSpaces data={data} />}
    </section>
  );
}

/** The quarter hours that would be booked, and why they are more than was asked for. */
function Booked({ data: { wish, window, items } }: { data: Found }) {
  const w = words.value.driver;
  const zone = items[0]?.utcOffset ?? zoneOf(wish);
  const booked = minutesOf(window);
  return (
    <p class="booked small" data-where="find" data-state="window">
      <When at={window.start} until={window.end} {...(zone ? { zone } : {})} />
      {booked > wish.minutes && (
        <>
          <br />
          <span class="soft">
            {w.results.quarters(w.find.length(wish.minutes), w.find.length(booked))}
          </span>
        </>
      )}
    </p>
  );
}

function FreeSpaces({ data }: { data: Found }) {
  // one, or all that share the point which was pressed on the map
  const [selected, setSelected] = useState<readonly string[]>([]);
  const w = words.value.driver;
  const marks = useMarks(data);
  const [middle] = data.items;
  function select(id: string): void {
    setSelected(
      heapsOf(data)
        .find((heap) => heap.id === id)
        ?.all.map((one) => one.id) ?? [id],
    );
    const card = document.getElementById(`space-${id}`);
    card?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    card?.focus({ preventScroll: true });
  }
  const center = data.wish.point ?? middle?.space.publicPoint.coordinates;
  return (
    <div class="found">
      <section class="found-map" aria-label={w.results.map}>
        {center && (
          <Map
            center={center}
            radius={data.wish.point ? data.wish.radius : null}
            marks={marks}
            selected={markOf(data, selected[0])}
            onSelect={select}
          />
        )}
      </section>
      <div>
        <ol class="cards">
          {data.items.map((one) => (
            <li key={one.space.id}>
              <ResultCard
                one={one}
                found={data}
                selected={selected.includes(one.space.id)}
                onShow={() =>
                  setSelected((before) => (before.includes(one.space.id) ? before : [one.space.id]))
                }
              />
            </li>
          ))}
        </ol>
        {data.next && <More data={data} />}
      </div>
    </div>
  );
}

function More({ data }: { data: Found }) {
  const [error, setError] = useState<unknown>(null);
  async function load(): Promise<void> {
    setError(null);
    try {
      const next = await more(data);
      if (found.value?.key === data.key) found.value = next;
    } catch (failed) {
      setError(failed);
    }
  }
  return (
    <div class="stack">
      <Failure error={error} />
      <Button kind="wide" onPress={load} busy={words.value.common.loading}>
        {words.value.driver.results.more}
      </Button>
    </div>
  );
}

function heapsOf(data: Found) {
  return heaps(
    data.items.map((one) => ({
      id: one.space.id,
      point: one.space.publicPoint.coordinates,
      price: BigInt(one.expectedCost),
      name: spaceName(one.space),
    })),
  );
}

function markOf(data: Found, id: string | undefined): string | null {
  return heapsOf(data).find((heap) => heap.all.some((one) => one.id === id))?.id ?? null;
}

function useMarks(data: Found): Mark[] {
  const w = words.value.driver.map;
  return useMemo(
    () =>
      heapsOf(data).map((heap) => {
        const price = money(heap.least, data.currency);
        const [first] = heap.all;
        const count = heap.all.length;
        return {
          id: heap.id,
          point: heap.point,
          text: count > 1 ? w.heap(count, price) : price,
          label: count > 1 ? w.several(count, price) : w.marker(first?.name ?? "", price),
        };
      }),
    [data, w],
  );
}
