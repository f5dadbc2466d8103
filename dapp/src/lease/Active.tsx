import { useState } from "preact/hooks";
import { config } from "../config";
import { Notice } from "../parts/Notice";
import { words } from "../words";
import { dateTime, time } from "../words/format";
import { Arrive } from "./Arrive";
import { Cancel } from "./Cancel";
import { Claimed } from "./Claimed";
import { Clock } from "./Clock";
import { LocalTools } from "./LocalTools";
import { Lock } from "./Lock";
import { Place } from "./Place";
import { Simulated } from "./Simulated";
import { showsBar, type Detail, type Stage } from "./stage";

/** While the car may still come, or stands there. */
const ON_THE_WAY: readonly Stage[] = ["early", "arrive", "stay", "overstay"];

/** A confirmed lease that is not over: what to do now, and where. */
export function Active({
  lease,
  stage,
  zone,
  reload,
}: {
  lease: Detail;
  stage: Stage;
  /** The space's own, once it is known. */
  zone: string | undefined;
  reload: () => void;
}) {
  const w = words.value.lease;
  const grace = config.value?.policy.graceMinutes ?? 0;
  const early = config.value?.policy.earlySeconds ?? 0;
  const mine = lease.disputedBy === lease.role;
  return (
    <>
      {lease.disputed && (
        <div data-where="lease" data-state={mine ? "disputed-mine" : "disputed-theirs"}>
          <Notice tone="warn" title={mine ? w.disputed.mine : w.disputed.theirs}>
            <p>{w.disputed.text(dateTime(lease.times.disputeUntil, zone))}</p>
          </Notice>
        </div>
      )}
      {stage === "early" && (
        <Notice title={w.early.title}>
          <p>{w.early.text(time(new Date(Date.parse(lease.window.start) - early * 1000), zone))}</p>
        </Notice>
      )}
      {stage === "arrive" && <Arrive lease={lease} reload={reload} />}
      {stage === "missed" && (
        <Notice tone="warn" title={w.missed.title}>
          <p>
            {(lease.noShowCharge === "0" ? w.missed.free : w.missed.text)(
              dateTime(lease.times.evidenceUntil, zone),
            )}
          </p>
        </Notice>
      )}
      {stage === "stay" && (
        <section class="card stack">
          <h2>{w.stay.title}</h2>
          <Clock end={lease.window.end} zone={zone} />
          <p>{w.stay.text}</p>
          <Leaves lease={lease} reload={reload} />
        </section>
      )}
      {stage === "overstay" && (
        <Notice tone="bad" title={w.stay.over}>
          <p>
            {w.stay.overText(
              grace,
              time(new Date(Date.parse(lease.window.end) + grace * 60_000), zone),
            )}
          </p>
          <Leaves lease={lease} reload={reload} />
        </Notice>
      )}
      {stage === "leaving" && (
        <Notice title={w.leaving.title}>
          <p>{w.leaving.text}</p>
        </Notice>
      )}
      {stage === "claimed" && <Claimed lease={lease} zone={zone} reload={reload} />}
      {stage === "owner" && !lease.disputed && <Notice title={lease.stateSentence} />}
      {showsBar(lease, stage, early) && <Lock lock={lease.lock} />}
      {lease.role === "driver" && ON_THE_WAY.includes(stage) && <Place lease={lease} zone={zone} />}
      <LocalTools lease={lease} stage={stage} reload={reload} />
      <Cancel lease={lease} reload={reload} />
    </>
  );
}

/** Where the car is simulated, the way out is a button. */
function Leaves({ lease, reload }: { lease: Detail; reload: () => void }) {
  const [moved, setMoved] = useState(false);
  return (
    <Simulated
      lease={lease}
      event="leaves"
      seen={words.value.lease.local.left}
      moved={moved}
      onMoved={setMoved}
      reload={reload}
    />
  );
}
