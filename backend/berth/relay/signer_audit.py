"""The signer's own record: one line for each signature, written before it leaves.

It says what was opened for which lease, when the relay's own words cannot be believed any more; and
it is what a restarted signer counts its limits from. It holds no key, salt, plate or signature.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from berth.core.errors import BerthError

#: A file this large, bytes, is put aside; so many are kept. A line has about 300 bytes.
LARGEST, FILES = 16 << 20, 64
#: What is read again at a start, bytes.
_TAIL = 1 << 20


class SignatureLog:
    """Lines of JSON in `folder`/signatures.jsonl, mode 0600."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "signatures.jsonl"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = self._open()
        except OSError as error:
            raise self._failed(error) from error

    def note(self, entry: Mapping[str, Any]) -> None:
        """Adds a line. Raises BerthError signer.log when it cannot be written: then nothing is
        signed."""
        line = json.dumps({"at": round(time.time(), 3), **entry}, separators=(",", ":")) + "\n"
        data = line.encode("utf-8")
        try:
            if os.fstat(self._file).st_size + len(data) > LARGEST:
                self._put_aside()
            if os.write(self._file, data) != len(data):
                raise OSError(28, "the line was cut short")
        except OSError as error:
            raise self._failed(error) from error

    def since(self, moment: float) -> Iterator[dict[str, Any]]:
        """The newest lines, from a moment (Unix seconds) on. What is not a line is passed over."""
        with contextlib.suppress(OSError), self.path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            for line in file.read().splitlines():
                try:
                    entry = json.loads(line)
                    if float(entry["at"]) >= moment:
                        yield entry
                except (ValueError, TypeError, KeyError):
                    continue

    def close(self) -> None:
        os.close(self._file)

    def _open(self) -> int:
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            os.write(handle, b"\n")  # the end of a line that a crash or a full disk cut off
        return handle

    def _put_aside(self) -> None:
        for number in range(FILES - 1, 0, -1):
            older = self.path.with_suffix(f".jsonl.{number}")
            with contextlib.suppress(FileNotFoundError):
                older.replace(self.path.with_suffix(f".jsonl.{number + 1}"))
        self.path.replace(self.path.with_suffix(".jsonl.1"))
        os.close(self._file)
        self._file = self._open()

    def _failed(self, error: OSError) -> BerthError:
        message = f"cannot write {self.path}: {error.strerror or error}"
        return BerthError("signer.log", message, status=503)
