"""Recorded stays at chargers: plug-in, plug-out and energy, read from a CSV file row by row.

Fields are separated by `;`, decimals written with a comma. A row that cannot be used is kept with
its line and the reason; none is dropped silently. The file's clock readings carry no zone: they are
taken as UTC, so a stay is as long on the chain as it is in the file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from berth.core.errors import BerthError

COLUMNS = (
    "user_id",
    "session_id",
    "plugin_time",
    "plugout_time",
    "connection_time",
    "energy_session",
)
#: How much the duration column and the two times may differ: it is hours with few decimals.
TOLERANCE_SECONDS = 36
# Block times and 16-bit days can hold these years with room on both sides.
_YEARS = range(1971, 2141)

_NUMBER = re.compile(r"[0-9]{1,9}(?:,[0-9]{1,9})?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Stay:
    """One usable row. Times in Unix seconds, energy in Wh; `user` names stall and driver."""

    line: int
    session: str
    user: str
    plugged_in: int
    plugged_out: int
    energy_wh: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row that cannot be replayed, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class Sessions:
    """A file's stays by plug-in time (ties in its own order), and its rejected rows by line."""

    stays: list[Stay]
    rejected: list[Rejected]


class _RowError(Exception):
    """Why one row cannot be used."""


def read_sessions(path: Path) -> Sessions:
    """Reads a whole file. Raises BerthError (exit code 2) when it is no such file at all."""
    stays: list[Stay] = []
    rejected: list[Rejected] = []
    seen: dict[str, int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in _rows(csv.reader(file, delimiter=";", strict=True)):
                try:
                    stay = _stay(line, row)
                    if stay.session in seen:
                        first = seen[stay.session]
                        raise _RowError(f"session {stay.session} is on line {first} already")
                except _RowError as error:
                    rejected.append(Rejected(line, str(error)))
                else:
                    seen[stay.session] = line
                    stays.append(stay)
    except OSError as error:
        raise _bad("file", f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _bad("encoding", f"{path} is not UTF-8 (at byte {error.start})") from error
    stays.sort(key=lambda stay: (stay.plugged_in, stay.line))
    return Sessions(stays, rejected)


def _rows(reader: Iterator[list[str]]) -> Iterator[tuple[int, dict[str, str] | int]]:
    """(line, fields by column), or (line, how many fields) where the number of fields is wrong."""
    header: list[str] | None = None
    while True:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise _bad("malformed", f"line {_line(reader)} is no CSV: {error}") from error
        if not row:
            continue
        if header is None:
            header = _checked([name.strip() for name in row])
        elif len(row) != len(header):
            yield _line(reader), len(row)
        else:
            yield _line(reader), dict(zip(header, row, strict=True))
    if header is None:
        raise _bad("empty", "the file is empty")


def _checked(header: Sequence[str]) -> list[str]:
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        message = f"missing columns: {', '.join(missing)} (columns are separated by ';')"
        raise _bad("columns", message)
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise _bad("columns", f"columns are there twice: {', '.join(twice)}")
    return list(header)


def _stay(line: int, row: dict[str, str] | int) -> Stay:
    if isinstance(row, int):
        raise _RowError(f"has {row} fields, not as many as the header")
    session = _text(row, "session_id")
    user = _text(row, "user_id")
    plugged_in = _moment(row, "plugin_time")
    plugged_out = _moment(row, "plugout_time")
    seconds = plugged_out - plugged_in
    if seconds <= 0:
        raise _RowError("plugout_time is not after plugin_time")
    stated = round(_number(row, "connection_time") * 3600)
    if abs(stated - seconds) > TOLERANCE_SECONDS:
        raise _RowError(
            f"connection_time says {stated} s, plug-in to plug-out is {seconds} s"
            " (a change of clocks?)"
        )
    energy_wh = round(_number(row, "energy_session") * 1000)
    return Stay(line, session, user, plugged_in, plugged_out, energy_wh)


def _text(row: dict[str, str], column: str) -> str:
    value = row[column].strip()
    if value in ("", "NA"):
        raise _RowError(f"{column} is missing ({value or 'empty'})")
    return value


def _moment(row: dict[str, str], column: str) -> int:
    """Unix seconds of a clock reading, taken as UTC."""
    text = _text(row, column)
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _RowError(f"{column} {text!r} is no time like 2019-11-28 19:08:00") from None
    if moment.year not in _YEARS:
        raise _RowError(f"{column} {text!r}: not in {_YEARS.start} to {_YEARS.stop - 1}")
    return int(moment.replace(tzinfo=UTC).timestamp())


def _number(row: dict[str, str], column: str) -> Decimal:
    text = _text(row, column)
    if not _NUMBER.fullmatch(text):
        raise _RowError(f"{column} {text!r} is no number with a decimal comma")
    return Decimal(text.replace(",", "."))


def _line(reader: object) -> int:
    """The file's line that the reader has come to."""
    return int(getattr(reader, "line_num", 0))


def _bad(code: str, message: str) -> BerthError:
    return BerthError(f"replay.{code}", message, field="file", exit_code=2)
