"""Evidence is on the chain when no reorg takes it out any more: until then it is looked after."""

from __future__ import annotations

from typing import Any

import pytest
from berth.chain.rpc import RpcError
from berth.core.ids import parse_lease
from berth.store.kept import evidence, lease_transactions, outbox, sent_transactions
from sqlalchemy import insert, update

from tests.backend.relay.street import Street
from tests.backend.relay.test_keeper import _MARKET, Chain, again, keeper, reverts
from tests.backend.relay.wire import put
from tests.backend.worlds import NOW


class Moving(Chain):
    """A chain that may lose a lease."""

    def __init__(self, street: Street) -> None:
        super().__init__(street)
        self.knows_it = True

    async def eth_call(self, to: str, data: bytes, **more: Any) -> bytes:
        if not self.knows_it and data[:4] == _MARKET.function("leaseOf").selector:
            raise RpcError("eth_call", 3, "execution reverted", reverts("Berth_LeaseUnknown", 1))
        return await super().eth_call(to, data, **more)


@pytest.fixture
def chain(street: Street) -> Moving:
    return Moving(street)


def followed(street: Street, lease: str, block: int = 95, **values: int) -> None:
    """The index has read the block of the record."""
    street.set_lease(lease, **{"state": 2, "arrived": 1, "updated_block": block, **values})


async def recorded(street: Street, chain: Moving) -> str:
    """A lease whose vehicle's arrival is on the chain; the index knows of it."""
    lease = street.book()
    street.occupancy(lease)
    assert await keeper(street, chain).work() == 1
    chain.view = (1, 0)
    followed(street, lease)
    await keeper(street, chain).resume()
    assert street.evidence()[0]["state"] == "mined"
    return lease


def taken_out(street: Street, chain: Moving, lease: str) -> None:
    """A reorg, which the index has followed, took the record out of the chain."""
    chain.view = (0, 0)
    street.set_lease(lease, state=1, arrived=0, updated_block=90)


async def test_a_record_that_came_before_its_lease_was_there_again_is_brought_again(
    street: Street, chain: Moving
) -> None:
    lease = await recorded(street, chain)
    # in the new chain the record comes first, and is refused; its booking only afterwards
    taken_out(street, chain, lease)
    chain.revert = reverts("Berth_LeaseUnknown", parse_lease(lease))
    chain.reverted = set(chain.transactions)
    await keeper(street, chain).resume()
    assert street.evidence()[0]["state"] == "received"
    assert await keeper(street, chain).work() == 0
    chain.revert = None
    again(street)
    assert await keeper(street, chain).work() == 1
    row = street.evidence()[0]
    assert row["state"] == "mined"
    assert row["tx_hash"] not in chain.reverted
    assert chain.records == [(parse_lease(lease), 1)] * 2
    purposes = sorted(one["purpose"] for one in street.rows(sent_transactions))
    assert purposes[1] == f"{purposes[0]}, 2"
    told = [one["state"] for one in street.events("lock.evidence") if "state" in one]
    assert told.count("mined") == 2 * told.count("received")
    assert "received" in told  # that it was gone, too


async def test_a_record_that_is_merely_out_again_is_not_sent_by_another_name(
    street: Street, chain: Moving
) -> None:
    lease = await recorded(street, chain)
    taken_out(street, chain, lease)  # its transaction comes once more in the new chain
    await keeper(street, chain).resume()
    assert await keeper(street, chain).work() == 1
    assert street.evidence()[0]["state"] == "mined"
    assert len(chain.transactions) == len(street.rows(sent_transactions)) == 1


async def test_a_record_that_somebody_else_brought_and_that_vanished_is_brought_by_us(
    street: Street, chain: Moving
) -> None:
    lease = street.book()
    street.occupancy(lease)
    chain.revert = reverts("Berth_WrongState", parse_lease(lease), 2)
    chain.view = (1, 0)
    await keeper(street, chain).work()
    followed(street, lease)
    await keeper(street, chain).resume()
    assert (street.evidence()[0]["state"], chain.records) == ("mined", [])
    chain.revert = None
    taken_out(street, chain, lease)
    await keeper(street, chain).resume()
    assert await keeper(street, chain).work() == 1
    assert street.evidence()[0]["state"] == "mined"
    assert chain.records == [(parse_lease(lease), 1)]


@pytest.mark.parametrize(("block", "looked_at"), [(90, False), (91, True)])
async def test_a_record_is_looked_after_until_its_block_is_final(
    street: Street, chain: Moving, block: int, looked_at: bool
) -> None:
    lease = await recorded(street, chain)
    followed(street, lease, block)  # 90 is final
    await keeper(street, chain).resume()
    taken_out(street, chain, lease)
    await keeper(street, chain).resume()
    assert street.evidence()[0]["state"] == ("received" if looked_at else "mined")


