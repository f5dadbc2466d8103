import { useState } from "preact/hooks";
import { ask, client } from "../api/client";
import { config } from "../config";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { words } from "../words";
import type { Detail } from "./stage";

export type Move = "arrives" | "stranger" | "leaves";

/** Are the cars before this lease's lock simulated, and the reader's to move? */
export function movable(lease: Detail): boolean {
  return config.value?.local?.cars === true && lease.role === "driver";
}

export async function moveCar(leaseId: string, event: Move): Promise<void> {
  const params = { path: { leaseId } };
  await ask(client.POST("/v1/local/leases/{leaseId}/car", { params, body: { event } }));
}

/** For trying out: the move of the car that a step waits for, beside the step. */
export function Simulated({
  lease,
  event,
  seen,
  known = false,
  moved,
  onMoved,
  reload,
}: {
  lease: Detail;
  event: Exclude<Move, "stranger">;
  /** What has come of it, once the car has moved. */
  seen: string;
  /** That all of it is simulated has been told before. */
  known?: boolean;
  moved: boolean;
  onMoved: (moved: boolean) => void;
  reload: () => void;
}) {
  const w = words.value.lease.local;
  const [error, setError] = useState<unknown>(null);
  if (!movable(lease)) return null;

  async function move(): Promise<void> {
    setError(null);
    onMoved(false);
    try {
      await moveCar(lease.id, event);
      onMoved(true);
    } catch (failed) {
      setError(failed);
    } finally {
      reload();
    }
  }
  return (
    <div class="simulated stack" data-where="lease" data-state={`simulated-${event}`}>
      <p role="status" class={moved ? "seen" : "soft small"}>
        {moved ? seen : !known && w.step}
      </p>
      <Failure error={error} onRetry={move} />
      <Button kind="wide" onPress={move} busy={w.driving}>
        {w[event]}
      </Button>
    </div>
  );
}
