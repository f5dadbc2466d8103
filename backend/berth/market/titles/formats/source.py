"""A source file, looked at once before it is read: its digest, that it is UTF-8, how long it is."""

from __future__ import annotations

import codecs
import hashlib
from dataclasses import dataclass
from pathlib import Path

from berth.core.errors import BerthError

_BLOCK = 1 << 20
_OTHER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


@dataclass(frozen=True)
class Source:
    """A readable, non-empty UTF-8 file. `sha256` in hex, of the bytes as they are."""

    path: Path
    size: int
    lines: int
    sha256: str


def inspect(path: Path) -> Source:
    """Reads the file once. Raises BerthError `source.*`, exit code 2, before anything is begun."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    size = lines = 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                if size == 0:
                    _check_mark(path, block)
                digest.update(block)
                try:
                    decoder.decode(block)
                except UnicodeDecodeError as error:
                    # The decoder may hold back the first bytes of a character from the last block.
                    held = len(error.object) - len(block)
                    good = error.start - held
                    line = lines + block[: max(0, good)].count(b"\n") + 1
                    raise _not_utf8(path, line, size + good, error) from error
                size += len(block)
                lines += block.count(b"\n")
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _not_utf8(path, lines + 1, size - len(error.object), error) from error
    except FileNotFoundError as error:
        raise _refused("missing", f"there is no file {path}") from error
    except IsADirectoryError as error:
        raise _refused("folder", f"{path} is a folder, not a file") from error
    except OSError as error:
        raise _refused("unreadable", f"cannot read {path}: {error.strerror}") from error
    if size == 0:
        raise _refused("empty", f"{path} is empty")
    return Source(path, size, lines, digest.hexdigest())


def _check_mark(path: Path, block: bytes) -> None:
    for mark, name in _OTHER_MARKS.items():
        if block.startswith(mark):
            raise _refused("encoding", f"{path} is {name}; save it as UTF-8")


def _not_utf8(path: Path, line: int, offset: int, error: UnicodeDecodeError) -> BerthError:
    return _refused(
        "encoding",
        f"{path} is not UTF-8: line {line}, byte {offset + 1} of the file is"
        f" 0x{error.object[error.start]:02x}; save it as UTF-8",
    )


def _refused(code: str, message: str) -> BerthError:
    return BerthError(f"source.{code}", message, field="file", exit_code=2)
