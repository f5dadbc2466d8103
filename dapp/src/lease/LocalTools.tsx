import { useState } from "preact/hooks";
import { ask, client } from "../api/client";
import { now } from "../api/clock";
import { config, refresh } from "../config";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { words } from "../words";
import { moveCar, type Move } from "./Simulated";
import type { Detail, Stage } from "./stage";

/** For trying out: a simulated car before the lock, and a chain whose clock may be moved. */
export function LocalTools({
  lease,
  stage,
  reload,
}: {
  lease: Detail;
  stage: Stage;
  reload: () => void;
}) {
  const w = words.value.lease.local;
  const [error, setError] = useState<unknown>(null);
  const local = config.value?.local;
  if (!local || lease.role !== "driver") return null;

  async function run(work: () => Promise<unknown>): Promise<void> {
    setError(null);
    try {
      await work();
    } catch (failed) {
      setError(failed);
    } finally {
      reload();
    }
  }
  const car = (event: Move) => () => run(() => moveCar(lease.id, event));
  const start = Date.parse(lease.window.start);
  const end = Date.parse(lease.window.end);
  const ahead = stage === "early" ? start : end;
  const seconds = Math.min(86_400, Math.ceil((ahead - now()) / 1000) + 1);
  const move = (): Promise<void> =>
    run(async () => {
      await ask(client.POST("/v1/local/time", { body: { seconds } }));
      await refresh();
    });
  // the moves that a step waits for stand beside the step
  const cars = local.cars && stage === "arrive";
  const time = local.time && seconds > 1 && (stage === "early" || stage === "stay");
  if (!cars && !time) return null;
  return (
    <section class="card stack local" data-where="lease" data-state="local-tools">
      <h2>{w.title}</h2>
      <p class="soft">{w.text}</p>
      <Failure error={error} />
      <div class="row">
        {cars && (
          <>
            <Button onPress={car("stranger")}>{w.stranger}</Button>
            <Button onPress={car("leaves")}>{w.leaves}</Button>
          </>
        )}
        {time && <Button onPress={move}>{stage === "early" ? w.toStart : w.toEnd}</Button>}
      </div>
    </section>
  );
}
