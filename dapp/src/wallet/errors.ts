/** What can go wrong between us and a wallet, as errors with a stable kind. */

export type WalletProblem =
  /** The person said no. */
  | "rejected"
  /** The wallet is asking already, perhaps in another window. */
  | "pending"
  /** The wallet is locked, or shows us no account. */
  | "locked"
  /** The wallet is on another chain and would not change. */
  | "chain"
  /** The wallet cannot do what is asked of it. */
  | "unsupported"
  /** No ether for the network's fee. */
  | "funds"
  /** Another account was chosen while something was going on. */
  | "changed"
  /** The session ended while something was going on. */
  | "over"
  /** The wallet lost its connection, or is gone. */
  | "disconnected"
  /** The wallet's node does not answer, or has too much to do. */
  | "node"
  /** What the server prepared is not what was asked for. */
  | "tampered"
  /** The wallet says something that nobody here knows. */
  | "unknown";

export class WalletError extends Error {
  readonly problem: WalletProblem;
  /** The wallet's own words, or what differs: for people who ask for details. */
  readonly detail: string;

  constructor(problem: WalletProblem, detail = "") {
    super(detail || problem);
    this.name = "WalletError";
    this.problem = problem;
    this.detail = detail;
  }
}

/** The person closed the sheet: nothing went wrong and there is nothing to say. */
export class Dismissed extends Error {
  constructor() {
    super("dismissed");
    this.name = "Dismissed";
  }
}

/** The contract would refuse, or has refused; a sentence for each language, or the server's own. */
export class Refused extends Error {
  readonly code: string;
  readonly sentence: { en: string; zh: string } | string;
  readonly detail: string;

  constructor(code: string, sentence: { en: string; zh: string } | string, detail = "") {
    super(code);
    this.name = "Refused";
    this.code = code;
    this.sentence = sentence;
    this.detail = detail;
  }
}

const MOST_DETAIL = 300;

/** A wallet's error in our terms. Wallets wrap each other's errors: the innermost known one counts. */
export function readWalletError(error: unknown): WalletError | Refused | Dismissed {
  if (error instanceof WalletError || error instanceof Refused || error instanceof Dismissed) {
    return error;
  }
  const layers = unwrap(error);
  const text = layers.map((layer) => layer.message).join(" · ");
  const detail = text.slice(0, MOST_DETAIL);
  for (const layer of layers) {
    const problem = problemOf(layer.code, layer.message);
    if (problem) return new WalletError(problem, detail);
  }
  return new WalletError("unknown", detail);
}

/** The revert's bytes somewhere in a wallet's error, if it holds any. */
export function revertData(error: unknown): `0x${string}` | null {
  for (const layer of unwrap(error)) {
    const found = /^0x(?:[0-9a-f]{2}){4,}$/i.test(layer.data) ? layer.data : null;
    if (found) return found as `0x${string}`;
  }
  return null;
}

interface Layer {
  code: number | string | undefined;
  message: string;
  data: string;
}

function unwrap(error: unknown): Layer[] {
  const layers: Layer[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 6 && typeof current === "object" && current !== null; depth++) {
    const found = current as Record<string, unknown>;
    const data = found["data"];
    layers.push({
      code:
        typeof found["code"] === "number" || typeof found["code"] === "string"
          ? found["code"]
          : undefined,
      message: typeof found["message"] === "string" ? found["message"] : "",
      data: typeof data === "string" ? data : "",
    });
    const inside = typeof data === "object" && data !== null ? data : undefined;
    current =
      (inside as { originalError?: unknown } | undefined)?.originalError ??
      found["cause"] ??
      found["error"] ??
      inside;
  }
  if (typeof error === "string") layers.push({ code: undefined, message: error, data: "" });
  return layers;
}

const REJECTED =
  /user (?:rejected|denied|cancel)|rejected by (?:the )?user|denied by (?:the )?user/i;
const FUNDS = /insufficient (?:funds|balance for)|enough funds|exceeds the balance|upfront cost/i;
const NODE = /failed to fetch|network ?error|timed? ?out|too many requests|rate.?limit/i;

function problemOf(
  code: number | string | undefined,
  message: string,
): WalletError["problem"] | null {
  if (code === 4001 || code === "ACTION_REJECTED" || REJECTED.test(message)) return "rejected";
  if (code === -32002 && !NODE.test(message)) return "pending";
  if (code === 4100) return "locked";
  if (code === 4900 || code === 4901) return "disconnected";
  if (code === 4902) return "chain";
  if (code === 4200 || code === -32601 || code === -32004) return "unsupported";
  if (FUNDS.test(message) || code === "INSUFFICIENT_FUNDS") return "funds";
  if (code === -32005 || NODE.test(message)) return "node";
  return null;
}
