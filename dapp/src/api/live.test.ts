import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { whenSessionEnds } from "./problem";
import { live, readEvent, type LiveEvent } from "./live";
import { parser, type Message } from "./sse";

function read(...chunks: string[]): Message[] {
  const found: Message[] = [];
  const take = parser((message) => found.push(message));
  for (const chunk of chunks) take(chunk);
  return found;
}

test("messages are read whole, wherever the stream is cut", () => {
  const text =
    'retry: 2000\n\nid: 7\r\nevent: lease.booked\r\ndata: {"a":1}\r\n\r\n: still here\n\ndata: x\ndata: y\n\n';
  const whole = read(text);
  expect(whole).toEqual([
    { id: "7", event: "lease.booked", data: '{"a":1}' },
    { id: null, event: "message", data: "x\ny" },
  ]);
  expect(read(...text)).toEqual(whole);
});

test("a row has an id and its data; the index has neither", () => {
  const row = { at: "2026-11-21T08:00:00Z", leaseId: "0x1", spaceId: null, data: { n: 1 } };
  expect(readEvent({ id: "9", event: "lease.booked", data: JSON.stringify(row) })).toEqual({
    id: 9,
    topic: "lease.booked",
    ...row,
  });
  expect(readEvent({ id: null, event: "index", data: '{"block":5}' })).toMatchObject({
    id: null,
    topic: "index",
    data: { block: 5 },
  });
  expect(readEvent({ id: null, event: "x", data: "not json" })).toBeNull();
});

/** A service whose streams are written by hand. */
class Streams {
  readonly opened: { after: string | null; write: (text: string) => void; end: () => void }[] = [];
  status = 200;

  readonly fetch = async (_url: string, init: RequestInit): Promise<Response> => {
    const after = (init.headers as Record<string, string>)["Last-Event-ID"] ?? null;
    if (this.status !== 200) return new Response("", { status: this.status });
    let control: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({ start: (given) => void (control = given) });
    init.signal?.addEventListener("abort", () => {
      try {
        control.error(new Error("aborted"));
      } catch {
        // it had ended
      }
    });
    this.opened.push({
      after,
      write: (text) => control.enqueue(new TextEncoder().encode(text)),
      end: () => control.close(),
    });
    return new Response(body);
  };
}

let streams: Streams;
beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  streams = new Streams();
  vi.stubGlobal("fetch", streams.fetch);
});
afterEach(async () => {
  await vi.advanceTimersByTimeAsync(3000);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});
const opened = (n: number) => vi.waitFor(() => expect(streams.opened.length).toBe(n), 40_000);

test("one stream serves all, and goes on after a break where it was", async () => {
  const first: LiveEvent[] = [];
  const second: string[] = [];
  const stops = [live((event) => first.push(event)), live((event) => second.push(event.topic))];
  await opened(1);
  expect(streams.opened[0]?.after).toBeNull();
  streams.opened[0]?.write('id: 41\nevent: lease.booked\ndata: {"leaseId":"0x1"}\n\n');
  await vi.waitFor(() => expect(first.length).toBe(1));
  expect(second).toEqual(["lease.booked"]);
  streams.opened[0]?.end();
  await vi.advanceTimersByTimeAsync(1500);
  await opened(2);
  expect(streams.opened[1]?.after).toBe("41");
  for (const stop of stops) stop();
});

test("a stream that falls silent is opened anew", async () => {
  const stop = live(() => undefined);
  await opened(1);
  await vi.advanceTimersByTimeAsync(45_000);
  await opened(2);
  stop();
});

test("a service that is full is asked again, later and later", async () => {
  streams.status = 503;
  const stop = live(() => undefined);
  await vi.advanceTimersByTimeAsync(500);
  streams.status = 200;
  await vi.advanceTimersByTimeAsync(5000);
  await opened(1);
  stop();
});

test("the end of the session is passed on", async () => {
  const over = vi.fn();
  const forget = whenSessionEnds(over);
  const stop = live(() => undefined);
  await opened(1);
  streams.opened[0]?.write("event: session.over\ndata: {}\n\n");
  await vi.waitFor(() => expect(over).toHaveBeenCalledOnce());
  stop();
  forget();
});

test("it rests when nobody listens", async () => {
  const stop = live(() => undefined);
  await opened(1);
  stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(streams.opened.length).toBe(1);
});
