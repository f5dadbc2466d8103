import { describe, expect, it } from "vitest";
import type { Schemas } from "../../api/client";
import { ApiError } from "../../api/problem";
import { bodyOf, draftOf, pointOf, refused, withGate, wrongIn } from "./place";

const KEPT: Schemas["PrivateOut"] = {
  spaceId: "0x0365924fffffffff",
  address: "12 Example Street",
  addressProven: true,
  point: { type: "Point", coordinates: [144.96312, -37.81364] },
  entrance: null,
  level: "B2",
  instructions: "Left.",
  access: [
    { kind: "gate", instructions: "4711" },
    { kind: "none", instructions: "Mind the step." },
    { kind: "lock", instructions: "" },
  ],
  publicPoint: { type: "Point", coordinates: [144.9, -37.8] },
  publicArea: "Behind the town hall",
  source: "owner",
  updatedAt: null,
};

describe("a point", () => {
  it("is a latitude and a longitude", () => {
    expect(pointOf("-37.8136, 144.9631")?.coordinates).toEqual([144.9631, -37.8136]);
    expect(pointOf(" 48.1;11.5 ")?.coordinates).toEqual([11.5, 48.1]);
    expect(pointOf("0 0")?.coordinates).toEqual([0, 0]);
  });

  it("is somewhere on earth", () => {
    for (const text of ["", "here", "91, 0", "0, 181", "144.9631, -37.8136", "1,2,3", "48,1"]) {
      if (text === "48,1") expect(pointOf(text)?.coordinates).toEqual([1, 48]);
      else expect(pointOf(text), text).toBeNull();
    }
  });
});

describe("the record that is handed in", () => {
  it("is the one that was there where nothing was changed", () => {
    const { address, point, entrance, level, instructions, access, publicPoint, publicArea } = KEPT;
    expect(bodyOf(draftOf(KEPT), KEPT)).toEqual({
      ...{ address, point, entrance, level, instructions, access, publicPoint, publicArea },
    });
  });

  it("keeps the chosen public point until the space is somewhere else", () => {
    const draft = draftOf(KEPT);
    expect(bodyOf({ ...draft, way: "Right." }, KEPT)?.publicPoint).toEqual(KEPT.publicPoint);
    const moved = bodyOf({ ...draft, point: "-37.81468, 144.96512" }, KEPT);
    expect(moved?.publicPoint?.coordinates).toEqual([144.965, -37.815]);
  });

  it("never makes the registry's exact point public", () => {
    const title = { ...KEPT, source: "title" as const, publicPoint: null };
    expect(bodyOf(draftOf(title), title)?.publicPoint?.coordinates).toEqual([144.963, -37.814]);
  });

  it("is none while something cannot be read", () => {
    const draft = { ...draftOf(null), entrance: "the back" };
    expect(wrongIn(draft)).toEqual(["address", "point", "entrance"]);
    expect(bodyOf(draft, null)).toBeNull();
  });
});

describe("the way in", () => {
  it("has the gate's words where the gate was, or first", () => {
    expect(withGate(KEPT.access, "0815").map((one) => one.instructions)).toEqual([
      "0815",
      "Mind the step.",
      "",
    ]);
    expect(withGate([], "0815").map((one) => one.kind)).toEqual(["gate", "lock"]);
  });

  it("has no gate without words, and always something", () => {
    expect(withGate(KEPT.access, "").map((one) => one.kind)).toEqual(["none", "lock"]);
    expect(withGate([], "").map((one) => one.kind)).toEqual(["lock"]);
  });
});

describe("what the service refuses", () => {
  it("is said at the form's own field", () => {
    const errors = ["/point/coordinates", "/access/0/instructions", "/salt"].map((pointer) => ({
      field: pointer.slice(1),
      pointer,
      detail: "no",
    }));
    const error = new ApiError({ status: 422, code: "request.invalid", detail: "no", errors });
    expect(refused(error)).toEqual(["point", "gate"]);
    expect(refused(new Error("offline"))).toEqual([]);
  });
});
