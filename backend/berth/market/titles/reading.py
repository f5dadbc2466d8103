"""All rows of a source file: good ones as records, the others as rejections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from berth.core.errors import BerthError
from berth.market.titles.formats import Format, Source
from berth.market.titles.rows import Record, Rejection

#: Told the step, how much of it is done, and of how much.
Progress = Callable[[str, int, int], None]

_EVERY = 1_000


def no_progress(_step: str, _done: int, _total: int) -> None:
    """For callers whom nobody watches."""


@dataclass
class Reading:
    """What a file holds: `rows` = those that became records + rejections."""

    records: list[Record] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    rows: int = 0


def read_all(source: Source, source_format: Format, progress: Progress) -> Reading:
    """Reads and validates every row; of rows with the same key the first one counts.

    Raises BerthError, exit code 2, when the file as a whole is not of the format or has no rows.
    """
    reading = Reading()
    first_line: dict[str, int] = {}
    for row in source_format.read(source):
        reading.rows += 1
        if reading.rows % _EVERY == 0:
            progress("reading", row.line, source.lines)
        if isinstance(row, Rejection):
            reading.rejections.append(row)
            continue
        twice = next((one for one in row.records if one.reference in first_line), None)
        if twice is not None:
            reason = (
                f"title {twice.reference} is that of line {first_line[twice.reference]} already"
            )
            reading.rejections.append(Rejection(row.line, "title.duplicate", "", reason))
            continue
        for record in row.records:
            first_line[record.reference] = row.line
        reading.records.extend(row.records)
    if not reading.rows:
        raise BerthError("titles.no_rows", f"{source.path} has no rows", field="file", exit_code=2)
    progress("reading", source.lines, source.lines)
    return reading
