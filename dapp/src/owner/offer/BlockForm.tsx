import { useState } from "preact/hooks";
import type { Schemas } from "../../api/client";
import { now } from "../../api/clock";
import { encode } from "../../chain/market";
import { momentOf, SLOT, soonest, wallOf, type Zone } from "../../driver/slots";
import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";
import { useWork, WorkState } from "../../parts/useWork";
import { words } from "../../words";
import { duration } from "./said";

const LENGTHS = [60, 120, 240, 480, 1440, 2880, 4320, 10080] as const;
const SLOT_MINUTES = 15;

/** A time that the owner wants the space for, by the space's clock. */
export function BlockForm({
  space,
  zone,
  onDone,
  onClose,
}: {
  space: Schemas["SpaceDetailOut"];
  zone: Zone;
  onDone: () => void;
  onClose: () => void;
}) {
  const w = words.value.offer.block;
  const [at, setAt] = useState(() => wallOf(soonest(now()), zone));
  const [minutes, setMinutes] = useState(120);
  const [wrong, setWrong] = useState<"none" | "quarter" | null>(null);
  const { work, run } = useWork();
  const running = work.kind === "asking" || work.kind === "following";
  async function block(): Promise<void> {
    const moment = momentOf(at, zone);
    const slot = moment === null ? null : moment / SLOT;
    const bad = slot === null ? "none" : Number.isInteger(slot) ? null : "quarter";
    setWrong(bad);
    if (bad || slot === null) return;
    const call = encode("blockSlots", [
      BigInt(space.id),
      BigInt(slot),
      BigInt(minutes / SLOT_MINUTES),
    ]);
    if (await run(call)) onDone();
  }
  return (
    <div class="stack" data-where="own-space" data-state="block">
      <h3>{w.title}</h3>
      <p class="soft">{w.text}</p>
      <div class="offer-pair">
        <Field label={w.date}>
          {(input) => (
            <input
              {...input}
              type="date"
              value={at.date}
              onInput={(event) => setAt({ ...at, date: event.currentTarget.value })}
            />
          )}
        </Field>
        <Field label={w.time} wrong={wrong && w[wrong]}>
          {(input) => (
            <input
              {...input}
              type="time"
              step={900}
              value={at.time}
              onInput={(event) => setAt({ ...at, time: event.currentTarget.value })}
            />
          )}
        </Field>
        <Field label={w.length}>
          {(input) => (
            <select
              {...input}
              value={minutes}
              onChange={(event) => setMinutes(Number(event.currentTarget.value))}
            >
              {LENGTHS.map((one) => (
                <option key={one} value={one}>
                  {duration(one)}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <WorkState work={work} done={w.done} />
      <div class="row">
        <Button kind="main" onPress={block} disabled={running}>
          {w.go}
        </Button>
        <Button onPress={onClose}>{words.value.common.close}</Button>
      </div>
    </div>
  );
}
