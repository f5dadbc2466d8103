import { expect, test } from "vitest";
import type { Schemas } from "../api/client";
import { numberOf, spaceName } from "./names";

const space = (odd: Partial<Schemas["SpaceOut"]>) =>
  ({
    id: "0x0012345600000007",
    index: 7,
    city: "XXGEN",
    kind: "driveway",
    area: "Elm Street",
    ...odd,
  }) as Schemas["SpaceOut"];

test("two spaces of one street have two names", () => {
  expect(spaceName(space({}))).toBe("Elm Street · space 7");
  expect(spaceName(space({ index: 8 }))).not.toBe(spaceName(space({})));
});

test("a space that nobody has described is called by its kind and city", () => {
  expect(spaceName(space({ area: null }))).toBe("Driveway in XXGEN · space 7");
});

test("the number is in the id, too", () => {
  expect(numberOf("0x0012345600000007")).toBe(7);
  expect(numberOf("0x00123456000012ab")).toBe(0x12ab);
});
