"""A purpose is sent once: over restarts, lost answers, lost mempools, reorgs and rising fees."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from berth.chain.abi import all_abis
from berth.chain.reverts import ChainRevertError
from berth.chain.rpc import NodeUnreachableError, RpcError
from berth.chain.sender import REPLACED_DEPTH
from berth.core.errors import BerthError
from berth.store import Store
from berth.store.transactions import TransactionJournal
from eth_account import Account

from tests.backend.chain.pool import KEY, TO, Pool, sender, state
from tests.backend.databases import Databases


@pytest.fixture
def store(databases: Databases) -> Store:
    return databases.open()


@pytest.fixture
def pool() -> Pool:
    return Pool()


async def test_a_purpose_is_sent_once_and_its_receipt_returned(pool: Pool, store: Store) -> None:
    one = sender(pool, store)
    assert one.address == Account.from_key(KEY).address.lower()
    first = await one.send("deed", TO, b"\x01")
    assert await one.send("deed", TO, b"\x02") == first
    assert len(pool.pool) == 1
    pool.mine()
    receipt = await one.wait("deed")
    assert receipt.transaction_hash == first
    assert state(store, "deed") == "mined"
    assert await one.send("deed", TO, b"\x03") == first
    assert not pool.pool


async def test_many_at_once_get_nonces_without_a_gap(pool: Pool, store: Store) -> None:
    one = sender(pool, store)
    await asyncio.gather(*(one.send(f"deed {n}", TO, b"") for n in range(20)))
    assert sorted(pool.pool) == list(range(20))


async def test_a_crash_between_record_and_broadcast_sends_the_same_bytes(
    pool: Pool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed = sender(pool, store)
    monkeypatch.setattr(crashed, "_broadcast", lambda _record, fresh: asyncio.sleep(1 / 0))
    with pytest.raises(ZeroDivisionError):
        await crashed.send("deed", TO, b"\x01")
    assert state(store, "deed") == "signed"
    assert not pool.pool
    again = sender(pool, store)
    assert await again.resume() == 1
    record = TransactionJournal(store).find("deed")
    assert record is not None
    assert pool.pool[0][0] == record.tx_hash
    # a new deed of the restarted process comes after it
    await again.send("other", TO, b"")
    assert sorted(pool.pool) == [0, 1]


async def test_a_lost_answer_does_not_send_twice(pool: Pool, store: Store) -> None:
    pool.lose_answer = True
    with pytest.raises(NodeUnreachableError):
        await sender(pool, store).send("deed", TO, b"")
    pool.lose_answer = False
    again = sender(pool, store)
    await again.send("deed", TO, b"")
    pool.mine()
    await again.wait("deed")
    assert len(pool.mined) == 1


async def test_a_node_that_lost_its_mempool_gets_everything_again(pool: Pool, store: Store) -> None:
    one = sender(pool, store)
    for n in range(3):
        await one.send(f"deed {n}", TO, b"")
    pool.pool.clear()
    again = sender(pool, store)
    await again.send("deed 3", TO, b"")
    assert sorted(pool.pool) == [0, 1, 2, 3]
    pool.mine()
    assert await again.resume() == 0
    assert [state(store, f"deed {n}") for n in range(3)] == ["mined"] * 3


async def test_a_mined_one_that_a_reorg_removed_is_sent_again(pool: Pool, store: Store) -> None:
    one = sender(pool, store)
    await one.send("deed", TO, b"")
    pool.mine()
    receipt = await one.wait("deed")
    pool.mined.clear()
    pool.heights.clear()
    pool.blocks.clear()
    assert await one.resume() == 1
    pool.mine()
    assert (await one.wait("deed")).transaction_hash == receipt.transaction_hash


async def test_a_nonce_that_another_program_took_is_replaced_when_no_reorg_gives_it_back(
    pool: Pool, store: Store
) -> None:
    one = sender(pool, store)
    first = await one.send("deed", TO, b"\x01")
    pool.foreign()
    pool.pool.clear()
    assert await one.send("deed", TO, b"\x01") == first  # it might be mined yet
    pool.height += REPLACED_DEPTH
    second = await one.send("deed", TO, b"\x01")
    assert second != first
    pool.mine()
    assert (await one.wait("deed")).transaction_hash == second
    assert pool.deeds() == [b"\x01"]


async def test_one_that_is_replaced_while_it_is_waited_for_gets_another_nonce(
    pool: Pool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.chain.sender.REBROADCAST_SECONDS", 0.005)
    one = sender(pool, store)
    await one.send("deed", TO, b"\x01")
    pool.foreign()
    pool.height += REPLACED_DEPTH
    waiting = asyncio.create_task(one.wait("deed", within=10))
    while 1 not in pool.pool:
        await asyncio.sleep(0.001)
    pool.mine()
    await waiting
    assert pool.deeds() == [b"\x01"]


async def test_one_that_was_mined_while_the_node_refused_it_is_not_taken_for_anothers(
    pool: Pool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = sender(pool, store)
    await one.send("deed", TO, b"\x01")
    asked = pool.call

    async def mined_meanwhile(method: str, *params: Any) -> Any:
        """The node has just taken it out of its pool, and mines it before the next question."""
        if method == "eth_sendRawTransaction":
            raise RpcError(method, -32000, "nonce too low", None)
        if method == "eth_getTransactionByHash":
            pool.mine()
            pool.height += 2 * REPLACED_DEPTH
            return None
        return await asked(method, *params)

    monkeypatch.setattr(pool, "call", mined_meanwhile)
    await one.send("deed", TO, b"\x01")
    monkeypatch.setattr(pool, "call", asked)
    await one.send("deed", TO, b"\x01")
    pool.mine()
    assert pool.deeds() == [b"\x01"]
    assert not pool.pool


async def test_what_the_node_has_is_not_handed_to_it_again(
    pool: Pool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ganache, while it makes a block, executes what is in it once more for each copy."""
    one = sender(pool, store)
    await one.send("deed", TO, b"\x01")
    asked, handed = pool.call, []

    async def counting(method: str, *params: Any) -> Any:
        if method == "eth_sendRawTransaction":
            handed.append(params)
        return await asked(method, *params)

    monkeypatch.setattr(pool, "call", counting)
    await one.resume()
    await one.send("deed", TO, b"\x01")
    assert handed == []
    pool.pool.clear()  # the node has lost it
    await one.resume()
    assert len(handed) == 1


