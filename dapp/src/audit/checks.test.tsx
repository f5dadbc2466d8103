import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { RpcRequestError } from "viem";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { install, problem, serve } from "../wallet/testing/service";
import { language } from "../words";
import { Checks } from "./Checks";
import type { Detail } from "./detail";
import * as node from "./node";
import { verifySettlement, type Check } from "./verify/one";

// what each check finds has tests of its own
vi.mock("./verify/one", () => ({ verifySettlement: vi.fn() }));
vi.mock("./node", async (original) => ({
  ...(await original<typeof import("./node")>()),
  verify: vi.fn(),
}));

const AGREES = "Everything agrees with the chain.";
const DIFFERS = "Something does not agree with the chain.";
const CHANGED = "What is shown here has changed since it was checked. Verify again.";
const ONE = "/v1/audit/settlements/7";

const reload = vi.fn();
const stands = vi.fn<node.Verified["stands"]>();
/** The chain's own amount: whoever shows another is found out. */
const CHAIN = "4";
/** What the service says, now. */
let said: Detail;

function settlement(rent = CHAIN, more: object = {}): Detail {
  return { number: 7, rent, final: false, charge: { rule: "By the minute." }, ...more } as Detail;
}

beforeEach(() => {
  install();
  said = settlement();
  stands.mockResolvedValue(true);
  vi.mocked(node.verify).mockImplementation(async () => {
    const verified = { stands } as unknown as node.Verified;
    node.verifying.value = { state: "done", verified };
    return verified;
  });
  vi.mocked(verifySettlement).mockImplementation(async (_, __, ___, { rent }) => [
    { name: "record", result: rent === CHAIN ? "right" : "wrong", detail: rent },
  ]);
});
afterEach(() => {
  cleanup();
  vi.resetAllMocks();
  vi.unstubAllGlobals();
  node.verifying.value = { state: "idle" };
  language.value = "en";
});

function Shown({ detail }: { detail: Detail }) {
  return <Checks number={7} detail={detail} reload={reload} />;
}

function shows(detail: Detail) {
  const asked = serve({ [`GET ${ONE}`]: () => ({ body: said }) });
  const { rerender } = render(<Shown detail={detail} />);
  return { asked, show: (other: Detail) => rerender(<Shown detail={other} />) };
}

function verifies(): void {
  fireEvent.click(screen.getByText("Verify"));
}

function judged(): Detail[] {
  return vi.mocked(verifySettlement).mock.calls.map((call) => call[3]);
}

test("what the service says after the chain was read is judged, and what the page shows is it", async () => {
  const { asked } = shows(settlement());
  verifies();
  await screen.findByText(AGREES);
  expect(vi.mocked(verifySettlement).mock.calls[0]?.[2]).toBe(7);
  expect(asked.map((one) => one.path)).toEqual([ONE]);
  expect(reload).not.toHaveBeenCalled();
});

test("a page that shows what the service said before takes over what was judged", async () => {
  const { show } = shows(settlement("3"));
  verifies();
  await vi.waitFor(() => expect(reload).toHaveBeenCalledTimes(1));
  expect(judged()).toEqual([settlement()]);
  // nothing is said above what was not judged, for as long as the page asks
  expect(screen.queryByText(AGREES)).toBeNull();
  expect(screen.queryByText(DIFFERS)).toBeNull();
  expect(screen.queryByText(CHANGED)).toBeNull();
  show(settlement());
  screen.getByText(AGREES);
});

test("a verdict does not stand above anything but what was judged", async () => {
  const { show } = shows(settlement());
  verifies();
  await screen.findByText(AGREES);
  show(settlement("5"));
  expect(screen.queryByText(AGREES)).toBeNull();
  screen.getByText(CHANGED);
  said = settlement("5");
  verifies();
  await screen.findByText(DIFFERS);
  expect(screen.queryByText(CHANGED)).toBeNull();
});

