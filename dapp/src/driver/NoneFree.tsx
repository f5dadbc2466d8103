import { now } from "../api/clock";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { useResource } from "../parts/useResource";
import { words } from "../words";
import { noted } from "../words/join";
import { keyOf, search } from "./searching";
import { alternatives, type Change, type Wish } from "./wish";

/** Nothing is free: what could be changed, tried out, with how many spaces each would give. */
export function NoneFree({ wish, onSearch }: { wish: Wish; onSearch: (wish: Wish) => void }) {
  const w = words.value.driver.results;
  const tried = useResource(() => tryOut(wish), keyOf(wish));
  return (
    <div class="stack" data-where="find" data-state="none">
      <Notice tone="warn" title={w.none}>
        <p>
          {tried.loading
            ? w.tryingOut
            : tried.data?.length
              ? w.noneText
              : !tried.error && w.noneAtAll}
        </p>
      </Notice>
      <Failure error={tried.error} onRetry={tried.reload} />
      {tried.data?.map(({ change, wish: other, total }) => (
        <Button key={change} kind="wide" onPress={() => onSearch(other)}>
          {noted(inWords(change, other), w.would(total))}
        </Button>
      ))}
    </div>
  );
}

async function tryOut(wish: Wish): Promise<{ change: Change; wish: Wish; total: number }[]> {
  const tried = await Promise.all(
    alternatives(wish, now()).map(async (one) => ({
      ...one,
      total: (await search(one.wish, 1)).total,
    })),
  );
  return tried.filter((one) => one.total > 0);
}

function inWords(change: Change, wish: Wish): string {
  const w = words.value.driver.results.changes;
  if (change === "walk") return w.walk(words.value.common.metres(wish.radius));
  if (change === "shorter") return w.shorter(words.value.driver.find.length(wish.minutes));
  return w[change];
}
