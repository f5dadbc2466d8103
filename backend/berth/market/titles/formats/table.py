"""Rows of a comma-separated file, each with the number of the line on which it begins."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from berth.core.errors import BerthError
from berth.market.titles.formats.source import Source
from berth.market.titles.rows import Rejection

_HEADER_CHARACTERS = 1 << 16


def read_table(
    source: Source, required: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, list[str]] | Rejection]:
    """(line, values of `required` then of `optional`) of every row that has the header's fields.

    Columns may come in any order, others are left out, a missing optional one reads as "". A byte
    order mark is skipped, as are empty lines. Raises BerthError, exit code 2, for a header without
    the required columns and for text that is no CSV.
    """
    with source.path.open(encoding="utf-8-sig", newline="") as file:
        _check_separator(file.readline(_HEADER_CHARACTERS), required)
        file.seek(0)
        reader = csv.reader(file, strict=True)
        try:
            header = next((row for row in reader if row), [])
            take = _positions(header, required, optional)
            width = len(header)
            begins = reader.line_num + 1
            for row in reader:
                if len(row) == width:
                    yield begins, [row[i] if i >= 0 else "" for i in take]
                elif row:
                    reason = f"has {len(row)} fields, the header {width}"
                    yield Rejection(begins, "row.fields", "", reason)
                begins = reader.line_num + 1
        except csv.Error as error:
            raise BerthError(
                "csv.malformed",
                f"{source.path} is no CSV: line {reader.line_num}: {error}",
                field="file",
                exit_code=2,
            ) from error


def _check_separator(header: str, required: Sequence[str]) -> None:
    """A file with another separator may break as CSV before its columns can be missed."""
    for mark, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if mark in header and "," not in header:
            raise _columns(
                f"missing columns: {', '.join(required)}: the header's are separated by {name}, not"
                " commas",
                required[0],
            )


def _positions(header: list[str], required: Sequence[str], optional: Sequence[str]) -> list[int]:
    names = [name.strip() for name in header]
    twice = sorted({name for name in names if names.count(name) > 1 and name})
    if twice:
        raise _columns(f"the header names {', '.join(twice)} more than once", twice[0])
    missing = [name for name in required if name not in names]
    if missing:
        found = ", ".join(names) or "nothing"
        raise _columns(f"missing columns: {', '.join(missing)} (found: {found})", missing[0])
    return [names.index(name) if name in names else -1 for name in (*required, *optional)]


def _columns(message: str, column: str) -> BerthError:
    return BerthError("csv.columns", message, field=column, exit_code=2)
