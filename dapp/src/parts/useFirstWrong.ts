/** On a phone what is wrong may be far above the button that was pressed: it is brought into sight. */
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/**
 * A form, and what to call after each try: the first field that is wrong by then has the focus.
 * Without one nothing happens.
 */
export function useFirstWrong<T extends HTMLElement>(): [RefObject<T>, () => void] {
  const form = useRef<T>(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const first = tries ? form.current?.querySelector<HTMLElement>(WRONG) : null;
    if (!first) return;
    first.focus({ preventScroll: true });
    first.scrollIntoView({ block: "center" });
  }, [tries]);
  return [form, () => setTries((n) => n + 1)];
}

/** A field, or the words about something that is none: painted hours. */
const WRONG = '[aria-invalid="true"], .wrong';
