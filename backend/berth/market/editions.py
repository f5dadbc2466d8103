"""Anchored editions of cities, and whose a title is for this service."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select

from berth.core.errors import BerthError
from berth.core.ids import city_code
from berth.store.derived import editions, revocations
from berth.store.kept import title_editions, title_takings, titles


@dataclass(frozen=True, slots=True)
class Edition:
    """A city's newest edition on the chain; what the library adds is None where it is elsewhere."""

    city: int
    edition: int
    count: int
    revoked: int
    root: str
    content_hash: str
    published_at: int
    block_number: int
    tx_hash: str
    name: str | None
    attribution: str | None
    holders: str | None


def anchored_edition(conn: Connection, city: int) -> Edition:
    """The newest edition of a city. Raises BerthError `city.unknown` (404)."""
    row = conn.execute(
        select(
            editions,
            title_editions.c.name,
            title_editions.c.attribution,
            title_editions.c.count.label("titles"),
        )
        .outerjoin(
            title_editions,
            and_(
                title_editions.c.city == editions.c.city,
                title_editions.c.edition == editions.c.edition,
                title_editions.c.root == editions.c.root,
            ),
        )
        .where(editions.c.city == city)
        .order_by(editions.c.edition.desc())
        .limit(1)
    ).first()
    if row is None:
        raise BerthError(
            "city.unknown",
            "{city} has not published an edition of its titles",
            field="city",
            status=404,
            city=city_code(city),
        )
    bits = conn.execute(select(revocations.c.bits).where(revocations.c.city == city)).scalars()
    return Edition(
        city=city,
        edition=row.edition,
        # The chain counts indices ever given: more than titles, once some were dropped.
        count=row._mapping["count"] if row.titles is None else row.titles,
        revoked=sum(int(word, 16).bit_count() for word in bits),
        root=row.root,
        content_hash=row.content_hash,
        published_at=row.published_at,
        block_number=row.block_number,
        tx_hash=row.tx_hash,
        name=row.name,
        attribution=row.attribution,
        holders=_holders(conn, city, row.edition) if row.name is not None else None,
    )


def stands_for(conn: Connection, city: int, holder: str, wallet: str) -> bool:
    """Does the wallet stand for this holder of titles?"""
    query = select(title_takings.c.wallet).where(
        title_takings.c.city == city,
        title_takings.c.holder == holder,
        title_takings.c.wallet == wallet,
    )
    return conn.execute(query).first() is not None


def _holders(conn: Connection, city: int, edition: int) -> str | None:
    """Whether the library's names are real or generated."""
    low, high = conn.execute(
        select(func.min(titles.c.holder_generated), func.max(titles.c.holder_generated)).where(
            titles.c.city == city, titles.c.edition == edition
        )
    ).one()
    if low is None:
        return None
    return "mixed" if low != high else "generated" if low else "real"
