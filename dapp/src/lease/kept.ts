/** What a driver must still be able to read without a network: place, ways, time, grant. */
import type { Schemas } from "../api/client";
import type { Detail } from "./stage";

export interface Kept {
  leaseId: string;
  address: string;
  account: string;
  window: { start: string; end: string };
  /** The offset of the space's own clock. */
  zone: string | null;
  navigation: Schemas["NavigationOut"];
  grant: Schemas["GrantOut"] | null;
  keptAt: string;
}

const PREFIX = "berth.lease.";

export function keepLease(
  lease: Detail,
  navigation: Schemas["NavigationOut"],
  zone: string | undefined,
  now: number,
): void {
  const kept: Kept = {
    leaseId: lease.id,
    address: navigation.address,
    account: lease.driver,
    window: lease.window,
    zone: zone ?? null,
    navigation,
    grant: lease.grant,
    keptAt: new Date(now).toISOString(),
  };
  try {
    localStorage.setItem(PREFIX + lease.id, JSON.stringify(kept));
  } catch {
    // a full storage costs the copy, not the lease
  }
}

/** The copy, for the account that it belongs to only. */
export function keptLease(leaseId: string, account: string | null): Kept | null {
  try {
    const found = JSON.parse(localStorage.getItem(PREFIX + leaseId) ?? "null") as Kept | null;
    if (!found || !account) return null;
    return found.account.toLowerCase() === account.toLowerCase() ? found : null;
  } catch {
    return null;
  }
}

/** A lease that is over needs no copy, and an address is not kept longer than needed. */
export function forgetLease(leaseId: string): void {
  localStorage.removeItem(PREFIX + leaseId);
}

/** Copies whose time is long over go by themselves. */
export function forgetOld(now: number): void {
  const names = Array.from({ length: localStorage.length }, (_, i) => localStorage.key(i));
  for (const name of names) {
    if (!name?.startsWith(PREFIX)) continue;
    let end: number;
    try {
      end = Date.parse((JSON.parse(localStorage.getItem(name) ?? "") as Kept).window.end);
    } catch {
      end = 0;
    }
    if (end < now - 86_400_000) localStorage.removeItem(name);
  }
}
