import { useLocation, useRoute } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, client } from "../api/client";
import { now, setClock } from "../api/clock";
import { PATIENCE } from "../api/limit";
import { ApiError } from "../api/problem";
import { config } from "../config";
import { numberOf } from "../driver/names";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { useResource } from "../parts/useResource";
import { When } from "../parts/When";
import { routes, to } from "../routes";
import { signIn } from "../shell/Header";
import { account, resuming, useLive } from "../wallet";
import { words } from "../words";
import { Active } from "./Active";
import { KeptCopy } from "./KeptCopy";
import { forgetLease, keptLease } from "./kept";
import { useNews } from "./news";
import { Over } from "./Over";
import { Intent, Waiting } from "./Paying";
import { stageOf, type Detail } from "./stage";
import "../style/lease.css";

/** One lease, from the signature to the receipt. */
export function Lease() {
  const { params, query } = useRoute();
  const leaseId = params["leaseId"] ?? "";
  const w = words.value.lease;
  const who = account.value;
  const [role, setRole] = useState<Detail["role"]>("driver");
  return (
    <div class="lease stack">
      <h1>{role === "owner" ? w.ownersTitle : w.title}</h1>
      {who && (
        <Shown
          key={`${leaseId} ${who.address}`}
          leaseId={leaseId}
          intent={query["intent"]}
          onRole={setRole}
        />
      )}
      {!who && resuming.value && <p class="soft">{words.value.wallet.signingIn}</p>}
      {!who && !resuming.value && (
        <section class="card stack">
          <p>{w.signInFirst}</p>
          <Button kind="main wide" onPress={signIn}>
            {words.value.wallet.signIn}
          </Button>
        </section>
      )}
    </div>
  );
}

/** First what was signed is followed to the chain; then there is a lease to be asked for. */
function Shown({
  leaseId,
  intent,
  onRole,
}: {
  leaseId: string;
  intent: string | undefined;
  onRole: (role: Detail["role"]) => void;
}) {
  const { route } = useLocation();
  if (!intent) return <Found leaseId={leaseId} onRole={onRole} />;
  const after = (): void => route(to(routes.lease, { leaseId }), true);
  return <Intent id={intent} onConfirmed={after} onUnknown={after} />;
}

/** The lease as it is now, by the service's clock: that of a local chain may have been moved. */
async function detailOf(leaseId: string): Promise<Detail> {
  const asked = Date.now();
  const found = await ask(client.GET("/v1/leases/{leaseId}", { params: { path: { leaseId } } }));
  setClock(found, asked);
  return found;
}

/** Has nothing been answered for a while? What is kept is shown then, as without a network. */
function useSilence(answered: boolean): boolean {
  const [silent, setSilent] = useState(false);
  useEffect(() => {
    if (answered) return;
    const timer = setTimeout(() => setSilent(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [answered]);
  return silent && !answered;
}

function Found({ leaseId, onRole }: { leaseId: string; onRole: (role: Detail["role"]) => void }) {
  const lease = useResource(() => detailOf(leaseId), leaseId, 5000);
  useLive("lease.", (event) => event.leaseId === leaseId && lease.refresh());
  useLive("lock.", (event) => event.leaseId === leaseId && lease.refresh());
  useLive("index", () => lease.data?.depth.confirmed === false && lease.refresh());
  const found = lease.data;
  const silent = useSilence(found !== undefined);
  const zone = found?.utcOffset;
  const closed = found && ["settled", "cancelled", "blocked"].includes(found.state);
  useEffect(() => {
    if (closed) forgetLease(leaseId);
  }, [closed, leaseId]);
  const role = found?.role;
  useEffect(() => {
    if (role) onRole(role);
  }, [role, onRole]);
  const place = useRef<HTMLDivElement>(null);
  const stage = found && stageOf(found, now(), config.value?.policy.earlySeconds ?? 0);
  useNews(stage ?? "", place);

  if (!found || !stage) {
    const copy = keptLease(leaseId, account.value?.address ?? null);
    const offline = lease.error
      ? lease.error instanceof ApiError && lease.error.status !== 404
      : silent;
    if (offline && copy) return <KeptCopy kept={copy} onRetry={lease.reload} />;
    if (lease.error) return <Failure error={lease.error} onRetry={lease.reload} />;
    return <p class="soft">{words.value.common.loading}</p>;
  }
  return (
    <div class="stack" data-where="lease" data-state={stage} ref={place}>
      <p class="when">
        {words.value.driver.space.number(numberOf(found.spaceId))}
        <br />
        <When at={found.window.start} until={found.window.end} {...(zone ? { zone } : {})} />
      </p>
      {lease.error && <Failure error={lease.error} onRetry={lease.reload} />}
      {stage === "paying" ? (
        <Waiting depth={found.depth} />
      ) : stage === "over" ? (
        <Over lease={found} zone={zone} />
      ) : (
        <Active lease={found} stage={stage} zone={zone} reload={lease.reload} />
      )}
    </div>
  );
}
