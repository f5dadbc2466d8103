import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { language } from "../words";

export interface Resource<T> {
  data: T | undefined;
  error: Error | undefined;
  loading: boolean;
  /** Asks again now; what is shown stays until the answer comes. */
  reload: () => void;
}

/**
 * What `load` answers, asked again when `key` changes, on `reload`, every `every` milliseconds
 * while the page is visible, after an error when there is a network again, and when the reader
 * chooses another language, for answers hold sentences. An error leaves the last data in place.
 */
export function useResource<T>(load: () => Promise<T>, key: string, every?: number): Resource<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: Error; loading: boolean }>({
    key,
    loading: true,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const spoken = language.value;
  useEffect(() => {
    let ended = false;
    setState((old) => (old.key === key ? { ...old, loading: true } : { key, loading: true }));
    latest.current().then(
      (data) => ended || setState({ key, data, loading: false }),
      (error: unknown) =>
        ended ||
        setState((old) => ({
          ...old,
          error: error instanceof Error ? error : new Error(String(error)),
          loading: false,
        })),
    );
    return () => {
      ended = true;
    };
  }, [key, turn, spoken]);
  useEffect(() => {
    if (!every) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") setTurn((n) => n + 1);
    }, every);
    return () => clearInterval(timer);
  }, [every]);
  const failed = state.error !== undefined;
  useEffect(() => {
    if (!failed) return;
    // what failed without a network is asked for again when there is one
    const again = (): void => setTurn((n) => n + 1);
    window.addEventListener("online", again);
    return () => window.removeEventListener("online", again);
  }, [failed]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const current = state.key === key;
  return {
    data: current ? state.data : undefined,
    error: current ? state.error : undefined,
    loading: state.loading,
    reload,
  };
}
