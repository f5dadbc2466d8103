"""From validated records to an edition: indices, holders, leaves, root, content hash. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from berth.core import merkle
from berth.core.errors import BerthError
from berth.core.geo import encode_cell
from berth.core.ids import city_code
from berth.core.title import Title, address_hash, leaf, pack_attributes, salted_holder
from berth.market.titles.formats.plain import GENERATED
from berth.market.titles.reading import Progress, no_progress
from berth.market.titles.rows import Record
from berth.market.titles.salts import Salts

_EVERY = 1_000

MAX_INDEX = (1 << 32) - 1


class Entry(NamedTuple):
    """One title of an edition in plain words, in the order of the columns of table `titles`.

    `number` is its index in the city.
    """

    number: int
    holder: str
    holder_generated: int
    address: str
    lat: float
    lon: float
    kind: int
    height: int
    width: int
    length: int
    sharing: int
    valid_day: int
    reference: str
    hints_json: str


@dataclass(frozen=True)
class Former:
    """What a new edition builds on: indices by reference, and the first index never given."""

    indices: Mapping[str, int]
    index_bound: int


NOTHING = Former({}, 0)


@dataclass(frozen=True)
class Edition:
    """A built edition. `entries` in the order of their indices."""

    entries: Sequence[Entry]
    index_bound: int
    tree: merkle.Tree
    content_hash: bytes
    added: int


def build(
    city: int,
    records: Sequence[Record],
    former: Former,
    salts: Salts,
    progress: Progress = no_progress,
) -> Edition:
    """Gives indices and builds the tree. At least one record, references all different."""
    entries, bound = _entries(city, records, former)
    leaves = []
    for done, entry in enumerate(entries):
        if done % _EVERY == 0:
            progress("building", done, len(entries))
        leaves.append(leaf(title_of(city, entry, salts)))
    return Edition(
        entries=entries,
        index_bound=bound,
        tree=merkle.build(leaves),
        content_hash=content_hash(city, entries, salts),
        added=bound - former.index_bound,
    )


def title_of(city: int, entry: Entry, salts: Salts) -> Title:
    """The record as it is hashed into the tree."""
    return Title(
        city=city,
        index=entry.number,
        salted_holder=salted_holder(salts.holder(entry.number), entry.holder),
        address_hash=address_hash(salts.address(entry.number), entry.address),
        cell=encode_cell(entry.lat, entry.lon),
        attributes=pack_attributes(
            entry.kind, bool(entry.sharing), entry.height, entry.width, entry.length
        ),
        valid_day=entry.valid_day,
    )


def content_hash(city: int, entries: Iterable[Entry], salts: Salts) -> bytes:
    """SHA-256 of the canonical content."""
    digest = hashlib.sha256()
    for line in canonical_content(city, entries, salts):
        digest.update(line)
    return digest.digest()


def canonical_content(city: int, entries: Iterable[Entry], salts: Salts) -> Iterator[bytes]:
    """An edition's content as lines of JSON, entries in the order of their indices.

    First `["berth-titles-1", city, salt]`, then for each title its index, reference, holder,
    address, latitude, longitude, kind, height, width, length (cm), sharing (0 or 1), valid day.
    UTF-8, no spaces, a line feed after every line. Hints are no part of it.
    """
    yield orjson.dumps(["berth-titles-1", city, salts.content().hex()]) + b"\n"
    for entry in entries:
        yield (
            orjson.dumps(
                (
                    entry.number,
                    entry.reference,
                    entry.holder,
                    entry.address,
                    entry.lat,
                    entry.lon,
                    entry.kind,
                    entry.height,
                    entry.width,
                    entry.length,
                    entry.sharing,
                    entry.valid_day,
                )
            )
            + b"\n"
        )


def _entries(city: int, records: Sequence[Record], former: Former) -> tuple[list[Entry], int]:
    """Known references keep their index, new ones get the next free ones in the file's order."""
    code = city_code(city)
    bound = former.index_bound
    indices: dict[str, int] = {}
    for record in records:
        index = former.indices.get(record.reference)
        if index is None:
            index, bound = bound, bound + 1
        indices[record.reference] = index
    if bound > MAX_INDEX:
        raise BerthError("titles.index", f"{code} has no free index left", field="index")

    entries = []
    for record in records:
        index = indices[record.reference]
        holder = record.holder
        if holder is None:
            # A group's holder is named after the group's own title, which may be in an older
            # edition only: then after this one.
            named = indices.get(record.group or record.reference, index)
            holder = f"{GENERATED}{code}:{named:06d}"
        entries.append(
            Entry(
                index,
                holder,
                int(holder.startswith(GENERATED)),
                record.address,
                record.lat,
                record.lon,
                int(record.kind),
                record.height_cm,
                record.width_cm,
                record.length_cm,
                int(record.sharing),
                record.valid_day,
                record.reference,
                record.hints,
            )
        )
    entries.sort()
    return entries, bound
