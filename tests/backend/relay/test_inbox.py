"""What the relay believes of what locks say, and what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from berth.core.errors import BerthError
from berth.core.signing import new_private_key
from berth.devices.protocol import (
    Availability,
    FaultCode,
    HeldGrant,
    Hello,
    LastCommand,
    State,
    encode,
)
from berth.devices.simulator.home import LockHome
from berth.devices.topics import topic
from berth.store.kept import lock_states, plate_readings

from tests.backend.relay.street import Street
from tests.backend.worlds import DINO, NOW, OLGA


@pytest.fixture
def other(street: Street, tmp_path: Path) -> LockHome:
    """A lock with a key and password of its own, of another space: what a thief may buy."""
    home = street.new_lock(tmp_path / "other", index=43)
    street.world.add_space(43, lock=street.person(home))
    return home


def test_a_hello_is_written_down_with_its_nonce(street: Street) -> None:
    assert street.hello(nonce="cd" * 16, cycle=3, position="UNLOCKED").wake
    lock = street.lock()
    assert (lock["nonce"], lock["cycle"], lock["online"]) == ("cd" * 16, 3, 1)
    assert lock["position"] == "UNLOCKED"
    assert lock["space_id"] == street.space


def test_a_message_signed_by_another_key_is_refused(street: Street, other: LockHome) -> None:
    street.hello()
    message = State(
        lock=street.home.lock_id,
        boot=street.boot,
        seq=99,
        at=NOW,
        cycle=0,
        position="UNLOCKED",
        occupied=False,
        camera=False,
    )
    for key in (new_private_key(), other.private_key):
        with pytest.raises(BerthError, match="is signed by") as refused:
            street.inbox.take(topic(street.home.lock_id, "state"), encode(message, key))
        assert refused.value.field == "signature"
    assert street.lock()["position"] == "LOCKED"


def test_a_message_on_somebody_elses_topic_or_naming_somebody_else_is_refused(
    street: Street, other: LockHome
) -> None:
    street.hello()
    common = {"boot": street.boot, "seq": 99, "at": NOW, "cycle": 0, "position": "UNLOCKED"}
    own = State(lock=street.home.lock_id, occupied=False, camera=False, **common)  # type: ignore[arg-type]
    data = encode(own, street.home.private_key)
    with pytest.raises(BerthError, match="is signed by"):
        street.inbox.take(topic(other.lock_id, "state"), data)
    with pytest.raises(BerthError, match="no ack message"):
        street.inbox.take(topic(street.home.lock_id, "ack"), data)
    # signed by the lock of the topic, yet about another one
    with pytest.raises(BerthError, match="names lock"):
        street.inbox.take(topic(other.lock_id, "state"), encode(own, other.private_key))
    with pytest.raises(BerthError, match="no topic of a lock"):
        street.inbox.take("berth/v1/locks/x/state", data)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"payload":{},"signature":"0x"}', b"\xff" * 10, b"9" * 20_000]
)
def test_junk_is_refused_with_an_error_and_nothing_is_written(street: Street, data: bytes) -> None:
    with pytest.raises(BerthError):
        street.inbox.take(topic(street.home.lock_id, "hello"), data)
    assert street.rows(lock_states) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("cycle", -1), ("position", "OPEN"), ("nonce", "xyz"), ("occupied", "yes"), ("chain", 0)],
)
def test_a_field_out_of_its_range_is_named(street: Street, field: str, value: object) -> None:
    with pytest.raises(BerthError) as refused:
        street.hello(**{field: value})
    assert refused.value.field == field


def test_a_lock_of_another_deployment_is_refused(street: Street) -> None:
    for wrong in ({"chain": 1}, {"market": "0x" + "99" * 20}):
        with pytest.raises(BerthError, match="another contract"):
            street.hello(**wrong)


def test_of_several_faults_the_worst_counts_in_whatever_order_a_lock_names_them(
    street: Street,
) -> None:
    street.hello()
    for fault in get_args(FaultCode):
        for faults in (["low_battery", fault], [fault, "low_battery"]):
            street.state(faults=faults)
            assert street.lock()["fault"] == fault
    street.state(faults=["bar_position", "motor"])
    assert street.lock()["fault"] == "motor"
    street.state()
    assert street.lock()["fault"] is None


def test_an_old_copy_of_a_message_changes_nothing(street: Street) -> None:
    street.hello()
    street.say(State, seq=50, cycle=0, position="UNLOCKED", occupied=False, camera=False)
    street.say(State, seq=49, cycle=0, position="LOCKED", occupied=True, camera=True)
    lock = street.lock()
    assert (lock["position"], lock["occupied"], lock["camera"]) == ("UNLOCKED", 0, 0)
    street.say(State, seq=50, cycle=9, position="LOCKED", occupied=False, camera=False)
    assert street.lock()["cycle"] == 0


def test_a_recorded_hello_of_a_former_boot_is_refused(street: Street) -> None:
    street.hello(nonce="aa" * 16)
    street.boot = "00000002" + "cd" * 8
    street.hello(nonce="bb" * 16)
    with pytest.raises(BerthError, match="before the lock's last start"):
        street.hello(boot="00000001" + "ab" * 8, nonce="aa" * 16)
    assert street.lock()["nonce"] == "bb" * 16


def test_a_lock_that_started_unheard_is_asked_for_a_hello(street: Street) -> None:
    reaction = street.state()
    assert reaction.ask_hello == street.home.lock_id
    assert street.lock()["position"] is None


def test_the_will_of_an_old_connection_does_not_take_the_new_one_offline(street: Street) -> None:
    street.hello(connection=2)
    assert street.available(False, connection=1).ask_hello == street.home.lock_id
    assert street.lock()["online"] == 1
    street.available(False, connection=2)
    assert street.lock()["online"] == 0
    street.hello(connection=3)
    assert street.lock()["online"] == 1


def test_a_hello_that_was_overtaken_tells_who_is_there_and_nothing_else(street: Street) -> None:
    """The network carried what was said after it first, and lost the word of the broker's own."""
    street.hello(connection=2)
    street.available(False, connection=2)
    street.say(State, seq=50, cycle=0, position="UNLOCKED", occupied=True, camera=False)
    street.hello(connection=3, seq=49, position="LOCKED", occupied=False, nonce="dd" * 16)
    lock = street.lock()
    assert (lock["online"], lock["connection"], lock["nonce"]) == (1, 3, "dd" * 16)
    assert (lock["seq"], lock["position"], lock["occupied"]) == (50, "UNLOCKED", 1)
    assert street.hello(connection=3, seq=48, nonce="ee" * 16).ask_hello is None
    assert street.lock()["nonce"] == "dd" * 16


