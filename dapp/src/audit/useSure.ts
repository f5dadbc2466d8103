import { useEffect, useRef, useState } from "preact/hooks";
import type { Verified } from "./node";

/** So often the chain is read again before what differs is told all the same. */
const READINGS = 3;

/** Whether a difference may be told: a block that the chain has replaced since it was read accuses
 * nobody; the chain is read `again` then. `differs`: null while nothing is compared. `answer`: what
 * the service said, by identity. */
export function useSure(
  differs: boolean | null,
  answer: unknown,
  verified: Verified | null,
  again: () => void,
): boolean {
  const [sure, setSure] = useState<readonly unknown[]>([]);
  const repeated = useRef(0);
  const latest = useRef(again);
  latest.current = again;
  useEffect(() => {
    if (differs === false) repeated.current = 0;
    if (!differs || !verified) return;
    let over = false;
    // a node that does not answer now has said what it said
    void verified
      .stands()
      .catch(() => true)
      .then((stands) => {
        if (over) return;
        if (stands || repeated.current >= READINGS) {
          repeated.current = 0;
          setSure([answer, verified]);
        } else {
          repeated.current += 1;
          latest.current();
        }
      });
    return () => {
      over = true;
    };
  }, [differs, answer, verified]);
  return sure[0] === answer && sure[1] === verified;
}
