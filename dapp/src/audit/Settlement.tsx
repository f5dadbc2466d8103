import { useLocation, useRoute } from "preact-iso";
import { ApiError } from "../api/problem";
import { numberOf } from "../driver/names";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { useResource } from "../parts/useResource";
import { useTitle } from "../parts/useTitle";
import { routes } from "../routes";
import "../style/audit.css";
import { words } from "../words";
import { dateTime, money } from "../words/format";
import { Checks } from "./Checks";
import { detailOf, type Detail } from "./detail";
import { costOf } from "./List";
import { Story } from "./Story";
import { Unconfirmed } from "./Unconfirmed";

/** One settlement: who got what, how it came about, and the check of all of it. */
export function Settlement() {
  const w = words.value.audit;
  const { params } = useRoute();
  const { route } = useLocation();
  const number = Number(params.number);
  const known = Number.isSafeInteger(number) && number > 0;
  useTitle(w.one.title(number));
  const found = useResource(
    () =>
      known
        ? detailOf(number)
        : Promise.reject(
            new ApiError({ status: 404, code: "settlement.unknown", detail: "", errors: [] }),
          ),
    String(params.number),
  );
  const unknown = found.error instanceof ApiError && found.error.status === 404;
  return (
    <div class="audit stack">
      <h1>{known ? w.one.title(number) : w.title}</h1>
      {unknown && <Notice tone="warn" title={w.one.unknown} />}
      {!unknown && <Failure error={found.error} onRetry={found.reload} />}
      {found.loading && !found.data && <p class="soft">{words.value.common.loading}</p>}
      {found.data && (
        <>
          {!found.data.final && <Unconfirmed again={found.reload} />}
          <Split detail={found.data} />
          <Checks number={number} detail={found.data} reload={found.reload} />
          <Story detail={found.data} />
        </>
      )}
      <p>
        <a
          class="button plain"
          href={routes.audit}
          onClick={(event) => {
            event.preventDefault();
            route(routes.audit);
          }}
        >
          {w.one.back}
        </a>
      </p>
    </div>
  );
}

function Split({ detail }: { detail: Detail }) {
  const w = words.value.audit;
  const { currency } = detail;
  const rows = [
    [w.deposit, detail.deposit],
    [w.rent, detail.rent],
    [w.overstay, detail.overstay],
    [w.energy, detail.energy],
    [w.paid, costOf(detail)],
    [w.ownerGot, detail.ownerShare],
    [w.fee, detail.fee],
    [w.refund, detail.refund],
  ] as const;
  return (
    <section class="card" data-where="settlement" data-state={detail.outcome}>
      <h2>{w.outcomes[detail.outcome]}</h2>
      <p class="soft number">
        {w.closed} {dateTime(detail.closedAt, "UTC")} (UTC)
      </p>
      <dl class="facts">
        {rows.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd class="number">{money(value, currency)}</dd>
          </>
        ))}
        <dt>{w.driver}</dt>
        <dd class="mono">{detail.driver}</dd>
        <dt>{w.owner}</dt>
        <dd class="mono">{detail.owner}</dd>
        <dt>{w.space}</dt>
        <dd>
          {words.value.driver.space.number(numberOf(detail.spaceId))}
          <br />
          <span class="mono">{detail.spaceId}</span>
        </dd>
        <dt>{w.one.rule}</dt>
        <dd>{detail.charge.rule}</dd>
      </dl>
    </section>
  );
}
