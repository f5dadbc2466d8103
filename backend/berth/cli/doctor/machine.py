"""The machine: room on its disks."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from sqlalchemy.engine import make_url

from berth.cli.doctor.finding import Case, Finding, ok, trouble, warning

#: Free bytes below which a database soon stops, and below which to look for room.
TROUBLE_BYTES, WARNING_BYTES = 200 * 2**20, 2 * 2**30


async def examine(case: Case) -> list[Finding]:
    """Where the data folder and an SQLite database lie."""
    return await asyncio.to_thread(_disks, case)


def _disks(case: Case) -> list[Finding]:
    url = make_url(case.settings.database_url)
    places = {case.settings.home}
    if url.get_backend_name() == "sqlite" and url.database:
        places.add(Path(url.database).absolute().parent)
    return [_disk(place) for place in sorted(places)]


def _disk(place: Path) -> Finding:
    check = "disk"
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return trouble(check, f"{place}: {error.strerror}", "is BERTH_HOME the right one?")
    says = f"{free / 2**30:.1f} GiB free at {place}"
    if free < TROUBLE_BYTES:
        return trouble(check, says, "make room at once: the database stops when there is none")
    if free < WARNING_BYTES:
        return warning(check, says, "make room")
    return ok(check, says)
