import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { language } from "../words";

export interface Resource<T> {
  data: T | undefined;
  error: Error | undefined;
  loading: boolean;
  /**
   * Asks again now, and drops what is under way: it was asked before what this reload is for. What
   * is shown stays until the answer comes.
   */
  reload: () => void;
  /**
   * Asks again now, or once more after what is under way. For news that may come faster than
   * answers do: with `reload` none of them would ever be taken.
   */
  refresh: () => void;
}

/**
 * What `load` answers, asked again when `key` changes, on `reload` and `refresh`, every `every`
 * milliseconds while the page is visible and nothing is under way, after an error when there is a
 * network again, and when the reader chooses another language, for answers hold sentences. An error
 * leaves the last data in place, and stays until something is answered.
 */
export function useResource<T>(load: () => Promise<T>, key: string, every?: number): Resource<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: Error; loading: boolean }>({
    key,
    loading: true,
  });
  const [turn, setTurn] = useState(0);
  const underway = useRef(false);
  /** Something new has been heard of since what is under way was asked for. */
  const newer = useRef(false);
  const latest = useRef(load);
  latest.current = load;
  const spoken = language.value;
  useEffect(() => {
    let ended = false;
    underway.current = true;
    newer.current = false;
    function end(): void {
      underway.current = false;
      if (newer.current) setTurn((n) => n + 1);
    }
    setState((old) => (old.key === key ? { ...old, loading: true } : { key, loading: true }));
    latest.current().then(
      (data) => {
        if (ended) return;
        setState({ key, data, loading: false });
        end();
      },
      (error: unknown) => {
        if (ended) return;
        setState((old) => ({
          ...old,
          error: error instanceof Error ? error : new Error(String(error)),
          loading: false,
        }));
        end();
      },
    );
    return () => {
      ended = true;
    };
  }, [key, turn, spoken]);
  useEffect(() => {
    if (!every) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible" && !underway.current) setTurn((n) => n + 1);
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
  const refresh = useCallback(() => {
    if (underway.current) newer.current = true;
    else setTurn((n) => n + 1);
  }, []);
  const current = state.key === key;
  return {
    data: current ? state.data : undefined,
    error: current ? state.error : undefined,
    loading: state.loading,
    reload,
    refresh,
  };
}
