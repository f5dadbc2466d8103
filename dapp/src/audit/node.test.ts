import { BaseError, HttpRequestError, RpcRequestError, TimeoutError } from "viem";
import { describe, expect, test } from "vitest";
import { whyOf } from "./node";

const ask = { url: "http://node.example", body: { method: "eth_call" } };

describe("why a node could not be read", () => {
  test("nobody answers there, or not in time", () => {
    expect(whyOf(new HttpRequestError(ask))).toEqual({ what: "silent" });
    expect(whyOf(new TimeoutError(ask))).toEqual({ what: "silent" });
    const cause = new HttpRequestError(ask);
    expect(whyOf(new BaseError("reading failed", { cause }))).toEqual({ what: "silent" });
  });

  test("something answers that is no node", () => {
    const error = new HttpRequestError({ ...ask, status: 405 });
    expect(whyOf(error)).toEqual({ what: "refused", said: "HTTP 405" });
  });

  test("the node refuses, in its own words", () => {
    const error = new RpcRequestError({ ...ask, error: { code: -32005, message: "too much" } });
    expect(whyOf(error)).toEqual({ what: "refused", said: "too much" });
    expect(whyOf("odd")).toEqual({ what: "refused", said: "odd" });
  });
});
