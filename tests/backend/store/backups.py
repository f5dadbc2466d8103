"""Backups for tests: made of a database with rows in every table, restored, bent, compared."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from berth.core.errors import BerthError
from berth.core.sealed import Sealer
from berth.store import Store, bind_deployment, kept, open_store
from berth.store.backup import NOT_CARRIED, write_backup
from berth.store.backup_file import PURPOSE
from berth.store.engine import reach_store
from berth.store.restore import restore_backup
from cryptography.fernet import Fernet

from tests.backend.store.contents import Rows, fill, rows_of, shape_of
from tests.backend.worlds import DEPLOYMENT

KEY = Fernet.generate_key()
KEYS = Sealer([KEY]).derived(PURPOSE)
#: What a restore changes on purpose; their other columns are the same afterwards.
CHANGED = {
    "commands": {"state", "reason", "term", "updated_at"},
    "grants": {"version", "acked_version", "next_at", "state"},
    "lock_states": {"boot_id", "nonce", "nonce_at", "online"},
    "outbox": {"state", "next_at"},
}


@dataclass
class Made:
    """A backup, and what was in the database then."""

    file: Path
    rows: Rows
    store: Store


def made_from(store: Store, file: Path) -> Made:
    """Rows in every table, then a backup."""
    bind_deployment(store, DEPLOYMENT)
    with store.write() as conn:
        fill(conn, 5)
    write_backup(store, file, KEYS[0])
    with store.read() as conn:
        return Made(file, rows_of(conn), store)


def restored(url: str, made: Made, **options: Any) -> Rows:
    restore_backup(url, made.file, KEYS, DEPLOYMENT, **options)
    store = open_store(url, DEPLOYMENT)
    try:
        with store.read() as conn:
            return rows_of(conn)
    finally:
        store.close()


def same(before: Rows, after: Rows) -> None:
    """All that a backup carries is there again, but for what a restore changes on purpose."""
    carried = [name for name in kept.metadata.tables if name not in NOT_CARRIED]
    for name in carried:
        but = CHANGED.get(name, set()) | {"claimed_by", "claimed_until"}
        then, now = (
            sorted(repr(sorted((k, v) for k, v in row.items() if k not in but)) for row in rows)
            for rows in (before[name], after[name])
        )
        assert then == now, name
    for name in set(after) - set(carried):
        assert after[name] == [], name


def untouched(url: str) -> None:
    """Nothing was made in the database."""
    store = reach_store(url)
    with store.read() as conn:
        assert [name for name in shape_of(conn) if name.startswith("table")] == []
    store.close()


def refused(url: str, file: Path, **options: Any) -> BerthError:
    options = {"keys": KEYS, "ours": DEPLOYMENT, **options}
    with pytest.raises(BerthError) as caught:
        restore_backup(url, file, **options)
    return caught.value


def rewritten(
    made: Made, change: Callable[[list[bytes]], None], *, key: bytes | None = None
) -> Path:
    """The file with its lines changed and its checksum made right; the seal too, with a key."""
    import hmac

    lines = gzip.decompress(made.file.read_bytes()).splitlines(keepends=True)
    body, last = lines[:-1], json.loads(lines[-1])
    change(body)
    content = b"".join(body)
    last["sha256"] = sha256(content).hexdigest()
    if key is not None:
        last["seal"] = hmac.new(key, content, sha256).hexdigest()
    file = made.file.with_name("rewritten")
    file.write_bytes(gzip.compress(content + json.dumps(last).encode() + b"\n"))
    return file
