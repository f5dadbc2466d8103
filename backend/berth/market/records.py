"""Exact places and ways in: what an owner, or the manager whom the owner has named on the chain,
tells the lessee of a confirmed lease, and nobody else.

Everything private is sealed; what everybody may search by (a public point, public words) is plain.
Where an owner has said nothing yet, the title's own address and place stand in.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, select

from berth.core.errors import BerthError
from berth.core.geo import decode_cell, distance_m
from berth.core.ids import parse_space, split_space
from berth.core.sealed import Sealer
from berth.core.title import address_hash, normalise_address
from berth.market.places import fold
from berth.store.derived import editions, spaces
from berth.store.events import append_event
from berth.store.kept import space_private, titles
from berth.store.upserts import put

ACCESS_KINDS = ("gate", "lock", "none")
#: An exact or public point this far from the centre of the space's on-chain cell is a mistake: the
#: cell's corner is 670 m from it at the equator.
CELL_REACH_METRES = 1000.0


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """One thing to pass on the way in: `gate`, `lock`, or `none` (instructions only)."""

    kind: str
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class PrivateRecord:
    """A space's exact place. Coordinates WGS-84; `source` is "owner" or "title";
    `address_proven`: the address hashes to what the chain holds."""

    address: str
    lat: float
    lon: float
    access: tuple[AccessPoint, ...] = ()
    entrance: tuple[float, float] | None = None
    level: str = ""
    instructions: str = ""
    source: str = "owner"
    address_proven: bool = False
    public_point: tuple[float, float] | None = None
    public_area: str = ""
    updated_at: int | None = None

    @property
    def destination(self) -> tuple[float, float]:
        """Where to drive: the entrance if there is one."""
        return self.entrance or (self.lat, self.lon)


@dataclass(frozen=True, slots=True)
class NewRecord:
    """What an owner or manager hands in. `salt` opens the on-chain address hash; None when not at
    hand: then the one that was handed in before is tried."""

    address: str
    lat: float
    lon: float
    salt: bytes | None = None
    access: tuple[AccessPoint, ...] = field(default=(AccessPoint("lock"),))
    entrance: tuple[float, float] | None = None
    level: str = ""
    instructions: str = ""
    public_point: tuple[float, float] | None = None
    public_area: str = ""


def keep_record(
    conn: Connection, sealer: Sealer, account: str, space_id: str, record: NewRecord, now: int
) -> None:
    """Replaces a space's private record, by its owner or manager; of what the manager did the owner
    is told. `now` is Unix seconds UTC.

    Raises BerthError space.unknown (404), space.not_owner (403), address.hash, place.cell (422).
    """
    row = _own_space(conn, space_id, account)
    salt = record.salt or _salt_before(conn, sealer, space_id, row.owner)
    proven = salt is not None and _opens(salt, record.address, row.address_hash)
    if record.salt is not None and not proven:
        raise BerthError(
            "address.hash",
            "address and salt do not give the address hash of the title",
            field="address",
            status=422,
        )
    if not proven:
        proven = _is_the_title_s(conn, space_id, record.address)
    _check_near(row.cell, (record.lat, record.lon), "point")
    if record.entrance is not None:
        _check_near(row.cell, record.entrance, "entrance")
    centre = decode_cell(row.cell)
    if record.public_point is not None:
        _check_near(row.cell, record.public_point, "publicPoint")
    public = record.public_point or centre
    secret: dict[str, Any] = {
        "address": record.address,
        "lat": record.lat,
        "lon": record.lon,
        "access": [asdict(point) for point in record.access],
        "entrance": record.entrance,
        "level": record.level,
        "instructions": record.instructions,
        "proven": proven,
        "salt": None if salt is None else salt.hex(),
        "chosen": record.public_point is not None,
    }
    put(
        conn,
        space_private,
        space_id=space_id,
        public_lat=public[0],
        public_lon=public[1],
        public_area=record.public_area or None,
        public_words=fold(record.public_area) or None,
        access_json=json.dumps([point.kind for point in record.access]),
        sealed=sealer.seal(secret),
        updated_at=now,
        by_owner=row.owner,
    )
    if account != row.owner:
        told = [row.owner, account]
        append_event(conn, "space.place", told, None, space_id, {"by": account}, at=now)


def own_record(conn: Connection, sealer: Sealer, account: str, space_id: str) -> PrivateRecord:
    """The exact place of a space, for its owner or manager.

    Raises BerthError space.unknown, place.unknown (404), space.not_owner (403).
    """
    _own_space(conn, space_id, account)
    found = record_of(conn, sealer, space_id)
    if found is None:
        raise BerthError("place.unknown", "has no place on record", field="spaceId", status=404)
    return found


def record_of(conn: Connection, sealer: Sealer, space_id: str) -> PrivateRecord | None:
    """The exact place of a space: its owner's record, else its title's; None when neither is here.

    A record of a former owner does not count.
    """
    row = conn.execute(
        select(space_private)
        .join(spaces, spaces.c.space_id == space_private.c.space_id)
        .where(space_private.c.space_id == space_id, space_private.c.by_owner == spaces.c.owner)
    ).first()
    if row is None or row.sealed is None:
        return _title_record(conn, space_id)
    secret = sealer.open(row.sealed)
    entrance = secret["entrance"]
    return PrivateRecord(
        address=secret["address"],
        lat=secret["lat"],
        lon=secret["lon"],
        access=tuple(AccessPoint(**point) for point in secret["access"]),
        entrance=(entrance[0], entrance[1]) if entrance else None,
        level=secret["level"],
        instructions=secret["instructions"],
        address_proven=secret["proven"],
        public_point=(row.public_lat, row.public_lon) if secret["chosen"] else None,
        public_area=row.public_area or "",
        updated_at=row.updated_at,
    )


def _own_space(conn: Connection, space_id: str, account: str) -> Row[Any, Any, Any, Any, Any]:
    """A space that the account owns or manages. One that was released is nobody's here: it may be
    another holder's in another market by now."""
    row = conn.execute(
        select(
            spaces.c.owner,
            spaces.c.manager,
            spaces.c.cell,
            spaces.c.address_hash,
            spaces.c.released,
        ).where(spaces.c.space_id == space_id)
    ).first()
    if row is None or row.released:
        raise BerthError("space.unknown", "is not registered", field="spaceId", status=404)
    if account not in (row.owner, row.manager):
        raise BerthError("space.not_owner", "is not yours", field="spaceId", status=403)
    return row


