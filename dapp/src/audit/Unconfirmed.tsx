import { useEffect } from "preact/hooks";
import { Notice } from "../parts/Notice";
import { words } from "../words";

const AGAIN = 10_000;

/** A settlement whose block may still be replaced: it is asked for again until it is final. */
export function Unconfirmed({ again }: { again: () => void }) {
  const w = words.value.audit.one;
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") again();
    }, AGAIN);
    return () => clearInterval(timer);
  }, [again]);
  return (
    <div data-where="settlement" data-state="unconfirmed">
      <Notice title={w.unconfirmed}>
        <p>{w.unconfirmedText}</p>
      </Notice>
    </div>
  );
}
