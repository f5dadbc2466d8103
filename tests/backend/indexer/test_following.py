"""What the index holds after following a chain, through reorgs, crashes and bad nodes."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from berth.chain.rpc import Rpc
from berth.core.errors import BerthError
from berth.core.ids import lease_hex, space_hex
from berth.indexer.cursor import read_cursor
from berth.indexer.digest import digest
from berth.indexer.rebuild import rebuild
from berth.indexer.run import Indexer
from berth.store import Store, open_store
from berth.store.derived import (
    accounts,
    blockings,
    blocks,
    leases,
    market_state,
    raw_logs,
    revocations,
    spaces,
    undo,
)
from berth.store.derived import cursor as cursor_table
from fake_node import FakeNode
from sqlalchemy import func, select, update
from sqlalchemy.sql import ColumnElement

FINALITY = 8


def indexer(store: Store, node: FakeNode, **options: Any) -> Indexer:
    return Indexer(
        store, cast("Rpc", node), node.deployment, finality=FINALITY, poll=0.001, **options
    )


def digest_of(store: Store) -> str:
    with store.read() as conn:
        return digest(conn).sha256


def scalar(store: Store, column: ColumnElement[Any]) -> Any:
    with store.read() as conn:
        return conn.execute(select(column)).scalar_one()


async def clean_digest(node: FakeNode, tmp_path: Any) -> str:
    """The digest of an index that never saw a reorg."""
    fresh = open_store(str(tmp_path / f"clean-{node.calls}.sqlite"))
    try:
        await indexer(fresh, node).sync_once()
        return digest_of(fresh)
    finally:
        fresh.close()


async def test_the_index_holds_what_the_market_holds(store: Store) -> None:
    node = FakeNode(1)
    node.mine(120, actions=6)
    status = await indexer(store, node).sync_once()
    assert status.caught_up
    assert status.block_number == node.height
    world = node.tip.world
    with store.read() as conn:
        balances = {row.account: int(row.credit) for row in conn.execute(select(accounts))}
        states = {row.lease_id: row.state for row in conn.execute(select(leases))}
        market = conn.execute(select(market_state)).mappings().one()
        bits = {row.word: int(row.bits, 16) for row in conn.execute(select(revocations))}
    assert {a: c for a, c in balances.items() if c} == {a: c for a, c in world.credits.items() if c}
    assert states == {lease_hex(n): lease["state"] for n, lease in world.leases.items()}
    assert len(states) > 20
    assert market["ledger_count"] == world.settled > 10
    assert market["head"] == "0x" + world.head.hex()
    assert int(market["fees"]) == world.fees
    assert bits == {word: bits for word, bits in world.revoked.items() if bits}


async def test_the_index_holds_what_became_of_leases_spaces_and_accounts(store: Store) -> None:
    node = FakeNode(2)
    node.mine(200, actions=6)
    await indexer(store, node).sync_once()
    world = node.tip.world
    with store.read() as conn:
        held = {row["lease_id"]: row for row in conn.execute(select(leases)).mappings()}
        known = {row["space_id"]: row for row in conn.execute(select(spaces)).mappings()}
        ended = {row.lease_id: row.ended_at for row in conn.execute(select(blockings))}
        payouts = {row.account: row.auto_payout for row in conn.execute(select(accounts))}
    for number, lease in world.leases.items():
        row = held[lease_hex(number)]
        compensation = world.compensations.get(number)
        assert {
            "slots": lease["slots"],
            "end_slot": lease["start"] + lease["slots"],
            "kwh_cap": lease["cap"],
            "deposit": str(lease["deposit"]),
            "pulled": str(lease["pulled"]),
            "owner": lease["owner"],
            "plate_commitment": "0x" + lease["commitment"].hex(),
            "disputed": int(lease["disputed"]),
            "no_show": int(lease["noShow"]),
            "compensation": None if compensation is None else str(compensation),
        }.items() <= dict(row).items()
    for number, owner in world.spaces:
        facts, row = world.facts[number], known[space_hex(number)]
        assert {
            "owner": owner,
            "first_live": facts["firstLive"],
            "last_offer": facts["last"],
            "since": facts["since"],
            "manager": facts["manager"],
            "lock_key": facts["lock"],
            "previous_key": facts["previous"],
            "rotated_at": facts["rotatedAt"],
            "delisted_day": facts["delisted"],
            "released": int(facts["released"]),
            "valid_day": facts["validDay"],
        }.items() <= dict(row).items()
    assert ended == {lease_hex(n): at for n, at in world.blockings.items()}
    assert {a for a, wanted in payouts.items() if wanted} == {
        account for account, wanted in world.payouts.items() if wanted
    }
    # it all has happened, so that none of the above compares nothing with nothing
    assert world.compensations
    assert any(lease["noShow"] for lease in world.leases.values())
    assert any(facts["since"] > 1 for facts in world.facts.values())
    assert any(facts["released"] for facts in world.facts.values())
    assert any(ended.values())


async def test_no_minor_unit_appears_or_vanishes(store: Store) -> None:
    """Tokens in = credits + deposits of open leases + fees, whatever happened."""
    node = FakeNode(3)
    node.mine(200, actions=6)
    await indexer(store, node).sync_once()
    with store.read() as conn:
        market = conn.execute(select(market_state)).mappings().one()
        credit = sum(int(row.credit) for row in conn.execute(select(accounts)))
        rows = conn.execute(select(leases)).all()
    escrow = sum(int(row.deposit) for row in rows if row.state < 4)
    came = int(market["deposited"]) + sum(int(row.pulled) for row in rows)
    left = int(market["withdrawn"]) + int(market["fees_withdrawn"])
    assert came - left == credit + escrow + int(market["fees"])
    assert escrow > 0


@pytest.mark.parametrize("seed", range(12))
async def test_after_any_reorgs_the_index_equals_a_clean_one(
    store: Store, tmp_path: Any, seed: int
) -> None:
    node = FakeNode(seed)
    node.mine(3)
    following = indexer(store, node)
    highest = 0
    for _ in range(25):
        await following.sync_once()
        highest = max(highest, node.height)
        # never below what was final once, nor below the deployment
        depth = node.rng.randint(0, node.height - max(highest - FINALITY, 2))
        gone = node.cut(depth)
        if node.rng.random() < 0.2:
            await following.sync_once()  # the chain is shorter for a while
        if gone and node.rng.random() < 0.2:
            node.chain += gone  # and the old blocks win after all
        node.mine(node.rng.randint(1, 7))
    status = await following.sync_once()
    assert status.caught_up
    assert status.reorgs > 5
    assert digest_of(store) == await clean_digest(node, tmp_path)
    before = digest_of(store)
    assert rebuild(store, node.deployment) == scalar(store, func.sum(raw_logs.c.count))
    assert digest_of(store) == before


async def test_a_reorg_after_a_rebuild_is_undone_as_well(store: Store, tmp_path: Any) -> None:
    node = FakeNode(5)
    node.mine(40)
    following = indexer(store, node)
    await following.sync_once()
    rebuild(store, node.deployment)
    node.cut(FINALITY)
    node.mine(FINALITY + 2)
    await following.sync_once()
    assert digest_of(store) == await clean_digest(node, tmp_path)


async def test_a_young_chain_is_rolled_back_to_the_deployment(store: Store) -> None:
    node = FakeNode(3)
    deployed = node.cut(1)
    node.chain += deployed
    node.mine(3)
    following = indexer(store, node)
    await following.sync_once()
    node.cut(3)
    node.mine(4)
    assert (await following.sync_once()).block_number == node.height


async def test_a_reorg_past_finality_stops_loudly_and_changes_nothing(store: Store) -> None:
    node = FakeNode(4)
    node.mine(40)
    following = indexer(store, node)
    await following.sync_once()
    before = digest_of(store)
    node.cut(FINALITY + 1)
    node.mine(FINALITY + 3)
    with pytest.raises(BerthError) as caught:
        await following.run()
    assert caught.value.code == "index.past_finality"
    assert caught.value.exit_code == 4
    assert digest_of(store) == before
    # what has happened, and what to do
    for words in ("was final", "the right node", "rebuild the index from an empty database"):
        assert words in str(following.status.error)


async def test_backfill_in_small_ranges_equals_one_large_range(
    store: Store, second_store: Store
) -> None:
    node = FakeNode(6)
    node.mine(150)
    await indexer(store, node).sync_once()
    node.largest_range = 7
    await indexer(second_store, node).sync_once()
    assert digest_of(store) == digest_of(second_store)


async def test_a_second_indexer_on_the_same_database_does_no_harm(
    store: Store, tmp_path: Any
) -> None:
    node = FakeNode(7)
    first, second = indexer(store, node), indexer(store, node)
    for _ in range(10):
        node.mine(5)
        await asyncio.gather(first.sync_once(), second.sync_once())
    assert digest_of(store) == await clean_digest(node, tmp_path)


async def test_empty_blocks_and_the_journal_of_final_ones_are_forgotten(store: Store) -> None:
    node = FakeNode(8)
    following = indexer(store, node)
    for _ in range(30):
        node.mine(1, actions=6)
        node.mine_empty(2)
        await following.sync_once()
    final = node.height - FINALITY
    with store.read() as conn:
        assert conn.execute(select(func.min(undo.c.block_number))).scalar_one() > final
        numbers = set(conn.execute(select(blocks.c.number)).scalars())
        with_logs = set(conn.execute(select(raw_logs.c.block_number)).scalars())
    assert {number for number in numbers if number < final} == {n for n in with_logs if n < final}
    assert set(range(final, node.height + 1)) <= numbers


async def test_a_node_behind_its_own_head_is_waited_for(store: Store) -> None:
    node = FakeNode(9)
    node.mine(20)
    following = indexer(store, node)
    await following.sync_once()
    before = digest_of(store)
    ahead = node.cut(3)
    status = await following.sync_once()
    assert status.node_behind
    assert not status.caught_up
    assert status.reorgs == 0
    assert digest_of(store) == before
    node.chain += ahead
    node.mine(1)
    status = await following.sync_once()
    assert status.caught_up
    assert not status.node_behind


async def test_logs_that_a_range_leaves_out_are_found_by_the_bloom_filter(
    store: Store, tmp_path: Any
) -> None:
    node = FakeNode(10)
    node.mine(6, actions=5)
    node.hidden_from_ranges = {node.height, node.height - 2}
    await indexer(store, node).sync_once()
    node.hidden_from_ranges = set()
    assert digest_of(store) == await clean_digest(node, tmp_path)


async def test_missing_history_is_noticed_as_a_gap(store: Store) -> None:
    node = FakeNode(11)
    node.mine(60, actions=6)
    settled = load_topic("Settled")
    holder = next(
        block.header.number for block in node.chain if any(settled in e.topics for e in block.logs)
    )
    node.hidden_from_ranges = {holder}
    node.mine_empty(FINALITY + 5)
    with pytest.raises(BerthError) as caught:
        await indexer(store, node).run()
    assert caught.value.code == "index.gap"


async def test_a_log_of_a_block_that_is_not_the_chains_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = FakeNode(12)
    node.mine(5, actions=5)
    while not node.tip.logs:
        node.mine(1, actions=5)
    stale = node.cut(1)[0]
    node.mine(1, actions=0)
    honest = node.logs

    async def with_stale(first: int, last: int, addresses: Any) -> Any:
        found = await honest(first, last, addresses)
        return found + (stale.logs if last >= node.height else [])

    monkeypatch.setattr(node, "logs", with_stale)
    with pytest.raises(BerthError, match="contradicts itself"):
        await indexer(store, node).sync_once()
    assert scalar(store, func.count(raw_logs.c.count)) == 0


async def test_after_a_restart_the_cursor_says_at_once_that_it_is_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = FakeNode(18)
    node.mine(5)
    await indexer(store, node).sync_once()
    node.mine(30)
    restarted = indexer(store, node)

    def stop_before_the_first_commit(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("berth.indexer.commit.Writer.commit", stop_before_the_first_commit)
    with pytest.raises(ZeroDivisionError):
        await restarted.sync_once()
    with store.read() as conn:
        cursor = read_cursor(conn)
    assert cursor is not None
    assert not cursor.caught_up
    assert cursor.head_number == node.height


async def test_an_idle_index_keeps_saying_that_it_lives(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.indexer.run.HEARTBEAT_SECONDS", 0.0)
    node = FakeNode(19)
    following = indexer(store, node)
    await following.sync_once()
    with store.write() as conn:
        conn.execute(update(cursor_table).values(updated_at=1))
    await following.sync_once()
    assert scalar(store, cursor_table.c.updated_at) > 1


async def test_a_node_of_another_chain_is_refused(store: Store) -> None:
    node, other = FakeNode(13), FakeNode(14)
    other.chain[0].header = type(other.chain[0].header)(
        "0x" + "77" * 32, "0x" + "00" * 32, "0x0", "0x1"
    )
    following = Indexer(store, cast("Rpc", other), node.deployment)
    with pytest.raises(BerthError) as caught:
        await following.run()
    assert caught.value.code == "chain.genesis"


async def test_a_database_of_another_deployment_is_refused(store: Store) -> None:
    first, other = FakeNode(15), FakeNode(16)
    other.chain[0].header = type(other.chain[0].header)(
        "0x" + "77" * 32, "0x" + "00" * 32, "0x0", "0x1"
    )
    other.chain[1].header = type(other.chain[1].header)(
        other.chain[1].header.hash, "0x" + "77" * 32, "0x1", "0x2"
    )
    await indexer(store, first).sync_once()
    with pytest.raises(BerthError) as caught:
        await indexer(store, other).sync_once()
    assert caught.value.code == "store.deployment"


async def test_an_unreachable_node_is_waited_out(store: Store) -> None:
    node = FakeNode(17)
    node.mine(4)
    seen: list[tuple[int, int]] = []
    following = indexer(store, node, on_block=lambda number, moment: seen.append((number, moment)))
    stop = asyncio.Event()
    running = asyncio.create_task(following.run(stop))
    await following.wait_for(node.height, 5)
    node.unreachable = True
    while following.status.error is None:
        await asyncio.sleep(0.001)
    assert "unreachable" in following.status.error
    assert not following.caught_up
    node.unreachable = False
    node.mine(2)
    status = await following.wait_for(node.height, 10)
    assert status.error is None
    stop.set()
    await running
    assert seen[-1] == (node.height, node.tip.world.timestamp)


def load_topic(name: str) -> str:
    from berth.chain.abi import load_abi

    return "0x" + load_abi("ParkingMarket").events[name].topic.hex()
