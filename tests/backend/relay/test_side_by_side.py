"""Two relays on one database through a whole stay: claims under real concurrency."""

from __future__ import annotations

import asyncio

from berth.relay.outbox import Outbox
from berth.store import open_store

from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire, put, relay
from tests.backend.worlds import DINO


async def test_a_stay_and_two_relays_that_never_publish_twice(street: Street) -> None:
    wire = Wire()
    second = open_store(street.store.engine.url.render_as_string(hide_password=False))
    relays = [relay(street, wire, "one"), relay(street, wire, "two", second)]
    lease = street.world.add_lease(street.space)
    put(street, "lease.booked", lease)
    assert Outbox(street.store, street.clock).work() == 1
    street.hello()
    street.state()
    assert sum(await asyncio.gather(*(each.send_grants() for each in relays))) >= 1
    street.ack("done", grant=lease, version=1)
    assert street.grant()["state"] == "acknowledged"
    street.tell(lease)
    street.plate(lease)
    street.confirm(lease)
    street.plan()
    assert street.command("lower")["state"] == "eligible"
    for _ in range(5):
        await asyncio.gather(*(each.send_commands() for each in relays * 4))
    assert [ticket.action for ticket in wire.tickets(street)] == ["lower"]
    street.ack("accepted", command=street.command("lower")["id"])
    street.ack("done", command=street.command("lower")["id"])
    street.state(position="UNLOCKED", lease_id=lease)
    assert street.occupancy(lease).receipts
    street.set_lease(lease, state=4, closed_at=street.clock.at)
    put(street, "lease.settled", lease)
    Outbox(street.store, street.clock).work()
    street.clock.at += 61
    street.plan()
    assert street.command("raise")["state"] == "eligible"
    with street.store.read() as conn:
        assert not street.planner.agenda(conn)  # the raise is on its way
        assert not street.world.relay.preview(conn, lease, DINO.address).allowed
    second.close()
