"""Leases by the index: lists for their parties, depth in the chain, bills, receipts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Row, or_, select, tuple_

from berth.core.errors import BerthError
from berth.core.money import parse_minor
from berth.core.slots import slot_start
from berth.core.states import LeaseState, Times, evidence_deadline
from berth.core.tariff import Terms
from berth.market.index_state import index_state
from berth.market.offers import offer_terms
from berth.market.vocabulary import OPEN_STATES
from berth.store.derived import leases, settlements
from berth.store.pace import block_seconds

Role = Literal["driver", "owner", "any"]


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease. Slots of 15 minutes since the Unix epoch; amounts in minor units; `arrived` minute
    from the start plus 1 (0 = none on record), `until_minute` minute from the start; energy used in
    units of 100 Wh; `booked_at`, `disputed_at` and `closed_at` Unix seconds UTC of their blocks;
    `compensation` was paid from owner to driver beside the settlement."""

    lease_id: str
    space_id: str
    start_slot: int
    slots: int
    end_slot: int
    epoch: int
    driver: str
    owner: str
    offer: int
    kwh_cap: int
    deposit: int
    pulled: int
    plate_commitment: str
    state: LeaseState
    disputed: bool
    disputed_by: str | None
    disputed_at: int | None
    no_show: bool
    compensation: int | None
    arrived: int
    until_minute: int
    energy_used: int
    overstay: int | None
    booked_block: int
    booked_tx: str
    booked_at: int
    arrived_tx: str | None
    claimed_tx: str | None
    closed_tx: str | None
    closed_at: int | None

    @property
    def start(self) -> int:
        """Unix seconds UTC."""
        return slot_start(self.start_slot)

    @property
    def end(self) -> int:
        """Unix seconds UTC."""
        return slot_start(self.end_slot)

    @property
    def is_open(self) -> bool:
        """Money is in escrow."""
        return self.state.is_open

    def is_party(self, account: str) -> bool:
        """Is the account its driver or its owner?"""
        return account in (self.driver, self.owner)


@dataclass(frozen=True, slots=True)
class Depth:
    """How deep the booking is in the chain: the block that holds it is the first confirmation.
    `seconds_left` is an estimate, 0 when deep enough."""

    confirmations: int
    required: int
    seconds_left: int

    @property
    def confirmed(self) -> bool:
        """Deep enough for exact places and for the lock."""
        return self.confirmations >= self.required


@dataclass(frozen=True, slots=True)
class Settlement:
    """One record of the ledger, as the chain's event told it. Amounts in minor units."""

    number: int
    lease_id: str
    outcome: int
    owner: str
    driver: str
    offer: int
    rent: int
    overstay: int
    energy: int
    fee: int
    refund: int
    arrived: int
    until_minute: int
    energy_wh: int
    closed_at: int
    record_hash: str
    head: str
    block_number: int
    tx_hash: str

    @property
    def cost(self) -> int:
        """What the driver paid."""
        return self.rent + self.overstay + self.energy

    @property
    def owner_share(self) -> int:
        """What the owner was credited."""
        return self.cost - self.fee

    @property
    def deposit(self) -> int:
        """What had been in escrow."""
        return self.cost + self.refund


def lease_of(conn: Connection, lease_id: str) -> Lease:
    """One lease; BerthError `lease.unknown` (404)."""
    row = conn.execute(select(leases).where(leases.c.lease_id == lease_id)).first()
    if row is None:
        raise unknown_lease()
    return _lease(row)


def lease_for_party(conn: Connection, lease_id: str, account: str) -> Lease:
    """One lease of the account's. A stranger gets the answer for a lease that does not exist."""
    lease = lease_of(conn, lease_id)
    if not lease.is_party(account):
        raise unknown_lease()
    return lease


def unknown_lease() -> BerthError:
    """The one answer for leases that do not exist and for other people's."""
    return BerthError(
        "lease.unknown", "there is no such lease of yours", field="leaseId", status=404
    )


