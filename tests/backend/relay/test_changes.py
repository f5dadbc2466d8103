"""Leases that change while they run: longer, another vehicle, another lock, disputed, cancelled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from berth.core.errors import BerthError
from berth.core.plate import commitment
from berth.core.signing import new_private_key
from berth.devices.protocol import HeldGrant
from berth.relay.orders import GrantOrder
from berth.relay.outbox import Outbox
from berth.store.kept import grants, outbox, vehicles_private
from sqlalchemy import insert

from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire, relay
from tests.backend.worlds import COMMITMENT, DINO, NOW, SALT

SLOT = NOW // 900
OTHER_PLATE = "ZZZ 999"
OTHER = "0x" + commitment(SALT, OTHER_PLATE).hex()


@pytest.fixture
def wire(street: Street) -> Wire:
    """The lock is there, and the backend knows a second vehicle of the driver."""
    street.hello()
    street.state()
    with street.store.write() as conn:
        sealed = street.world.sealer.seal({"plate": OTHER_PLATE, "salt": "0x" + SALT.hex()})
        conn.execute(
            insert(vehicles_private).values(
                plate_commitment=OTHER, driver=DINO.address, sealed=sealed, created_at=NOW
            )
        )
    return Wire()


@pytest.fixture
def lease(street: Street, wire: Wire) -> str:
    """A lease whose grant the lock holds."""
    return street.book()


async def hand_over(street: Street, wire: Wire) -> Any:
    """Sends what is due and has the lock confirm it; the newest grant of the wire."""
    await relay(street, wire).send_grants()
    (*_, newest) = wire.grants(street)
    street.ack("done", grant=newest.lease, version=newest.version)
    return newest


def happened(street: Street, kind: str, lease: str) -> None:
    """The indexer handed something over, and the relay took it."""
    with street.store.write() as conn:
        conn.execute(
            insert(outbox).values(
                kind=kind,
                key=f"{kind}:{lease}:{len(street.rows(outbox))}",
                lease_id=lease,
                payload_json=json.dumps({}),
                created_block=100,
                block_hash="0x00",
                block_timestamp=NOW,
                created_at=NOW,
            )
        )
    Outbox(street.store, street.clock).work()
    assert {row["state"] for row in street.rows(outbox)} == {"done"}


async def test_an_extension_moves_the_grants_end(street: Street, wire: Wire, lease: str) -> None:
    first = await hand_over(street, wire)
    street.set_lease(lease, slots=12, end_slot=SLOT + 12, changed_block=95)
    happened(street, "lease.extended", lease)
    longer = await hand_over(street, wire)
    assert (first.version, longer.version) == (1, 2)
    assert (first.end, longer.end) == (NOW + 8 * 900, NOW + 12 * 900)
    assert (longer.plate, longer.state) == (COMMITMENT, "granted")
    assert street.grant()["acked_version"] == 2


async def test_an_extension_that_a_reorg_takes_back_moves_it_back(
    street: Street, wire: Wire, lease: str
) -> None:
    await hand_over(street, wire)
    street.set_lease(lease, slots=12, end_slot=SLOT + 12, changed_block=95)
    happened(street, "lease.extended", lease)
    await hand_over(street, wire)
    street.set_lease(lease, slots=8, end_slot=SLOT + 8, changed_block=90)
    happened(street, "undone.lease.extended", lease)
    back = await hand_over(street, wire)
    assert (back.version, back.end) == (3, NOW + 8 * 900)


async def test_an_extension_is_granted_when_it_is_deep_itself(
    street: Street, wire: Wire, lease: str
) -> None:
    await hand_over(street, wire)
    street.set_lease(lease, slots=12, end_slot=SLOT + 12, changed_block=100)
    happened(street, "lease.extended", lease)
    await relay(street, wire).send_grants()
    assert len(wire.grants(street)) == 1
    # and the signer believes its own node, not the index
    street.world.at_block(101)
    street.node.slots = {0: 8, 101: 12}
    await relay(street, wire).send_grants()
    assert len(wire.grants(street)) == 1
    assert street.grant()["reason"] == "signer.window"
    street.node.slots = {}
    order = GrantOrder(lease, street.home.lock_id, 2, False, NOW + 12 * 900, COMMITMENT, SALT, 90)
    street.node.height = 101
    assert await street.signer.grant(order)


async def test_more_energy_alone_needs_no_new_grant(street: Street, wire: Wire, lease: str) -> None:
    await hand_over(street, wire)
    street.set_lease(lease, kwh_cap=9, changed_block=95)
    happened(street, "lease.extended", lease)
    await relay(street, wire).send_grants()
    assert len(wire.grants(street)) == 1


async def test_another_vehicle_takes_the_place_of_the_first_in_the_grant(
    street: Street, wire: Wire, lease: str
) -> None:
    await hand_over(street, wire)
    street.set_lease(lease, plate_commitment=OTHER, plate_block=95, changed_block=95)
    happened(street, "lease.vehicle", lease)
    changed = await hand_over(street, wire)
    assert (changed.version, changed.plate, changed.salt) == (2, OTHER, "0x" + SALT.hex())


async def test_a_reading_of_the_former_vehicle_no_longer_counts(
    street: Street, wire: Wire, lease: str
) -> None:
    await hand_over(street, wire)
    street.tell(lease)
    street.plate(lease)
    street.confirm(lease)
    street.plan()
    assert street.command("lower")["state"] == "eligible"
    street.set_lease(lease, plate_commitment=OTHER, plate_block=95, changed_block=95)
    street.clock.at += 1
    happened(street, "lease.vehicle", lease)
    street.plan()
    lower = street.command("lower")
    assert (lower["state"], lower["reason"]) == ("confirmed", "plate.missing")
    # what it reads before it has the new grant is still of the former vehicle
    street.plate(lease)
    street.plan()
    assert street.command("lower")["state"] == "confirmed"
    street.clock.at += 1
    await hand_over(street, wire)
    street.plan()
    assert street.command("lower")["state"] == "confirmed"
    street.clock.at += 1
    street.plate(lease)
    street.plan()
    assert street.command("lower")["state"] == "eligible"


async def test_a_hello_that_names_the_new_grant_counts_as_its_acknowledgement(
    street: Street, wire: Wire, lease: str
) -> None:
    await hand_over(street, wire)
    street.set_lease(lease, plate_commitment=OTHER, plate_block=95, changed_block=95)
    happened(street, "lease.vehicle", lease)
    await relay(street, wire).send_grants()
    street.clock.at += 5
    street.hello(grants=[HeldGrant(lease=lease, version=2)])
    assert street.grant()["plate_since"] == street.clock.at


async def test_the_signer_signs_for_the_vehicle_of_the_newest_event_only(
    street: Street, lease: str
) -> None:
    order = GrantOrder(lease, street.home.lock_id, 1, False, NOW + 8 * 900, COMMITMENT, SALT, 90)
    assert await street.signer.grant(order)
    later = {"blockNumber": "0x5f", "logIndex": "0x0", "data": "0x" + OTHER[2:]}
    street.node.more_logs = [later]
    with pytest.raises(BerthError) as refused:
        await street.signer.grant(order)
    assert refused.value.code == "signer.plate"
    changed = GrantOrder(lease, street.home.lock_id, 1, False, NOW + 8 * 900, OTHER, SALT, 90)
    assert await street.signer.grant(changed)
    street.node.more_logs = [later | {"blockNumber": "0x64"}]
    with pytest.raises(BerthError) as refused:
        await street.signer.grant(changed)
    assert refused.value.code == "signer.depth"


async def test_a_node_that_limits_ranges_is_asked_in_halves(street: Street, lease: str) -> None:
    order = GrantOrder(lease, street.home.lock_id, 1, False, NOW + 8 * 900, COMMITMENT, SALT, 90)
    street.node.longest = 2
    calls = street.node.calls
    assert await street.signer.grant(order)
    assert street.node.calls - calls > 8
    street.node.longest = 0
    with pytest.raises(BerthError, match="more than 10000"):
        await street.signer.grant(order)


@pytest.mark.parametrize("outcome", [6, 7, 8, 9, 10, 11])
async def test_a_lease_that_ends_in_any_way_takes_its_grant_and_commands_with_it(
    street: Street, wire: Wire, lease: str, outcome: int
) -> None:
    await hand_over(street, wire)
    street.tell(lease)
    street.plate(lease)
    street.confirm(lease)
    street.plan()
    street.world.settle(lease, outcome=outcome, rent=0, fee=0)
    happened(street, "lease.settled", lease)
    assert street.command("lower")["state"] == "cancelled"
    revoked = await hand_over(street, wire)
    assert (revoked.state, revoked.version) == ("revoked", 2)


async def test_a_disputed_lease_keeps_its_access(street: Street, wire: Wire, lease: str) -> None:
    await hand_over(street, wire)
    street.set_lease(lease, disputed=1, disputed_by=DINO.address, disputed_at=NOW)
    street.tell(lease)
    street.plate(lease)
    street.confirm(lease)
    street.plan()
    assert street.command("lower")["state"] == "eligible"
    assert await relay(street, wire).send_commands() == 1
    assert street.grant()["state"] == "acknowledged"


async def test_another_lock_gets_the_open_leases_and_the_former_one_loses_them(
    street: Street, wire: Wire, lease: str, tmp_path: Path
) -> None:
    await hand_over(street, wire)
    new = street.new_lock(tmp_path / "new", index=42)
    street.world.set_space(
        street.space, lock_key=new.lock_id, previous_key=street.home.lock_id, rotated_at=NOW
    )
    street.hello(new)
    happened(street, "lease.lock", lease)
    await relay(street, wire).send_grants()
    rows = {row["lock_id"]: row for row in street.rows(grants)}
    assert rows[street.home.lock_id]["state"] == "revoked"
    assert rows[new.lock_id]["state"] == "published"
    # a reorg takes the rotation back
    street.world.set_space(
        street.space, lock_key=street.home.lock_id, previous_key=None, rotated_at=None
    )
    happened(street, "undone.lease.lock", lease)
    rows = {row["lock_id"]: row for row in street.rows(grants)}
    assert rows[new.lock_id]["state"] == "revoked"
    assert rows[street.home.lock_id]["state"] == "pending"
    assert rows[street.home.lock_id]["version"] == 3


def replace_lock(street: Street, rotated_at: int) -> None:
    """The space has another lock since then; the street's is the one before."""
    street.world.set_space(
        street.space,
        lock_key="0x" + "dd" * 20,
        previous_key=street.home.lock_id,
        rotated_at=rotated_at,
    )


