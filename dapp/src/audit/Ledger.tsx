import { useLocation } from "preact-iso";
import { useRef, useState } from "preact/hooks";
import { ask, client, type Schemas } from "../api/client";
import { useLive } from "../api/live";
import { Button } from "../parts/Button";
import { useAgain } from "../parts/useAgain";
import { useResource } from "../parts/useResource";
import { routes, to } from "../routes";
import "../style/audit.css";
import { words } from "../words";
import { Compared } from "./Compared";
import { asked, filterFrom, fits, queryOf, type Filter } from "./filter";
import { FilterFailure } from "./FilterFailure";
import { FilterForm } from "./FilterForm";
import { List } from "./List";
import { verify, verifying } from "./node";
import { NodeForm } from "./NodeForm";
import { Totals } from "./Totals";
import { useSure } from "./useSure";
import { Verdict } from "./Verdict";

type Page = Schemas["SettlementsOut"];

/** Every settlement, filtered and summed up, and the check of all of them. */
export function Ledger() {
  const w = words.value.audit;
  const { query, route } = useLocation();
  const filter = filterFrom(query);
  const key = JSON.stringify(filter);
  const load = (cursor?: string) =>
    ask(
      client.GET("/v1/audit/settlements", {
        params: {
          query: {
            ...asked(filter),
            newestFirst: true,
            totals: cursor === undefined,
            limit: 25,
            ...(cursor ? { cursor } : {}),
          },
        },
      }),
    );
  const asks = Object.keys(queryOf(filter)).length > 0;
  const first = useResource(async () => {
    // asked before the list, which then has all that the service knows
    const known = asks ? await newestKnown() : null;
    const page = await load();
    return { ...page, known: known ?? page.items[0]?.number ?? 0 };
  }, key);
  // pages that follow another first page than the one shown would leave a hole
  const [followed, setFollowed] = useState<{ by: Page[]; first?: Page }>({ by: [] });
  const more = followed.first === first.data ? followed.by : [];
  // a stranger hears of nobody's leases, but how many are settled
  const settled = useRef<unknown>(undefined);
  useLive("index", ({ data }) => {
    if (data["settlements"] === settled.current) return;
    settled.current = data["settlements"];
    if (more.length === 0) first.reload();
  });
  const last = more.at(-1) ?? first.data;
  const items = [first.data, ...more].flatMap((page) => page?.items ?? []);
  useAgain(first.reload, more.length === 0 && items.some((one) => !one.final));
  const now = verifying.value;
  // what was read before the chain was may lack what has come since: only later answers are judged
  const before = useRef<Page | undefined>(undefined);
  const latest = useRef(first.data);
  latest.current = first.data;
  async function check(): Promise<void> {
    await verify();
    before.current = latest.current;
    setFollowed({ by: [] });
    first.reload();
  }
  const compared =
    now.state === "done" && first.data && first.data !== before.current
      ? now.verified.compare({
          items,
          whole: !last?.next,
          totals: first.data.totals,
          currency: first.data.currency,
          fits: fits(filter),
          known: first.data.known,
        })
      : null;
  const differs = compared && compared.rows.length + compared.sums.length > 0;
  const verified = now.state === "done" ? now.verified : null;
  const sure = useSure(differs, first.data, verified, () => void check());
  return (
    <div class="audit stack">
      <h1>{w.title}</h1>
      <p>{w.intro}</p>
      <NodeForm onVerify={check} />
      {now.state === "done" && first.data && (
        <Verdict report={now.verified.report} node={now.verified.reader.where.url}>
          {compared && (sure || !differs) && <Compared found={compared} />}
        </Verdict>
      )}
      <details class="audit-details" open={asks}>
        <summary>{w.filter}</summary>
        <FilterForm
          key={key}
          filter={filter}
          error={first.error}
          onApply={(found: Filter) => route(to(routes.audit, {}, queryOf(found)))}
        />
      </details>
      <FilterFailure error={first.error} onRetry={first.reload} />
      {first.loading && !first.data && <p class="soft">{words.value.common.loading}</p>}
      {first.data?.totals && (
        <Totals totals={first.data.totals} currency={first.data.currency}>
          <a class="button" href={to(routes.export, {}, queryOf(filter))}>
            {w.toExport}
          </a>
        </Totals>
      )}
      {first.data && items.length === 0 && <p>{asks ? w.none : w.noneYet}</p>}
      {first.data && items.length > 0 && <List items={items} currency={first.data.currency} />}
      {last?.next && (
        <Button
          kind="wide"
          onPress={async () => {
            const page = await load(last.next ?? undefined);
            if (first.data) setFollowed({ by: [...more, page], first: first.data });
          }}
        >
          {w.more}
        </Button>
      )}
    </div>
  );
}

/** The number of the newest settlement that the service knows. */
async function newestKnown(): Promise<number> {
  const query = { newestFirst: true, limit: 1 };
  const { items } = await ask(client.GET("/v1/audit/settlements", { params: { query } }));
  return items[0]?.number ?? 0;
}
