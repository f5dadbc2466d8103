"""Breaking one thing of an installation, and seeing that just it is named."""

from __future__ import annotations

from typing import Any

from berth.store.clock import database_now
from sqlalchemy import Table, insert, update

from tests.backend.doctor.conftest import Clinic
from tests.backend.worlds import NOW

LOCK = "0x" + "a1" * 20


def write(clinic: Clinic, table: Table, **values: Any) -> None:
    with clinic.world.store.write() as conn:
        conn.execute(update(table).values(**values))


def add(clinic: Clinic, table: Table, **values: Any) -> None:
    with clinic.world.store.write() as conn:
        conn.execute(insert(table).values(**values))


def database_moment(clinic: Clinic) -> int:
    with clinic.world.store.read() as conn:
        return database_now(conn)


def outbox_row(state: str, created_at: int) -> dict[str, Any]:
    return {
        "kind": "lease.booked", "key": f"key-{state}", "payload_json": "{}", "created_block": 1,
        "block_hash": "0x", "block_timestamp": NOW, "created_at": created_at, "state": state,
    }  # fmt: skip


def command_row(state: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"command-{state}", "lock_id": LOCK, "lease_id": "0x" + "01" * 14, "epoch": 1,
        "cycle": 0, "action": "lower", "state": state, "created_at": NOW, "expires_at": NOW + 120,
        "updated_at": NOW,
    } | changes  # fmt: skip


async def only(clinic: Clinic, check: str, level: str, *words: str, **options: Any) -> None:
    """Just one check is off, at this level, with these words in its sentence."""
    off = await clinic.off(**options)
    assert set(off) == {check}, off
    assert off[check][0] == level
    for word in words:
        assert word in off[check][1], off[check][1]
