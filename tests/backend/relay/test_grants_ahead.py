"""What a lock holds is bounded, whatever is booked: grants leave in time, not long before; and a
lock that names more than it should is heard all the same."""

from __future__ import annotations

import pytest
from berth.core.ids import lease_hex, parse_lease, parse_space, split_lease
from berth.core.slots import SLOT_SECONDS, slot_start
from berth.core.tariff import EARLY_SECONDS
from berth.devices.protocol import HELLO_GRANTS, HeldGrant
from berth.relay import grants
from berth.relay.outbox import Outbox
from berth.store.kept import grants as rows
from sqlalchemy import insert, select, update

from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire, put, relay
from tests.backend.worlds import COMMITMENT, NOW

SLOT = NOW // SLOT_SECONDS
DAY = 86_400 // SLOT_SECONDS


def at(street: Street, slot: int) -> None:
    """It is the first second of a slot, and the chain goes on."""
    street.clock.at = slot_start(slot)
    street.world.at_block(102)


def row_of(street: Street, lease: str) -> dict[str, object]:
    return next(row for row in street.rows(rows) if row["lease_id"] == lease)


def filled(street: Street, count: int, state: str = "acknowledged") -> None:
    """The lock holds so many that are not over: booked, and cancelled, by somebody."""
    with street.store.write() as conn:
        for number in range(count):
            lease = lease_hex(parse_space(street.space) << 48 | (SLOT + 40) << 16 | 1000 + number)
            values = {
                "lease_id": lease,
                "lock_id": street.home.lock_id,
                "cycle": 0,
                "window_start": slot_start(SLOT + 40) - EARLY_SECONDS,
                "window_end": slot_start(SLOT + 42),
                "plate_commitment": COMMITMENT,
                "state": state,
                "version": 2,
                "acked_version": 2,
                "next_at": grants._NEVER,
                "created_at": NOW,
                "updated_at": NOW,
            }
            conn.execute(insert(rows).values(values))


def sent(street: Street, wire: Wire) -> list[str]:
    """Leases that were granted, in the order of the grants."""
    return [one.lease for one in wire.grants(street) if one.state == "granted"]


async def test_a_lease_that_is_far_ahead_gets_its_grant_a_day_before(
    street: Street, wire: Wire
) -> None:
    lease = street.book(start_slot=SLOT + 30 * DAY)
    street.hello()
    delivery = relay(street, wire)
    assert await delivery.send_grants() == 0
    at(street, SLOT + 29 * DAY - 2)
    assert await delivery.send_grants() == 0
    at(street, SLOT + 29 * DAY - 1)
    assert await delivery.send_grants() == 1
    assert sent(street, wire) == [lease]
    street.ack("done", grant=lease, version=1)
    assert street.grant()["state"] == "acknowledged"


async def test_a_relay_that_was_started_again_sends_what_slept(street: Street, wire: Wire) -> None:
    lease = street.book(start_slot=SLOT + 30 * DAY)
    street.hello()
    assert await relay(street, wire).send_grants() == 0
    at(street, SLOT + 30 * DAY)  # all were off until the leased time
    assert await relay(street, wire, "two").send_grants() == 1
    assert sent(street, wire) == [lease]


async def test_a_relay_that_slept_itself_looks_at_once(street: Street, wire: Wire) -> None:
    street.book(start_slot=SLOT + 2 * DAY)
    street.hello()
    delivery = relay(street, wire)
    at(street, SLOT + DAY - 1)
    with street.store.read() as conn:  # a look while nothing may leave: the index is behind
        assert len(delivery.grants_ready(conn)) == 1
    assert await delivery.send_grants() == 0
    delivery.look_for_sleepers()
    assert await delivery.send_grants() == 1


async def test_a_lock_that_was_away_while_the_time_came_gets_it_with_its_hello(
    street: Street, wire: Wire
) -> None:
    lease = street.book(start_slot=SLOT + 2 * DAY)
    delivery = relay(street, wire)
    at(street, SLOT + 2 * DAY)
    assert await delivery.send_grants() == 0
    street.hello()
    assert await delivery.send_grants() == 1
    assert sent(street, wire) == [lease]


async def test_a_reorg_that_takes_a_far_lease_and_brings_it_back_leaves_it_its_grant(
    street: Street, wire: Wire
) -> None:
    lease = street.world.add_lease(street.space, SLOT + 2 * DAY)
    street.hello()
    work = Outbox(street.store, street.clock).work
    put(street, "lease.booked", lease)
    work()
    street.remove(lease)
    put(street, "undone.lease.booked", lease)
    work()
    assert street.grant()["state"] == "revoked"
    street.world.add_lease(street.space, SLOT + 2 * DAY)
    put(street, "lease.booked", lease, key="again")
    work()
    delivery = relay(street, wire)
    assert await delivery.send_grants() == 0
    at(street, SLOT + 2 * DAY)
    assert await delivery.send_grants() == 1
    assert sent(street, wire) == [lease]


