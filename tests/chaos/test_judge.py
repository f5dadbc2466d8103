"""The judge of the kill tests finds what is wrong: a judge that never does proves nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from berth.core.ids import lease_hex, lease_id, space_hex, space_id
from berth.core.slots import slot_start

from tests.chaos.drivers import Trip
from tests.chaos.judge import _actuations, _all_over, _booked, _purposes
from tests.invariants import moved_twice, unserved

SPACE = space_hex(space_id(7, 1))
SLOT = 1_990_000
LEASE = lease_hex(lease_id(space_id(7, 1), SLOT, 1))
OPENS = slot_start(SLOT) - 900
LOCK, OTHER = "0x" + "a1" * 20, "0x" + "b2" * 20


def world(**changes: Any) -> Any:
    """A lease that was served as it should be; `changes` go into its command."""
    command = {
        "id": "c1",
        "lock_id": LOCK,
        "lease_id": LEASE,
        "action": "lower",
        "state": "done",
        "published_at": OPENS + 20,
        "outcome_at": OPENS + 22,
    }
    lease = {
        "lease_id": LEASE, "space_id": SPACE, "slots": 1, "booked_block": 3,
        "closed_at": OPENS + 60, "deposit": "100", "state": 4,
    }  # fmt: skip
    reading = {"lease_id": LEASE, "lock_id": LOCK, "match": 1, "at": OPENS + 19}
    return SimpleNamespace(
        commands=[command | changes],
        leases={LEASE: lease},
        spaces={SPACE: {"lock_key": LOCK}},
        readings=[reading],
        settlements={LEASE: {"refund": "40"}},
        sent=[],
    )


def intent(**changes: Any) -> dict[str, Any]:
    return {"k": "intent", "command": "c1", "action": "lower", "lease": LEASE} | changes


#: A block a second, from well before.
BLOCKS = [OPENS - 10 + n for n in range(200)]


def judged(rows: Any, *records: dict[str, Any], lock: str = LOCK) -> str:
    return "; ".join(_actuations(rows, {lock: list(records) or [intent()]}, BLOCKS))


def test_a_lease_that_was_served_as_it_should_be_is_not_complained_of() -> None:
    assert judged(world()) == ""


def test_a_bar_that_moved_twice_for_one_command_is_found() -> None:
    assert "2 times" in judged(world(), intent(), intent())


def test_a_bar_that_went_down_without_a_ticket_is_found() -> None:
    assert "without any ticket" in judged(world(published_at=None))
    assert "without any ticket" in judged(world(), intent(command="unknown"))


def test_a_bar_that_went_down_by_anothers_ticket_is_found() -> None:
    assert "without any ticket" in judged(world(), lock=OTHER)
    assert "of another lock" in judged(world(lock_id=OTHER), lock=OTHER)


def test_a_bar_that_went_down_for_the_wrong_lease_is_found() -> None:
    other = lease_hex(lease_id(space_id(7, 2), SLOT, 1))
    assert "which was to" in judged(world(lease_id=other))
    assert "does not have" in judged(world(lease_id=other), intent(lease=other))


def test_a_bar_that_went_down_at_the_wrong_time_is_found() -> None:
    assert "outside" in judged(world(published_at=OPENS - 100, outcome_at=OPENS - 90))
    assert "outside" in judged(world(published_at=OPENS + 1900, outcome_at=OPENS + 1901))
    assert "after it was closed" in judged(world(published_at=OPENS + 70, outcome_at=OPENS + 71))


def test_a_bar_that_went_down_before_the_lease_was_deep_is_found() -> None:
    rows = world()
    rows.leases[LEASE]["booked_block"] = 199
    assert "confirmed" in judged(rows)


def test_a_bar_that_went_down_for_a_vehicle_never_seen_is_found() -> None:
    rows = world()
    rows.readings[0]["match"] = 0
    assert "plate" in judged(rows)


def test_a_journal_that_was_shortened_proves_nothing() -> None:
    assert "proves nothing" in judged(world(), {"k": "snapshot"})


def test_who_paid_and_was_not_served_has_to_be_explained() -> None:
    trip = Trip(LEASE, SPACE, LOCK, gave_up=True)
    parker: Any = SimpleNamespace(trips=[trip])
    booked = list(_booked(world(), [parker]))
    assert booked[0].paid == 60
    assert list(unserved(booked, set()))
    assert not list(unserved(booked, {LEASE}))


def test_what_is_not_over_is_found() -> None:
    rows = world()
    parker: Any = SimpleNamespace(trips=[Trip(LEASE, SPACE, LOCK)])
    assert not list(_all_over(rows, [parker]))
    rows.leases[LEASE]["state"] = 1
    assert "in the end" in next(_all_over(rows, [parker]))
    rows.sent = [{"purpose": "record:1", "state": "sent"}]
    assert "record:1" in next(_purposes(rows))
    assert not list(moved_twice([]))