test("a service that tells the check the truth and the page something else gets no verdict", async () => {
  const { show } = shows(settlement("5"));
  verifies();
  await vi.waitFor(() => expect(reload).toHaveBeenCalledTimes(1));
  show(settlement("5"));
  screen.getByText(CHANGED);
  expect(screen.queryByText(AGREES)).toBeNull();
});

test("what no check covers may change: that it is final, and its rule in another language", async () => {
  const { show } = shows(settlement());
  verifies();
  await screen.findByText(AGREES);
  show(settlement(CHAIN, { final: true, charge: { rule: "按分钟。" } }));
  screen.getByText(AGREES);
  expect(screen.queryByText(CHANGED)).toBeNull();
});

test("that it has changed is said in Chinese, too", async () => {
  const { show } = shows(settlement());
  verifies();
  await screen.findByText(AGREES);
  language.value = "zh";
  show(settlement("5"));
  await screen.findByText("此处显示的内容在核对之后有变化，请再核对一次。");
});

test("what is wrong is told at once where the block that was read stands", async () => {
  said = settlement("5");
  const { asked } = shows(settlement("5"));
  verifies();
  await screen.findByText(DIFFERS);
  expect(node.verify).toHaveBeenCalledTimes(1);
  expect(asked).toHaveLength(1);
});

test("a block that was replaced accuses nobody: chain and service are both asked again", async () => {
  said = settlement("5");
  stands.mockImplementation(async () => {
    said = settlement(); // the service has followed the chain
    return false;
  });
  const { asked, show } = shows(settlement("5"));
  verifies();
  await vi.waitFor(() => expect(reload).toHaveBeenCalledTimes(1));
  expect(node.verify).toHaveBeenCalledTimes(2);
  expect(asked).toHaveLength(2);
  expect(judged()).toEqual([settlement("5"), settlement()]);
  show(said);
  screen.getByText(AGREES);
});

test("what is newer than the node's newest block is not checked, and nothing is said of the rest", async () => {
  const newer: Check = { name: "ledger", result: "unread", detail: "#7 / 6", newer: true };
  vi.mocked(verifySettlement).mockResolvedValue([newer]);
  shows(settlement());
  verifies();
  await screen.findByText("Nothing could be checked yet. Verify again in a moment.");
  screen.getByText(/newer than the newest block of your node$/);
  expect(document.querySelector("[data-state=checks-partly]")).not.toBeNull();
  expect(screen.queryByText(/What could be read agrees/)).toBeNull();
});

const REFUSAL = { url: "http://node.example", body: { method: "eth_getLogs" } };
const REFUSED = new RpcRequestError({
  ...REFUSAL,
  error: { code: -32602, message: "too many blocks" },
});

test("a node that fails during the checks is told as the node, not as a wallet", async () => {
  vi.mocked(verifySettlement).mockRejectedValue(REFUSED);
  shows(settlement());
  verifies();
  await screen.findByText("too many blocks");
  screen.getByText("The node did not answer as it should. It said:");
  expect(screen.queryByText(/wallet/)).toBeNull();
  expect(screen.queryByText("Try again")).toBeNull();
});

test("a node that does not say whether its block stands has nobody accused", async () => {
  said = settlement("5");
  stands.mockRejectedValue(REFUSED);
  shows(settlement("5"));
  verifies();
  await screen.findByText("too many blocks");
  expect(screen.queryByText(DIFFERS)).toBeNull();
});

test("a service that fails is told as the service, and is asked again", async () => {
  let away = true;
  serve({ [`GET ${ONE}`]: () => (away ? problem(503, "busy") : { body: said }) });
  render(<Shown detail={settlement()} />);
  verifies();
  const again = await screen.findByText("Try again");
  expect(screen.queryByText(/node did not answer/)).toBeNull();
  expect(verifySettlement).not.toHaveBeenCalled();
  away = false;
  fireEvent.click(again);
  await screen.findByText(AGREES);
  expect(screen.queryByText("Try again")).toBeNull();
});