@pytest.mark.parametrize("why", ["behind", "skew"])
async def test_an_index_that_is_not_at_the_head_opens_nothing_again(
    street: Street, chain: Moving, why: str
) -> None:
    lease = await recorded(street, chain)
    taken_out(street, chain, lease)
    if why == "behind":
        street.world.at_block(100, head=200)
    else:
        street.clock.at += 60
    await keeper(street, chain).resume()
    assert street.evidence()[0]["state"] == "mined"


async def test_a_record_that_the_index_has_not_read_yet_is_there_all_the_same(
    street: Street, chain: Moving
) -> None:
    lease = street.book()
    street.occupancy(lease)
    await keeper(street, chain).work()
    chain.view = (1, 0)  # says the node
    await keeper(street, chain).resume()
    assert street.evidence()[0]["state"] == "mined"


@pytest.mark.parametrize(
    ("kind", "values", "outcome"),
    [
        (1, {"state": 2, "arrived": 1}, None),
        (2, {"state": 3, "arrived": 1, "until_minute": 0}, None),
        (2, {"state": 4, "arrived": 1, "until_minute": 0}, 1),
        (2, {"state": 4, "arrived": 1, "until_minute": 7}, 3),
        (3, {"state": 4}, 8),
        (4, {"state": 1, "disputed": 1, "no_show": 1}, None),
        (4, {"state": 4}, 9),
    ],
)
async def test_what_the_index_knows_of_a_record_of_each_kind(
    street: Street, chain: Moving, kind: int, values: dict[str, int], outcome: int | None
) -> None:
    lease = street.book()
    street.clock.at = NOW + 8 * 900
    street.world.at_block(100)
    street.occupancy(lease, kind, until=NOW if kind == 1 else street.clock.at)
    assert await keeper(street, chain).work() == 1
    if outcome is not None:
        street.world.settle(lease, outcome=outcome, rent=0, fee=0)
    street.set_lease(lease, **values, updated_block=80)
    chain.view, chain.state = (0, 0), 1  # a node that is behind says otherwise: it is not asked
    await keeper(street, chain).resume()
    assert street.evidence()[0]["state"] == "mined"
    street.set_lease(lease, state=1, arrived=0, until_minute=0, no_show=0)  # nobody looks any more
    await keeper(street, chain).resume()
    assert street.evidence()[0]["state"] == "mined"


@pytest.mark.parametrize("told", ["wanted", "undone"])
async def test_a_record_waits_for_its_lease_while_the_booking_is_sent_again(
    street: Street, chain: Moving, told: str
) -> None:
    lease = await recorded(street, chain)
    street.clock.at += 1200  # not received just now
    street.world.at_block(100)
    street.remove(lease)
    chain.knows_it = False
    chain.revert = reverts("Berth_LeaseUnknown", parse_lease(lease))
    chain.reverted = set(chain.transactions)
    if told == "undone":
        put(street, "undone.lease.booked", lease)
    else:
        row = {"tx_hash": "0x" + "b0" * 32, "lease_id": lease, "block_number": 90, "kept_at": NOW}
        with street.store.write() as conn:
            conn.execute(insert(lease_transactions).values(**row, wanted_at=street.clock.at))
    for _ in range(3):
        await keeper(street, chain).resume()
        assert await keeper(street, chain).work() == 0
        assert street.evidence()[0]["state"] == "received"
        again(street)
    with street.store.write() as conn:  # given up: then it is refused, and that is told
        conn.execute(update(lease_transactions).values(wanted_at=None))
        conn.execute(update(outbox).values(state="done"))
    await keeper(street, chain).work()
    assert street.evidence()[0]["state"] == "refused"
    assert [one.kind for one in street.incidents()] == ["evidence.refused"]


async def test_a_departure_within_the_first_minute_that_the_driver_brought_counts_as_mined(
    street: Street, chain: Moving
) -> None:
    lease = street.book()
    street.occupancy(lease, 2, until=NOW)
    chain.revert = reverts("Berth_WrongState", parse_lease(lease), 4)
    chain.view, chain.state = (1, 0), 4
    street.world.settle(lease, outcome=1, rent=0, fee=0)
    await keeper(street, chain).work()
    assert street.evidence()[0]["state"] == "mined"


async def test_what_is_received_anew_is_no_business_of_who_looks_after_mined_ones(
    street: Street, chain: Moving
) -> None:
    lease = street.book()
    street.occupancy(lease)
    before = street.rows(evidence)
    await keeper(street, chain).resume()
    assert street.rows(evidence) == before
