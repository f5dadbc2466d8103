/** Which markers a map shows: spaces of one owner's cell often share one public point. */
import type { LngLat } from "../wish";

export interface Placed {
  id: string;
  point: LngLat;
  price: bigint;
  name: string;
}

export interface Heap {
  id: string;
  point: LngLat;
  all: Placed[];
  least: bigint;
}

/** Spaces at the same point (to about a metre) are one marker; the best ranked gives its name. */
export function heaps(spaces: readonly Placed[]): Heap[] {
  const found = new Map<string, Heap>();
  for (const one of spaces) {
    const key = one.point.map((part) => part.toFixed(5)).join(" ");
    const heap = found.get(key);
    if (!heap) {
      found.set(key, { id: one.id, point: one.point, all: [one], least: one.price });
    } else {
      heap.all.push(one);
      if (one.price < heap.least) heap.least = one.price;
    }
  }
  return [...found.values()];
}

/** A label: its middle and its size, in pixels. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

const GAP = 2;
const TURNS = 80;
/** A label farther from its point than that belongs to nobody: rather one covers another. */
const FARTHEST = 72;

/** What labels stay within, in pixels; only those that begin in it are held there. */
export interface Frame {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** How far each label is to be moved so that none covers another, as little as it takes. */
export function spread(boxes: readonly Box[], frame?: Frame): { x: number; y: number }[] {
  const at = boxes.map(({ x, y }) => ({ x, y }));
  const held = boxes.map((one) => (frame && within(one, frame) ? frame : null));
  for (let turn = 0; turn < TURNS; turn++) {
    let moved = false;
    at.forEach((one, i) => {
      at.slice(i + 1).forEach((other, k) => {
        const [mine, its] = [boxes[i], boxes[i + 1 + k]];
        if (!mine || !its) return;
        const [dx, dy] = [other.x - one.x, other.y - one.y];
        const overX = (mine.width + its.width) / 2 + GAP - Math.abs(dx);
        const overY = (mine.height + its.height) / 2 + GAP - Math.abs(dy);
        if (overX <= 0.01 || overY <= 0.01) return;
        moved = true;
        const along = overY <= overX ? "y" : "x";
        const way = (along === "y" ? dy : dx) < 0 ? -1 : 1;
        const half = ((along === "y" ? overY : overX) / 2) * way;
        one[along] -= half;
        other[along] += half;
      });
    });
    at.forEach((one, i) => {
      const [box, border] = [boxes[i], held[i]];
      if (box && border) hold(one, box, border);
    });
    if (!moved) break;
  }
  return at.map((one, i) => {
    const from = boxes[i] ?? one;
    const [x, y] = [one.x - from.x, one.y - from.y];
    const share = Math.min(1, FARTHEST / Math.max(1, Math.hypot(x, y)));
    return { x: x * share, y: y * share };
  });
}

function within({ x, y }: Box, { left, top, right, bottom }: Frame): boolean {
  return x >= left && x <= right && y >= top && y <= bottom;
}

function hold(at: { x: number; y: number }, box: Box, frame: Frame): void {
  const [w, h] = [box.width / 2, box.height / 2];
  at.x = Math.max(frame.left + w, Math.min(frame.right - w, at.x));
  at.y = Math.max(frame.top + h, Math.min(frame.bottom - h, at.y));
}

const EARTH = 6_371_000;

/** South-west and north-east corners around a circle of `metres`. */
export function around([lng, lat]: LngLat, metres: number): [LngLat, LngLat] {
  const up = (metres / EARTH) * (180 / Math.PI);
  const side = up / Math.max(0.01, Math.cos((lat * Math.PI) / 180));
  return [
    [lng - side, lat - up],
    [lng + side, lat + up],
  ];
}
