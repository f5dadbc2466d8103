/** A network that says nothing, as under the ground, counts as none after a while. */

/** For an answer that only tells something, milliseconds. */
const READING = 20_000;
/** For one of something that is done meanwhile. */
const DOING = 45_000;
/** Where what was told before is kept, and shown instead; as the service worker has it for pages. */
export const PATIENCE = 4000;

/** `fetch` that fails, as it does without a network, when the answer is not there whole in time. */
export function limited(request: Request): Promise<Response> {
  const mine = new AbortController();
  const limit = request.method === "GET" ? READING : DOING;
  // it runs on while the body comes; what has come whole cannot be broken off any more
  setTimeout(() => mine.abort(new DOMException("no answer", "TimeoutError")), limit);
  const leave = (): void => mine.abort(request.signal.reason);
  if (request.signal.aborted) leave();
  else request.signal.addEventListener("abort", leave, { once: true });
  // looked up at each request, so that tests can answer in the service's place
  return globalThis.fetch(new Request(request, { signal: mine.signal }));
}

/** What `answer` comes to; `kept` where it is not there soon. The question goes on meanwhile. */
export function soonOr<T, K>(answer: Promise<T>, kept: K): Promise<T | K> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<K>((resolve) => {
    timer = setTimeout(() => resolve(kept), PATIENCE);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
