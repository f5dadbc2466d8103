import { afterEach, expect, test } from "vitest";
import type { Schemas } from "../api/client";
import { config } from "../config";
import { language } from "../words";
import { numberOf, spaceName } from "./names";

afterEach(() => {
  config.value = null;
  language.value = "en";
});

/** The service shares spaces in the city, and knows its name or not. */
function city(name: string | null): void {
  const places = name ? [{ city: "XXGEN", name }] : [];
  config.value = { places } as unknown as Schemas["ConfigOut"];
}

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

test("a space that nobody has described is called by its kind and its city's name", () => {
  city("Generated City");
  expect(spaceName(space({ area: null }))).toBe("Driveway in Generated City · space 7");
  language.value = "zh";
  expect(spaceName(space({ area: null }))).toBe("Generated City的私家车道 · 7 号车位");
});

test("where the city has no name its code is not said", () => {
  for (const name of [null, "XXGEN"]) {
    city(name);
    language.value = "en";
    expect(spaceName(space({ area: null }))).toBe("Driveway · space 7");
    expect(spaceName(space({ area: null, kind: "unknown" }))).toBe("Parking space · space 7");
    language.value = "zh";
    expect(spaceName(space({ area: null }))).not.toContain("XXGEN");
  }
});

test("the number is in the id, too", () => {
  expect(numberOf("0x0012345600000007")).toBe(7);
  expect(numberOf("0x00123456000012ab")).toBe(0x12ab);
});
