import { useEffect, useRef, useState } from "preact/hooks";
import type { Schemas } from "../api/client";
import { ApiError } from "../api/problem";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { Progress } from "../parts/Progress";
import { routes } from "../routes";
import { follow, refusalOf, type IntentState } from "../wallet";
import { words } from "../words";

/** What was signed, on its way: handed in, in the chain, n of m, or why not. */
export function Intent({
  id,
  onConfirmed,
  onUnknown,
}: {
  id: string;
  onConfirmed: () => void;
  /** The service knows nothing of it (any more): the lease itself will tell. */
  onUnknown: () => void;
}) {
  const w = words.value;
  const [state, setState] = useState<IntentState | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [turn, setTurn] = useState(0);
  const ends = useRef({ onConfirmed, onUnknown });
  ends.current = { onConfirmed, onUnknown };
  useEffect(() => {
    const stop = new AbortController();
    setError(null);
    follow(id, setState, stop.signal).then(
      (last) => last.state === "confirmed" && ends.current.onConfirmed(),
      (failed: unknown) => {
        if (stop.signal.aborted) return;
        if (failed instanceof ApiError && failed.status === 404) ends.current.onUnknown();
        else setError(failed);
      },
    );
    return () => stop.abort();
  }, [id, turn]);
  if (error) return <Failure error={error} onRetry={() => setTurn((n) => n + 1)} />;
  const name = state?.state ?? "queued";
  if (state && (name === "failed" || name === "gone")) {
    const { refusal } = state;
    const why = refusal && (refusalOf(refusal.code) ?? refusal.sentence);
    return (
      <div class="stack" data-where="paying" data-state={name}>
        <Notice tone="bad" title={w.wallet.progress[name]}>
          <p>{why ?? w.lease.paying.notPaid}</p>
        </Notice>
        <a class="button main wide" href={routes.find}>
          {w.lease.paying.another}
        </a>
      </div>
    );
  }
  return (
    <section class="card stack" data-where="paying" data-state={name}>
      <h2>{w.lease.paying.title}</h2>
      <Progress n={state?.confirmations ?? 0} of={state?.required ?? 1} label={told(state)} />
      <p class="soft">{w.lease.paying.stay}</p>
    </section>
  );
}

function told(state: IntentState | null): string {
  const w = words.value.wallet.progress;
  if (state?.state === "pending") return w.pending;
  if (state?.state === "confirmed") return w.confirmed;
  if (state?.state !== "mined") return w.queued;
  const left = state.secondsLeft === null ? "" : ` (${w.left(state.secondsLeft)})`;
  return w.mined(state.confirmations, state.required) + left;
}

/** The same of a booking whose way is known from the lease itself. */
export function Waiting({ depth }: { depth: Schemas["DepthOut"] }) {
  const w = words.value;
  const label = w.wallet.progress.mined(depth.confirmations, depth.required);
  return (
    <section class="card stack" data-where="paying" data-state="mined">
      <h2>{w.lease.paying.title}</h2>
      <Progress
        n={depth.confirmations}
        of={depth.required}
        label={`${label} (${w.wallet.progress.left(depth.secondsLeft)})`}
      />
      <p class="soft">{w.lease.paying.stay}</p>
    </section>
  );
}