def _salt_before(conn: Connection, sealer: Sealer, space_id: str, owner: str) -> bytes | None:
    """The salt that this owner handed in with an earlier record."""
    sealed = conn.execute(
        select(space_private.c.sealed).where(
            space_private.c.space_id == space_id, space_private.c.by_owner == owner
        )
    ).scalar_one_or_none()
    salt = None if sealed is None else sealer.open(sealed).get("salt")
    return None if salt is None else bytes.fromhex(salt)


def _opens(salt: bytes, address: str, hashed: str) -> bool:
    return "0x" + address_hash(salt, address).hex() == hashed


def _is_the_title_s(conn: Connection, space_id: str, address: str) -> bool:
    """Is it the address that the city's own library has for the space?"""
    title = _title_record(conn, space_id)
    return title is not None and normalise_address(title.address) == normalise_address(address)


def _title_record(conn: Connection, space_id: str) -> PrivateRecord | None:
    """From the city's library of titles: the newest anchored edition that this backend holds."""
    city, index = split_space(parse_space(space_id))
    row = conn.execute(
        select(titles.c.address, titles.c.lat, titles.c.lon)
        .join(
            editions,
            (editions.c.city == titles.c.city) & (editions.c.edition == titles.c.edition),
        )
        .where(titles.c.city == city, titles.c.index == index)
        .order_by(titles.c.edition.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    return PrivateRecord(
        address=row.address,
        lat=row.lat,
        lon=row.lon,
        access=(AccessPoint("lock"),),
        source="title",
        address_proven=True,
    )


def _check_near(cell: int, point: tuple[float, float], field: str) -> None:
    away = distance_m(*decode_cell(cell), *point)
    if away > CELL_REACH_METRES:
        raise BerthError(
            "place.cell",
            "is {metres:.0f} m from the centre of the space's on-chain cell",
            field=field,
            status=422,
            metres=away,
        )
