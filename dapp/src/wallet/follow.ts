/** What becomes of something signed: asked until it is confirmed, has failed, or is gone. */
import { intentState, type IntentState } from "../api/intents";
import { ApiError } from "../api/problem";

export type { IntentState };

const SETTLED: readonly string[] = ["confirmed", "failed", "gone"];

export interface Rhythm {
  /** Between two questions, milliseconds. */
  pause: number;
  /** Between two questions while nobody answers, at most. */
  longest: number;
  /** A transaction that nobody has heard of yet may still be on its way so long. */
  patience: number;
}
const RHYTHM: Rhythm = { pause: 1000, longest: 8000, patience: 90_000 };

/**
 * Tells each new state, and resolves with the last one. A network that is away is bridged; what the
 * service refuses is thrown, and `signal`'s reason when it is aborted.
 */
export async function follow(
  id: string,
  onState: (state: IntentState) => void,
  signal?: AbortSignal,
  rhythm: Rhythm = RHYTHM,
): Promise<IntentState> {
  const began = Date.now();
  let pause = rhythm.pause;
  let told = "";
  for (;;) {
    signal?.throwIfAborted();
    try {
      const state = await intentState(id, signal);
      signal?.throwIfAborted();
      const text = JSON.stringify(state);
      if (text !== told) onState(state);
      told = text;
      if (SETTLED.includes(state.state)) return state;
      pause = rhythm.pause;
    } catch (error) {
      signal?.throwIfAborted();
      if (!passing(error, Date.now() - began < rhythm.patience)) throw error;
      pause = Math.min(pause * 2, rhythm.longest);
    }
    await wait(pause, signal);
  }
}

/** No network, a service that restarts, a transaction that has not come around yet. */
function passing(error: unknown, early: boolean): boolean {
  if (!(error instanceof ApiError)) return false;
  return (
    error.offline || error.status >= 500 || error.status === 429 || (early && error.status === 404)
  );
}

function wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done);
  });
}
