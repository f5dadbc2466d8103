"""A lease's id names no driver: one that a reorg gives to another takes nothing along."""

from __future__ import annotations

import pytest
from berth.core.plate import commitment
from berth.core.tariff import FLAG_CONFIRM, FLAG_NEAR
from berth.relay import rebooking
from berth.relay.outbox import Outbox
from berth.store.kept import (
    commands,
    confirmations,
    outbox,
    plate_readings,
    presence,
    vehicles_private,
)
from sqlalchemy import insert, update

from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire, put, relay
from tests.backend.worlds import COMMITMENT, DINO, EVE, SALT, Person

HERS = "0x" + commitment(SALT, "EVE1").hex()
WORDS = (presence, confirmations, plate_readings)


def book(street: Street, driver: Person, key: str) -> str:
    """Booked in the newest block, without a plate to be read, and handed over."""
    with street.store.read() as conn:
        index = street.policy.index(conn)
    plate = HERS if driver is EVE else COMMITMENT
    lease = street.world.add_lease(
        street.space, driver=driver, offer=2, booked_block=index.block, plate_commitment=plate
    )
    put(street, "lease.booked", lease, key, driver=driver.address)
    return lease


def work(street: Street) -> None:
    Outbox(street.store, street.clock).work()


def deeper(street: Street, number: int) -> None:
    """The index has read up to this block; the driver's word counts still."""
    street.world.at_block(number)
    street.node.height = number
    street.state()
    street.plan()


@pytest.fixture
def dinos(street: Street) -> str:
    """Dino's lease of a block ago; he is at the bay and has pressed."""
    street.world.add_offer(street.space, 2, flags=FLAG_NEAR | FLAG_CONFIRM)
    lease = book(street, DINO, "dino")
    work(street)
    street.hello()
    street.state()
    street.tell(lease)
    street.confirm(lease)
    street.plan()
    row = street.command("lower")
    assert (row["state"], row["reason"]) == ("observed", "lease.shallow")
    return lease


async def told_to_lower(street: Street, wire: Wire) -> str:
    """The camera has looked, and the bar was told to go down; the command's id."""
    deeper(street, 101)
    with street.store.write() as conn:
        camera = commands.c.action == "camera_on"
        conn.execute(update(commands).where(camera).values(state="done", outcome="done"))
    assert await relay(street, wire).send_commands() == 1
    assert street.command("lower")["state"] == "published"
    return str(street.command("lower")["id"])


def gone(street: Street, lease: str, *, seen: bool = True) -> None:
    """A reorg takes the booking out; `seen`: a relay had acted on it."""
    street.remove(lease)
    with street.store.write() as conn:
        mine = (outbox.c.lease_id == lease) & (outbox.c.kind == "lease.booked")
        conn.execute(update(outbox).where(mine).values(state="cancelled"))
    if seen:
        put(street, "undone.lease.booked", lease, driver=DINO.address)


def at_once(street: Street, lease: str) -> None:
    """Rolled back, and the other booking read, before any relay looks."""
    gone(street, lease)
    assert book(street, EVE, "eve") == lease
    work(street)


def one_by_one(street: Street, lease: str) -> None:
    """A relay looks while the lease is nobody's."""
    gone(street, lease)
    work(street)
    assert book(street, EVE, "eve") == lease
    work(street)


def unseen(street: Street, lease: str) -> None:
    """No relay ever saw the first booking: nothing was to be taken back."""
    gone(street, lease, seen=False)
    assert book(street, EVE, "eve") == lease
    work(street)


def at_the_second_try(street: Street, lease: str) -> None:
    """What takes the booking back fails first, and comes after the other booking."""
    gone(street, lease)
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(rebooking, "want", lambda *_: 1 / 0)
        work(street)
    assert book(street, EVE, "eve") == lease
    work(street)
    with street.store.write() as conn:
        conn.execute(update(outbox).values(next_at=0))
    work(street)


WAYS = pytest.mark.parametrize("reorg", [at_once, one_by_one, unseen, at_the_second_try])


@WAYS
async def test_the_word_of_the_former_driver_lowers_no_bar(
    street: Street, wire: Wire, dinos: str, reorg: object
) -> None:
    reorg(street, dinos)  # type: ignore[operator]
    assert [row for table in WORDS for row in street.rows(table)] == []
    for number in (101, 102, 103):
        deeper(street, number)
        await relay(street, wire).send_commands()
    assert wire.tickets(street) == []
    assert {row["state"] for row in street.rows(commands)} == {"cancelled"}


