"""After a restore: the tables are as old as the backup, the locks are not. Nothing is done twice,
and what locks learnt meanwhile is set right."""

from __future__ import annotations

from pathlib import Path

import pytest
from berth.relay.outbox import Outbox
from berth.store import bind_deployment, derived, points
from berth.store.backup import write_backup
from berth.store.backup_file import PURPOSE
from berth.store.kept import grants, outbox
from berth.store.restore import restore_backup
from sqlalchemy import insert, select

from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire, put, relay
from tests.backend.worlds import COMMITMENT, DEPLOYMENT


class Safe:
    """A backup of a street, and the way back: the index is read anew, as the chain has it."""

    def __init__(self, street: Street, folder: Path) -> None:
        self.street = street
        self.file = folder / "street.backup"
        self.keys = street.world.sealer.derived(PURPOSE)
        bind_deployment(street.store, DEPLOYMENT)

    def store(self) -> None:
        write_backup(self.street.store, self.file, self.keys[0])

    def restore(self) -> None:
        street = self.street
        with street.store.read() as conn:
            index = {
                table: [dict(row) for row in conn.execute(select(table)).mappings()]
                for table in derived.metadata.sorted_tables
            }
        street.store.close()
        url = street.store.engine.url.render_as_string(hide_password=False)
        restore_backup(url, self.file, self.keys, DEPLOYMENT, force=True)
        with street.store.write() as conn:
            for table, rows in index.items():
                if rows:
                    conn.execute(insert(table), rows)
            assert conn.execute(select(points.space_points.c.space_id)).all()


@pytest.fixture
def safe(street: Street, tmp_path: Path) -> Safe:
    return Safe(street, tmp_path)


def work(street: Street) -> None:
    Outbox(street.store, street.clock).work()


async def granted(street: Street, wire: Wire) -> tuple[str, int]:
    """A lease whose lock holds its grant; the version."""
    lease = street.world.add_lease(street.space)
    put(street, "lease.booked", lease)
    work(street)
    street.hello()
    await relay(street, wire).send_grants()
    version = wire.grants(street)[-1].version
    street.ack("done", grant=lease, version=version)
    assert street.grant()["state"] == "acknowledged"
    return lease, version


async def sent_after(street: Street, held: list[dict[str, object]]) -> list[tuple[str, int, str]]:
    """The lock says hello with what it holds; (lease, version, state) of what it is sent."""
    fresh = Wire()
    street.hello(grants=held)
    await relay(street, fresh).send_grants()
    return [(one.lease, one.version, one.state) for one in fresh.grants(street)]


async def test_a_lock_is_asked_for_a_hello_before_anything_is_sent(
    street: Street, safe: Safe, wire: Wire
) -> None:
    lease, _ = await granted(street, wire)
    safe.store()
    safe.restore()
    assert not await relay(street, wire).send_grants()
    assert street.state().ask_hello == street.home.lock_id
    assert street.available(True).ask_hello == street.home.lock_id
    ((again, version, state),) = await sent_after(street, [{"lease": lease, "version": 1}])
    assert (again, state) == (lease, "granted")
    assert version > 1
    street.ack("done", grant=lease, version=version)
    assert street.grant()["state"] == "acknowledged"
    assert street.state().ask_hello is None


async def test_what_the_lock_learnt_since_the_backup_is_outdone(
    street: Street, safe: Safe, wire: Wire
) -> None:
    lease, version = await granted(street, wire)
    safe.store()
    for _ in range(3):  # an extension, another vehicle, back again: the lock is far ahead
        version += 1
    street.set_lease(lease, end_slot=street.rows(derived.leases)[0]["end_slot"] + 4)
    safe.restore()
    ((_, newer, _),) = await sent_after(street, [{"lease": lease, "version": version}])
    assert newer > version
    put(street, "lease.settled", lease)
    street.set_lease(lease, state=4, closed_at=street.clock.at)
    work(street)
    ((_, last, state),) = await sent_after(street, [{"lease": lease, "version": newer}])
    assert last > newer
    assert state == "revoked"


