"""Editions and titles in the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, insert, select, update

from berth.market.titles.edition import Entry, Former
from berth.store.derived import editions as anchored
from berth.store.kept import sent_transactions, title_editions, title_revocations, titles

_CHUNK = 5_000
_ENTRY_NAMES = ("index", *Entry._fields[1:])
_ENTRY_COLUMNS = tuple(titles.c[name] for name in _ENTRY_NAMES)


@dataclass(frozen=True)
class EditionRow:
    """One row of `title_editions`. `root` and `content_hash` are 0x text, as on the chain."""

    city: int
    edition: int
    city_code: str
    name: str
    root: str
    content_hash: str
    count: int
    index_bound: int
    source_sha256: str
    format: str
    attribution: str
    imported_at: int
    published_tx: str | None

    @property
    def tree_name(self) -> str:
        """Name of the tree's file. The root in it keeps a replaced draft's tree apart."""
        return f"{self.city_code}-{self.edition}-{self.root[2:10]}.tree"


def publish_purpose(city: int, edition: int) -> str:
    """What the names of the publishing transactions in `sent_transactions` begin with."""
    return f"titles.publish:{city}:{edition}:"


def edition_row(conn: Connection, city: int, edition: int) -> EditionRow | None:
    """One edition of a city."""
    return _one(conn, title_editions.c.city == city, title_editions.c.edition == edition)


def latest_edition(conn: Connection, city: int) -> EditionRow | None:
    """The newest edition of a city, published or not."""
    return _one(conn, title_editions.c.city == city)


def current_edition(conn: Connection, city: int) -> EditionRow | None:
    """The newest edition that is on the chain, by the index or by our own transaction."""
    seen = exists().where(
        anchored.c.city == title_editions.c.city,
        anchored.c.edition == title_editions.c.edition,
        anchored.c.root == title_editions.c.root,
    )
    return _one(
        conn, title_editions.c.city == city, title_editions.c.published_tx.is_not(None) | seen
    )


def all_cities(conn: Connection) -> list[EditionRow]:
    """The newest edition of every city, by city code."""
    cities = conn.execute(select(title_editions.c.city).distinct()).scalars().all()
    rows = (latest_edition(conn, city) for city in cities)
    return sorted((row for row in rows if row is not None), key=lambda row: row.city_code)


def is_sent(conn: Connection, row: EditionRow) -> bool:
    """May the chain have this edition, now or soon? Then it must not be replaced any more."""
    if row.published_tx is not None:
        return True
    purpose = publish_purpose(row.city, row.edition)
    sent = select(sent_transactions.c.id).where(
        sent_transactions.c.purpose.startswith(purpose, autoescape=True),
        sent_transactions.c.state.in_(("signed", "sent", "mined")),
    )
    seen = select(anchored.c.city).where(
        anchored.c.city == row.city, anchored.c.edition == row.edition
    )
    return conn.execute(sent).first() is not None or conn.execute(seen).first() is not None


def indices_of(conn: Connection, city: int, edition: int) -> dict[str, int]:
    """Index by reference of all titles of an edition."""
    found = conn.execute(
        select(titles.c.reference, titles.c.index)
        .where(titles.c.city == city, titles.c.edition == edition)
        .execution_options(yield_per=_CHUNK)
    )
    return dict(tuple(row) for row in found)


def former_of(conn: Connection, latest: EditionRow | None) -> Former:
    """What the next import of a city builds on."""
    if latest is None:
        return Former({}, 0)
    indices = indices_of(conn, latest.city, latest.edition)
    if not is_sent(conn, latest) and latest.edition > 1:
        # A draft gives way. What it dropped was never revoked and may come back as it was.
        indices = indices_of(conn, latest.city, latest.edition - 1) | indices
    return Former(indices, latest.index_bound)


def dropped_indices(conn: Connection, city: int, edition: int) -> list[int]:
    """Indices that the edition before had and this one has not, ascending."""
    before = titles.alias("before")
    still = exists().where(
        titles.c.city == before.c.city,
        titles.c.edition == edition,
        titles.c.index == before.c.index,
    )
    found = conn.execute(
        select(before.c.index)
        .where(before.c.city == city, before.c.edition == edition - 1, ~still)
        .order_by(before.c.index)
    )
    return list(found.scalars())


def entries_of(conn: Connection, city: int, edition: int) -> Iterator[Entry]:
    """All titles of an edition, by index."""
    found = conn.execute(
        select(*_ENTRY_COLUMNS)
        .where(titles.c.city == city, titles.c.edition == edition)
        .order_by(titles.c.index)
        .execution_options(yield_per=_CHUNK)
    )
    return (Entry(*row) for row in found)


def entries_where(
    conn: Connection, row: EditionRow, *conditions: ColumnElement[bool], limit: int
) -> list[Entry]:
    """Some titles of an edition, by index."""
    found = conn.execute(
        select(*_ENTRY_COLUMNS)
        .where(titles.c.city == row.city, titles.c.edition == row.edition, *conditions)
        .order_by(titles.c.index)
        .limit(limit)
    )
    return [Entry(*values) for values in found]


def delete_edition(conn: Connection, city: int, edition: int) -> None:
    """Removes a draft with its titles."""
    conn.execute(delete(titles).where(titles.c.city == city, titles.c.edition == edition))
    conn.execute(
        delete(title_editions).where(
            title_editions.c.city == city, title_editions.c.edition == edition
        )
    )


def insert_edition(conn: Connection, row: EditionRow) -> None:
    conn.execute(insert(title_editions).values(**vars(row)))


def insert_entries(conn: Connection, row: EditionRow, entries: Sequence[Entry]) -> Iterator[int]:
    """Inserts in chunks; yields how many are in."""
    statement = insert(titles)
    for start in range(0, len(entries), _CHUNK):
        chunk = entries[start : start + _CHUNK]
        conn.execute(
            statement,
            [
                {
                    "city": row.city,
                    "edition": row.edition,
                    **dict(zip(_ENTRY_NAMES, entry, strict=True)),
                }
                for entry in chunk
            ],
        )
        yield start + len(chunk)


def mark_published(conn: Connection, city: int, edition: int, tx_hash: str) -> None:
    conn.execute(
        update(title_editions)
        .where(title_editions.c.city == city, title_editions.c.edition == edition)
        .values(published_tx=tx_hash)
    )


def note_revocations(
    conn: Connection, city: int, indices: Sequence[int], reason: str, tx_hash: str, now: int
) -> None:
    """Keeps why titles were revoked."""
    conn.execute(
        insert(title_revocations),
        [
            {
                "city": city,
                "index": index,
                "reason": reason,
                "tx_hash": tx_hash,
                "revoked_at": now,
            }
            for index in indices
        ],
    )


def _one(conn: Connection, *conditions: ColumnElement[bool]) -> EditionRow | None:
    found: Row[tuple[object, ...]] | None = conn.execute(
        select(title_editions).where(*conditions).order_by(title_editions.c.edition.desc()).limit(1)
    ).first()
    return None if found is None else EditionRow(**found._mapping)
