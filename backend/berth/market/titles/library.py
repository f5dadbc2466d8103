"""Reading the library of titles: records, proofs, and what is near."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from berth.core import merkle
from berth.core.errors import BerthError
from berth.core.geo import bounding_boxes, distance_m
from berth.core.ids import city_code
from berth.core.title import Title, leaf
from berth.market.titles import storage
from berth.market.titles.edition import Entry, title_of
from berth.market.titles.salts import Salts, load_salts
from berth.market.titles.storage import EditionRow
from berth.market.titles.trees import open_tree, secret_changed
from berth.store.engine import Store
from berth.store.kept import titles


@dataclass(frozen=True, slots=True)
class TitleProof:
    """A title with its path to the root of `edition`: all that the contract asks of a title.

    The salts open its two hashes: for the holder's eyes only, as `entry` is.
    """

    title: Title
    proof: tuple[bytes, ...]
    edition: EditionRow
    entry: Entry
    holder_salt: bytes
    address_salt: bytes


@dataclass(frozen=True, slots=True)
class Near:
    """A title and its distance."""

    entry: Entry
    metres: float


class TitleLibrary:
    """The editions of all cities in one data folder. Safe to share between threads.

    Trees are mapped files and stay open until another edition takes their place. Unless said
    otherwise a city's edition is the newest one that is on the chain, or, before any is, the newest
    one imported.
    """

    def __init__(self, store: Store, home: Path) -> None:
        self.store = store
        self._home = home
        self._lock = threading.Lock()
        self._trees: dict[int, tuple[EditionRow, Salts, merkle.TreeFile]] = {}

    def close(self) -> None:
        with self._lock:
            for _, _, file in self._trees.values():
                file.close()
            self._trees.clear()

    def edition(self, city: int, number: int | None = None) -> EditionRow:
        """An edition of a city. Raises BerthError `titles.unknown` (404)."""
        with self.store.read() as conn:
            if number is not None:
                row = storage.edition_row(conn, city, number)
            else:
                row = storage.current_edition(conn, city) or storage.latest_edition(conn, city)
        if row is None and number is not None:
            raise BerthError(
                "titles.unknown",
                "no edition {edition} of {city} has been imported",
                field="edition",
                status=404,
                city=city_code(city),
                edition=number,
            )
        if row is None:
            raise BerthError(
                "titles.unknown",
                "no edition of {city} has been imported",
                field="city",
                status=404,
                city=city_code(city),
            )
        return row

    def cities(self) -> list[EditionRow]:
        """The newest edition of every city."""
        with self.store.read() as conn:
            return storage.all_cities(conn)

    def entry(self, city: int, index: int) -> Entry:
        """A title in plain words. Raises BerthError `titles.unknown`, `titles.absent` (404)."""
        return self._entry(self.edition(city), index)

    def by_reference(self, city: int, reference: str) -> Entry:
        """The title with the source's key."""
        row = self.edition(city)
        with self.store.read() as conn:
            found = storage.entries_where(conn, row, titles.c.reference == reference, limit=1)
        if not found:
            raise _absent("{city} has no title {title!r}", "reference", row, reference)
        return found[0]

    def of_holder(self, city: int, holder: str, limit: int = 100) -> list[Entry]:
        """A holder's titles."""
        row = self.edition(city)
        with self.store.read() as conn:
            return storage.entries_where(conn, row, titles.c.holder == holder, limit=limit)

    def near(
        self, city: int, lat: float, lon: float, radius_m: float, limit: int = 20
    ) -> list[Near]:
        """Titles within `radius_m` metres, nearest first."""
        row = self.edition(city)
        found: list[Near] = []
        with self.store.read() as conn:
            for south, west, north, east in bounding_boxes(lat, lon, radius_m):
                box = storage.entries_where(
                    conn,
                    row,
                    titles.c.lat.between(south, north),
                    titles.c.lon.between(west, east),
                    limit=row.count,
                )
                found += (Near(one, distance_m(lat, lon, one.lat, one.lon)) for one in box)
        found = [one for one in found if one.metres <= radius_m]
        found.sort(key=lambda one: (one.metres, one.entry.number))
        return found[:limit]

    def proof_of(self, city: int, index: int, edition: int | None = None) -> TitleProof:
        """A title as the chain knows it, with its proof.

        Raises BerthError `titles.unknown`, `titles.absent` (404), `titles.secret` (500).
        """
        row = self.edition(city, edition)
        entry = self._entry(row, index)
        with self._lock:
            salts, tree = self._open(row)
            title = title_of(city, entry, salts)
            node = leaf(title)
            if node not in tree:
                raise secret_changed(row)
            proof = tuple(tree.proof(node))
        return TitleProof(title, proof, row, entry, salts.holder(index), salts.address(index))

    def title(self, city: int, index: int) -> Title:
        """A title as the chain knows it."""
        return self.proof_of(city, index).title

    def _entry(self, row: EditionRow, index: int) -> Entry:
        with self.store.read() as conn:
            found = storage.entries_where(conn, row, titles.c.index == index, limit=1)
        if not found:
            raise _absent("edition {edition} of {city} has no title {title}", "index", row, index)
        return found[0]

    def _open(self, row: EditionRow) -> tuple[Salts, merkle.Tree]:
        known = self._trees.get(row.city)
        if known is not None and known[0].root == row.root:
            return known[1], known[2].tree
        salts = load_salts(self._home / "keys", row.city_code)
        file = open_tree(self.store, self._home, row, salts)
        if known is not None:
            known[2].close()
        self._trees[row.city] = (row, salts, file)
        return salts, file.tree


def _absent(message: str, field: str, row: EditionRow, title: str | int) -> BerthError:
    return BerthError(
        "titles.absent",
        message,
        field=field,
        status=404,
        city=row.city_code,
        edition=row.edition,
        title=title,
    )
