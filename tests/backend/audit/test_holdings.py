"""Index against chain: equal when they are, and each difference named."""

from __future__ import annotations

from typing import Any

import pytest
from berth.audit.holdings import Comparison, compare, moved_blocks
from berth.chain.contracts import Contracts
from berth.core.errors import BerthError
from berth.store import derived
from sqlalchemy import Table, insert, update

from tests.backend.audit.mirror import Mirror
from tests.backend.worlds import DEPLOYMENT, DINO, NOW, OLGA, World

CONTRACTS = Contracts.of(DEPLOYMENT)


@pytest.fixture
def busy(world: World) -> World:
    """Everything that is compared, at least once."""
    space = world.add_space()
    world.add_offer(space)
    world.settle(world.add_lease(space, NOW // 900 - 20), minutes=90)
    world.add_lease(space)
    world.add_vehicle()
    world.add_edition()
    with world.store.write() as conn:
        for person, credit in ((OLGA, "1000"), (DINO, "2500")):
            conn.execute(
                insert(derived.accounts).values(
                    account=person.address, credit=credit, auto_payout=0
                )
            )
        conn.execute(
            insert(derived.blocks),
            [
                {"number": n, "hash": f"0x{n:064x}", "parent_hash": "0x", "timestamp": NOW}
                for n in (98, 99, 100)
            ],
        )
    return world


async def compared(world: World, node: Mirror, sample: int | None = None) -> Comparison:
    return await compare(world.store, node, CONTRACTS, sample=sample)  # type: ignore[arg-type]


def change(world: World, table: Table, **values: Any) -> None:
    with world.store.write() as conn:
        conn.execute(update(table).values(**values))


async def test_an_index_that_is_right_differs_in_nothing(busy: World) -> None:
    found = await compared(busy, Mirror(busy))
    assert found.differences == []
    assert found.block == 100
    assert found.checked == {
        "ledger": 1,
        "market": 1,
        "credit": 4,
        "lease": 3,
        "offer": 1,
        "space": 2,
        "vehicle": 1,
        "edition": 1,
    }
    assert found.money.balance == found.money.owed == 1000 + 2500 + 1_600_000


@pytest.mark.parametrize(
    ("table", "values", "what", "name"),
    [
        (derived.accounts, {"credit": "1001"}, "credit", "credit"),
        (derived.accounts, {"auto_payout": 1}, "credit", "autoPayout"),
        (derived.leases, {"deposit": "1"}, "lease", "deposit"),
        (derived.leases, {"driver": "0x" + "ee" * 20}, "lease", "driver"),
        (derived.leases, {"slots": 9}, "lease", "slots"),
        (derived.leases, {"state": 2}, "lease", "state"),
        (derived.offers, {"word_a": "0x" + "00" * 31 + "01"}, "offer", "wordA"),
        (derived.spaces, {"owner": "0x" + "ee" * 20}, "space", "owner"),
        (derived.spaces, {"lock_key": "0x" + "ee" * 20}, "space", "lock_key"),
        (derived.spaces, {"manager": "0x" + "ee" * 20}, "space", "manager"),
        (derived.spaces, {"delisted_day": 5}, "space", "delisted_day"),
        (derived.vehicles, {"driver": "0x" + "ee" * 20}, "vehicle", "driver"),
        (derived.editions, {"root": "0x" + "44" * 32}, "edition", "root"),
        (derived.market_state, {"ledger_count": 7}, "ledger", "count"),
        (derived.market_state, {"fees": "7"}, "ledger", "fees"),
        (derived.market_state, {"fee_bps": 1}, "market", "feeBps"),
        (derived.market_state, {"paused_until": 5}, "market", "pausedUntil"),
    ],
)
async def test_a_row_that_is_wrong_is_named_with_both_sides(
    busy: World, table: Table, values: dict[str, Any], what: str, name: str
) -> None:
    node = Mirror(busy)
    change(busy, table, **values)
    found = await compared(busy, node)
    named = [one for one in found.differences if (one.what, one.name) == (what, name)]
    assert named, found.differences
    assert named[0].index != named[0].chain
    assert str(named[0].index) in str(named[0])
    assert found.differing[what] >= 1


async def test_a_lease_that_the_chain_does_not_know_is_named(busy: World) -> None:
    node = Mirror(busy)
    gone = next(key for key, row in node.leases.items() if row["state"] == 1)
    del node.leases[gone]
    node.answers["depositOf"] = lambda _a: 1_600_000
    found = await compared(busy, node)
    assert [(one.subject, one.chain) for one in found.differences] == [(gone, "unknown")]
    assert found.checked["lease"] == 3  # the others of its batch were asked all the same


async def test_a_market_that_has_less_than_it_owes_is_seen(busy: World) -> None:
    node = Mirror(busy)
    node.balance -= 1
    money = (await compared(busy, node)).money
    assert money.balance < money.owed


async def test_a_sample_asks_less_and_keeps_the_sums_whole(busy: World) -> None:
    node = Mirror(busy)
    found = await compared(busy, node, sample=1)
    assert found.checked["credit"] == 2
    assert found.money.owed == node.balance


async def test_another_block_at_the_same_height_is_named(busy: World) -> None:
    node = Mirror(busy)
    node.hashes[100] = "0x" + "ff" * 32
    with pytest.raises(BerthError) as caught:
        await compared(busy, node)
    assert caught.value.code == "audit.moved"


async def test_a_pruned_node_is_named(busy: World) -> None:
    node = Mirror(busy)
    node.forgets = True
    with pytest.raises(BerthError) as caught:
        await compared(busy, node)
    assert caught.value.code == "audit.pruned"


async def test_an_empty_index_is_named(world: World) -> None:
    node = Mirror(world)
    with world.store.write() as conn:
        conn.execute(derived.cursor.delete())
    with pytest.raises(BerthError) as caught:
        await compared(world, node)
    assert caught.value.code == "audit.empty"


async def test_stored_blocks_that_are_not_the_chains_are_numbered(busy: World) -> None:
    node = Mirror(busy)
    assert await moved_blocks(busy.store, node, sample=False) == (3, [])  # type: ignore[arg-type]
    node.hashes[99] = "0x" + "ff" * 32
    del node.hashes[98]
    checked = await moved_blocks(busy.store, node, sample=True)  # type: ignore[arg-type]
    assert checked == (3, [98, 99])
