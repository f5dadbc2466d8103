import { expect, test } from "vitest";
import { heaps, spread, type Box, type Frame } from "./marks";

const label = (x: number, y: number): Box => ({ x, y, width: 84, height: 32 });

function placed(boxes: readonly Box[], frame?: Frame): Box[] {
  const shifts = spread(boxes, frame);
  return boxes.map((box, i) => ({
    ...box,
    x: box.x + (shifts[i]?.x ?? NaN),
    y: box.y + (shifts[i]?.y ?? NaN),
  }));
}

function covered(boxes: readonly Box[]): number {
  const pairs = boxes.flatMap((one, i) => boxes.slice(i + 1).map((other) => [one, other] as const));
  return pairs.filter(
    ([one, other]) =>
      Math.abs(one.x - other.x) < (one.width + other.width) / 2 &&
      Math.abs(one.y - other.y) < (one.height + other.height) / 2,
  ).length;
}

test("labels that do not cover each other stay where they are", () => {
  expect(spread([label(0, 0), label(200, 0), label(0, 40)])).toEqual([
    { x: 0, y: 0 },
    { x: 0, y: 0 },
    { x: 0, y: 0 },
  ]);
});

test("labels that cover each other are moved apart, and no farther than they are large", () => {
  // seven spaces around a street corner, as a phone shows them
  const town = [
    label(0, 0),
    label(0, -48),
    label(-44, -16),
    label(31, 32),
    label(-28, 83),
    label(60, -103),
    label(125, 0),
  ];
  expect(covered(town)).toBeGreaterThan(0);
  expect(covered(placed(town))).toBe(0);
  for (const { x, y } of spread(town)) expect(Math.hypot(x, y)).toBeLessThan(84);
});

test("a label stays near its point even where there is no room", () => {
  const crowd = Array.from({ length: 60 }, (_, i) => label(i % 4, i % 3));
  for (const { x, y } of spread(crowd)) expect(Math.hypot(x, y)).toBeLessThanOrEqual(72.01);
});

test("labels that begin within the frame stay in it, and apart", () => {
  const frame = { left: 0, top: 0, right: 320, bottom: 200 };
  const town = [label(50, 18), label(60, 22), label(50, 190), label(54, 186), label(500, 190)];
  const found = placed(town, frame);
  expect(covered(found)).toBe(0);
  for (const { x, y } of found.slice(0, -1)) {
    expect([x >= 42, x <= 278, y >= 16, y <= 184]).toEqual([true, true, true, true]);
  }
  // one that the frame does not have stays where it is
  expect(found[found.length - 1]).toEqual(town[town.length - 1]);
});

test("spaces at one point are one label with the least price", () => {
  const at = (id: string, price: bigint) => ({ id, point: [1, 2] as [number, number], price });
  const [heap, ...others] = heaps([
    { ...at("a", 3n), name: "A" },
    { ...at("b", 2n), name: "B" },
  ]);
  expect(others).toEqual([]);
  expect([heap?.id, heap?.all.length, heap?.least]).toEqual(["a", 2, 2n]);
});