def test_the_former_lock_speaks_of_leases_that_began_before_it_was_replaced(
    street: Street,
) -> None:
    street.clock.at = NOW + 5 * 900
    before = street.book(start_slot=SLOT)
    same_slot = street.book(start_slot=SLOT + 2)
    rotated_at = NOW + 2 * 900 + 100
    replace_lock(street, rotated_at)
    assert street.occupancy(before, 1, from_=NOW + 60).receipts
    with pytest.raises(BerthError) as refused:
        street.occupancy(same_slot, 1, from_=NOW + 2 * 900)
    assert refused.value.code == "inbox.replaced"
    assert street.occupancy(before, 2, from_=NOW + 60, until=rotated_at).receipts
    later = street.book(start_slot=SLOT + 1, slots=1)
    with pytest.raises(BerthError) as refused:
        street.occupancy(later, 2, until=rotated_at + 1)
    assert (refused.value.code, refused.value.field) == ("inbox.replaced", "until")


def test_a_lock_two_replacements_ago_speaks_no_more(street: Street) -> None:
    lease = street.book()
    street.world.set_space(
        street.space, lock_key="0x" + "dd" * 20, previous_key="0x" + "ee" * 20, rotated_at=NOW + 9
    )
    with pytest.raises(BerthError) as refused:
        street.occupancy(lease)
    assert refused.value.code == "inbox.space"


