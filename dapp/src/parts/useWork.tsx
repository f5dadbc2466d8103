import { useEffect, useRef, useState } from "preact/hooks";
import { Asking } from "./Asking";
import { Failure } from "./Failure";
import { Notice } from "./Notice";
import { Progress } from "./Progress";
import {
  asking,
  Dismissed,
  follow,
  perform,
  type Call,
  type IntentState,
  refusalOf,
} from "../wallet";
import { words } from "../words";

/** Neither confirmed nor at an end otherwise: that is told as `done` and `ended`. */
type Underway = IntentState & { state: "queued" | "pending" | "mined" };

function underway(state: IntentState): state is Underway {
  return state.state === "queued" || state.state === "pending" || state.state === "mined";
}

export type Work =
  | { kind: "idle" }
  | { kind: "asking" }
  | { kind: "following"; state: Underway }
  | { kind: "done" }
  | { kind: "ended"; state: IntentState }
  | { kind: "failed"; error: unknown };

/** One call at a time, from the question to the wallet to its end in the chain. */
export function useWork(): { work: Work; run: (call: Call) => Promise<boolean> } {
  const [work, setWork] = useState<Work>({ kind: "idle" });
  const leaving = useRef(new AbortController());
  useEffect(() => () => leaving.current.abort(), []);

  async function run(call: Call): Promise<boolean> {
    const { signal } = leaving.current;
    setWork({ kind: "asking" });
    try {
      const id = await perform(call);
      const show = (state: IntentState): void => {
        if (underway(state)) setWork({ kind: "following", state });
      };
      const last = await follow(id, show, signal);
      const done = last.state === "confirmed";
      setWork(done ? { kind: "done" } : { kind: "ended", state: last });
      return done;
    } catch (error) {
      if (!signal.aborted)
        setWork(error instanceof Dismissed ? { kind: "idle" } : { kind: "failed", error });
      return false;
    }
  }
  return { work, run };
}

/** For `data-state`: what a refused call has come to is told apart from an error on the way. */
function markOf(work: Work) {
  if (work.kind === "following") return work.state.state;
  if (work.kind === "ended") return work.state.state === "gone" ? "ended-gone" : "ended-failed";
  return work.kind;
}

/** Is it neither at an end nor still to be begun? */
export function running(work: Work): boolean {
  return work.kind === "asking" || work.kind === "following";
}

/** Where the work is: what the wallet asks, n of m, done, or why not. */
export function WorkState({
  work,
  done,
  onRetry,
}: {
  work: Work;
  done: string;
  /** Where what failed on the way can be begun again at once. */
  onRetry?: (() => unknown) | undefined;
}) {
  const w = words.value.wallet.progress;
  return (
    <div data-where="work" data-state={markOf(work)}>
      {(work.kind === "idle" || running(work)) && <Asking />}
      {work.kind === "asking" && !asking.value && (
        <p class="soft" role="status">
          {words.value.common.loading}
        </p>
      )}
      {work.kind === "following" && (
        <Progress
          n={work.state.confirmations}
          of={work.state.required}
          label={
            work.state.state === "mined"
              ? w.mined(work.state.confirmations, work.state.required)
              : w[work.state.state]
          }
        />
      )}
      {work.kind === "done" && <Notice tone="good">{done}</Notice>}
      {work.kind === "ended" && (
        <Notice tone="bad" title={w[work.state.state === "gone" ? "gone" : "failed"]}>
          {work.state.refusal && (
            <p>{refusalOf(work.state.refusal.code) ?? work.state.refusal.sentence}</p>
          )}
        </Notice>
      )}
      {work.kind === "failed" && <Failure error={work.error} {...(onRetry ? { onRetry } : {})} />}
    </div>
  );
}