async def test_stays_that_are_booked_ahead_and_given_up_leave_nothing_in_the_lock(
    street: Street, wire: Wire
) -> None:
    """Their deposits come back; the bay must open for the others all the same."""
    street.hello()
    delivery = relay(street, wire)
    for number in range(201):
        lease = street.book(start_slot=SLOT + 2 * DAY + number, slots=1)
        with street.store.write() as conn:
            grants.take_back(conn, lease, street.clock.now())
    today = street.book()
    assert await delivery.send_grants() == 1
    assert [one.lease for one in wire.grants(street)] == [today]


async def test_what_is_taken_back_is_told_at_once_however_far_ahead(
    street: Street, wire: Wire
) -> None:
    lease = street.book(start_slot=SLOT + 30 * DAY)
    with street.store.write() as conn:  # sent by a release that knew no bound
        conn.execute(update(rows).values(state="acknowledged", acked_version=1))
        grants.take_back(conn, lease, street.clock.now())
    street.hello(grants=[HeldGrant(lease=lease, version=1)])
    assert await relay(street, wire).send_grants() == 1
    assert wire.grants(street)[0].state == "revoked"


@pytest.mark.parametrize("state", ["acknowledged", "revoked"])
async def test_a_lock_that_holds_many_gets_another_in_its_last_hour(
    street: Street, wire: Wire, state: str
) -> None:
    """Taken back or not: not every lock forgets those before they are over."""
    filled(street, grants.HELD_AT_MOST, state)
    lease = street.book(start_slot=SLOT + 20)
    street.hello(grants=[HeldGrant(lease=lease, version=1)] * HELLO_GRANTS)
    with street.store.write() as conn:
        conn.execute(update(rows).where(rows.c.lease_id == lease).values(acked_version=0))
    delivery = relay(street, wire)
    assert await delivery.send_grants() == 0
    soon = street.book(start_slot=SLOT + 5)
    assert await delivery.send_grants() == 1
    assert sent(street, wire) == [soon]
    at(street, SLOT + 15)
    assert await delivery.send_grants() == 1
    assert sent(street, wire) == [soon, lease]


async def test_a_lock_that_holds_many_gets_another_as_others_end(
    street: Street, wire: Wire
) -> None:
    filled(street, grants.HELD_AT_MOST)
    lease = street.book(start_slot=SLOT + 60)
    delivery = relay(street, wire)
    street.hello(grants=[HeldGrant(lease=lease, version=0)] * HELLO_GRANTS)
    assert await delivery.send_grants() == 0
    at(street, SLOT + 42)
    assert await delivery.send_grants() == 1
    assert sent(street, wire) == [lease]


def test_the_soonest_leave_first(street: Street) -> None:
    street.hello()
    starts = [SLOT + 40, SLOT + 8, SLOT + 24]
    for start in starts:
        street.book(start_slot=start)
    with street.store.read() as conn:
        found = grants.ready(conn, street.policy, street.clock)
    slots = [split_lease(parse_lease(lease))[1] for lease, _ in found]
    assert slots == sorted(starts)


def test_all_that_may_be_sent_ahead_has_room_in_a_hello() -> None:
    """Of one space leases do not overlap; and then there is the one that is on."""
    assert grants.AHEAD_SECONDS // SLOT_SECONDS + 2 <= HELLO_GRANTS
    soon = (grants.SOON_SECONDS + EARLY_SECONDS) // SLOT_SECONDS + 1
    assert grants.HELD_AT_MOST + grants.BATCH + soon <= HELLO_GRANTS


# ---- locks that hold more than they should


def named(street: Street, count: int) -> list[HeldGrant]:
    """Leases long ago, which the index has forgotten, as a lock names them that forgets nothing."""
    return [
        HeldGrant(
            lease=lease_hex(parse_space(street.space) << 48 | (SLOT - 9000 + number) << 16 | 1),
            version=NOW,
        )
        for number in range(count)
    ]


def test_a_lock_that_names_very_many_is_not_deaf(street: Street) -> None:
    """Refused, its hello would take its nonce with it: no command would ever reach it."""
    lease = street.book()
    street.hello()
    nonce = "77" * 16
    held = [*named(street, 900), HeldGrant(lease=lease, version=1)]
    street.hello(nonce=nonce, grants=held)
    assert street.lock()["nonce"] == nonce
    assert row_of(street, lease)["acked_version"] == 1


def test_what_a_hello_without_room_does_not_name_is_not_lost(street: Street) -> None:
    lease = street.book()
    street.hello()
    street.ack("done", grant=lease, version=1)
    street.hello(grants=named(street, HELLO_GRANTS))
    assert row_of(street, lease)["acked_version"] == 1
    street.hello(grants=named(street, HELLO_GRANTS - 1))  # this one had room
    assert row_of(street, lease)["acked_version"] == 0


def test_what_was_taken_back_is_not_forgotten_because_a_hello_had_no_room(street: Street) -> None:
    lease = street.book()
    street.hello()
    with street.store.write() as conn:
        conn.execute(update(rows).values(state="published"))
        grants.take_back(conn, lease, street.clock.now())
    street.hello(grants=named(street, HELLO_GRANTS))
    with street.store.read() as conn:
        (row,) = conn.execute(select(rows).where(rows.c.lease_id == lease)).mappings()
    assert row["acked_version"] < row["version"]