END = NOW + 8 * 900


@pytest.mark.parametrize(
    ("kind", "from_", "until", "field"),
    [
        (1, NOW - 901, NOW - 901, "from"),
        (1, NOW - 900, NOW - 900, None),
        (1, END - 1, END - 1, None),
        (1, END, END, "from"),
        (1, NOW, NOW + 1, "until"),
        (2, NOW - 901, NOW, "from"),
        (2, NOW, NOW - 1, "until"),
        (2, NOW, END + 9999, None),
        (3, NOW - 5000, NOW - 1, "until"),
        (3, NOW - 5000, NOW, None),
        (3, NOW + 60, NOW + 59, "until"),
        (3, END - 1, END, None),
        (3, END, END, "from"),
        (4, NOW, END, None),
        (4, NOW - 5000, END, None),
        (4, NOW + 1, END, "from"),
        (4, NOW, END - 1, "until"),
    ],
)
def test_times_that_the_contract_would_not_take_are_refused(
    street: Street, kind: int, from_: int, until: int, field: str | None
) -> None:
    lease = street.book()
    if field is None:
        assert street.occupancy(lease, kind, from_=from_, until=until).receipts
        (row,) = street.evidence()
        assert (row["kind"], row["from_"], row["until"]) == (kind, from_, until)
        return
    with pytest.raises(BerthError) as refused:
        street.occupancy(lease, kind, from_=from_, until=until)
    assert (refused.value.code, refused.value.field) == ("inbox.evidence", field)
    assert street.evidence() == []


def test_evidence_of_a_lease_that_the_index_does_not_know_yet_is_kept(street: Street) -> None:
    lease = street.book()
    street.remove(lease)
    assert street.occupancy(lease, 4, from_=0, until=1).receipts
    with pytest.raises(BerthError) as refused:
        street.occupancy(lease, 1, key=new_private_key())
    assert refused.value.field == "signature"
