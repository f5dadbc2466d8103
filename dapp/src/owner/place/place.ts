/** Where a space is, as its owner writes it, and as the service keeps it. */
import type { Schemas } from "../../api/client";
import { ApiError } from "../../api/problem";

type Kept = Schemas["PrivateOut"];
type Body = Schemas["PrivateBody"];
type Access = Schemas["AccessPointOut"];
type Point = Schemas["Point"];

/** What the form holds: everything as text. */
export interface Draft {
  address: string;
  /** Latitude and longitude. */
  point: string;
  /** The same; empty where one drives straight to the space. */
  entrance: string;
  level: string;
  gate: string;
  way: string;
  area: string;
}

export type PlaceField = keyof Draft;

const EMPTY: Draft = {
  address: "",
  point: "",
  entrance: "",
  level: "",
  gate: "",
  way: "",
  area: "",
};

export function draftOf(kept: Kept | null): Draft {
  if (!kept) return EMPTY;
  return {
    address: kept.address,
    point: textOf(kept.point),
    entrance: kept.entrance ? textOf(kept.entrance) : "",
    level: kept.level,
    gate: kept.access.find((one) => one.kind === "gate")?.instructions ?? "",
    way: kept.instructions,
    area: kept.publicArea,
  };
}

/** `[144.9631, -37.8136]` is "-37.8136, 144.9631": maps name the latitude first. */
export function textOf({ coordinates: [longitude, latitude] }: Point): string {
  return `${latitude}, ${longitude}`;
}

/** Null when it is no place on earth. */
export function pointOf(text: string): Point | null {
  const found = /^\s*(-?\d{1,2}(?:\.\d+)?)\s*[,;\s]\s*(-?\d{1,3}(?:\.\d+)?)\s*$/.exec(text);
  if (!found) return null;
  const [latitude, longitude] = [Number(found[1]), Number(found[2])];
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return null;
  return { type: "Point", coordinates: [longitude, latitude] };
}

/** To about 100 metres: what everybody may see. */
export function rough({ coordinates: [longitude, latitude] }: Point): Point {
  const round = (degrees: number) => Math.round(degrees * 1000) / 1000;
  return { type: "Point", coordinates: [round(longitude), round(latitude)] };
}

/** What cannot be read here, before the service is asked. */
export function wrongIn(draft: Draft): PlaceField[] {
  const wrong: PlaceField[] = [];
  if (draft.address.trim().length < 2) wrong.push("address");
  if (!pointOf(draft.point)) wrong.push("point");
  if (draft.entrance.trim() && !pointOf(draft.entrance)) wrong.push("entrance");
  return wrong;
}

/**
 * What is handed in. What the form does not show stays as it was; the public point moves with the
 * exact one. Null while something cannot be read.
 */
export function bodyOf(draft: Draft, kept: Kept | null): Body | null {
  const point = pointOf(draft.point);
  if (!point || wrongIn(draft).length > 0) return null;
  const moved = !kept || textOf(kept.point) !== textOf(point);
  return {
    address: draft.address,
    point,
    entrance: pointOf(draft.entrance),
    level: draft.level,
    instructions: draft.way,
    access: withGate(kept?.access ?? [], draft.gate.trim()),
    publicPoint: moved || kept.source === "title" ? rough(point) : kept.publicPoint,
    publicArea: draft.area,
  };
}

/** The way in with its first gate's words; without words there is no such gate. */
export function withGate(access: readonly Access[], words: string): Access[] {
  const at = access.findIndex((one) => one.kind === "gate");
  const others = access.filter((_, place) => place !== at);
  const way = others.length > 0 ? others : [{ kind: "lock" as const, instructions: "" }];
  if (!words) return way;
  const gate = { kind: "gate" as const, instructions: words };
  return [...way.slice(0, Math.max(at, 0)), gate, ...way.slice(Math.max(at, 0))];
}

const FIELDS: readonly (readonly [pointer: string, field: PlaceField])[] = [
  ["/address", "address"],
  ["/point", "point"],
  ["/publicPoint", "point"],
  ["/entrance", "entrance"],
  ["/level", "level"],
  ["/access", "gate"],
  ["/instructions", "way"],
  ["/publicArea", "area"],
];

/** The fields that the service refuses. */
export function refused(error: unknown): PlaceField[] {
  if (!(error instanceof ApiError) || error.status !== 422) return [];
  return error.errors.flatMap(
    ({ pointer }) => FIELDS.find(([prefix]) => pointer.startsWith(prefix))?.[1] ?? [],
  );
}
