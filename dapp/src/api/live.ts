/**
 * What happens, as it happens: one stream of /v1/events for the whole page, resumed without a gap.
 * It rests while nobody listens and while the page is hidden for long.
 */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { sessionEnded } from "./problem";
import { parser, type Message } from "./sse";

export interface LiveEvent {
  /** Null for "index", which is not kept. */
  id: number | null;
  /** As docs/api.md names them: "lease.booked", "lock.unlocked", "index". */
  topic: string;
  at: string | null;
  leaseId: string | null;
  spaceId: string | null;
  data: Record<string, unknown>;
}

type Listener = (event: LiveEvent) => void;

/** Is the stream open? Null before the first try. */
export const streaming = signal<boolean | null>(null);

const listeners = new Set<Listener>();
/** Where to resume after a break. */
let place: number | null = null;
let running: AbortController | null = null;
let resting: ReturnType<typeof setTimeout> | undefined;

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;
/** A hidden page keeps its stream so long: a glance at the wallet must not cost the connection. */
const HIDDEN = 60_000;
/** The service says something at least every 15 s. */
const SILENCE = 40_000;

/** Tells every event until the function that it gives is called. */
export function live(listener: Listener): () => void {
  listeners.add(listener);
  if (!running) start();
  return () => {
    listeners.delete(listener);
    // a change of screens takes the last listener away for a moment only
    if (!listeners.size) setTimeout(() => listeners.size || stop(), 2000);
  };
}

/** Events whose topic begins so, while the component is there. */
export function useLive(prefix: string, listener: Listener): void {
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(
    () => live((event) => event.topic.startsWith(prefix) && latest.current(event)),
    [prefix],
  );
}

/** Another account sees other events: the stream is asked for anew, from where it was. */
export function restartLive(): void {
  if (!running) return;
  stop();
  start();
}

function start(): void {
  document.addEventListener("visibilitychange", onVisibility);
  running = new AbortController();
  void run(running.signal);
}

function stop(): void {
  running?.abort();
  running = null;
  streaming.value = null;
}

function onVisibility(): void {
  clearTimeout(resting);
  if (document.visibilityState === "hidden") resting = setTimeout(stop, HIDDEN);
  else if (listeners.size && !running) start();
}

async function run(signal: AbortSignal): Promise<void> {
  for (let pause = FIRST_PAUSE; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    try {
      await read(signal, () => {
        pause = FIRST_PAUSE;
        streaming.value = true;
      });
    } catch {
      // whatever broke it, the next try says more
    }
    if (signal.aborted) return;
    streaming.value = false;
    await online(pause, signal);
  }
}

async function read(outer: AbortSignal, opened: () => void): Promise<void> {
  const mine = new AbortController();
  const abort = (): void => mine.abort();
  outer.addEventListener("abort", abort);
  let watchdog: ReturnType<typeof setTimeout> | undefined;
  function heard(): void {
    clearTimeout(watchdog);
    watchdog = setTimeout(abort, SILENCE);
  }
  try {
    heard();
    const response = await fetch("/v1/events", {
      headers: {
        Accept: "text/event-stream",
        ...(place === null ? {} : { "Last-Event-ID": String(place) }),
      },
      credentials: "same-origin",
      cache: "no-store",
      signal: mine.signal,
    });
    if (!response.ok || !response.body) throw new Error(`events: ${response.status}`);
    opened();
    const take = parser(tell);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || outer.aborted) return;
      heard();
      take(value);
    }
  } finally {
    clearTimeout(watchdog);
    outer.removeEventListener("abort", abort);
    mine.abort();
  }
}

function tell(message: Message): void {
  if (message.event === "session.over") return sessionEnded();
  const event = readEvent(message);
  if (!event) return;
  if (event.id !== null) place = event.id;
  for (const listener of [...listeners]) listener(event);
}

export function readEvent({ id, event, data }: Message): LiveEvent | null {
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(data) as Record<string, unknown>;
  } catch {
    return null;
  }
  const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
  const row = id !== null && /^\d+$/.test(id);
  return {
    id: row ? Number(id) : null,
    topic: event,
    at: text(body["at"]),
    leaseId: text(body["leaseId"]),
    spaceId: text(body["spaceId"]),
    data: row ? ((body["data"] as Record<string, unknown> | null) ?? {}) : body,
  };
}

/** Waits; less when the network comes back. */
function online(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    }
    window.addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}
