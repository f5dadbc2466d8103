"""What nobody would notice: a lease that no relay served, clocks that differ, and kept commands."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from berth.devices.mqtt import BrokerAddress, BrokerLogin
from berth.devices.topics import BACKEND_USER, COMMAND, GRANT, topic
from berth.relay.policy import MAX_SKEW
from berth.relay.run import Relay
from berth.relay.watch import Watch
from berth.store.kept import presence
from sqlalchemy import insert

from tests.backend.devices.locks import until
from tests.backend.relay.street import Street
from tests.backend.relay.test_program import Town, town
from tests.backend.worlds import NOW

__all__ = ["town"]


def over(street: Street, hours: int = 3) -> None:
    street.clock.at = NOW + hours * 3600
    street.world.at_block(500)


def look(street: Street) -> int:
    return Watch(street.store, street.clock).look()


def told(street: Street) -> list[tuple[str, str, str | None]]:
    return [(one.kind, one.reason, one.lease_id) for one in street.incidents()]


# ---- leases that nobody served


def test_a_lease_whose_driver_was_there_while_no_relay_was_has_an_incident(street: Street) -> None:
    lease = street.book()
    street.tell(lease)
    assert look(street) == 0  # there is time yet
    over(street)
    assert look(street) == 1
    assert told(street) == [("lease.unserved", "relay.absent", lease)]
    assert look(street) == 0  # once


def test_a_driver_who_only_confirmed_was_there_too(street: Street) -> None:
    lease = street.book()
    street.confirm(lease)
    over(street)
    assert look(street) == 1


def test_a_driver_who_never_came_has_none(street: Street) -> None:
    street.book()
    over(street)
    assert look(street) == 0


def test_an_owner_who_passed_by_is_no_driver(street: Street) -> None:
    lease = street.book()
    with street.store.write() as conn:
        row = {"lease_id": lease, "party": "owner", "event": "entered", "at": NOW}
        conn.execute(insert(presence).values(row))
    over(street)
    assert look(street) == 0


@pytest.mark.parametrize("outcome", ["done", "accepted"])
def test_a_lease_that_was_served_has_none_and_one_of_unknown_end_has_one(
    street: Street, outcome: str
) -> None:
    lease = street.book()
    street.hello()
    street.state()
    street.tell(lease)
    street.plate(lease)
    street.confirm(lease)
    street.plan()
    street.ack(outcome, command=street.sent("lower"))
    over(street)
    assert look(street) == (0 if outcome == "done" else 1)


def test_a_lease_with_an_arrival_on_the_chain_was_served(street: Street) -> None:
    lease = street.book(arrived=5)
    street.tell(lease)
    over(street)
    assert look(street) == 0


def test_a_lease_that_its_driver_gave_up_before_its_time_was_not_to_be_served(
    street: Street,
) -> None:
    lease = street.book(closed_at=NOW - 10, state=5)
    street.tell(lease)
    over(street)
    assert look(street) == 0
    street.set_lease(lease, closed_at=NOW + 60)  # standing before the bar
    assert look(street) == 1


def test_one_that_has_an_incident_already_or_had_gets_no_second(street: Street) -> None:
    lease = street.book()
    street.tell(lease)
    over(street)
    look(street)
    from berth.store.incidents import resolve_incident

    (incident,) = street.incidents()
    with street.store.write() as conn:
        resolve_incident(conn, incident.id, "paid back", "Ann", street.clock.now())
    assert look(street) == 0


def test_what_was_long_ago_is_nobodys_news(street: Street) -> None:
    lease = street.book()
    street.tell(lease)
    over(street, hours=24 * 5)
    assert look(street) == 0


# ---- clocks


def relay_of(street: Street) -> Relay:
    login = BrokerLogin(BrokerAddress("127.0.0.1", 1, False), BACKEND_USER, "none")
    return Relay(
        store=street.store,
        policy=street.policy,
        clock=street.clock,
        sealer=street.world.sealer,
        signer=street.signer,
        broker=login,
    )


@pytest.mark.parametrize("seconds", [MAX_SKEW + 1, -MAX_SKEW - 1])
async def test_clocks_that_differ_by_too_much_are_an_incident_until_they_agree(
    street: Street, seconds: int
) -> None:
    relay = relay_of(street)
    await relay.look()
    assert street.incidents() == []
    street.clock.at += seconds
    for _ in range(3):
        await relay.look()
    (incident,) = street.incidents()
    assert (incident.kind, incident.facts["seconds"]) == ("clock.skew", -seconds)
    assert relay.asleep == "clock.skew"
    street.clock.at -= seconds
    await relay.look()
    assert street.incidents() == []
    assert relay.asleep is None


async def test_thirty_seconds_are_not_too_much(street: Street) -> None:
    relay = relay_of(street)
    street.clock.at += MAX_SKEW
    await relay.look()
    assert relay.asleep is None


# ---- never retained


class Line:
    """A connection that notes how it is used."""

    def __init__(self) -> None:
        self.published: list[tuple[str, dict[str, Any]]] = []

    async def publish(self, name: str, _payload: bytes, **how: Any) -> None:
        self.published.append((name, how))


async def test_nothing_that_a_lock_is_told_is_asked_to_be_retained(street: Street) -> None:
    relay, line = relay_of(street), Line()
    relay._line = line  # type: ignore[assignment]
    for leaf in (COMMAND, GRANT):
        await relay._send(street.home.lock_id, leaf, b"x")
    assert [how for _, how in line.published] == [{"qos": 1, "retain": False}] * 2


async def test_a_lock_that_comes_later_finds_no_command_at_the_broker(town: Town) -> None:
    street = town.street
    lease = street.book()
    town.start_lock()
    await until(lambda: street.grant()["state"] == "acknowledged")
    street.tell(lease)
    town.relay.wake()
    await until(lambda: (street.command("camera_on") or {}).get("state") == "done")
    await town.stop()
    lock_id = street.home.lock_id
    login = BrokerLogin.at(town.broker.url, lock_id, street.credentials.add(lock_id))
    password = street.credentials.add(BACKEND_USER)
    found: list[tuple[str, bytes]] = []
    async with (
        login.client(client_id=lock_id) as line,
        BrokerLogin.at(town.broker.url, BACKEND_USER, password).client() as later,
    ):
        for leaf in (GRANT, COMMAND):
            await line.subscribe(topic(lock_id, leaf), qos=1)
        # what the broker has kept comes before what is said now
        await later.publish(topic(lock_id, COMMAND), b"now", qos=1)
        async with asyncio.timeout(60):
            while b"now" not in [data for _, data in found]:
                message = await anext(aiter(line.messages))
                found.append((str(message.topic), bytes(message.payload)))
    assert found == [(topic(lock_id, COMMAND), b"now")]


# ---- messages that make no sense


@pytest.mark.parametrize(
    "poison",
    [b"", b"\xff\xfe", b"null", b"[]", b'{"payload": 1}', b"[" * 20_000, b'{"payload":{},' * 9],
)
async def test_a_poison_message_is_refused_and_the_next_one_heard(
    street: Street, poison: bytes
) -> None:
    relay = relay_of(street)
    for leaf in ("hello", "state", "ack", "occupancy", "plate", "fault", "availability"):
        await relay._take(topic(street.home.lock_id, leaf), poison)
        await relay._take(f"berth/v1/locks/not-a-lock/{leaf}", poison)
    await relay._take("some/other/topic", poison)
    street.hello()
    assert street.lock()["online"] == 1


async def test_an_error_over_one_message_stops_no_other(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = relay_of(street)
    monkeypatch.setattr(relay._inbox, "take", lambda *_: 1 / 0)
    await relay._take(topic(street.home.lock_id, "hello"), b"{}")
    monkeypatch.undo()
    sent: list[bytes] = []
    take = street.inbox.take
    monkeypatch.setattr(street.inbox, "take", lambda _name, data: sent.append(data))
    street.hello()
    monkeypatch.setattr(street.inbox, "take", take)
    await relay._take(topic(street.home.lock_id, "hello"), sent[0])
    assert street.lock()["online"] == 1


async def test_a_message_waits_while_the_database_is_away_and_is_not_lost(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    monkeypatch.setattr("berth.relay.run._DATABASE_PAUSE", 0.01)
    relay = relay_of(street)
    heard = []
    original = relay._inbox.take

    def away(name: str, data: bytes) -> Any:
        heard.append(name)
        if len(heard) < 4:
            raise OperationalError("SELECT 1", {}, Exception("the server is gone"))
        return original(name, data)

    monkeypatch.setattr(relay._inbox, "take", away)
    sent: list[bytes] = []
    original_say = street.inbox.take
    monkeypatch.setattr(street.inbox, "take", lambda _name, data: sent.append(data))
    street.hello()
    monkeypatch.setattr(street.inbox, "take", original_say)
    await relay._take(topic(street.home.lock_id, "hello"), sent[0])
    assert len(heard) == 4
    assert street.lock()["online"] == 1
