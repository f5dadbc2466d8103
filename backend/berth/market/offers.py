"""Offers as the index holds them, read as terms."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Connection, select

from berth.core.errors import BerthError
from berth.core.tariff import Terms, decode_words
from berth.store.derived import offers, spaces


@lru_cache(maxsize=4096)
def terms_of(word_a: str, word_b: str) -> Terms:
    """The terms behind an offer's two words (hex text). Kept: offers never change, and reading
    words is half of a search's work."""
    return decode_words(int(word_a, 16), int(word_b, 16))


def offer_terms(conn: Connection, space_id: str, number: int) -> Terms:
    """The terms of one offer; BerthError `offer.unknown` (404) when the space has no such offer."""
    row = conn.execute(
        select(offers.c.word_a, offers.c.word_b).where(
            offers.c.space_id == space_id, offers.c.number == number
        )
    ).first()
    if row is None:
        raise BerthError(
            "offer.unknown",
            "the space has no offer {number}",
            field="offer",
            status=404,
            number=number,
        )
    return terms_of(row.word_a, row.word_b)


def live_offers(conn: Connection, space_id: str, limit: int = 50) -> list[tuple[int, Terms]]:
    """The newest offers that can still be leased, with their numbers, newest first: those of the
    present owner that were not withdrawn."""
    rows = conn.execute(
        select(offers.c.number, offers.c.word_a, offers.c.word_b)
        .join(spaces, spaces.c.space_id == offers.c.space_id)
        .where(offers.c.space_id == space_id, offers.c.number >= spaces.c.first_live)
        .order_by(offers.c.number.desc())
        .limit(limit)
    )
    return [(row.number, terms_of(row.word_a, row.word_b)) for row in rows]
