import { Notice } from "../parts/Notice";
import { useAgain } from "../parts/useAgain";
import { words } from "../words";

/** A settlement whose block may still be replaced: it is asked for again until it is final. */
export function Unconfirmed({ again }: { again: () => void }) {
  const w = words.value.audit.one;
  useAgain(again);
  return (
    <div data-where="settlement" data-state="unconfirmed">
      <Notice title={w.unconfirmed}>
        <p>{w.unconfirmedText}</p>
      </Notice>
    </div>
  );
}