async def test_a_grant_of_a_lease_that_was_booked_and_ended_since_is_taken_back(
    street: Street, safe: Safe, wire: Wire
) -> None:
    safe.store()
    lease, version = await granted(street, wire)
    street.set_lease(lease, state=5, closed_at=street.clock.at)  # nobody tells: it is history
    safe.restore()
    assert street.rows(grants) == []
    sent = await sent_after(street, [{"lease": lease, "version": version}])
    assert sent == [(lease, version + 1, "revoked")]
    street.ack("done", grant=lease, version=version + 1)
    assert await sent_after(street, [{"lease": lease, "version": version + 1}]) == []


@pytest.mark.parametrize("hello_first", [True, False])
async def test_a_lease_booked_since_the_backup_is_given_again_above_what_the_lock_holds(
    street: Street, safe: Safe, wire: Wire, hello_first: bool
) -> None:
    safe.store()
    lease, version = await granted(street, wire)
    safe.restore()
    held = [{"lease": lease, "version": version}]
    if hello_first:
        street.hello(grants=held)
    put(street, "lease.booked", lease)  # as the index hands it over at the head
    work(street)
    ((_, newer, state),) = await sent_after(street, held)
    assert newer > version
    assert state == "granted"
    assert street.grant()["plate_commitment"] == COMMITMENT


async def test_a_lock_that_refuses_an_older_grant_gets_a_newer_one(
    street: Street, safe: Safe, wire: Wire
) -> None:
    lease, version = await granted(street, wire)
    row = street.rows(derived.leases)[0]
    street.set_lease(lease, end_slot=row["end_slot"] + 4, slots=row["slots"] + 4)
    put(street, "lease.extended", lease)
    work(street)
    street.ack("refused", grant=lease, version=version + 1, reason="grant.version")
    fresh = Wire()
    await relay(street, fresh).send_grants()
    assert [one.version > version + 1000 for one in fresh.grants(street)] == [True]


async def test_a_command_obeyed_since_the_backup_is_not_sent_again(
    street: Street, safe: Safe, wire: Wire
) -> None:
    lease, _ = await granted(street, wire)
    street.tell(lease)
    street.plate(lease)
    street.confirm(lease)
    street.plan()
    assert street.command("lower")["state"] == "eligible"
    safe.store()
    first = street.command("lower")["id"]
    safe.restore()
    work(street)  # whose booking it is has to be read before what a driver said counts
    fresh = Wire()
    delivery = relay(street, fresh)
    # the driver has come and gone meanwhile: the lock is in its next cycle
    street.hello(cycle=1)
    street.state(cycle=1)
    for _ in range(3):
        street.plan()
        await delivery.send_commands()
    assert fresh.tickets(street) == []
    assert street.command("lower")["state"] == "cancelled"
    assert street.command("lower")["reason"] == "store.restored"
    # or the driver is still there, and says so again: another command
    street.hello(cycle=0)
    street.state(cycle=0)
    street.clock.at += 5
    street.plate(lease)
    street.plan()
    await delivery.send_commands()
    assert fresh.tickets(street) == []
    street.confirm(lease)
    street.clock.at += 1
    street.plan()
    await delivery.send_commands()
    (ticket,) = fresh.tickets(street)
    assert ticket.id != first


async def test_a_lease_that_is_gone_from_the_chain_is_taken_back(
    street: Street, safe: Safe, wire: Wire
) -> None:
    lease, version = await granted(street, wire)
    safe.store()
    street.remove(lease)  # a reorg, while the tables were lost
    safe.restore()
    work(street)
    assert street.grant()["state"] == "revoked"
    ((_, newer, state),) = await sent_after(street, [{"lease": lease, "version": version}])
    assert (newer > version, state) == (True, "revoked")
    states = {row["kind"]: row["state"] for row in street.rows(outbox)}
    assert states["lease.booked"] == "cancelled"  # so that it is handed over if mined again


async def test_leases_that_are_there_are_left_alone(street: Street, safe: Safe, wire: Wire) -> None:
    lease, _ = await granted(street, wire)
    safe.store()
    safe.restore()
    work(street)
    assert {row["state"] for row in street.rows(outbox)} == {"done"}
    assert street.grant()["state"] == "published"
    ((again, _, state),) = await sent_after(street, [{"lease": lease, "version": 1}])
    assert (again, state) == (lease, "granted")
