"""The SQL of the search: spatial candidates, static demands, free calendar; how spaces behaved, and
how long they stay free.

One statement, streamed. The candidates are a materialised expression, so that both databases start
from the spatial index and not from the leases. Names are fixed, values are bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, or_, select, text, union_all

from berth.core.geo import bounding_boxes, distance_m
from berth.core.offer import Terms, hours_allow, within_days
from berth.core.slots import (
    MAX_LEASE_SLOTS,
    SLOT_SECONDS,
    SLOTS_PER_DAY,
    slot_at,
    utc_day,
)
from berth.core.states import Outcome
from berth.market.places import fold, like, matching_cities
from berth.market.ranking import History
from berth.market.wanted import Wanted
from berth.store.derived import blockings, leases, settlements, spaces
from berth.store.kept import lock_states

#: A space is judged by its stays of the last 90 days, at most by the latest 20.
HISTORY_SLOTS = 90 * SLOTS_PER_DAY
HISTORY_STAYS = 20
#: The lock told the end.
_RECORDED = (Outcome.DEPARTED, Outcome.ACCEPTED, Outcome.MATURED, Outcome.LAPSED)
#: Arrival on record, then silence; or the driver could not park at all.
_FAILED = (Outcome.PRESUMED, Outcome.CANCELLED_BY_OWNER, Outcome.OBSTRUCTED)
_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Row:
    """A space with one of its offers; `metres` from the wanted point, None without one."""

    space_id: str
    metres: float | None
    lock_key: str
    height_cm: int
    width_cm: int
    length_cm: int
    offer: int
    word_a: str
    word_b: str


def rows_for(conn: Connection, wanted: Wanted) -> Iterator[Row]:
    """Spaces in the area that are free and fit, with each offer that may allow the stay."""
    stay = wanted.stay
    values: dict[str, Any] = {
        "start": stay.start_slot,
        "end": stay.end_slot,
        "slots": stay.slots,
        "earliest": stay.start_slot - MAX_LEASE_SLOTS,
        "end_day": stay.end_day,
        # local days are at most one off; the exact test is the tariff's
        "day_before": utc_day(stay.start) - 1,
        "day_after": stay.end_day + 1,
    }
    demands: list[str] = []
    if wanted.vehicle is not None:
        demands.append(
            "(s.height_cm = 0 OR s.height_cm >= :height)"
            " AND s.width_cm >= :width AND s.length_cm >= :length"
        )
        vehicle = wanted.vehicle
        values |= {"height": vehicle.height, "width": vehicle.width, "length": vehicle.length}
    if wanted.charger is not None:
        # 100 W for a slot is 25 Wh: what is asked for must go through within the stay
        demands.append(
            "(s.connectors & :connector) <> 0 AND s.power >= :power"
            " AND s.power * :slots * 25 >= :energy_wh"
        )
        charger = wanted.charger
        values |= {
            "connector": charger.connector,
            "power": charger.power,
            "energy_wh": charger.energy_kwh * 1000,
        }
    near = _near(conn, wanted, values)
    also = "".join(f" AND {demand}" for demand in demands)
    statement = text(
        f"""
        WITH near AS MATERIALIZED ({near})
        SELECT n.space_id, n.lat, n.lon, s.lock_key, s.height_cm, s.width_cm, s.length_cm,
               o.number, o.word_a, o.word_b
          FROM near n
          JOIN spaces s ON s.space_id = n.space_id
          JOIN offers o ON o.space_id = n.space_id AND o.number >= s.first_live
         WHERE s.valid_day >= :end_day{also}
           AND o.min_slots <= :slots AND o.max_slots >= :slots
           AND o.first_day <= :day_after AND o.last_day >= :day_before
           AND NOT EXISTS (
               SELECT 1 FROM leases l
                WHERE l.space_id = n.space_id
                  AND l.start_slot < :end AND l.start_slot > :earliest AND l.end_slot > :start
                  AND (l.closed_at IS NULL OR (
                      (l.closed_at + 899) / 900 > :start
                      AND (l.closed_at + 899) / 900 > l.start_slot)))
           AND NOT EXISTS (
               SELECT 1 FROM blockings b
                WHERE b.space_id = n.space_id
                  AND b.start_slot < :end AND b.start_slot > :earliest AND b.end_slot > :start
                  AND (b.ended_at IS NULL OR (
                      (b.ended_at + 899) / 900 > :start
                      AND (b.ended_at + 899) / 900 > b.start_slot)))
        """  # noqa: S608 - fixed names only
    )
    result = conn.execution_options(yield_per=500).execute(statement, values)
    for space_id, lat, lon, *rest in result:
        metres = None if wanted.point is None else distance_m(*wanted.point, lat, lon)
        yield Row(space_id, metres, *rest)


def _near(conn: Connection, wanted: Wanted, values: dict[str, Any]) -> str:
    """SELECT of (space_id, lat, lon) of the area; adds its values."""
    worded = _worded(conn, wanted.words, values) if wanted.words else "1 = 1"
    # words of a former owner are not the present one's
    private = (
        "JOIN spaces w ON w.space_id = p.space_id LEFT JOIN space_private x"
        " ON x.space_id = p.space_id AND x.by_owner = w.owner"
        if wanted.words
        else ""
    )
    if wanted.point is None:
        return f"SELECT p.space_id, p.lat, p.lon FROM space_points p {private} WHERE {worded}"  # noqa: S608
    parts = []
    for number, (south, west, north, east) in enumerate(
        bounding_boxes(*wanted.point, wanted.radius)
    ):
        values |= {
            f"south{number}": south,
            f"north{number}": north,
            f"west{number}": west,
            f"east{number}": east,
        }
        if conn.dialect.name == "sqlite":
            source = "space_boxes b JOIN space_points p ON p.point_id = b.point_id"
            inside = (
                f"b.min_lat <= :north{number} AND b.max_lat >= :south{number}"
                f" AND b.min_lon <= :east{number} AND b.max_lon >= :west{number}"
            )
        else:
            source = "space_points p"
            inside = (
                f"point(p.lon, p.lat) <@ box(point(:west{number}, :south{number}),"
                f" point(:east{number}, :north{number}))"
            )
        parts.append(
            f"SELECT p.space_id, p.lat, p.lon FROM {source} {private}"  # noqa: S608
            f" WHERE {inside} AND {worded}"
        )
    return " UNION ALL ".join(parts)


def _worded(conn: Connection, words: str, values: dict[str, Any]) -> str:
    """Every word must be in the space's public words or in its city's name."""
    clauses = []
    for number, word in enumerate(fold(words).split()):
        values[f"word{number}"] = like(word)
        either = [f"x.public_words LIKE :word{number} ESCAPE '!'"]
        for city in matching_cities(conn, word):
            # ids are fixed-width hex: a city's spaces are one run of them
            low, high = f"0x{city << 32:016x}", f"0x{city << 32 | 0xFFFFFFFF:016x}"
            values |= {f"low{number}_{city}": low, f"high{number}_{city}": high}
            either.append(f"p.space_id BETWEEN :low{number}_{city} AND :high{number}_{city}")
        clauses.append(f"({' OR '.join(either)})")
    return " AND ".join(clauses) or "1 = 1"


def histories(conn: Connection, locks: Mapping[str, str], now: int) -> dict[str, History]:
    """How each space behaved. `locks`: space id to lock id; `now`: Unix seconds UTC."""
    stays: dict[str, list[int]] = {space: [] for space in locks}
    spaces = list(locks)
    recent = (
        select(leases.c.space_id, settlements.c.outcome)
        .join(settlements, settlements.c.lease_id == leases.c.lease_id)
        .where(
            leases.c.space_id.in_(bindparam("spaces", expanding=True)),
            leases.c.start_slot > slot_at(now) - HISTORY_SLOTS,
            settlements.c.outcome.in_((*_RECORDED, *_FAILED)),
        )
        .order_by(leases.c.space_id, leases.c.start_slot.desc(), leases.c.epoch.desc())
    )
    online = set(_online(conn, set(locks.values())))
    for at in range(0, len(spaces), _CHUNK):
        for space, outcome in conn.execute(recent, {"spaces": spaces[at : at + _CHUNK]}):
            if len(stays[space]) < HISTORY_STAYS:
                stays[space].append(outcome)
    return {
        space: History(
            kept=sum(outcome in _RECORDED for outcome in stays[space]),
            stays=len(stays[space]),
            online=lock in online,
        )
        for space, lock in locks.items()
    }


def open_after(conn: Connection, offered: Mapping[str, Terms], end_slot: int) -> dict[str, int]:
    """For how many slots from `end_slot` on each space is still free, and shared by the offer whose
    terms are given; a day at most. Each must be free in the slot before."""
    until = end_slot + SLOTS_PER_DAY
    ids: BindParameter[list[str]] = bindparam("spaces", expanding=True)
    taken = union_all(
        *(
            select(table.c.space_id, table.c.start_slot).where(
                table.c.space_id.in_(ids),
                table.c.start_slot >= end_slot,
                table.c.start_slot < until,
                # what had ended before it began has given everything back
                or_(ended.is_(None), ended > table.c.start_slot * SLOT_SECONDS),
            )
            for table, ended in ((leases, leases.c.closed_at), (blockings, blockings.c.ended_at))
        )
    ).subquery()
    next_taken = select(taken.c.space_id, func.min(taken.c.start_slot)).group_by(taken.c.space_id)
    lapses = select(spaces.c.space_id, spaces.c.valid_day).where(spaces.c.space_id.in_(ids))
    named = {"spaces": list(offered)}
    free = dict.fromkeys(offered, until)
    for space, valid_day in conn.execute(lapses, named):
        free[space] = min(free[space], (valid_day + 1) * SLOTS_PER_DAY)
    for space, start_slot in conn.execute(next_taken, named):
        free[space] = min(free[space], start_slot)
    return {
        space: _shared(terms, end_slot, max(0, free[space] - end_slot))
        for space, terms in offered.items()
    }


def _shared(terms: Terms, start_slot: int, slots: int) -> int:
    """The first of so many slots, as long as the offer shares them."""
    for slot in range(start_slot, start_slot + slots):
        if not (hours_allow(terms, slot, 1) and within_days(terms, slot, 1)):
            return slot - start_slot
    return slots


def _online(conn: Connection, locks: set[str]) -> Iterator[str]:
    known = sorted(locks)
    query = select(lock_states.c.lock_id).where(
        lock_states.c.lock_id.in_(bindparam("locks", expanding=True)), lock_states.c.online == 1
    )
    for at in range(0, len(known), _CHUNK):
        yield from conn.execute(query, {"locks": known[at : at + _CHUNK]}).scalars()
