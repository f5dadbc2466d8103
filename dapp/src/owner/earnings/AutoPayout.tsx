import { ask, client } from "../../api/client";
import { encode } from "../../chain/market";
import { Button } from "../../parts/Button";
import { Failure } from "../../parts/Failure";
import { useResource } from "../../parts/useResource";
import { useWork, WorkState } from "../../parts/useWork";
import { useLive } from "../../wallet";
import { words } from "../../words";

/** Whether others may have the credit sent to the account's own wallet. */
export function AutoPayout({ address }: { address: string }) {
  const w = words.value.earnings.auto;
  const me = useResource(() => ask(client.GET("/v1/me")), address);
  useLive("account.", me.reload);
  const { work, run } = useWork();
  const on = me.data?.autoPayout;
  const running = work.kind === "asking" || work.kind === "following";
  async function turn(): Promise<void> {
    if (await run(encode("setAutoPayout", [!on]))) me.reload();
  }
  return (
    <section class="card stack" data-auto={on === undefined ? undefined : on ? "on" : "off"}>
      <h2>{w.title}</h2>
      <p>{w.text}</p>
      <Failure error={me.error} onRetry={me.reload} />
      {on !== undefined && (
        <>
          <p role="status">
            <span class={`chip ${on ? "good" : ""}`}>{on ? `✓ ${w.on}` : `– ${w.off}`}</span>
          </p>
          <WorkState work={work} done={w.done} />
          <Button onPress={turn} disabled={running}>
            {on ? w.turnOff : w.turnOn}
          </Button>
        </>
      )}
    </section>
  );
}
