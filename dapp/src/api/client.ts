/** The backend, typed from its OpenAPI document (`schema.d.ts` is generated: `make dapp-types`). */
import createClient from "openapi-fetch";
import { language } from "../words";
import { limited } from "./limit";
import { ApiError, NO_SESSION, OFFLINE, sessionEnded } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** Requests go to where the page came from; the session is an http-only cookie. */
export const client = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? "http://127.0.0.1",
  credentials: "same-origin",
  fetch: limited,
});

client.use({
  onRequest({ request }) {
    request.headers.set("Accept-Language", language.value);
    return request;
  },
});

/** The client's types take the fixed length from arrays: a point's coordinates are two numbers. */
type Told<T> = T extends { type: "Point"; coordinates: number[] }
  ? Schemas["Point"]
  : T extends (infer E)[]
    ? Told<E>[]
    : T extends object
      ? { [K in keyof T]: Told<T[K]> }
      : T;

interface Settled<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * The answer's data. Throws ApiError: the problem the backend names, or `OFFLINE` where nothing
 * answered in time.
 */
export async function ask<T>(request: Promise<Settled<T>>): Promise<Told<T>> {
  let settled: Settled<T>;
  try {
    settled = await request;
  } catch (error) {
    throw new ApiError({ status: 0, code: OFFLINE, detail: String(error), errors: [] });
  }
  if (!settled.response.ok) {
    const problem = ApiError.from(settled.error, settled.response.status);
    if (problem.code === NO_SESSION) sessionEnded();
    throw problem;
  }
  return settled.data as Told<T>;
}
