import { useEffect } from "preact/hooks";

const AGAIN = 10_000;

/** What is not final yet is asked for again until it is; a page that nobody sees asks nothing. */
export function useAgain(again: () => void, wanted = true): void {
  useEffect(() => {
    if (!wanted) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") again();
    }, AGAIN);
    return () => clearInterval(timer);
  }, [again, wanted]);
}