@WAYS
async def test_who_stood_before_the_bar_without_a_lease_is_an_incident(
    street: Street, dinos: str, reorg: object
) -> None:
    reorg(street, dinos)  # type: ignore[operator]
    (incident,) = street.incidents()
    assert (incident.kind, incident.lease_id) == ("lease.gone", dinos)
    assert incident.facts["takenBy"] == EVE.address
    assert len(street.events("incident.lease_gone")) == 2  # Dino and the owner


@WAYS
async def test_a_bar_that_is_down_for_the_former_driver_is_an_incident(
    street: Street, wire: Wire, dinos: str, reorg: object
) -> None:
    street.ack("done", command=await told_to_lower(street, wire))
    reorg(street, dinos)  # type: ignore[operator]
    (incident,) = street.incidents()
    assert (incident.kind, incident.lease_id) == ("lease.gone", dinos)
    with street.store.write() as conn:
        conn.execute(update(outbox).values(next_at=0))
    work(street)
    assert len(street.incidents()) == 1


async def test_a_command_that_left_for_the_former_driver_is_not_sent_again(
    street: Street, wire: Wire, dinos: str
) -> None:
    lower = await told_to_lower(street, wire)
    at_once(street, dinos)
    with street.store.write() as conn:  # the lock has not answered
        conn.execute(update(commands).values(claimed_until=1))
    for number in (102, 103):
        street.hello()
        deeper(street, number)
        await relay(street, wire).send_commands()
    assert "lease.gone" in {one.kind for one in street.incidents()}
    assert [ticket.id for ticket in wire.tickets(street)].count(lower) == 1
    assert street.command("lower")["state"] == "expired"


@pytest.mark.parametrize("reorg", [at_once, one_by_one, unseen, at_the_second_try])
async def test_the_driver_who_has_the_lease_now_is_let_in_by_a_word_of_their_own(
    street: Street, wire: Wire, dinos: str, reorg: object
) -> None:
    with street.store.write() as conn:
        sealed = street.world.sealer.seal({"plate": "EVE1", "salt": "0x" + SALT.hex()})
        mine = {"plate_commitment": HERS, "driver": EVE.address, "sealed": sealed}
        conn.execute(insert(vehicles_private).values(**mine, created_at=street.clock.at))
    reorg(street, dinos)  # type: ignore[operator]
    street.clock.at += 5
    street.tell(dinos)
    street.confirm(dinos)
    with street.store.write() as conn:  # what was put off comes now
        conn.execute(update(outbox).values(next_at=0))
    work(street)
    street.hello()
    deeper(street, 102)
    delivery = relay(street, wire)
    await delivery.send_grants()
    assert wire.grants(street)[-1].state == "granted"
    assert street.command("lower")["state"] == "eligible"
    assert await delivery.send_commands() == 1


async def test_who_never_came_is_no_incident(street: Street) -> None:
    street.world.add_offer(street.space, 2)
    lease = book(street, DINO, "dino")
    work(street)
    at_once(street, lease)
    assert street.incidents() == []


async def test_a_lease_that_is_its_drivers_again_keeps_their_word(
    street: Street, wire: Wire, dinos: str
) -> None:
    gone(street, dinos)
    assert book(street, DINO, "again") == dinos
    work(street)
    deeper(street, 102)
    assert street.command("lower")["state"] == "eligible"
    assert street.incidents() == []


async def test_a_lease_that_is_over_before_it_was_handed_over_takes_nothing_along_either(
    street: Street, dinos: str
) -> None:
    gone(street, dinos)
    street.world.add_lease(street.space, driver=EVE, offer=2, booked_block=100, state=5)
    work(street)
    assert street.command("lower")["state"] == "cancelled"
    assert street.grant()["state"] == "revoked"
    assert [one.kind for one in street.incidents()] == ["lease.gone"]


async def test_until_a_relay_has_acted_on_the_change_no_word_counts(
    street: Street, dinos: str
) -> None:
    gone(street, dinos)
    assert book(street, EVE, "eve") == dinos
    street.world.at_block(102)
    with street.store.read() as conn:
        situation = street.policy.situation(conn, dinos, EVE.address)
    assert situation is not None
    facts = situation.facts
    assert (facts.entered, facts.here, facts.confirmed_at, facts.plate) == (
        False,
        False,
        None,
        None,
    )
    assert not situation.unlock().allowed
