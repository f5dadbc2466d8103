"""Finding free spaces: spatial candidates first, then everything they must satisfy, then rank.

Only the owner's public point and public words are ever compared: see `berth.store.points`. What a
candidate must satisfy is what the contract will demand of the lease, so that a space that is shown
can be leased as long as nobody else takes it first.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from berth.core.errors import BerthError
from berth.core.tariff import Terms, deposit, hours_allow, within_days
from berth.market import ranking
from berth.market.candidates import Row, histories, open_after, rows_for
from berth.market.offers import terms_of
from berth.market.places import fold
from berth.market.wanted import Vehicle, Wanted

#: So many, the best by cost, walk and fit, are weighed by reliability too and can be paged through.
RANKED = 500
MAX_RADIUS = 5000
MAX_PAGE = 50


@dataclass(frozen=True, slots=True)
class Candidate:
    """A free space with its cheapest fitting offer, whose terms are `terms`. Amounts in minor
    units."""

    space_id: str
    lock_key: str
    offer: int
    terms: Terms
    maximum_cost: int
    expected_cost: int
    walk_metres: float | None
    spare_cm: int | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A candidate with its place in the order and the reasons for it; free for `open_slots` after
    the stay too, a day at most (of the hits of a page; 0 elsewhere)."""

    candidate: Candidate
    score: ranking.Score
    history: ranking.History
    open_slots: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """One page of those `among` whom they are told; `next` continues after the last hit."""

    hits: list[Hit]
    among: ranking.Among
    next: tuple[float, int, float, str] | None


def search(
    conn: Connection,
    wanted: Wanted,
    limit: int,
    now: int,
    after: tuple[float, int, float, str] | None = None,
) -> Found:
    """The best `limit` spaces after the one with sort key `after`. `now` is Unix seconds UTC."""
    if wanted.point is None and not fold(wanted.words or ""):
        raise BerthError("search.place", "give a point or words", field="place", status=422)
    found = free_spaces(conn, wanted)
    cheapest = min((candidate.expected_cost for candidate in found), default=0)
    best = heapq.nsmallest(
        RANKED,
        found,
        key=lambda candidate: ranking.order(
            candidate, ranking.score(candidate, cheapest, None).total
        ),
    )
    past = histories(conn, {c.space_id: c.lock_key for c in best}, now)
    hits = [Hit(c, ranking.score(c, cheapest, past[c.space_id]), past[c.space_id]) for c in best]
    hits.sort(key=_key)
    if after is not None:
        hits = [hit for hit in hits if _key(hit) > after]
    page = hits[:limit]
    offered = {hit.candidate.space_id: hit.candidate.terms for hit in page}
    free = open_after(conn, offered, wanted.stay.end_slot)
    walks = [candidate.walk_metres for candidate in found if candidate.walk_metres is not None]
    return Found(
        hits=[replace(hit, open_slots=free[hit.candidate.space_id]) for hit in page],
        among=ranking.Among(len(found), cheapest, min(walks, default=None)),
        next=_key(page[-1]) if len(hits) > limit else None,
    )


def free_spaces(conn: Connection, wanted: Wanted) -> list[Candidate]:
    """Every space that satisfies the whole request, each with its cheapest fitting offer."""
    best: dict[str, Candidate] = {}
    for candidate in _fitting(rows_for(conn, wanted), wanted):
        known = best.get(candidate.space_id)
        if known is None or _cheaper(candidate, known):
            best[candidate.space_id] = candidate
    return list(best.values())


def _fitting(rows: Iterable[Row], wanted: Wanted) -> Iterator[Candidate]:
    stay = wanted.stay
    for row in rows:
        if row.metres is not None and row.metres > wanted.radius:
            continue
        terms = terms_of(row.word_a, row.word_b)
        if not hours_allow(terms, stay.start_slot, stay.slots):
            continue
        if not within_days(terms, stay.start_slot, stay.slots):
            continue
        energy = wanted.energy_kwh
        yield Candidate(
            space_id=row.space_id,
            lock_key=row.lock_key,
            offer=row.offer,
            terms=terms,
            maximum_cost=deposit(terms, stay.slots, energy),
            expected_cost=terms.price_per_slot * stay.slots + terms.price_per_kwh * energy,
            walk_metres=row.metres,
            spare_cm=_spare(row, wanted.vehicle),
        )


def _spare(row: Row, vehicle: Vehicle | None) -> int | None:
    """Room left in the tightest direction, cm; a height of 0 is open air."""
    if vehicle is None:
        return None
    room = [row.width_cm - vehicle.width, row.length_cm - vehicle.length]
    if row.height_cm:
        room.append(row.height_cm - vehicle.height)
    return min(room)


def _cheaper(one: Candidate, other: Candidate) -> bool:
    return (one.expected_cost, one.maximum_cost, one.offer) < (
        other.expected_cost,
        other.maximum_cost,
        other.offer,
    )


def _key(hit: Hit) -> tuple[float, int, float, str]:
    return ranking.order(hit.candidate, hit.score.total)
