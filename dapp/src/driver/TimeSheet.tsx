import { useState } from "preact/hooks";
import { now } from "../api/clock";
import { Button } from "../parts/Button";
import { Sheet } from "../parts/Sheet";
import { words } from "../words";
import { spanOf, type Span, type Zone } from "./slots";
import { WhenField } from "./WhenField";

/** Another time for the same space. */
export function TimeSheet({
  span,
  zone,
  onTake,
  onClose,
}: {
  span: Span;
  zone: Zone;
  onTake: (span: Span) => void;
  onClose: () => void;
}) {
  const [start, setStart] = useState<number | null>(span.start > now() ? span.start : null);
  const [minutes, setMinutes] = useState((span.end - span.start) / 60_000);
  return (
    <Sheet title={words.value.driver.space.changeTime} onClose={onClose}>
      <div class="stack">
        <WhenField
          start={start}
          minutes={minutes}
          zone={zone}
          wrong={null}
          onChange={(part) => {
            if (part.start !== undefined) setStart(part.start);
            if (part.minutes !== undefined) setMinutes(part.minutes);
          }}
        />
        <Button kind="main wide" onPress={() => onTake(spanOf(start, minutes, now()))}>
          {words.value.driver.space.takeTime}
        </Button>
      </div>
    </Sheet>
  );
}
