"""What the relay and the event stream are told, and that a backfill actuates nothing."""

from __future__ import annotations

import json
import random
from typing import Any, cast

from berth.chain.rpc import Rpc
from berth.indexer.run import Indexer
from berth.store import Store
from berth.store.derived import leases
from berth.store.events import read_events
from berth.store.kept import outbox
from fake_node import FakeNode
from market_changes import (
    auto_payout,
    block,
    change_vehicle,
    delist,
    extend,
    manage,
    no_show,
    rotate,
    take_over,
    unblock,
    withdraw_offers,
)
from market_history import PEOPLE, World, arrive, book, enrol, publish, register, settle, top_up
from sqlalchemy import select, update

FINALITY = 8


def indexer(store: Store, node: FakeNode) -> Indexer:
    return Indexer(store, cast("Rpc", node), node.deployment, finality=FINALITY, poll=0.001)


def rows(store: Store) -> list[dict[str, Any]]:
    with store.read() as conn:
        found = conn.execute(select(outbox).order_by(outbox.c.id)).mappings().all()
    return [dict(row) for row in found]


def kinds(store: Store, state: str = "new") -> list[str]:
    return [row["kind"] for row in rows(store) if row["state"] == state]


class Street:
    """A node whose market has one space, one offer, and verbs one by one."""

    def __init__(self) -> None:
        self.node = FakeNode(31)
        self.rng = random.Random(31)
        self.verbs(register, publish, enrol, top_up)

    def verbs(self, *verbs: Any) -> None:
        """One block with these verbs."""
        world: World = self.node.tip.world.copy()
        world.timestamp += 1
        logs = [log for verb in verbs for log in verb(world, self.rng)]
        self.node._add(logs, world)

    def travel(self, seconds: int) -> None:
        world = self.node.tip.world.copy()
        world.timestamp += seconds
        self.node._add([], world)


async def test_a_booking_an_arrival_and_a_settlement_are_handed_over_in_order(
    store: Store,
) -> None:
    street = Street()
    following = indexer(store, street.node)
    for verbs in ((), (book,), (arrive,), (settle,)):
        street.verbs(*verbs)
        await following.sync_once()
    assert kinds(store) == ["lease.booked", "lease.arrived", "lease.settled"]
    booked = rows(store)[0]
    payload = json.loads(booked["payload_json"])
    with store.read() as conn:
        lease = conn.execute(select(leases)).mappings().one()
    assert payload["leaseId"] == booked["lease_id"] == lease["lease_id"]
    assert payload["plateCommitment"] == lease["plate_commitment"]
    assert booked["created_block"] == lease["booked_block"]
    assert booked["block_timestamp"] == lease["booked_at"]


async def test_a_backfill_hands_over_only_what_is_open_now(store: Store) -> None:
    street = Street()
    street.verbs(book)
    street.verbs(arrive)
    street.verbs(settle)
    street.verbs(book)
    street.node.mine_empty(40)
    await indexer(store, street.node).sync_once()
    assert kinds(store) == ["lease.booked"]
    with store.read() as conn:
        open_lease = conn.execute(select(leases.c.lease_id).where(leases.c.state == 1)).scalar()
    assert rows(store)[0]["lease_id"] == open_lease


async def test_a_booking_whose_window_has_passed_is_not_handed_over(store: Store) -> None:
    street = Street()
    street.verbs(book)
    street.travel(3 * 86_400)
    street.node.mine_empty(40)
    await indexer(store, street.node).sync_once()
    assert rows(store) == []


async def test_a_parked_vehicle_is_handed_over_even_after_its_window(store: Store) -> None:
    street = Street()
    street.verbs(book)
    street.verbs(arrive)
    street.travel(3 * 86_400)
    street.node.mine_empty(40)
    await indexer(store, street.node).sync_once()
    assert kinds(store) == ["lease.booked"]


async def test_what_happened_while_the_index_was_off_is_handed_over_at_the_head(
    store: Store,
) -> None:
    street = Street()
    await indexer(store, street.node).sync_once()
    street.verbs(book)
    street.node.mine_empty(200)
    await indexer(store, street.node).sync_once()
    assert kinds(store) == ["lease.booked"]
    street.verbs(settle)
    street.node.mine_empty(200)
    await indexer(store, street.node).sync_once()
    assert kinds(store) == ["lease.booked", "lease.settled"]


