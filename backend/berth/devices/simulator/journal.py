"""The lock's memory that survives a power cut: JSON lines, on disk before anything moves."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from berth.core.errors import BerthError

Record = dict[str, Any]


class Journal:
    """Appends records and gives back those of former lives.

    A last line that a crash cut short is dropped: what it announced had not begun. Damage anywhere
    else is an error, for a lock that forgot a command could obey it twice.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.records = self._recover()
        self._handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        _sync_folder(path.parent)

    def append(self, kind: str, /, **fields: Any) -> Record:
        """Write one record; it is on disk when this returns."""
        record = {"k": kind, **fields}
        _write(self._handle, _line(record))
        os.fsync(self._handle)
        return record

    def rewrite(self, records: Iterable[Record]) -> None:
        """Replace all records, in one step."""
        draft = self._path.with_suffix(".new")
        handle = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            _write(handle, b"".join(_line(record) for record in records))
            os.fsync(handle)
        finally:
            os.close(handle)
        draft.replace(self._path)
        _sync_folder(self._path.parent)
        os.close(self._handle)
        self._handle = os.open(self._path, os.O_WRONLY | os.O_APPEND)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._handle)

    def _recover(self) -> list[Record]:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        whole, _, torn = content.rpartition(b"\n")
        if torn:
            with self._path.open("r+b") as file:
                file.truncate(len(whole) + 1 if whole else 0)
                os.fsync(file.fileno())
        records = []
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                record = json.loads(line)
                record["k"]
            except (ValueError, KeyError, TypeError) as error:
                raise BerthError(
                    "lock.journal", f"line {number} of {self._path} is damaged", field="journal"
                ) from error
            records.append(record)
        return records


def _line(record: Record) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode("utf-8") + b"\n"


def _write(handle: int, data: bytes) -> None:
    """All of it, or an error: of a full disk only a part of a line may fit."""
    begin = os.fstat(handle).st_size
    try:
        if os.write(handle, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        os.ftruncate(handle, begin)  # else the next line would be a part of this one
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
