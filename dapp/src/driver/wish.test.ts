import { afterEach, describe, expect, it } from "vitest";
import { ApiError } from "../api/problem";
import { routes, to } from "../routes";
import {
  alternatives,
  BLANK,
  bodyOf,
  keepWish,
  keptWish,
  queryOf,
  somewhere,
  wishIn,
  type Wish,
} from "./wish";
import { wrongFields } from "./wrong";

const now = Date.parse("2026-11-21T08:00:00Z");
const WISH: Wish = {
  words: "Carlton garden",
  point: [144.9632, -37.8142],
  by: "me",
  radius: 1500,
  start: now + 3_600_000,
  minutes: 240,
  car: "large",
  plug: "ccs2",
  kwh: 40,
};

/** Through an address and back, as the router reads it. */
function through(wish: Wish): Wish | null {
  const url = new URL(to(routes.find, {}, queryOf(wish)), "http://berth.test");
  return wishIn(Object.fromEntries(url.searchParams));
}

afterEach(() => localStorage.clear());

describe("a wish in the address", () => {
  it("comes back as it was", () => {
    expect(through(WISH)).toEqual(WISH);
    expect(through({ ...BLANK, words: "墨尔本" })).toEqual({
      ...BLANK,
      words: "墨尔本",
      by: "map",
    });
    const now = { ...WISH, start: null, by: "middle" as const, car: null };
    expect(through(now)).toEqual(now);
  });

  it("is none where nothing was searched", () => {
    expect(wishIn({})).toBeNull();
    expect(wishIn({ q: "Carlton" })).toBeNull();
  });

  it("takes no nonsense", () => {
    const read = wishIn({
      for: "99999999",
      at: "200,900",
      r: "-5",
      start: "yesterday",
      car: "tank",
      kwh: "1e9",
    });
    expect(read).toEqual({ ...BLANK, by: "map" });
  });

  it("begins on a quarter hour", () => {
    expect(wishIn({ for: "60", start: "2026-11-21T09:07:30Z" })?.start).toBe(now + 3_600_000);
  });

  it("is kept for the next visit without its time", () => {
    expect(keptWish()).toBeNull();
    keepWish(WISH);
    expect(keptWish()).toEqual({ ...WISH, start: null });
    localStorage.setItem("berth.find", "{broken");
    expect(keptWish()).toBeNull();
  });
});

describe("what the service is asked", () => {
  it("is the whole wish", () => {
    expect(bodyOf(WISH, now)).toEqual({
      place: {
        radiusM: 1500,
        point: { type: "Point", coordinates: [144.9632, -37.8142] },
        text: "Carlton garden",
      },
      window: { start: "2026-11-21T09:00:00Z", end: "2026-11-21T13:00:00Z" },
      vehicle: { heightCm: 185, widthCm: 205, lengthCm: 510 },
      charger: { connector: "ccs2", minPowerW: 0, energyKwh: 40 },
    });
  });

  it("leaves out what is not wanted", () => {
    const body = bodyOf({ ...BLANK, words: " Carlton " }, now);
    expect(body.place).toEqual({ radiusM: 800, text: "Carlton" });
    expect(body).not.toHaveProperty("vehicle");
    expect(body).not.toHaveProperty("charger");
  });

  it("needs a place", () => {
    expect(somewhere(BLANK)).toBe(false);
    expect(somewhere({ ...BLANK, words: " -- " })).toBe(false);
    expect(somewhere({ ...BLANK, words: "城" })).toBe(true);
    expect(somewhere({ ...BLANK, point: [0, 0] })).toBe(true);
  });
});

describe("where nothing is free", () => {
  it("changes one thing each", () => {
    const found = alternatives(WISH, now);
    expect(found.map((one) => one.change)).toEqual([
      "walk",
      "noCharger",
      "shorter",
      "later",
      "anyCar",
    ]);
    expect(found[0]?.wish).toEqual({ ...WISH, radius: 3000 });
    expect(found[2]?.wish.minutes).toBe(120);
    expect(found[3]?.wish.start).toBe(now + 2 * 3_600_000);
  });

  it("proposes nothing that cannot be changed", () => {
    const least = { ...BLANK, words: "Carlton", minutes: 30 };
    expect(alternatives(least, now).map((one) => one.change)).toEqual(["later"]);
    const far = { ...BLANK, point: [0, 0] as [number, number], radius: 5000, minutes: 30 };
    expect(alternatives(far, now).map((one) => one.change)).toEqual(["later"]);
  });
});

describe("a refusal", () => {
  const error = (code: string, pointers: string[], status = 422) =>
    new ApiError({
      status,
      code,
      detail: "",
      errors: pointers.map((pointer) => ({ field: "", pointer, detail: `about ${pointer}` })),
    });

  it("is shown at its field, in our words where we have some", () => {
    const ours = (code: string) => (code === "stay.past" ? "ours" : undefined);
    expect(wrongFields(error("stay.past", ["/window/start"]), ours)).toEqual({ start: "ours" });
    expect(
      wrongFields(error("request.invalid", ["/place/text", "/charger/energyKwh"]), ours),
    ).toEqual({ place: "about /place/text", charger: "about /charger/energyKwh" });
    expect(wrongFields(error("stay.too_long", ["/window/end"]), ours)).toEqual({
      length: "about /window/end",
    });
  });

  it("of another kind belongs to no field", () => {
    expect(wrongFields(error("index.behind", [], 503), () => "x")).toEqual({});
    expect(wrongFields(error("request.invalid", ["/limit"]), () => "x")).toEqual({});
    expect(wrongFields(new Error("x"), () => "x")).toEqual({});
  });
});
