"""The signer's own record: one line for each signature, written before it leaves.

It says what was opened for which lease, when the relay's own words cannot be believed any more; and
it is what a restarted signer counts its limits from. It holds no key, salt, plate or signature.

Whoever holds the relay may have fifty things a second signed that open nothing. So what lowers a
bar has files of its own, which no flood of receipts pushes out, and so has what a lock may open for
by itself later; the rest has the third ones.
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

#: A file this large, bytes, is put aside; so many are kept. A line has about 300 bytes, and 120
#: bars a minute are the most that is lowered: no day's lowerings have more than four files.
LARGEST, FILES = 16 << 20, 64
LOWERINGS, GRANTS, OTHERS = "lowerings", "grants", "others"


class Lines:
    """Lines of JSON in a file, mode 0600, and in former ones beside it: `.1` is the newest."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._torn = False
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = self._open()
        except OSError as error:
            raise self._failed(error) from error

    def note(self, entry: Mapping[str, Any]) -> None:
        """Adds a line. Raises BerthError signer.log when it cannot be written."""
        line = json.dumps({"at": round(time.time(), 3), **entry}, separators=(",", ":")) + "\n"
        data = line.encode("utf-8")
        try:
            if os.fstat(self._file).st_size + len(data) > LARGEST:
                self._put_aside()
            if self._torn:  # the next line must not be lost with what is left of the former
                data = b"\n" + data
            written = os.write(self._file, data)
            self._torn = written != len(data)
            if self._torn:
                raise OSError(28, "the line was cut short")
        except OSError as error:
            raise self._failed(error) from error

    def since(self, moment: float) -> Iterator[dict[str, Any]]:
        """The lines from a moment (Unix seconds) on. What is not a line is passed over."""
        # the newest file, and the one before it where the newest does not reach back so far
        for path in (self.path.with_suffix(".jsonl.1"), self.path):
            with contextlib.suppress(OSError), path.open("rb") as file:
                if path.stat().st_mtime < moment:
                    continue
                for line in file:
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


class SignatureLog:
    """The three kinds of files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.kinds = {name: Lines(folder / f"{name}.jsonl") for name in (LOWERINGS, GRANTS, OTHERS)}

    def note(self, entry: Mapping[str, Any]) -> None:
        """Adds a line where it belongs. Raises BerthError signer.log when it cannot be written:
        then nothing is signed."""
        self.kinds[_kind(entry)].note(entry)

    def lowered_since(self, moment: float) -> Iterator[dict[str, Any]]:
        """What has lowered a bar from a moment (Unix seconds) on."""
        return self.kinds[LOWERINGS].since(moment)

    def close(self) -> None:
        for lines in self.kinds.values():
            lines.close()


def _kind(entry: Mapping[str, Any]) -> str:
    if entry.get("action") == "lower":
        return LOWERINGS
    # a grant that is taken back opens nothing
    return GRANTS if entry.get("state") == "granted" else OTHERS
