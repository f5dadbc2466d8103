import { useLocation } from "preact-iso";
import { useEffect, useMemo, useState } from "preact/hooks";
import { routes, to } from "../routes";
import { useResource } from "../parts/useResource";
import { words } from "../words";
import "../style/driver.css";
import { Results } from "./Results";
import { found, keyOf, places, search } from "./searching";
import { Summary } from "./Summary";
import { BLANK, keepWish, keptWish, queryOf, somewhere, wishIn, type Wish } from "./wish";
import { WishForm } from "./WishForm";
import { wrongFields } from "./wrong";

/** The first screen: what is wanted, and what is free. The wish is in the address. */
export function Find() {
  const { query, route } = useLocation();
  const address = JSON.stringify(query);
  const wish = useMemo(() => wishIn(JSON.parse(address) as Record<string, string>), [address]);
  const [editing, setEditing] = useState(false);
  useEffect(() => setEditing(false), [address]);
  const known = wish && somewhere(wish) ? wish : null;
  const answer = useSearch(known);
  const wrong = wrongFields(answer.error, inWords);
  const refused = Object.keys(wrong).length > 0;

  function go(next: Wish): void {
    keepWish(next);
    setEditing(false);
    if (wish && keyOf(next) === keyOf(wish)) answer.reload();
    else route(to(routes.find, {}, queryOf(next)));
  }

  const w = words.value.driver.find;
  return (
    <div
      class="find"
      data-where="find"
      data-state={!known ? "asking" : answer.loading ? "searching" : "found"}
    >
      <h1>{w.title}</h1>
      {!known && !keptWish() && <p>{w.intro}</p>}
      {!known || editing || refused ? (
        <WishForm
          key={address}
          first={known ?? beginning(wish)}
          wrong={wrong}
          onSearch={go}
          {...(known && !refused ? { onClose: () => setEditing(false) } : {})}
        />
      ) : (
        <Summary wish={known} onChange={() => setEditing(true)} />
      )}
      {known && !refused && <Results wish={known} answer={answer} onSearch={go} />}
    </div>
  );
}

/** What was found last for the same wish is shown at once, and asked for again. */
function useSearch(wish: Wish | null) {
  const key = wish ? keyOf(wish) : "";
  const answer = useResource(async () => {
    if (!wish) return null;
    const next = await search(wish);
    found.value = next;
    return next;
  }, key);
  const kept = found.value?.key === key ? found.value : null;
  return { ...answer, data: kept ?? answer.data ?? null };
}

/** Where the form begins: as last time, else where spaces are. */
function beginning(asked: Wish | null): Wish {
  const last = keptWish();
  if (asked) return asked;
  if (last && somewhere(last)) return last;
  const [city] = places();
  return city ? { ...BLANK, point: city.point.coordinates, by: "middle", radius: 1500 } : BLANK;
}

function inWords(code: string): string | undefined {
  return (words.value.wallet.service.codes as Readonly<Record<string, string>>)[code];
}
