/** How a space of one's own is at the moment: who has it, and whether its lock works. */
import type { Schemas } from "../api/client";

type Space = Pick<Schemas["MySpaceOut"], "id" | "listed"> & {
  lockState: Pick<Schemas["LockOut"], "online" | "position" | "occupied" | "fault" | "seenAt">;
};
type Lease = Pick<Schemas["LeaseOut"], "spaceId" | "state">;

export type Use = "delisted" | "parked" | "booked" | "occupied" | "free";
export type Trouble = "unheard" | "offline" | "jammed" | "fault";

/** `leases`: the open ones. Somebody without a booking is told of only where nobody has one. */
export function useOf(space: Space, leases: readonly Lease[]): Use {
  if (!space.listed) return "delisted";
  const mine = leases.filter((lease) => lease.spaceId === space.id && lease.state !== "blocked");
  if (mine.some((lease) => lease.state === "parked")) return "parked";
  if (mine.length > 0) return "booked";
  return space.lockState.occupied ? "occupied" : "free";
}

/** What keeps drivers out; null where nothing does. */
export function troubleOf({ lockState }: Space): Trouble | null {
  if (lockState.seenAt === null) return "unheard";
  if (!lockState.online) return "offline";
  if (lockState.position === "JAMMED") return "jammed";
  return lockState.fault === null ? null : "fault";
}
