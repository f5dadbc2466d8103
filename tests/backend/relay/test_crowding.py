"""One lock that says too much keeps nobody else from being heard or served."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from berth.core.errors import BerthError
from berth.core.ids import lease_hex, parse_lease, parse_space
from berth.devices.protocol import HeldGrant, State
from berth.market.leases import lease_of
from berth.market.locks import grant_of
from berth.relay import inbox
from berth.store.kept import evidence, grants
from sqlalchemy import event, update

from tests.backend.relay.street import Street
from tests.backend.relay.test_keeper import Chain, keeper, reverts
from tests.backend.worlds import NOW

SLOT = NOW // 900


def invented(street: Street, number: int) -> str:
    """A lease of the space that the chain never had."""
    return lease_hex(parse_space(street.space) << 48 | (SLOT - 4000 + number) << 16 | 1)


async def test_records_that_fail_again_and_again_do_not_hold_up_a_new_one(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits longest is brought first, however the leases are numbered."""
    monkeypatch.setattr("berth.relay.inbox.UNKNOWN_AT_MOST", 1000)
    for number in range(120):
        street.occupancy(invented(street, number), until=NOW - 3000 * 900, from_=NOW - 3000 * 900)
    chain = Chain(street)
    chain.revert = reverts("Berth_LeaseUnknown", 1)
    one = keeper(street, chain)
    for _ in range(3):
        await one.work()
    with street.store.write() as conn:  # all of them are due again, and stay so
        conn.execute(update(evidence).values(next_at=1))
    lease = street.book()
    street.occupancy(lease)
    await one.work()
    tried = {row["lease_id"] for row in street.evidence() if row["attempts"] > 1}
    assert lease in {row["lease_id"] for row in street.evidence() if row["attempts"] == 1}
    assert lease not in tried


def test_evidence_of_a_time_that_has_not_come_is_refused(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = street.book()
    monkeypatch.setattr(inbox, "LOCAL_CHAINS", frozenset[int]())
    with pytest.raises(BerthError) as raised:
        street.occupancy(lease, 2, until=NOW + 301)
    assert (raised.value.code, raised.value.field) == ("inbox.evidence", "until")
    assert street.evidence() == []
    street.clock.at += 1
    assert street.occupancy(lease, 2, until=NOW + 301).receipts  # within what clocks may differ


def test_on_a_chain_that_travels_in_time_a_lock_may_know_of_it_first(street: Street) -> None:
    lease = street.book()
    assert street.occupancy(lease, 2, until=NOW + 90_000).receipts


def test_a_lock_is_heard_on_few_leases_that_nobody_knows(street: Street) -> None:
    then = NOW - 3000 * 900
    for number in range(inbox.UNKNOWN_AT_MOST):
        assert street.occupancy(invented(street, number), from_=then).receipts
    with pytest.raises(BerthError) as raised:
        street.occupancy(invented(street, inbox.UNKNOWN_AT_MOST), from_=then)
    assert raised.value.code == "inbox.unknown_leases"
    assert street.occupancy(invented(street, 0), from_=then).receipts  # kept already: may forget it
    assert street.occupancy(street.book()).receipts  # one that is there is heard all the same


def test_a_lock_that_never_stops_talking_is_heard_now_and_then(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = street.book()
    street.hello()
    now = 1000.0
    monkeypatch.setattr(inbox.time, "monotonic", lambda: now)
    street.inbox = inbox.Inbox(street.store, street.policy.deployment, street.clock)
    other = street.new_lock(Path(street.home.folder).parent / "other", index=43)
    for _ in range(inbox.MESSAGES_AT_ONCE):
        assert street.state().wake
    assert not street.state(position="JAMMED").wake
    assert street.lock()["position"] == "LOCKED"
    assert street.hello(other).wake  # nobody else is passed over
    now += inbox.MESSAGE_SECONDS
    assert street.occupancy(lease).receipts
    assert not street.state().wake


def test_a_flood_is_passed_over_before_its_signatures_are_looked_at(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bytes] = []
    real = inbox.decode

    def decode(lock_id: str, leaf: str, data: bytes) -> Any:
        looked.append(data)
        return real(lock_id, leaf, data)

    monkeypatch.setattr(inbox, "decode", decode)
    monkeypatch.setattr(inbox.time, "monotonic", lambda: 5.0)
    street.inbox = inbox.Inbox(street.store, street.policy.deployment, street.clock)
    for _ in range(inbox.MESSAGES_AT_ONCE):
        with pytest.raises(BerthError, match="no JSON"):
            street.inbox.take(f"berth/v1/locks/{street.home.lock_id}/hello", b"junk")
    street.inbox.take(f"berth/v1/locks/{street.home.lock_id}/hello", b"junk")
    assert len(looked) == inbox.MESSAGES_AT_ONCE


def test_a_reading_is_looked_for_among_its_leases_readings_alone(street: Street) -> None:
    """The table grows for ever; a look through all of it would hold up every writer."""
    if not street.store.sqlite:
        pytest.skip("the plan is SQLite's")
    lease = street.book()
    street.hello()
    asked: list[tuple[str, Any]] = []
    event.listen(
        street.store.engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, parameters, *_: asked.append((statement, parameters)),
    )
    street.plate(lease)
    looks = [one for one in asked if re.search(r"SELECT.*FROM plate_readings", one[0], re.S)]
    assert looks
    with street.store.read() as conn:
        for statement, parameters in looks:
            plan = conn.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters).all()
            assert "USING INDEX ix_plate_readings_lease_id_at" in str(plan), plan


def test_two_records_of_one_lease_stay_in_their_order(street: Street) -> None:
    lease = street.book()
    street.clock.at += 3600
    street.occupancy(lease, 1)
    street.occupancy(lease, 2, until=NOW + 60)
    with street.store.write() as conn:
        conn.execute(update(evidence).where(evidence.c.kind == 1).values(next_at=7))
    claims = keeper(street, Chain(street))._claim()
    assert [one.row["kind"] for one in claims] == [1, 2]
    assert {parse_lease(one.row["lease_id"]) for one in claims} == {parse_lease(lease)}


def test_a_lock_that_says_to_be_down_for_another_spaces_lease_gets_no_command_for_it(
    street: Street, tmp_path: Path
) -> None:
    """Its command would stand in the place of that lease's own."""
    liar = street.new_lock(tmp_path / "liar", index=43)
    elsewhere = street.world.add_space(43, lock=street.person(liar))
    street.world.add_offer(elsewhere)
    lease = street.book()
    street.set_lease(lease, state=4, closed_at=NOW - 3600)
    street.hello(liar)
    street.say(
        State, liar, cycle=0, position="UNLOCKED", occupied=False, camera=False, lease_id=lease
    )
    street.plan()
    assert street.command("raise") is None


def test_what_another_lock_says_to_hold_is_not_shown_as_the_leases_grant(
    street: Street, tmp_path: Path
) -> None:
    liar = street.new_lock(tmp_path / "liar", index=43)
    lease = street.book()
    street.hello(liar, grants=[HeldGrant(lease=lease, version=9)])
    with street.store.write() as conn:
        conn.execute(
            update(grants)
            .where(grants.c.lock_id == liar.lock_id)
            .values(created_at=NOW + 5, state="revoked")
        )
        found = grant_of(conn, lease_of(conn, lease))
    assert found is not None
    assert found.state == "pending"