async def test_a_rising_base_fee_is_followed_with_the_same_nonce(
    pool: Pool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.chain.sender.REBROADCAST_SECONDS", 0.005)
    one = sender(pool, store)
    first = await one.send("deed", TO, b"")
    pool.base_fee = 1000
    waiting = asyncio.create_task(one.wait("deed", within=10))
    while pool.pool[0][0] == first:
        await asyncio.sleep(0.001)
    pool.mine()
    receipt = await waiting
    assert receipt.transaction_hash != first
    assert len(pool.mined) == 1


async def test_one_that_is_next_and_still_waits_gets_more_although_the_base_fee_is_fine(
    pool: Pool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.chain.sender.REBROADCAST_SECONDS", 0.005)
    pool.min_fee = 17  # two bumps more than the first price, 15
    one = sender(pool, store)
    first = await one.send("deed", TO, b"\x01")
    waiting = asyncio.create_task(one.wait("deed", within=10))
    await asyncio.sleep(0.03)
    assert pool.pool[0][0] == first  # it has not waited for long
    monkeypatch.setattr("berth.chain.sender.BUMP_SECONDS", 0)
    while pool.pool[0][1]["maxFeePerGas"] < pool.min_fee:
        await asyncio.sleep(0.001)
    pool.mine()
    await waiting
    assert pool.deeds() == [b"\x01"]


async def test_a_dearer_copy_that_the_node_refuses_is_not_sent_as_another(
    pool: Pool, store: Store
) -> None:
    one = sender(pool, store)
    await one.send("deed", TO, b"\x01")
    copies = dict(pool.pool)
    pool.pool.clear()  # of this node; another may have it yet
    pool.base_fee, pool.refuse = 1000, "replacement transaction underpriced"
    await one.resume()
    assert state(store, "deed") == "signed"
    pool.refuse = None
    await one.send("deed", TO, b"\x01")
    pool.base_fee = 7
    pool.pool |= copies  # the first copy wins after all
    pool.mine()
    await one.wait("deed")
    assert pool.deeds() == [b"\x01"]


async def test_no_more_is_paid_for_gas_than_the_ceiling(pool: Pool, store: Store) -> None:
    one = sender(pool, store, max_fee=12)
    await one.send("deed", TO, b"\x01")
    assert pool.pool[0][1]["maxFeePerGas"] == 12  # not 2 * 7 + 1
    pool.base_fee = 1000
    await one.resume()
    assert pool.pool[0][1]["maxFeePerGas"] == 12
    with pytest.raises(BerthError, match="asks 1000 wei") as caught:
        await one.send("other", TO, b"\x02")
    assert caught.value.code == "chain.fee_ceiling"
    assert TransactionJournal(store).find("other") is None
    pool.base_fee = 7
    await one.send("other", TO, b"\x02")
    assert sorted(pool.pool) == [0, 1]


async def test_no_more_is_spent_a_day_than_the_cap_and_what_was_not_used_is_given_back(
    pool: Pool, store: Store
) -> None:
    most = 21_000 * 125 // 100 * 15
    one = sender(pool, store, spend_a_day=most + most // 2)
    await one.send("deed", TO, b"\x01")
    with pytest.raises(BerthError, match="that may be spent in 24 hours") as caught:
        await one.send("other", TO, b"\x02")
    assert (caught.value.code, caught.value.field) == ("chain.spend_cap", "BERTH_SPEND_CAP")
    pool.mine()
    await one.wait("deed")
    assert TransactionJournal(store).spent(one.address) == 21_000 * 8
    await one.send("other", TO, b"\x02")
    assert sorted(pool.pool) == [1]
    # a restart forgets nothing of it
    with pytest.raises(BerthError, match="that may be spent"):
        await sender(pool, store, spend_a_day=most + most // 2).send("third", TO, b"\x03")


async def test_a_nonce_below_others_that_nobody_has_is_filled(pool: Pool, store: Store) -> None:
    journal = TransactionJournal(store)
    one = sender(pool, store)
    await one.resume()
    journal.take(one.address, "doomed", 0, lambda _nonce: (b"\x02", "0xdd"))
    await one.send("deed", TO, b"\x01")
    journal.mark("doomed", "dropped", reason="the node did not want it")
    assert sorted(pool.pool) == [1]
    again = sender(pool, store)
    await again.resume()
    assert sorted(pool.pool) == [0, 1]
    gap = pool.pool[0][1]
    assert (bytes(gap["to"]).hex(), gap["value"], gap["data"]) == (one.address[2:], 0, b"")
    pool.mine()
    await again.wait("deed")
    assert pool.deeds() == [b"\x01"]


async def test_a_nonce_that_another_program_has_in_the_pool_is_no_gap(
    pool: Pool, store: Store
) -> None:
    one = sender(pool, store)
    pool.pool[0] = ("0xf0", {"maxFeePerGas": 99, "data": b""})
    await one.send("deed", TO, b"\x01")
    assert sorted(pool.pool) == [0, 1]
    await sender(pool, store).resume()
    assert pool.pool[0][0] == "0xf0"


async def test_one_bad_transaction_does_not_keep_others_from_being_resumed(
    pool: Pool, store: Store
) -> None:
    one = sender(pool, store)
    for n in range(3):
        await one.send(f"deed {n}", TO, bytes([n]))
    pool.pool.clear()
    asked = pool.call

    async def picky(method: str, *params: Any) -> Any:
        if method == "eth_sendRawTransaction" and pool.pool == {}:
            pool.pool[0] = ("0xaa", {"maxFeePerGas": 99, "data": b""})
            raise RpcError(method, -32000, "txpool is full", None)
        return await asked(method, *params)

    pool.call = picky  # type: ignore[method-assign]
    assert await sender(pool, store).resume() == 3
    assert sorted(pool.pool) == [0, 1, 2]


async def test_a_call_that_would_revert_is_refused_in_words_and_not_recorded(
    pool: Pool, store: Store
) -> None:
    entry = next(
        e for abi in all_abis() for e in abi.errors.values() if e.name == "Berth_FeesTooLow"
    )
    pool.failing = entry.encode(1, 2)
    with pytest.raises(ChainRevertError, match=r"Berth_FeesTooLow\(fees=1, wanted=2\)"):
        await sender(pool, store).send("deed", TO, b"")
    assert TransactionJournal(store).find("deed") is None


async def test_one_that_reverts_when_mined_says_why(pool: Pool, store: Store) -> None:
    entry = next(
        e for abi in all_abis() for e in abi.errors.values() if e.name == "Berth_FeesTooLow"
    )
    one = sender(pool, store)
    await one.send("deed", TO, b"")
    pool.failing, pool.reverts_when_mined = entry.encode(1, 2), True
    pool.mine()
    with pytest.raises(ChainRevertError, match="Berth_FeesTooLow"):
        await one.wait("deed")
    assert state(store, "deed") == "reverted"


async def test_another_go_has_a_name_of_its_own_once_the_chain_has_refused_the_first(
    pool: Pool, store: Store
) -> None:
    one = sender(pool, store)
    assert await one.unspent("deed") == "deed"
    await one.send("deed", TO, b"")
    assert await one.unspent("deed") == "deed"
    pool.failing, pool.reverts_when_mined = b"", True
    pool.mine()
    with pytest.raises(ChainRevertError):
        await one.wait("deed")
    assert await one.unspent("deed") == "deed, 2"
    pool.failing, pool.reverts_when_mined = None, False
    await one.send("deed, 2", TO, b"")
    pool.mine()
    await one.wait("deed, 2")
    assert await one.unspent("deed") == "deed, 2"


async def test_one_that_the_node_refuses_may_be_tried_again(pool: Pool, store: Store) -> None:
    one = sender(pool, store)
    pool.refuse = "insufficient funds for gas * price + value"
    with pytest.raises(BerthError, match="insufficient funds"):
        await one.send("deed", TO, b"")
    assert state(store, "deed") == "dropped"
    pool.refuse = None
    await one.send("deed", TO, b"")
    assert sorted(pool.pool) == [0]


async def test_waiting_has_an_end(pool: Pool, store: Store) -> None:
    one = sender(pool, store)
    await one.send("deed", TO, b"")
    with pytest.raises(BerthError) as caught:
        await one.wait("deed", within=0.02)
    assert caught.value.code == "chain.timeout"
    with pytest.raises(BerthError, match="nothing was sent"):
        await one.wait("unheard of")