def test_a_lock_that_speaks_though_it_is_said_to_be_gone_is_asked_for_a_hello(
    street: Street,
) -> None:
    street.hello(connection=2)
    assert street.state().ask_hello is None
    street.available(False, connection=2)
    assert street.state().ask_hello == street.home.lock_id
    assert street.lock()["online"] == 0
    street.hello(connection=3)
    assert street.state().ask_hello is None


def test_a_lock_whose_kept_word_is_of_an_older_start_is_asked_for_a_hello(street: Street) -> None:
    """The broker lost the lock's newest word, and the relay has just connected to it."""
    older = street.boot
    street.boot = "00000002" + "ab" * 8
    street.hello()
    street.inbox.forget_who_is_online()
    reaction = street.say(Availability, boot=older, online=False, connection=1)
    assert reaction.ask_hello == street.home.lock_id
    assert street.lock()["online"] == 0
    street.hello(nonce="cc" * 16)
    assert street.lock()["online"] == 1


def test_a_plate_reading_is_kept_once_and_both_parties_are_told(street: Street) -> None:
    lease = street.book()
    street.hello()
    for _ in range(2):
        street.plate(lease, False, evidence_hash="0x" + "77" * 32)
    assert len(street.rows(plate_readings)) == 1
    told = [e for e in street.world.events() if e["topic"] == "lock.plate"]
    assert {event["audience"] for event in told} == {DINO.address, OLGA.address}
    assert told[0]["payload"] == {"match": False, "confidence": 0.97, "reason": "other_vehicle"}


