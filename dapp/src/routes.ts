/** Every address of the app, in one place. */
export const routes = {
  find: "/",
  space: "/space/:spaceId",
  leases: "/leases",
  lease: "/lease/:leaseId",
  owner: "/owner",
  register: "/owner/register",
  ownSpace: "/owner/space/:spaceId",
  earnings: "/owner/earnings",
  audit: "/audit",
  settlement: "/audit/:number",
  export: "/audit/export",
  account: "/account",
} as const;

/** An address with its parts filled in: `to(routes.lease, { leaseId })`. */
export function to(
  route: string,
  parts: Record<string, string | number> = {},
  query: Record<string, string | number | null | undefined> = {},
): string {
  const path = route.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(parts[name] ?? ""));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}
