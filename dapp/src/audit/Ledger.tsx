import { useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import { ask, client, type Schemas } from "../api/client";
import { useLive } from "../api/live";
import { Button } from "../parts/Button";
import { useResource } from "../parts/useResource";
import { routes, to } from "../routes";
import "../style/audit.css";
import { words } from "../words";
import { asked, filterFrom, queryOf, type Filter } from "./filter";
import { FilterFailure } from "./FilterFailure";
import { FilterForm } from "./FilterForm";
import { List } from "./List";
import { verify, verifying } from "./node";
import { NodeForm } from "./NodeForm";
import { Totals } from "./Totals";
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
  const first = useResource(() => load(), key);
  const [more, setMore] = useState<Page[]>([]);
  useEffect(() => setMore([]), [key]);
  useLive("lease.", () => {
    if (more.length === 0) first.reload();
  });
  const last = more.at(-1) ?? first.data;
  const items = [first.data, ...more].flatMap((page) => page?.items ?? []);
  const head = useResource(() => ask(client.GET("/v1/audit/head")), "head");
  const now = verifying.value;
  return (
    <div class="audit stack">
      <h1>{w.title}</h1>
      <p>{w.intro}</p>
      <NodeForm onVerify={() => Promise.all([verify(), head.reload()])} />
      {now.state === "done" && first.data && (
        <Verdict
          report={now.verified.report}
          currency={first.data.currency}
          serviceHead={
            head.data?.indexCount === Number(now.verified.report.checked)
              ? head.data.indexHead
              : undefined
          }
        />
      )}
      <details class="audit-details" open={Object.keys(queryOf(filter)).length > 0}>
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
      {first.data && items.length === 0 && (
        <p>{Object.keys(queryOf(filter)).length > 0 ? w.none : w.noneYet}</p>
      )}
      {first.data && items.length > 0 && <List items={items} currency={first.data.currency} />}
      {last?.next && (
        <Button
          kind="wide"
          onPress={async () => setMore([...more, await load(last.next ?? undefined)])}
        >
          {w.more}
        </Button>
      )}
    </div>
  );
}
