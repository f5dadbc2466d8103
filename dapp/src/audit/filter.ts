/** What an auditor looks for; it lives in the address, so that it can be sent to somebody. */
import { ApiError } from "../api/problem";
import type { paths } from "../api/schema";
import { spaceOf, type Settlement } from "./verify/history";
import { OUTCOMES, type Outcome } from "./verify/tariff";

export interface Filter {
  outcome: Outcome | "";
  /** An account. */
  party: string;
  role: "driver" | "owner";
  space: string;
  /** Dates, UTC, "2026-11-21". */
  from: string;
  until: string;
}

type Query = NonNullable<paths["/v1/audit/settlements"]["get"]["parameters"]["query"]>;

export const EMPTY: Filter = {
  outcome: "",
  party: "",
  role: "driver",
  space: "",
  from: "",
  until: "",
};

export function filterFrom(query: Record<string, string>): Filter {
  const outcome = OUTCOMES.find((one) => one === query.outcome && one !== "none");
  return {
    outcome: outcome ?? "",
    party: query.party ?? "",
    role: query.role === "owner" ? "owner" : "driver",
    space: query.space ?? "",
    from: query.from ?? "",
    until: query.until ?? "",
  };
}

/** For the address: only what is set. */
export function queryOf(filter: Filter): Record<string, string> {
  const { role, ...rest } = filter;
  const set = Object.entries(rest).filter(([, value]) => value !== "");
  return Object.fromEntries([...set, ...(filter.party ? [["role", role]] : [])]);
}

/** For the API. */
export function asked(filter: Filter): Query {
  return {
    ...(filter.outcome ? { outcome: filter.outcome as NonNullable<Query["outcome"]> } : {}),
    ...(filter.party ? { [filter.role]: filter.party.trim() } : {}),
    ...(filter.space ? { space: filter.space.trim() } : {}),
    ...(filter.from ? { from: `${filter.from}T00:00:00Z` } : {}),
    ...(filter.until ? { until: `${filter.until}T00:00:00Z` } : {}),
  };
}

/** The same question to the chain's own settlements. */
export function fits(filter: Filter): (settlement: Settlement) => boolean {
  const { outcome, role, from, until } = filter;
  const party = filter.party.trim().toLowerCase();
  const space = filter.space.trim();
  const [first, end] = [from, until].map((day) => day && Date.parse(`${day}T00:00:00Z`) / 1000);
  return ({ record }) =>
    (!outcome || OUTCOMES[record.outcome] === outcome) &&
    (!party || record[role].toLowerCase() === party) &&
    (!space || BigInt(space) === spaceOf(record.leaseId)) &&
    (!first || record.closedAt >= first) &&
    (!end || record.closedAt < end);
}

export type FilterField = "party" | "space" | "from" | "until";

/** What the API calls them. */
const FIELDS: Readonly<Record<string, FilterField>> = {
  driver: "party",
  owner: "party",
  space: "space",
  from: "from",
  until: "until",
};

/** The fields that the service refuses, each with the kind of fault; none for another failure. */
export function refusedFields(error: unknown): Partial<Record<FilterField, "shape" | "checksum">> {
  if (!(error instanceof ApiError) || error.status !== 422) return {};
  const found: ReturnType<typeof refusedFields> = {};
  for (const one of error.errors) {
    const field = FIELDS[one.field];
    if (field) found[field] = error.code === "address.checksum" ? "checksum" : "shape";
  }
  return found;
}
