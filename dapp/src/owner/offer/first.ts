/** The draft that an owner begins with: the newest offer again, or sane terms. */
import type { Schemas } from "../../api/client";
import { FIRST, type Draft } from "./draft";
import { dateOf, localDay, offsetText, ownZone, quartersAt, quartersOf } from "./zone";

const YEAR = 365;
const LAST_DAY = 65535;

type Space = Pick<Schemas["SpaceDetailOut"], "city" | "validUntil" | "offers" | "currency">;
type City = Pick<Schemas["PlaceOut"], "city" | "utcOffset">;

export function first(space: Space, places: readonly City[], now: number): Draft {
  const before = space.offers[0];
  const there = before?.utcOffset ?? places.find((one) => one.city === space.city)?.utcOffset;
  const zone = zoneFor(quartersOf(there), now);
  const today = localDay(now, quartersAt(zone, now) ?? 0);
  const lastDay = dateOf(Math.min(today + YEAR - 1, LAST_DAY));
  const days = {
    firstDay: dateOf(today),
    lastDay: space.validUntil < lastDay ? space.validUntil : lastDay,
  };
  if (!before) return { ...FIRST, zone, ...days };
  return {
    ...FIRST,
    zone,
    ...days,
    perHour: typed(BigInt(before.pricePerSlot) * 4n, space.currency.decimals),
    perKwh: typed(BigInt(before.pricePerKwh), space.currency.decimals),
    hours: BigInt(before.hoursOfWeek),
    minimumMinutes: before.minimumMinutes,
    maximumMinutes: before.maximumMinutes,
    overstayPercent: String(before.overstayPercent),
    reserveMinutes: String(before.reserveMinutes),
    minimumPercent: String(before.minimumPercent),
    freeCancelHours: String(before.freeCancelHours),
    cancelPercent: String(before.cancelPercent),
    noShowPercent: String(before.noShowPercent),
  };
}

/** The reader's own zone where its clock is the space's now, else the bare offset. */
function zoneFor(quarters: number | null, now: number): string {
  const own = ownZone();
  if (quarters === null || quartersAt(own, now) === quarters) return own;
  return offsetText(quarters);
}

/** Minor units as a person would type them: "2.5". */
export function typed(minor: bigint, decimals: number): string {
  const unit = 10n ** BigInt(decimals);
  const fraction = (minor % unit).toString().padStart(decimals, "0").replace(/0+$/, "");
  return `${minor / unit}${decimals && fraction ? `.${fraction}` : ""}`;
}