def leases_of(
    conn: Connection,
    account: str,
    *,
    role: Role = "any",
    open_only: bool = False,
    before: tuple[int, str] | None = None,
    limit: int = 50,
) -> list[Lease]:
    """Leases of an account, latest start first, before the one at (start slot, id)."""
    as_driver, as_owner = leases.c.driver == account, leases.c.owner == account
    mine = {"driver": as_driver, "owner": as_owner, "any": or_(as_driver, as_owner)}[role]
    query = select(leases).where(mine)
    if open_only:
        query = query.where(leases.c.state.in_(OPEN_STATES))
    if before is not None:
        query = query.where(tuple_(leases.c.start_slot, leases.c.lease_id) < tuple_(*before))
    query = query.order_by(leases.c.start_slot.desc(), leases.c.lease_id.desc()).limit(limit)
    return [_lease(row) for row in conn.execute(query)]


def depth_of(conn: Connection, lease: Lease, required: int) -> Depth:
    """How deep the booking is, against how deep it must be."""
    state = index_state(conn)
    block = state.block if state is not None else 0
    confirmations = max(0, block - lease.booked_block + 1)
    missing = max(0, required - confirmations)
    seconds = -(-missing * block_seconds(conn) // 1) if missing else 0
    return Depth(confirmations, required, int(seconds))


def terms_for(conn: Connection, lease: Lease) -> Terms:
    """The offer that the lease is pinned to."""
    return offer_terms(conn, lease.space_id, lease.offer)


def deadline_of(lease: Lease, terms: Terms) -> int | None:
    """When anybody may close the lease if nothing more happens (Unix seconds UTC)."""
    if not lease.is_open:
        return None
    times = times_of(lease, terms)
    if lease.disputed:
        return times.t3
    return times.t2 if lease.state is LeaseState.CLAIMED else times.t1


def times_of(lease: Lease, terms: Terms) -> Times:
    """The instants of a lease."""
    return Times.of(lease.start_slot, lease.slots, terms.reserve_minutes)


def settlement_of(conn: Connection, lease_id: str) -> Settlement | None:
    """The settlement of a lease; None while it is open."""
    row = conn.execute(select(settlements).where(settlements.c.lease_id == lease_id)).first()
    return None if row is None else settlement_from(row)


def costs_of(conn: Connection, lease_ids: Sequence[str]) -> dict[str, int]:
    """What the driver paid, by lease, minor units; of those that are settled."""
    query = select(
        settlements.c.lease_id, settlements.c.rent, settlements.c.overstay, settlements.c.energy
    ).where(settlements.c.lease_id.in_(lease_ids))
    return {
        lease_id: sum(parse_minor(part) for part in parts)
        for lease_id, *parts in conn.execute(query)
    }


def settlement_from(row: Row[tuple[object, ...]]) -> Settlement:
    """A row of `settlements`."""
    values = dict(row._mapping)
    for name in ("rent", "overstay", "energy", "fee", "refund"):
        values[name] = parse_minor(values[name])
    return Settlement(**values)


def confirmed_lessee(
    conn: Connection, lease_id: str, account: str, required: int, now: int
) -> Lease:
    """The lease, if the account is its driver, it is open, deep enough and not long over.

    Raises BerthError lease.unknown (404), lease.not_lessee (403), lease.over, lease.unconfirmed
    (409).
    """
    lease = lease_for_party(conn, lease_id, account)
    if lease.driver != account:
        raise BerthError(
            "lease.not_lessee", "only the driver is told the way", field="leaseId", status=403
        )
    over = now >= evidence_deadline(lease.end, terms_for(conn, lease).reserve_minutes)
    if lease.state not in (LeaseState.BOOKED, LeaseState.PARKED) or over:
        raise BerthError("lease.over", "the lease is over", field="leaseId", status=409)
    depth = depth_of(conn, lease, required)
    if not depth.confirmed:
        raise BerthError(
            "lease.unconfirmed",
            "the lease has {have} of {need} confirmations, about {seconds} s to go",
            field="leaseId",
            status=409,
            have=depth.confirmations,
            need=depth.required,
            seconds=depth.seconds_left,
        )
    return lease


_FIELDS = tuple(Lease.__dataclass_fields__)


def _lease(row: Row[tuple[object, ...]]) -> Lease:
    values = {name: row._mapping[name] for name in _FIELDS}
    values["deposit"] = parse_minor(values["deposit"])
    values["pulled"] = parse_minor(values["pulled"])
    values["overstay"] = None if values["overstay"] is None else parse_minor(values["overstay"])
    if values["compensation"] is not None:
        values["compensation"] = parse_minor(values["compensation"])
    values["disputed"], values["no_show"] = bool(values["disputed"]), bool(values["no_show"])
    values["state"] = LeaseState(values["state"])
    return Lease(**values)
