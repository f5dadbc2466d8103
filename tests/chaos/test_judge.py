"""The judge of the kill tests finds what is wrong: a judge that never does proves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from berth.core.ids import lease_hex, lease_id, space_hex, space_id
from berth.core.slots import slot_start

from tests.chaos.drivers import Trip
from tests.chaos.judge import _actuations, _all_over, _booked, _purposes
from tests.invariants import Mined, moved_twice, sent_twice, unserved

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
        explained=set(),
    )


def intent(**changes: Any) -> dict[str, Any]:
    return {"k": "intent", "command": "c1", "action": "lower", "lease": LEASE} | changes


#: A block a second, from well before.
BLOCKS = [OPENS - 10 + n for n in range(200)]


def judged(
    rows: Any, *records: dict[str, Any], lock: str = LOCK, confirmed: Sequence[int] = ()
) -> str:
    journals = {lock: list(records) or [intent()]}
    return "; ".join(_actuations(rows, journals, BLOCKS, {LEASE: confirmed}))


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


def test_a_bar_that_went_down_before_a_reorg_moved_the_booking_is_judged_by_what_was_there() -> (
    None
):
    rows = world()
    rows.leases[LEASE]["booked_block"] = 199
    assert judged(rows, confirmed=[OPENS + 19]) == ""
    assert "confirmed" in judged(rows, confirmed=[OPENS + 40])


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
    late = slot_start(SLOT)
    assert not list(_all_over(rows, [parker], late))
    rows.leases[LEASE]["state"] = 1
    assert "in the end" in next(_all_over(rows, [parker], late))
    rows.explained = {LEASE}
    assert not list(_all_over(rows, [parker], late))
    assert "in the end" in next(_all_over(rows, [parker], late - 1))  # could be cancelled still
    parker.trips[0].lowered = True
    assert "in the end" in next(_all_over(rows, [parker], late))
    rows.sent = [{"purpose": "record:1", "state": "sent"}]
    assert "record:1" in next(_purposes(rows))
    assert not list(moved_twice([]))


def test_a_deed_that_was_sent_twice_is_found_unless_the_second_was_another_go() -> None:
    def went(*goes: tuple[str, bool]) -> list[Mined]:
        return [Mined("0xkeeper", b"record", tx_hash, took) for tx_hash, took in goes]

    first = {"purpose": "record:1", "tx_hash": "0xa", "former_hashes": "0xa0"}
    second = {"purpose": "record:1, 2", "tx_hash": "0xb", "former_hashes": ""}
    third = {"purpose": "record:1, 3", "tx_hash": "0xc", "former_hashes": ""}
    fourth = {"purpose": "record:1, 4", "tx_hash": "0xd", "former_hashes": ""}
    sent = [first, second, third, fourth]
    assert list(sent_twice(went(("0xa", True)), sent)) == []
    assert list(sent_twice(went(("0xa", False), ("0xb", False), ("0xc", True)), sent)) == []
    for hashes in (
        ("0xa", "0xa0"),  # two copies of one
        ("0xa", "0xe"),  # one that is not on record
        ("0xe", "0xf"),
        ("0xa", "0xb", "0xc", "0xd"),  # no end of it
    ):
        (wrong,) = sent_twice(went(*((one, False) for one in hashes)), sent)
        assert "sent" in wrong
        assert wrong.endswith(f"{len(hashes)} times")
    another = {"purpose": "record:2", "tx_hash": "0xb", "former_hashes": ""}
    two = went(("0xa", False), ("0xb", False))
    assert len(list(sent_twice(two, [first, another]))) == 1
    (wrong,) = sent_twice(went(("0xa", True), ("0xb", True)), sent)  # each a go, both in force
    assert "did" in wrong
    assert wrong.endswith("2 times")
