"""The file of a backup: JSON lines, compressed, that prove at their end to be whole and ours.

    {"berth": "backup", "format": 1, "migration": "0003", "deployment": {…}, …}
    {"table": "grants", "columns": ["lease_id", …]}
    ["0x…", …]                                        one line a row
    {"rows": 812}
    …
    {"end": {"tables": 21, "rows": 90210}, "sha256": "…", "seal": "…"}

`sha256` is over all lines before the last; `seal` is an HMAC-SHA-256 over the same under a key made
from the data folder's field key, so that nobody without that key can alter a backup unnoticed, and
a backup whose sealed fields could not be opened is known before anything is restored. Both are
known only at the end: a reader acts on nothing before it has seen the whole file.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import os
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from berth.core.errors import BerthError

FORMAT = 1
#: What the seal's key is derived for; see `Sealer.derived`.
PURPOSE = "berth backup 1"
#: The longest line that is read, bytes: a row of a few fields, none of them large.
_LONGEST = 4 << 20
_LEVEL = 5


class BoundTo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The deployment whose data it is."""

    chain_id: int
    genesis_hash: str
    market: str
    titles: str
    block: int


class Header(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The first line. `made_at` is Unix seconds UTC; `indexed` the block that the index was at."""

    berth: str
    format: int
    migration: str
    made_at: int
    deployment: BoundTo
    indexed: int


@dataclass(frozen=True)
class Totals:
    """What a backup holds."""

    tables: int
    rows: int


class BackupWriter:
    """Writes a backup beside its final name; it has that name once `finish` has returned."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._draft = path.with_name(f"{path.name}.{os.getpid()}.new")
        if path.exists():
            raise BerthError(
                "backup.exists", f"{path} is there already: name a new file", field="out"
            )
        try:
            self._draft.unlink(missing_ok=True)  # of one that was killed
            # made here and now, so that it is nobody else's file and no link to one
            handle = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            message = f"cannot write {self._draft}: {error.strerror}"
            raise BerthError("backup.unwritable", message, field="out") from error
        self._raw = os.fdopen(handle, "wb")
        self._zip = gzip.GzipFile(
            filename="", mode="wb", fileobj=self._raw, compresslevel=_LEVEL, mtime=0
        )
        self._sum = hashlib.sha256()
        self._seal = hmac.new(key, digestmod=hashlib.sha256)
        self._tables = self._rows = 0

    def header(self, header: Header) -> None:
        self._line(msgspec.json.encode(header))

    def table(self, name: str, columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> int:
        """Writes a table's rows; how many."""
        self._line(
            msgspec.json.encode({"table": str(name), "columns": [str(one) for one in columns]})
        )
        count = 0
        for row in rows:
            self._line(msgspec.json.encode([_out(value) for value in row]))
            count += 1
        self._line(msgspec.json.encode({"rows": count}))
        self._tables += 1
        self._rows += count
        return count

    def finish(self) -> Totals:
        """The last line; then the file is on disk, and gets its name."""
        totals = Totals(self._tables, self._rows)
        last = {
            "end": asdict(totals),
            "sha256": self._sum.hexdigest(),
            "seal": self._seal.hexdigest(),
        }
        try:
            self._zip.write(msgspec.json.encode(last) + b"\n")
            self._zip.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())
            self._raw.close()
            self._draft.rename(self._path)
        except OSError as error:
            raise self._full(error) from error
        return totals

    def abandon(self) -> None:
        """Leaves nothing behind, unless it was finished."""
        self._raw.close()
        self._draft.unlink(missing_ok=True)

    def _line(self, line: bytes) -> None:
        line += b"\n"
        self._sum.update(line)
        self._seal.update(line)
        try:
            self._zip.write(line)
        except OSError as error:
            raise self._full(error) from error

    def _full(self, error: OSError) -> BerthError:
        message = f"cannot write {self._draft}: {error.strerror}"
        return BerthError("backup.unwritable", message, field="out")


class BackupReader:
    """Reads a backup as often as needed. `keys` are those a seal may have been made with."""

    def __init__(self, path: Path, keys: Sequence[bytes]) -> None:
        self._path = path
        self._keys = keys
        self.totals = Totals(0, 0)
        try:
            self._raw = path.open("rb")  # held open: the file that was checked is the one restored
        except OSError as error:
            message = f"cannot read {path}: {error.strerror}"
            raise BerthError("backup.unreadable", message, field="file", exit_code=2) from error

    def close(self) -> None:
        self._raw.close()

    def header(self) -> Header:
        """The first line. Raises BerthError backup.foreign, backup.newer."""
        lines = self._lines()
        try:
            first = next(lines, b"")
        finally:
            lines.close()
        return self._header(first)

    def check(self) -> Totals:
        """Reads all of it. Raises BerthError backup.truncated, backup.damaged, backup.seal."""
        for _ in self.tables():
            pass
        return self.totals

    def tables(self) -> Iterator[tuple[str, list[str], Iterator[list[Any]]]]:
        """(table, columns, rows) in the order of the file; rows must be taken before the next.

        Raises at its end, or earlier, what `check` raises: whoever acts on rows must be able to
        take everything back.
        """
        lines = self._lines()
        total = hashlib.sha256()
        seals = [hmac.new(key, digestmod=hashlib.sha256) for key in self._keys]

        def take() -> bytes:
            line = next(lines, b"")
            if not line.endswith(b"\n"):
                raise self._truncated()
            return line

        def count(line: bytes) -> bytes:
            total.update(line)
            for seal in seals:
                seal.update(line)
            return line

        tables = rows = 0
        self._header(count(take()))
        while True:
            line = take()
            found = self._object(line)
            if "end" in found:
                break
            count(line)
            name, columns = found.get("table"), found.get("columns")
            if not isinstance(name, str) or not isinstance(columns, list):
                raise self.damaged("a line names no table")
            section = _Section(name, len(columns), lambda: count(take()), self)
            content = section.rows()
            yield name, columns, content
            for _ in content:
                pass
            tables, rows = tables + 1, rows + section.seen
        self.totals = Totals(tables, rows)
        if found.get("end") != asdict(self.totals) or found.get("sha256") != total.hexdigest():
            raise self.damaged("its checksum is another one")
        if next(lines, b""):
            raise self.damaged("something follows its end")
        given = str(found.get("seal", ""))
        if not any(hmac.compare_digest(seal.hexdigest(), given) for seal in seals):
            message = (
                f"{self._path} was altered, or made with another field key than the one in"
                " keys/field.key: without that key its sealed fields could not be opened"
            )
            raise BerthError("backup.seal", message, field="file", exit_code=2)

    # ---- lines

    def parse(self, line: bytes) -> Any:
        try:
            return msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self.damaged(f"a line is no JSON: {error}") from error

    def _lines(self) -> Generator[bytes]:
        self._raw.seek(0)
        try:
            with gzip.GzipFile(fileobj=self._raw, mode="rb") as file:
                yield from _bounded(file, self.damaged)
        except EOFError as error:
            raise self._truncated() from error
        except (gzip.BadGzipFile, zlib.error) as error:
            if self._raw.tell() <= 20:
                raise self._foreign() from error
            raise self.damaged(str(error)) from error

    def _header(self, line: bytes) -> Header:
        if not line:
            raise self._truncated()
        try:
            found = self._object(line)
        except BerthError:
            raise self._foreign() from None
        if found.get("berth") != "backup":
            raise self._foreign()
        if not isinstance(found.get("format"), int) or found["format"] > FORMAT:
            message = (
                f"{self._path} has format {found.get('format')}, this program reads up to {FORMAT}:"
                " use the newer program"
            )
            raise BerthError("backup.newer", message, field="file", exit_code=2)
        try:
            return msgspec.convert(found, Header)
        except msgspec.ValidationError as error:
            raise self.damaged(f"its first line: {error}") from error

    def _object(self, line: bytes) -> Mapping[str, Any]:
        found = self.parse(line)
        if not isinstance(found, dict):
            raise self.damaged("a row where a table should begin")
        return found

    def _truncated(self) -> BerthError:
        message = f"{self._path} ends too early: it was cut off while it was written or copied"
        return BerthError("backup.truncated", message, field="file", exit_code=2)

    def damaged(self, why: str) -> BerthError:
        message = f"{self._path} is damaged: {why}"
        return BerthError("backup.damaged", message, field="file", exit_code=2)

    def _foreign(self) -> BerthError:
        message = f"{self._path} is no backup of Berth"
        return BerthError("backup.foreign", message, field="file", exit_code=2)


class _Section:
    """The rows of one table, up to the line that says how many they were."""

    def __init__(
        self, name: str, width: int, take: Callable[[], bytes], reader: BackupReader
    ) -> None:
        self._name = name
        self._width = width
        self._take = take
        self._reader = reader
        self.seen = 0

    def rows(self) -> Iterator[list[Any]]:
        while True:
            row = self._reader.parse(self._take())
            if isinstance(row, dict):
                if row.get("rows") == self.seen:
                    return
                why = f"{self._name} has {self.seen} rows, not {row.get('rows')}"
                raise self._reader.damaged(why)
            if not isinstance(row, list) or len(row) != self._width:
                raise self._reader.damaged(f"a row of {self._name} has not {self._width} values")
            self.seen += 1
            try:
                values = [_in(value) for value in row]
            except (KeyError, TypeError, ValueError) as error:
                raise self._reader.damaged(f"a row of {self._name}: {error}") from error
            yield values


def _bounded(file: gzip.GzipFile, damaged: Callable[[str], BerthError]) -> Iterator[bytes]:
    while line := file.readline(_LONGEST):
        if len(line) == _LONGEST and not line.endswith(b"\n"):
            raise damaged(f"a line is longer than {_LONGEST} bytes")
        yield line


def _out(value: Any) -> Any:
    return {"hex": value.hex()} if isinstance(value, bytes | memoryview) else value


def _in(value: Any) -> Any:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return value
