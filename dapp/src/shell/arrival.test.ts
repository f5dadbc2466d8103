import { expect, test } from "vitest";
import { routes, to } from "../routes";
import { language } from "../words";
import { routeOf, titleOf } from "./arrival";

test("every route is found by its address", () => {
  const parts = { spaceId: "0x0011c2f50000002a", leaseId: "0x1", number: 7 };
  for (const [name, route] of Object.entries(routes)) {
    expect(routeOf(to(route, parts))).toBe(name);
  }
  expect(routeOf("/elsewhere")).toBeNull();
});

test("the document is named after the screen, or after what the screen shows", () => {
  expect(titleOf("/", null)).toBe("Find a space · Berth");
  expect(titleOf("/audit/export", null)).toBe("Export · Berth");
  expect(titleOf("/space/0x1", "Elm Street")).toBe("Elm Street · Berth");
  language.value = "zh";
  expect(titleOf("/nowhere", null)).toBe("该页面不存在。 · Berth");
  language.value = "en";
});
