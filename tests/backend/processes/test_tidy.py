"""`berth db tidy` and `berth keys field`, as an operator types them."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from berth.cli.main import main
from berth.core.deployment import save_deployment
from berth.core.sealed import open_sealer
from berth.store import bind_deployment, derived, open_store
from berth.store.events import append_event
from berth.store.kept import events
from sqlalchemy import insert, select

from tests.backend.worlds import DEPLOYMENT

DAY = 86_400


def run(monkeypatch: pytest.MonkeyPatch, home: Path, *arguments: str) -> int:
    monkeypatch.setenv("BERTH_HOME", str(home))
    monkeypatch.setattr(sys, "argv", ["berth", *arguments])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data folder at the head of its chain, whose time is a year ahead; three events of today."""
    save_deployment(DEPLOYMENT, tmp_path / "deployment.json")
    store = open_store(f"sqlite:///{tmp_path / 'berth.sqlite'}", DEPLOYMENT)
    bind_deployment(store, DEPLOYMENT)
    now = int(time.time())
    row = {
        "name": "market",
        "block_number": 9,
        "block_hash": "0x09",
        "block_timestamp": now + 365 * DAY,
        "version": 1,
        "head_number": 9,
        "final_number": 9,
        "updated_at": now,
    }
    with store.write() as conn:
        conn.execute(insert(derived.cursor).values(**row))
        for _ in range(3):
            append_event(conn, "lock.state", None, None, None, {}, at=now)
    store.close()
    return tmp_path


def left(home: Path) -> int:
    store = open_store(f"sqlite:///{home / 'berth.sqlite'}", DEPLOYMENT)
    with store.read() as conn:
        found = conn.execute(select(events.c.seq)).all()
    store.close()
    return len(found)


def test_an_operator_may_have_it_done_now(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BERTH_KEEP_EVENTS_DAYS", "366")
    assert run(monkeypatch, home, "db", "tidy") == 0
    assert "events: 0 rows" in capsys.readouterr().out
    assert left(home) == 3
    monkeypatch.setenv("BERTH_KEEP_EVENTS_DAYS", "30")
    assert run(monkeypatch, home, "db", "tidy", "--json") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["events"], told["presence"]) == (2, 0)
    assert left(home) == 1  # the newest


def test_it_is_refused_while_the_index_is_behind(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(f"sqlite:///{home / 'berth.sqlite'}", DEPLOYMENT)
    with store.write() as conn:
        conn.execute(derived.cursor.update().values(head_number=10))
    store.close()
    assert run(monkeypatch, home, "db", "tidy") == 1
    assert "nothing is forgotten now (index.behind)" in capsys.readouterr().err
    assert left(home) == 3


def test_the_field_key_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path, "keys", "field") == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == tmp_path / "keys" / "field.key"
    assert path.stat().st_mode & 0o777 == 0o600
    sealed = open_sealer(tmp_path / "keys").seal({"plate": "ABC"})
    assert run(monkeypatch, tmp_path, "keys", "field") == 0
    assert open_sealer(tmp_path / "keys").open(sealed) == {"plate": "ABC"}
