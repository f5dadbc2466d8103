import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** What a screen calls itself; null: as its route is called. */
export const ownTitle = signal<string | null>(null);

/** Names the document while the component is there: "Elm Street 3 · Berth". */
export function useTitle(title: string | null | undefined): void {
  useEffect(() => {
    ownTitle.value = title ?? null;
    return () => {
      ownTitle.value = null;
    };
  }, [title]);
}
