"""Words for places: how they are folded and compared."""

from __future__ import annotations

import unicodedata

from sqlalchemy import Connection, select

from berth.core.ids import city_code
from berth.store.derived import editions
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
