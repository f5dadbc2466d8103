/** The market's events, sorted by what they are about. */
import type { Address, Hex } from "viem";
import type { Settled } from "./ledger";
import type { Event } from "./reader";
import { termsOf, type Stay, type Terms } from "./tariff";

export interface Seen {
  block: bigint;
  transaction: Hex;
}

export interface Booking extends Seen {
  driver: Address;
  offer: number;
  slots: number;
  kwhCap: number;
  deposit: bigint;
}

export interface Offer extends Seen {
  owner: Address;
  terms: Terms;
}

export interface LockKey extends Seen {
  key: Address;
  maker: number;
}

export interface Settlement extends Seen {
  record: Settled;
}

export class History {
  readonly settlements: Settlement[] = [];
  readonly bookings = new Map<bigint, Booking>();
  readonly offers = new Map<string, Offer>();
  readonly locks = new Map<bigint, LockKey[]>();
  readonly registrations = new Map<bigint, Seen>();
  readonly arrivals = new Map<bigint, Seen>();
  readonly claims = new Map<bigint, Seen>();
  /** Records that nobody came, kept for the end of a dispute. */
  readonly noShows = new Map<bigint, Seen>();
  readonly compensations = new Map<bigint, bigint>();

  constructor(events: Event[]) {
    for (const event of events) this.take(event);
  }

  /** How a lease stands by its events: slots and cap with extensions. */
  stay(leaseId: bigint): Stay | null {
    const booking = this.bookings.get(leaseId);
    return booking
      ? { slots: BigInt(booking.slots), kwhCap: BigInt(booking.kwhCap), start: startOf(leaseId) }
      : null;
  }

  offer(leaseId: bigint, number: number): Offer | null {
    return this.offers.get(`${spaceOf(leaseId)}/${number}`) ?? null;
  }

  private take({ name, args, block, transaction }: Event): void {
    const seen = { block, transaction };
    const leaseId = args.leaseId as bigint;
    const spaceId = args.spaceId as bigint;
    switch (name) {
      case "Settled":
        this.settlements.push({ ...seen, record: args as unknown as Settled });
        break;
      case "Leased":
        this.bookings.set(leaseId, { ...seen, ...(args as unknown as Omit<Booking, keyof Seen>) });
        break;
      case "Extended": {
        const booking = this.bookings.get(leaseId);
        const { slots, kwhCap, deposit } = args as unknown as Booking;
        if (booking) this.bookings.set(leaseId, { ...booking, slots, kwhCap, deposit });
        break;
      }
      case "OfferPublished":
        this.offers.set(`${spaceId}/${args.number as number}`, {
          ...seen,
          owner: args.owner as Address,
          terms: termsOf(args.wordA as bigint),
        });
        break;
      case "SpaceRegistered":
      case "LockRotated": {
        const key = (name === "LockRotated" ? args.current : args.lockKey) as Address;
        const kept = this.locks.get(spaceId) ?? [];
        this.locks.set(spaceId, [...kept, { ...seen, key, maker: args.maker as number }]);
        if (name === "SpaceRegistered") this.registrations.set(spaceId, seen);
        break;
      }
      case "Arrived":
        this.arrivals.set(leaseId, seen);
        break;
      case "OverstayClaimed":
        this.claims.set(leaseId, seen);
        break;
      case "NoShowRecorded":
        this.noShows.set(leaseId, seen);
        break;
      case "Compensated":
        this.compensations.set(leaseId, args.amount as bigint);
        break;
    }
  }
}

export function spaceOf(leaseId: bigint): bigint {
  return leaseId >> 48n;
}

/** Unix seconds. */
export function startOf(leaseId: bigint): bigint {
  return ((leaseId >> 16n) & 0xffffffffn) * 900n;
}
