import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { announced, awaitChoice, discover } from "./discovery";
import { FakeWallet } from "./testing/fake";

let stop: () => void = () => undefined;
const legacy = window as { ethereum?: unknown };

beforeEach(() => {
  announced.value = [];
  vi.useFakeTimers();
});
afterEach(() => {
  stop();
  delete legacy.ethereum;
  vi.useRealTimers();
});

function announce(info: Record<string, unknown>, provider: unknown = new FakeWallet()): void {
  const detail = { info, provider };
  window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
}

test("wallets that are asked announce themselves, once each", () => {
  const answer = (): void => announce({ rdns: "io.one", uuid: "1", name: "One", icon: "" });
  window.addEventListener("eip6963:requestProvider", answer);
  stop = discover();
  window.removeEventListener("eip6963:requestProvider", answer);
  announce({ rdns: "io.one", uuid: "2", name: "One again", icon: "" });
  announce({ rdns: "io.two", uuid: "3", name: "Two", icon: "" });
  expect(announced.value.map((one) => [one.id, one.name])).toEqual([
    ["io.one", "One again"],
    ["io.two", "Two"],
  ]);
});

test("an icon is an image in the page or nothing", () => {
  stop = discover();
  announce({ rdns: "a", name: "A", icon: "data:image/svg+xml,<svg/>" });
  announce({ rdns: "b", name: "B", icon: "https://thief.example/pixel.png" });
  announce({ rdns: "c", name: "C", icon: "javascript:alert(1)" });
  announce({ rdns: "d", name: "D", icon: "data:text/html,<script>" });
  expect(announced.value.map((one) => one.icon !== null)).toEqual([true, false, false, false]);
});

test("what is no wallet, or calls itself the guest, is passed over", () => {
  stop = discover();
  announce({ rdns: "x", name: "X" }, {});
  announce({ rdns: "guest", name: "Guest" });
  announce({ rdns: "legacy", name: "Legacy" });
  window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: null }));
  expect(announced.value).toEqual([]);
});

test("a wallet that announces nothing is taken after a moment", () => {
  legacy.ethereum = Object.assign(new FakeWallet(), { isMetaMask: true });
  stop = discover();
  expect(announced.value).toEqual([]);
  vi.advanceTimersByTime(300);
  expect(announced.value.map((one) => [one.id, one.name])).toEqual([["legacy", "MetaMask"]]);
});

test("the one that announces itself replaces it", () => {
  legacy.ethereum = new FakeWallet();
  stop = discover();
  vi.advanceTimersByTime(300);
  announce({ rdns: "io.one", name: "One" });
  expect(announced.value.map((one) => one.id)).toEqual(["io.one"]);
});

test("a wallet that was used is waited for, not for ever", async () => {
  stop = discover();
  const found = awaitChoice("io.one", 1000);
  await vi.advanceTimersByTimeAsync(500);
  announce({ rdns: "io.one", name: "One" });
  expect((await found)?.name).toBe("One");
  const never = awaitChoice("io.none", 1000);
  await vi.advanceTimersByTimeAsync(1100);
  expect(await never).toBeNull();
});
