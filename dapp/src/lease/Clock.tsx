import { useEffect, useState } from "preact/hooks";
import { now } from "../api/clock";
import { words } from "../words";
import { time } from "../words/format";
import { left } from "./stage";

/** So many minutes before the end it is said, once each. */
const SAID = [5, 15];

/** The time that is left; a screen reader hears of it when little is left, not every minute. */
export function Clock({ end, zone }: { end: string; zone: string | undefined }) {
  const [at, setAt] = useState(now());
  useEffect(() => {
    const timer = setInterval(() => setAt(now()), 5000);
    return () => clearInterval(timer);
  }, []);
  const w = words.value.lease.stay;
  const { hours, minutes } = left(end, at);
  const soon = SAID.find((one) => hours === 0 && minutes <= one);
  return (
    <div>
      <p class="big number" data-where="lease" data-state="left" role="timer">
        {w.left(hours, minutes)}
      </p>
      <p class="soft">{w.until(time(end, zone))}</p>
      <p role="status">{soon && w.soon(soon)}</p>
    </div>
  );
}
