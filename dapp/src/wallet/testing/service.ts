/** The service, for tests: answers to the requests that the wallet's code makes. */
import { vi } from "vitest";
import { config, type Config } from "../../config";

export const MARKET = "0x1111111111111111111111111111111111111111";
export const FORWARDER = "0x2222222222222222222222222222222222222222";
export const ASSET = "0x3333333333333333333333333333333333333333";

/** An installation on a local chain. */
export function install(chain: Partial<Record<string, unknown>> = {}): void {
  config.value = {
    chain: {
      id: 1337,
      genesisHash: `0x${"00".repeat(32)}`,
      name: "Local",
      rpcUrls: ["http://127.0.0.1:8545"],
      local: false,
      ...chain,
    },
    contracts: { market: MARKET, forwarder: FORWARDER, asset: ASSET, titles: MARKET },
    sponsor: null,
    local: { guest: true, funds: true, titles: true, vehicles: true },
    currency: { symbol: "tEUR", decimals: 6 },
  } as unknown as Config;
}

export interface Asked {
  method: string;
  path: string;
  body: Record<string, unknown>;
}

export type Answer = { status?: number; body?: unknown } | "offline";

/** Replaces `fetch`; `answers` by "METHOD /path". What is asked for is kept in the list it gives. */
export function serve(answers: Record<string, Answer | ((request: Asked) => Answer)>): Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal("fetch", async (given: Request | string) => {
    const request = typeof given === "string" ? new Request(new URL(given, location.href)) : given;
    const text = await request.text();
    const one: Asked = {
      method: request.method,
      path: new URL(request.url).pathname,
      body: text ? (JSON.parse(text) as Record<string, unknown>) : {},
    };
    asked.push(one);
    const found = answers[`${one.method} ${one.path}`];
    const answer = typeof found === "function" ? found(one) : found;
    if (!answer || answer === "offline") throw new TypeError("Failed to fetch");
    const { status = 200, body } = answer;
    return new Response(status === 204 ? null : JSON.stringify(body ?? {}), {
      status,
      headers: { "Content-Type": status < 400 ? "application/json" : "application/problem+json" },
    });
  });
  return asked;
}

/** What a sign-in needs. */
export function session(address: string): Record<string, Answer> {
  return {
    "POST /v1/session/nonce": {
      status: 201,
      body: {
        nonce: "abcdefgh12345678",
        domain: "elsewhere.example",
        uri: "https://elsewhere.example",
        chainId: 1,
        issuedAt: "2026-11-21T08:00:00Z",
        expiresAt: "2026-11-21T08:10:00Z",
      },
    },
    "POST /v1/session": { status: 201, body: { address, expiresAt: "2026-11-21T20:00:00Z" } },
    "DELETE /v1/session": { status: 204 },
    "GET /v1/me": { status: 200, body: { address } },
  };
}

export function problem(status: number, code: string, detail = code): Answer {
  return { status, body: { status, code, detail, errors: [] } };
}
