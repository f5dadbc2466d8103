"""What a format makes of a source file: title records, and rows that became none."""

from __future__ import annotations

from dataclasses import dataclass

from berth.core.title import NO_END_DAY


@dataclass(slots=True)
class Record:
    """One parking space's title, validated, before it has an index.

    `reference` is the source's own key of the title and names it in every edition; `holder` None
    means that the source has none, and one is generated: the same for all records of one `group`
    (default: the record's own). Lengths in centimetres, `valid_day` days since 1970-01-01.
    `hints` is a JSON object of what the source knows besides; it is no part of the title.
    """

    line: int
    reference: str
    lat: float
    lon: float
    address: str
    kind: int
    height_cm: int
    width_cm: int
    length_cm: int
    sharing: bool
    valid_day: int = NO_END_DAY
    holder: str | None = None
    group: str = ""
    hints: str = "{}"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that carries no title. `line` counts the file's lines from 1, the header included."""

    line: int
    code: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """The titles of one row, all of them or none."""

    line: int
    records: tuple[Record, ...]


class RowError(Exception):
    """Why a row is rejected: a stable code, the source's name of the field, a sentence."""

    def __init__(self, code: str, field: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.field = field
        self.reason = reason

    def at(self, line: int) -> Rejection:
        return Rejection(line, self.code, self.field, self.reason)
