"""Grants leave whatever other locks and other leases are waiting for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from berth.core.ids import lease_hex, parse_space
from berth.devices.protocol import HeldGrant
from berth.relay import grants
from berth.store.derived import leases
from berth.store.kept import grants as rows
from sqlalchemy import event, func, select, update

from tests.backend.relay.street import Street
from tests.backend.worlds import NOW

SLOT = NOW // 900


def ready(street: Street) -> list[tuple[str, str]]:
    with street.store.read() as conn:
        return grants.ready(conn, street.policy, street.clock)


def invented(street: Street, number: int) -> HeldGrant:
    """A lease of the last days, that the chain never had, and a lock says to hold."""
    lease = lease_hex(parse_space(street.space) << 48 | (SLOT - 600 + number) << 16 | 1)
    return HeldGrant(lease=lease, version=1)


def test_a_lock_that_names_leases_that_never_were_holds_up_nobodys_grant(
    street: Street, tmp_path: Path
) -> None:
    liar = street.new_lock(tmp_path / "liar", index=43)
    street.hello(liar, grants=[invented(street, number) for number in range(200)])
    street.hello()
    lease = street.book()
    assert (lease, street.home.lock_id) in ready(street)


def test_what_a_lock_can_make_us_take_back_is_bounded(street: Street, tmp_path: Path) -> None:
    liar = street.new_lock(tmp_path / "liar", index=43)
    for turn in range(5):
        held = [invented(street, 200 * turn + number) for number in range(200)]
        begins = [int(one.lease, 16) >> 16 & 0xFFFFFFFF for one in held]
        named = [one for one, slot in zip(held, begins, strict=True) if slot < SLOT + 600]
        street.hello(liar, grants=named)
        with street.store.write() as conn:  # it confirms all of them, and thinks of others
            conn.execute(update(rows).values(acked_version=rows.c.version))
    with street.store.read() as conn:
        assert conn.execute(select(func.count()).select_from(rows)).scalar_one() <= 200


def test_a_version_that_no_grant_can_have_is_not_believed(street: Street) -> None:
    """One more than the highest could never be signed, and would be tried for ever."""
    lease = street.book()
    street.hello(grants=[HeldGrant(lease=lease, version=(1 << 32) - 1)])
    assert street.grant()["version"] < 1 << 32


def test_leases_that_are_not_deep_enough_do_not_stand_before_one_that_is(street: Street) -> None:
    street.hello()
    for epoch in range(1, 61):
        street.book(epoch=epoch, booked_block=100, changed_block=100)
    deep = street.book(epoch=99)
    found = ready(street)
    assert (deep, street.home.lock_id) in found
    assert len(found) == 1


def test_no_more_waiting_grants_are_read_than_are_sent_at_a_time(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands wait once all locks are back at once: a look reads a page of them."""
    monkeypatch.setattr(grants, "PAGE", 60)
    monkeypatch.setattr(grants, "_IN_TURN", grants._IN_TURN.limit(60))
    street.hello()
    for epoch in range(1, 151):
        street.book(epoch=epoch)
    pages = reads(street)
    assert len(ready(street)) == 50
    assert len(pages) == 1
    with street.store.write() as conn:  # shallow ones are passed over, on as many pages as it takes
        conn.execute(update(leases).values(changed_block=100))
    pages.clear()
    assert ready(street) == []
    assert len(pages) == 3


def reads(street: Street) -> list[str]:
    """Statements that read waiting grants, from now on."""
    found: list[str] = []

    @event.listens_for(street.store.engine, "before_cursor_execute")
    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "row_number()" in statement:
            found.append(statement)

    return found