def test_a_lock_cannot_vouch_for_a_lease_of_another_space(street: Street, other: LockHome) -> None:
    lease = street.book()
    street.say(
        Hello,
        other,
        nonce="ee" * 16,
        connection=1,
        chain=1337,
        market=street.policy.deployment.market,
        cycle=0,
        position="LOCKED",
        occupied=False,
        camera=False,
        firmware="thief",
    )
    from berth.devices.protocol import Plate

    with pytest.raises(BerthError, match="does not serve"):
        street.say(
            Plate,
            other,
            lease_id=lease,
            match=True,
            confidence=1.0,
            evidence_hash="0x" + "00" * 32,
        )
    assert street.rows(plate_readings) == []


def test_evidence_is_kept_once_and_acknowledged_every_time(street: Street) -> None:
    lease = street.book()
    for _ in range(3):
        receipts = street.occupancy(lease).receipts
        assert [(r.lease_id, r.kind) for r in receipts] == [(lease, 1)]
    assert [(row["kind"], row["state"]) for row in street.evidence()] == [(1, "received")]


def test_evidence_signed_by_anybody_but_the_lock_is_refused(
    street: Street, other: LockHome
) -> None:
    lease = street.book()
    with pytest.raises(BerthError, match="not signed by the lock"):
        street.occupancy(lease, key=other.private_key)
    with pytest.raises(BerthError, match="does not serve"):
        street.occupancy("0x" + "0" * 28)
    assert street.evidence() == []


def test_evidence_from_before_a_restart_still_counts(street: Street) -> None:
    lease = street.book()
    street.boot = "00000009" + "ab" * 8
    street.hello()
    assert street.occupancy(lease, boot="00000001" + "ab" * 8).receipts


def test_a_hello_tells_which_grants_are_lost(street: Street) -> None:
    lease = street.book()
    street.hello()
    street.ack("done", grant=lease, version=1)
    assert (street.grant()["state"], street.grant()["acked_version"]) == ("acknowledged", 1)
    street.hello(grants=[HeldGrant(lease=lease, version=1)])
    assert street.grant()["acked_version"] == 1
    street.hello(grants=[])  # a new lock board, an empty memory
    assert street.grant()["acked_version"] == 0


def test_an_ack_that_was_lost_is_made_up_for_by_the_next_hello(street: Street) -> None:
    lease = street.book()
    street.hello()
    street.tell(lease)
    street.plan()
    command = street.sent("camera_on")
    street.hello(last=LastCommand(command=command, outcome="done"))
    assert street.command("camera_on")["state"] == "done"


def test_a_new_cycle_forgets_who_was_there_before(street: Street) -> None:
    lease = street.book()
    street.hello()
    street.tell(lease)
    with street.store.read() as conn:
        situation = street.policy.situation(conn, lease, DINO.address)
    assert situation is not None
    assert situation.facts.entered
    street.clock.at += 10
    street.state(cycle=1)
    with street.store.read() as conn:
        situation = street.policy.situation(conn, lease, DINO.address)
    assert situation is not None
    assert not situation.facts.entered


def test_people_are_told_of_a_state_once_and_only_when_it_changed(street: Street) -> None:
    street.book()
    street.hello()
    street.hello()
    assert len({str(e) for e in street.events("lock.state")}) == 1
    street.state(position="UNLOCKED")
    street.state(position="UNLOCKED")
    assert [e["position"] for e in street.events("lock.state")].count("UNLOCKED") == 2  # 2 people
