"""The report of rejected rows: CSV, or JSON lines when its name ends in .jsonl."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import orjson

from berth.core.errors import BerthError
from berth.market.titles.rows import Rejection

COLUMNS = ("line", "code", "field", "reason")
SUFFIXES = (".csv", ".jsonl")


def check_report_path(path: Path) -> None:
    """Refuses, before anything is done, a report that could not be written at the end."""
    if path.suffix not in SUFFIXES:
        raise _refused(f"{path} must end in {' or '.join(SUFFIXES)}")
    if path.is_dir():
        raise _refused(f"{path} is a folder")
    if not path.parent.is_dir():
        raise _refused(f"there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise _refused(f"{path.parent} cannot be written to")


def write_report(path: Path, rejections: Iterable[Rejection]) -> None:
    """Writes a report whole or not at all, replacing an older one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            _write(file, rejections, path.suffix)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise _refused(f"cannot write {path}: {error.strerror}") from error
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _write(file: IO[str], rejections: Iterable[Rejection], suffix: str) -> None:
    if suffix == ".jsonl":
        for one in rejections:
            row = {name: getattr(one, name) for name in COLUMNS}
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE).decode())
        return
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((one.line, one.code, one.field, one.reason) for one in rejections)


def _refused(message: str) -> BerthError:
    return BerthError("titles.report", message, field="report", exit_code=2)
