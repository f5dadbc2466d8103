import { words } from "../words";
import { date, offsetOf, sameClock, time } from "../words/format";

/**
 * A moment, or a run of time, by the clock of a place; the place's offset is told when the reader's
 * own clock shows something else.
 */
export function When({ at, until, zone }: { at: string; until?: string; zone?: string }) {
  const oneDay = until !== undefined && date(at, zone) === date(until, zone);
  return (
    <span class="number">
      <time dateTime={at}>
        {date(at, zone)} {time(at, zone)}
      </time>
      {until !== undefined && (
        <>
          {" – "}
          <time dateTime={until}>
            {oneDay ? "" : `${date(until, zone)} `}
            {time(until, zone)}
          </time>
        </>
      )}
      {zone && !sameClock(at, zone) && (
        <span class="soft"> {words.value.common.there(offsetOf(at, zone))}</span>
      )}
    </span>
  );
}
