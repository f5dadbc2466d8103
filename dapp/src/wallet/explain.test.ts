import { afterEach, describe, expect, test } from "vitest";
import { ApiError } from "../api/problem";
import { language } from "../words";
import { Dismissed, Refused, WalletError } from "./errors";
import { explain } from "./explain";

afterEach(() => {
  language.value = "en";
});

const service = (status: number, code: string, detail = ""): ApiError =>
  new ApiError({ status, code, detail, errors: [] });
const CHINESE = /[\u4e00-\u9fff]/;

describe.each(["en", "zh"] as const)("in %s", (tongue) => {
  test.each([
    new WalletError("rejected"),
    new WalletError("chain"),
    new WalletError("tampered", "data"),
    { code: 4001, message: "User rejected the request." },
    { code: -32002, message: "Already processing" },
    new Dismissed(),
    new Refused("Berth_Paused", { en: "It is paused.", zh: "已暂停。" }),
    service(0, "net.offline"),
    service(401, "session.required"),
    service(401, "session.nonce"),
    service(409, "intent.busy"),
    service(429, "intent.limit"),
    service(500, "internal"),
    new TypeError("x is not a function"),
    "text",
    undefined,
  ])("%o has a title and says what to do", (error) => {
    language.value = tongue;
    const { title, text } = explain(error);
    expect(title.length).toBeGreaterThan(2);
    expect(text.length).toBeGreaterThan(3);
    expect(CHINESE.test(title)).toBe(tongue === "zh");
    expect(CHINESE.test(text)).toBe(tongue === "zh");
  });
});

test("what the service says in the reader's language is shown as it is", () => {
  expect(explain(service(409, "chain.Berth_NewName", "已暂停。")).text).toBe("已暂停。");
  expect(explain(new Refused("Berth_X", "Somebody was faster.")).text).toBe("Somebody was faster.");
});

test("a tampered preparation names what differs and is not tried again", () => {
  const told = explain(new WalletError("tampered", "spender"));
  expect(told.text).toContain("spender");
  expect(told.retry).toBe(false);
});

test("a refusal of the contract is not tried again unchanged; a lost network is", () => {
  expect(explain(new Refused("Berth_X", "no")).retry).toBe(false);
  expect(explain(service(0, "net.offline")).retry).toBe(true);
  expect(explain(service(422, "stay.past")).retry).toBe(false);
});

test("a mistake of our own is not blamed on the wallet", () => {
  expect(explain(new TypeError("x")).title).toBe("Something went wrong here");
});

test("what a contract refused is told in the language that is read now", () => {
  const error = new ApiError({
    status: 409,
    code: "chain.Berth_OfferNotLive",
    detail: "The offer was withdrawn. (Berth_OfferNotLive(offer=2))",
    errors: [],
  });
  expect(explain(error).text).toBe("The offer was withdrawn, or is not one of this space.");
  language.value = "zh";
  expect(explain(error).text).toMatch(/^[^A-Za-z]+$/);
});

test("what a contract refused, and nobody here has words for, is told without its figures", () => {
  const detail = "The offer was withdrawn. (Berth_NewName(spaceId=0x0365924f00000077, offer=2))";
  const error = new ApiError({ status: 409, code: "chain.Berth_NewName", detail, errors: [] });
  expect(explain(error).text).toBe("The offer was withdrawn.");
});
