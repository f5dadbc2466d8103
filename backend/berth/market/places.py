"""Words for places, how they are folded and compared; and the places where spaces are shared."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from berth.core.geo import decode_cell
from berth.core.ids import city_code
from berth.store.derived import editions, offers, spaces
from berth.store.kept import title_editions


def fold(words: str) -> str:
    """Text for comparison: compatibility forms, accents and case removed, punctuation as spaces."""
    decomposed = unicodedata.normalize("NFKD", words.casefold())
    kept = (char for char in decomposed if not unicodedata.combining(char))
    spaced = "".join(char if unicodedata.category(char)[0] in "LNS" else " " for char in kept)
    return " ".join(unicodedata.normalize("NFC", spaced).split())


def like(word: str) -> str:
    """A LIKE pattern for text that holds the word, escaped with `!`."""
    escaped = word.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


def matching_cities(conn: Connection, word: str) -> list[int]:
    """Cities with an anchored edition whose name or UN/LOCODE holds the folded word."""
    names: dict[int, set[str]] = {}
    for (city,) in conn.execute(select(editions.c.city).distinct()):
        names.setdefault(city, set()).add(fold(city_code(city)))
    for city, name in conn.execute(select(title_editions.c.city, title_editions.c.name)):
        if city in names:
            names[city].add(fold(name))
    return sorted(city for city, known in names.items() if any(word in name for name in known))


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """A city where spaces are shared: how many, the middle of the cell with the most of them in
    WGS-84, and the local time of the newest offer there in quarter hours from UTC."""

    city: int
    name: str
    lat: float
    lon: float
    utc_offset: int | None
    spaces: int


def shared_places(conn: Connection, limit: int) -> list[SharedPlace]:
    """Cities with listed and offered spaces, those with the most first."""
    city_of = func.substr(spaces.c.space_id, 1, 10)
    listed = (
        (spaces.c.delisted_day == 0)
        & (spaces.c.released == 0)
        & (spaces.c.last_offer >= spaces.c.first_live)
        & (spaces.c.last_offer > 0)
    )
    cells: dict[int, list[tuple[int, int]]] = {}
    query = select(city_of, spaces.c.cell, func.count()).where(listed)
    for city, cell, count in conn.execute(query.group_by(city_of, spaces.c.cell)):
        cells.setdefault(int(city, 16), []).append((count, cell))
    most = sorted(cells, key=lambda city: (-sum(count for count, _ in cells[city]), city))
    return [_shared(conn, city, cells[city]) for city in most[:limit]]


def _shared(conn: Connection, city: int, cells: list[tuple[int, int]]) -> SharedPlace:
    _, cell = max(cells, key=lambda one: (one[0], -one[1]))
    name = conn.execute(
        select(title_editions.c.name)
        .where(title_editions.c.city == city)
        .order_by(title_editions.c.edition.desc())
        .limit(1)
    ).scalar_one_or_none()
    offset = conn.execute(
        select(offers.c.utc_offset)
        .join(spaces, spaces.c.space_id == offers.c.space_id)
        .where(spaces.c.cell == cell, offers.c.number == spaces.c.last_offer)
        .order_by(offers.c.published_at.desc())
        .limit(1)
    ).scalar_one_or_none()
    lat, lon = decode_cell(cell)
    total = sum(count for count, _ in cells)
    return SharedPlace(city, name or city_code(city), lat, lon, offset, total)
