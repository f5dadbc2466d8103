/** Where the device is, if its owner lets us know. */
import type { LngLat } from "./wish";

export type Unlocated = "unsupported" | "insecure" | "denied" | "unavailable" | "timeout";

export class NotLocated extends Error {
  constructor(readonly why: Unlocated) {
    super(why);
  }
}

const REASONS: Readonly<Record<number, Unlocated>> = {
  1: "denied",
  2: "unavailable",
  3: "timeout",
};

export function locate(): Promise<LngLat> {
  return new Promise((resolve, reject) => {
    if (!globalThis.isSecureContext) return reject(new NotLocated("insecure"));
    if (!("geolocation" in navigator)) return reject(new NotLocated("unsupported"));
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve([coords.longitude, coords.latitude]),
      ({ code }) => reject(new NotLocated(REASONS[code] ?? "unavailable")),
      { enableHighAccuracy: true, timeout: 12_000, maximumAge: 60_000 },
    );
  });
}