async def test_a_reorg_cancels_what_nobody_saw_and_takes_back_what_somebody_did(
    store: Store,
) -> None:
    street = Street()
    following = indexer(store, street.node)
    street.verbs(book)
    await following.sync_once()
    with store.write() as conn:
        conn.execute(update(outbox).values(state="done"))
    street.verbs(arrive)
    await following.sync_once()
    gone = street.node.cut(2)
    street.node.mine_empty(3)
    await following.sync_once()
    assert kinds(store) == ["undone.lease.booked"]
    assert kinds(store, "cancelled") == ["lease.booked", "lease.arrived"]
    # the old blocks win after all: the lease is there again, told after it was taken back
    street.node.cut(3)
    street.node.chain += gone
    street.node.mine_empty(2)
    await following.sync_once()
    assert kinds(store) == ["undone.lease.booked", "lease.booked"]


async def test_changes_of_a_lease_and_of_its_lock_are_handed_over_and_taken_back(
    store: Store,
) -> None:
    street = Street()
    following = indexer(store, street.node)
    street.verbs(book)
    await following.sync_once()
    street.verbs(extend, change_vehicle)
    street.verbs(rotate)
    await following.sync_once()
    changes = ["lease.extended", "lease.vehicle", "lease.lock"]
    assert kinds(store) == ["lease.booked", *changes]
    assert len({row["lease_id"] for row in rows(store)}) == 1
    with store.write() as conn:
        conn.execute(update(outbox).values(state="done"))
    street.node.cut(2)
    street.node.mine_empty(3)
    await following.sync_once()
    assert kinds(store) == [f"undone.{kind}" for kind in changes]


async def test_another_lock_is_told_of_open_leases_of_its_space_only(store: Store) -> None:
    street = Street()
    following = indexer(store, street.node)
    street.verbs(book)
    await following.sync_once()
    street.verbs(settle)
    await following.sync_once()
    street.verbs(rotate)
    await following.sync_once()
    assert kinds(store) == ["lease.booked", "lease.settled"]
    street.verbs(book)
    await following.sync_once()
    street.verbs(take_over)
    await following.sync_once()
    assert kinds(store)[2:] == ["lease.booked", "lease.lock"]


async def test_the_parties_are_told_of_every_change_in_their_own_words(store: Store) -> None:
    street = Street()
    following = indexer(store, street.node)
    street.verbs(book)
    street.verbs(extend, change_vehicle, no_show)
    street.verbs(block, withdraw_offers, manage, rotate, take_over, delist, auto_payout)
    street.verbs(unblock)
    await following.sync_once()
    with store.read() as conn:
        lease = conn.execute(select(leases)).mappings().one()
        ours = {e.topic for e in read_events(conn, 0, lease["driver"])}
        theirs = {e.topic for e in read_events(conn, 0, None)}
    of_the_lease = {"lease.extended", "lease.vehicle", "lease.disputed", "lease.no_show"}
    assert of_the_lease <= ours
    assert not of_the_lease & theirs
    assert theirs >= {
        "space.blocked",
        "space.unblocked",
        "offer.withdrawn",
        "space.lock",
        "space.delisted",
    }


async def test_parties_read_of_their_lease_and_nobody_else_does(store: Store) -> None:
    street = Street()
    following = indexer(store, street.node)
    street.verbs(book)
    await following.sync_once()
    with store.read() as conn:
        lease = conn.execute(select(leases)).mappings().one()
        stranger = next(p for p in PEOPLE if p not in (lease["driver"], lease["owner"]))
        for party, sees in ((lease["driver"], 1), (lease["owner"], 1), (stranger, 0)):
            found = [e for e in read_events(conn, 0, party) if e.topic == "lease.booked"]
            assert len(found) == sees
        assert {e.topic for e in read_events(conn, 0, None)} >= {
            "space.registered",
            "offer.published",
        }
    street.node.cut(1)
    street.node.mine_empty(2)
    await following.sync_once()
    with store.read() as conn:
        assert "lease.undone" in {e.topic for e in read_events(conn, 0, lease["driver"])}
        assert "chain.reorg" in {e.topic for e in read_events(conn, 0, None)}


async def test_old_history_fills_no_event_stream(store: Store) -> None:
    street = Street()
    street.node.mine_empty(300)
    await indexer(store, street.node).sync_once()
    with store.read() as conn:
        assert read_events(conn, 0, None) == []
