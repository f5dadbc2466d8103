import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, test } from "vitest";
import type { Schemas } from "../api/client";
import { billed } from "./Over";
import { Address } from "./Place";

afterEach(cleanup);

const receipt = (billedMinutes: number | null, arrivedMinute: number, leftMinute: number) =>
  ({ billedMinutes, arrivedMinute, leftMinute }) as Schemas["ReceiptOut"];

test.each([
  ["a stay that is longer than the least", receipt(100, 5, 105), "100 minutes"],
  ["a short one", receipt(15, 5, 8), "15 minutes (the least that is billed; you stayed 3 minutes)"],
  [
    "one of seconds",
    receipt(15, 5, 5),
    "15 minutes (the least that is billed; you stayed less than a minute)",
  ],
  ["one that is not billed by the minute", receipt(null, 5, 8), null],
])("the receipt of %s", (_what, given, told) => {
  expect(billed(given)).toBe(told);
});

function shown(access: Schemas["AccessPointOut"][]): void {
  const place = { address: "Elm Street 1", level: "", instructions: "", access, links: [] };
  render(<Address place={place as unknown as Schemas["NavigationOut"]} />);
}

test("one thing on the way in is no list", () => {
  shown([{ kind: "gate", instructions: "ring twice" }]);
  expect(screen.queryByRole("list")).toBeNull();
  screen.getByText("Gate: ring twice");
});

test("that a space has a bar is not said by itself", () => {
  shown([{ kind: "lock", instructions: "" }]);
  expect(screen.queryByText(/Bar of the space/)).toBeNull();
});

test("several things are a list, in their order", () => {
  shown([
    { kind: "gate", instructions: "" },
    { kind: "lock", instructions: "" },
  ]);
  const told = screen.getAllByRole("listitem").map((one) => one.textContent);
  expect(told).toEqual(["Gate", "Bar of the space"]);
});
