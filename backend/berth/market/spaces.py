"""Public facts of spaces, by the index: what anybody may know, and nothing exact."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, or_, select, tuple_, union_all

from berth.core.errors import BerthError
from berth.core.slots import MAX_LEASE_SLOTS, ceil_slot, slot_at
from berth.store.derived import blockings, leases, spaces
from berth.store.kept import space_private
from berth.store.points import space_points


@dataclass(frozen=True, slots=True)
class Space:
    """A registered space. Measures in cm (height 0 = open air), `power` in units of 100 W,
    `valid_day` (0 when delisted) and `delisted_day` (0 when listed) UTC days since 1970; offers
    `first_live` to `last_offer` can be leased; the public point in WGS-84."""

    space_id: str
    owner: str
    lock_key: str
    cell: int
    kind: int
    height_cm: int
    width_cm: int
    length_cm: int
    connectors: int
    power: int
    maker: int
    valid_day: int
    first_live: int
    last_offer: int
    manager: str | None
    delisted_day: int
    registered_at: int
    tx_hash: str
    lat: float
    lon: float
    public_area: str


_COLUMNS = (
    spaces.c.space_id,
    spaces.c.owner,
    spaces.c.lock_key,
    spaces.c.cell,
    spaces.c.kind,
    spaces.c.height_cm,
    spaces.c.width_cm,
    spaces.c.length_cm,
    spaces.c.connectors,
    spaces.c.power,
    spaces.c.maker,
    spaces.c.valid_day,
    spaces.c.first_live,
    spaces.c.last_offer,
    spaces.c.manager,
    spaces.c.delisted_day,
    spaces.c.registered_at,
    spaces.c.tx_hash,
    space_points.c.lat,
    space_points.c.lon,
    space_private.c.public_area,
)
_QUERY = (
    select(*_COLUMNS)
    .join(space_points, space_points.c.space_id == spaces.c.space_id)
    .outerjoin(
        space_private,
        # what a former owner said of it no longer counts
        (space_private.c.space_id == spaces.c.space_id)
        & (space_private.c.by_owner == spaces.c.owner),
    )
)


def space_of(conn: Connection, space_id: str) -> Space:
    """One space; BerthError `space.unknown` (404)."""
    row = conn.execute(_QUERY.where(spaces.c.space_id == space_id)).first()
    if row is None:
        raise BerthError("space.unknown", "is not registered", field="spaceId", status=404)
    return _space(row)


def is_registered(conn: Connection, space_id: str) -> bool:
    """Does this market hold the space, delisted or not?"""
    query = select(spaces.c.released).where(spaces.c.space_id == space_id)
    return conn.execute(query).scalar_one_or_none() == 0


def spaces_by_id(conn: Connection, ids: Iterable[str]) -> dict[str, Space]:
    """Several spaces by id, at most some hundreds."""
    query = _QUERY.where(spaces.c.space_id.in_(bindparam("ids", expanding=True)))
    return {row.space_id: _space(row) for row in conn.execute(query, {"ids": list(ids)})}


def spaces_of(conn: Connection, owner: str, after: str, limit: int) -> list[Space]:
    """Spaces of an owner in the order of their ids, after the given one ("" = from the first)."""
    query = (
        _QUERY.where(spaces.c.owner == owner, spaces.c.space_id > after)
        .order_by(spaces.c.space_id)
        .limit(limit)
    )
    return [_space(row) for row in conn.execute(query)]


def taken(conn: Connection, space_id: str, start_slot: int, end_slot: int) -> list[tuple[int, int]]:
    """Runs of slots [from, to) in which the space is leased or blocked, cut to the window, in
    order, merged.

    As on-chain: a lease that closed or a block that ended gives back the slots not yet begun.
    """
    parts = [
        select(table.c.start_slot, table.c.end_slot, ended.label("ended_at")).where(
            table.c.space_id == space_id,
            table.c.start_slot > start_slot - MAX_LEASE_SLOTS,
            table.c.start_slot < end_slot,
            table.c.end_slot > start_slot,
        )
        for table, ended in ((leases, leases.c.closed_at), (blockings, blockings.c.ended_at))
    ]
    runs: list[tuple[int, int]] = []
    for row in sorted(conn.execute(union_all(*parts)), key=lambda row: (row[0], row[1])):
        until = row.end_slot
        if row.ended_at is not None:
            until = min(until, max(row.start_slot, ceil_slot(row.ended_at)))
        first, last = max(row.start_slot, start_slot), min(until, end_slot)
        if first >= last:
            continue
        if runs and first <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(runs[-1][1], last))
        else:
            runs.append((first, last))
    return runs


@dataclass(frozen=True)
class KeptTime:
    """Slots [start, end) that an owner or manager keeps out of sharing; `id` is what unblocking
    names. `given_back`: it has been, but for the slots that had begun by then."""

    id: str
    space_id: str
    start_slot: int
    end_slot: int
    given_back: bool


def kept_times(
    conn: Connection, account: str, now: int, after: tuple[int, str] | None, limit: int
) -> list[KeptTime]:
    """What is kept, from now (Unix seconds) on, of the spaces that an account owns or manages now,
    whoever of the two keeps it: either may give it back. Earliest start first, after the one at
    (start slot, id)."""
    slot = slot_at(now)
    query = (
        select(blockings)
        .join(spaces, spaces.c.space_id == blockings.c.space_id)
        .where(
            or_(spaces.c.owner == account, spaces.c.manager == account),
            blockings.c.end_slot > slot,
        )
    )
    if after is not None:
        query = query.where(tuple_(blockings.c.start_slot, blockings.c.lease_id) > tuple_(*after))
    found: list[KeptTime] = []
    for row in conn.execute(query.order_by(blockings.c.start_slot, blockings.c.lease_id)):
        until = row.end_slot
        if row.ended_at is not None:
            until = min(until, max(row.start_slot, ceil_slot(row.ended_at)))
        if max(row.start_slot, slot) >= until:
            continue
        back = row.ended_at is not None
        found.append(KeptTime(row.lease_id, row.space_id, row.start_slot, until, back))
        if len(found) == limit:
            break
    return found


def _space(row: object) -> Space:
    values = dict(row._mapping)  # type: ignore[attr-defined]
    values["public_area"] = values["public_area"] or ""
    return Space(**values)
