"""A purpose is sent once: over restarts, lost answers, lost mempools, reorgs and rising fees."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from berth.chain.abi import all_abis
from berth.chain.reverts import ChainRevertError
from berth.chain.rpc import NodeUnreachableError, Rpc, RpcError
from berth.chain.sender import Sender
from berth.chain.wire import Block, Receipt
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.store import Store, open_store
from berth.store.transactions import TransactionJournal
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

KEY = b"\x01" * 32
TO = "0x" + "22" * 20


class Pool:
    """A node with a mempool; what it mined is in `mined`, by nonce."""

    where = "memory"

    def __init__(self) -> None:
        self.height = 10
        self.base_fee = 7
        self.pool: dict[int, tuple[str, dict[str, Any]]] = {}
        self.mined: list[tuple[str, dict[str, Any]]] = []
        self.blocks: dict[str, int] = {}
        self.failing: bytes | None = None
        self.reverts_when_mined = False
        self.lose_answer = False
        self.refuse: str | None = None

    def mine(self) -> None:
        self.height += 1
        while (entry := self.pool.get(len(self.mined))) is not None:
            if entry[1]["maxFeePerGas"] < self.base_fee:
                return
            del self.pool[len(self.mined)]
            self.blocks[entry[0]] = self.height
            self.mined.append(entry)

    def foreign(self) -> None:
        """Another program with the same key mines a transaction."""
        self.pool.pop(len(self.mined), None)
        self.mined.append((f"0xf0{len(self.mined)}", {}))

    async def block_number(self) -> int:
        return self.height

    async def block(self, _which: object) -> Block:
        return Block("0x1", "0x0", hex(self.height), "0x1", base_fee_hex=hex(self.base_fee))

    async def typed(self, _kind: type, method: str, *params: Any) -> str:
        if method == "eth_estimateGas":
            if self.failing is not None:
                raise RpcError(method, 3, "execution reverted", self.failing)
            return "0x5208"
        if method == "eth_getTransactionCount":
            count = len(self.mined)
            while params[1] == "pending" and count in self.pool:
                count += 1
            return hex(count)
        assert method == "eth_maxPriorityFeePerGas"
        return "0x1"

    async def call(self, method: str, *params: Any) -> Any:
        if method == "eth_getTransactionByHash":
            known = {h for h, _ in self.pool.values()} | {h for h, _ in self.mined}
            return {} if params[0] in known else None
        assert method == "eth_sendRawTransaction"
        raw = bytes.fromhex(params[0][2:])
        fields = dict(TypedTransaction.from_bytes(HexBytes(raw)).as_dict())
        tx_hash = "0x" + keccak(raw).hex()
        if self.refuse is not None:
            raise RpcError(method, -32003, self.refuse, None)
        if fields["nonce"] < len(self.mined):
            raise RpcError(method, -32000, "the tx doesn't have the correct nonce", None)
        present = self.pool.get(fields["nonce"])
        if present is not None and fields["maxFeePerGas"] <= present[1]["maxFeePerGas"]:
            raise RpcError(method, -32003, "transaction underpriced", None)
        self.pool[fields["nonce"]] = (tx_hash, fields)
        if self.lose_answer:
            raise NodeUnreachableError(self.where, "cut off")
        return tx_hash

    async def receipt(self, tx_hash: str) -> Receipt | None:
        if tx_hash not in self.blocks:
            return None
        status = "0x0" if self.reverts_when_mined else "0x1"
        return Receipt(tx_hash, hex(self.blocks[tx_hash]), "0x", "0x5208", status)

    async def eth_call(self, *_: Any, **__: Any) -> bytes:
        raise RpcError("eth_call", 3, "execution reverted", self.failing)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(str(tmp_path / "berth.sqlite"))
    yield opened
    opened.close()


@pytest.fixture
def pool() -> Pool:
    return Pool()


def sender(pool: Pool, store: Store) -> Sender:
    return Sender(cast("Rpc", pool), TransactionJournal(store), KEY, 1337, poll=0.001)


def state(store: Store, purpose: str) -> str:
    record = TransactionJournal(store).find(purpose)
    assert record is not None
    return record.state


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
    monkeypatch.setattr(crashed, "_broadcast", lambda _record: asyncio.sleep(1 / 0))
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
    pool.blocks.clear()
    assert await one.resume() == 1
    pool.mine()
    assert (await one.wait("deed")).transaction_hash == receipt.transaction_hash


async def test_a_nonce_that_another_program_took_is_replaced(pool: Pool, store: Store) -> None:
    one = sender(pool, store)
    first = await one.send("deed", TO, b"")
    pool.foreign()
    pool.pool.clear()
    second = await one.send("deed", TO, b"")
    assert second != first
    pool.mine()
    assert (await one.wait("deed")).transaction_hash == second


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
