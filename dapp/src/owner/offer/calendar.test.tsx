import { cleanup, render, screen, within } from "@testing-library/preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Schemas } from "../../api/client";
import { account } from "../../wallet";
import { install } from "../../wallet/testing/service";
import type { Account } from "../../wallet/types";
import { speak } from "../../words";
import { Calendar } from "./Calendar";

vi.mock("../../api/live", async (original) => ({
  ...(await original<typeof import("../../api/live")>()),
  useLive: () => undefined,
}));

const ID = "0x0011c2f50000002a";
const OWNER = "0x4444444444444444444444444444444444444444";
const MANAGER = "0x5555555555555555555555555555555555555555";
const space = { id: ID, owner: OWNER, manager: MANAGER, offers: [] };
const at = (hour: number): string => new Date(Date.UTC(2026, 10, 22, hour)).toISOString();
const span = (start: number, end: number) => ({ start: at(start), end: at(end) });
const kept = (id: string, hour: number, spaceId = ID) => ({
  ...{ id, spaceId, givenBack: false },
  window: span(hour, hour + 1),
});

beforeEach(() => install());
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  account.value = null;
  speak("en");
});

/** The calendar as the account sees it; what is kept comes in pages. Which were asked for. */
function shown(address: string, pages: ReturnType<typeof kept>[][]): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async ({ url }: Request) => {
    const { pathname, searchParams } = new URL(url);
    if (pathname !== "/v1/me/kept") {
      return Response.json({ spaceId: ID, taken: [span(1, 2), span(5, 6), span(8, 9)] });
    }
    const cursor = searchParams.get("cursor") ?? "0";
    asked.push(cursor);
    const next = Number(cursor) + 1;
    const items = pages[Number(cursor)] ?? [];
    return Response.json({ items, next: next < pages.length ? String(next) : null });
  });
  account.value = { address, choice: { kind: "guest" } } as unknown as Account;
  render(<Calendar space={space as unknown as Schemas["SpaceDetailOut"]} />);
  return asked;
}
const told = (): string[] =>
  screen.getAllByRole("listitem").map((one) => one.querySelector(".chip")?.textContent ?? "");

test("what is kept beyond the first page is not taken for leased", async () => {
  const others = [kept("0x1", 3, "0x01"), kept("0x2", 4, "0x01")];
  const asked = shown(OWNER, [others, [kept("0xa", 5)], [kept("0xb", 8)]]);
  await screen.findAllByRole("listitem");
  expect(told()).toEqual(["● leased", "⊘ kept by you", "⊘ kept by you"]);
  expect(screen.getAllByRole("button", { name: "Give back" })).toHaveLength(2);
  expect(asked).toEqual(["0", "1", "2"]);
});

test.each([
  ["en", ["● leased", "⊘ not shared", "● leased"], "Give back"],
  ["zh", ["● 已租出", "⊘ 不共享", "● 已租出"], "放回"],
] as const)("a manager may give back what either keeps, %s", async (language, words, back) => {
  speak(language);
  shown(MANAGER, [[kept("0xa", 5)]]);
  const [, second] = await screen.findAllByRole("listitem");
  expect(told()).toEqual(words);
  within(second as HTMLElement).getByRole("button", { name: back });
});
