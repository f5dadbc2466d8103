"""What became of something signed: a request that the operator brings, or a transaction that the
account sent itself. Told from the node and the index at each question; nothing is guessed."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from eth_abi.abi import decode
from sqlalchemy import Connection, select

from berth.chain.contracts import Contracts
from berth.chain.reverts import ChainRevertError, as_revert
from berth.chain.rpc import Rpc, RpcError
from berth.chain.sender import decoded_transaction
from berth.chain.wire import Receipt
from berth.core.errors import BerthError
from berth.core.ids import lease_hex, space_hex
from berth.market.forwarding import Call, read_call, read_forwarded
from berth.market.sponsoring import purpose_of
from berth.store.derived import cursor, leases
from berth.store.engine import Store
from berth.store.pace import block_seconds
from berth.store.transactions import SentTransaction, TransactionJournal

State = Literal["queued", "pending", "mined", "confirmed", "failed", "gone"]

#: Accounts' own transactions that were seen: one that the node then forgets is gone, not unknown.
_SEEN = 10_000
_LOST = ("dropped", "replaced")


@dataclass(frozen=True, slots=True)
class Followed:
    """How far it is. `confirmations` of `required` blocks, its own counted, as far as the index has
    read; `seconds_left` until it is confirmed, by the chain's pace lately."""

    identity: str
    state: State
    required: int
    transaction: str | None = None
    block: int | None = None
    confirmations: int = 0
    seconds_left: int | None = None
    refusal: ChainRevertError | None = None
    lease_id: str | None = None
    space_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Sent:
    """A transaction: who speaks in it and says what, and how it went to the chain."""

    sender: str
    to: str
    data: bytes
    account: str
    call: Call | None
    inner: tuple[str, bytes] | None  # of a forwarded one: target and data


class Following:
    """Answers for one installation. `required`: confirmations by the money in escrow."""

    def __init__(
        self, store: Store, rpc: Rpc, contracts: Contracts, required: Callable[[int], int]
    ) -> None:
        self._store = store
        self._journal = TransactionJournal(store)
        self._rpc = rpc
        self._contracts = contracts
        self._required = required
        self._seen: OrderedDict[str, tuple[tuple[str, ...], Followed | None]] = OrderedDict()

    async def look(self, identity: str, account: str) -> Followed:
        """What became of it, for the account that signed or sent it. Raises BerthError
        intent.unknown (404) for everybody else."""
        purpose = purpose_of(account, identity)
        record = await asyncio.to_thread(self._journal.find, purpose)
        if record is not None:
            return await self._sponsored(identity, record)
        return await self._own(identity, account)

    async def _sponsored(self, identity: str, record: SentTransaction) -> Followed:
        sent = self._open(*_fields(record))
        begun = self._begun(identity, sent.call)
        receipt = await self._receipt((record.tx_hash, *record.former_hashes))
        if receipt is not None:
            return await self._mined(begun, sent, receipt)
        if record.state in _LOST:
            return replace(begun, state="gone")
        state: State = "queued" if record.state == "signed" else "pending"
        return replace(begun, state=state, transaction=record.tx_hash)

    async def _own(self, tx_hash: str, account: str) -> Followed:
        told = await self._rpc.call("eth_getTransactionByHash", tx_hash)
        if told is None:
            parties, begun = self._seen.get(tx_hash, ((), None))
            if begun is None or account not in parties:
                raise _unknown()
            return replace(begun, state="gone")
        sent = self._read(told)
        if account not in (sent.sender, sent.account):
            raise _unknown()
        begun = replace(self._begun(tx_hash, sent.call), transaction=tx_hash)
        self._remember(tx_hash, (sent.sender, sent.account), begun)
        receipt = await self._receipt((tx_hash,))
        return begun if receipt is None else await self._mined(begun, sent, receipt)

    def _begun(self, identity: str, call: Call | None) -> Followed:
        """What is known of it before it is mined."""
        if call is None:
            return Followed(identity, "pending", self._required(0))
        return Followed(
            identity,
            "pending",
            self._required(call.most),
            lease_id=call.lease_id,
            space_id=call.space_id,
        )

    async def _mined(self, begun: Followed, sent: _Sent, receipt: Receipt) -> Followed:
        found = replace(begun, transaction=receipt.transaction_hash, block=receipt.block_number)
        if not receipt.succeeded:
            why = await self._why(sent, receipt.block_number)
            return replace(found, state="failed", refusal=why)
        leased = self._leased(receipt)
        if leased is not None:
            lease, deposit = leased
            found = replace(
                found,
                lease_id=lease_hex(lease),
                space_id=space_hex(lease >> 48),
                required=self._required(deposit),
            )
        have, pace = await asyncio.to_thread(self._depth, found, leased is not None)
        if have >= found.required:
            return replace(found, state="confirmed", confirmations=have, seconds_left=0)
        left = math.ceil((found.required - have) * pace)
        return replace(found, state="mined", confirmations=have, seconds_left=left)

    def _depth(self, found: Followed, leased: bool) -> tuple[int, float]:
        """(confirmations in the index, seconds a block). A lease counts once the index has it, of
        this very transaction: what the app shows next comes from there."""
        with self._store.read() as conn:
            row = conn.execute(select(cursor.c.block_number).limit(1)).first()
            pace = block_seconds(conn)
            if row is None or found.block is None:
                return 0, pace
            if leased and not _indexed(conn, found.lease_id, found.transaction):
                return 0, pace
            return max(0, int(row.block_number) - found.block + 1), pace

    def _leased(self, receipt: Receipt) -> tuple[int, int] | None:
        """(lease, deposit) of the lease that a transaction made."""
        topic = "0x" + self._contracts.market.abi.events["Leased"].topic.hex()
        for log in receipt.logs:
            if log.address.lower() != self._contracts.market.address or not log.topics:
                continue
            if log.topics[0].lower() == topic:
                (_slots, _offer, _kwh, deposit) = decode(
                    ("uint16", "uint16", "uint8", "uint128"), log.data
                )
                return int(log.topics[1], 16), int(deposit)
        return None

    async def _why(self, sent: _Sent, block: int) -> ChainRevertError:
        """Why the contract refused: the same call where it was mined; of a forwarded one the inner
        call first, for the forwarder does not pass reasons on."""
        tries = [(sent.sender, sent.to, sent.data)]
        if sent.inner is not None:
            tries.insert(0, (sent.account, *sent.inner))
        for sender, to, data in tries:
            try:
                await self._rpc.eth_call(to, data, sender=sender, block=block)
            except RpcError as error:
                revert = as_revert(error)
                if revert is not None:
                    return revert
        return ChainRevertError("Revert", {}, "mined, but refused by the contract")

    async def _receipt(self, hashes: Sequence[str]) -> Receipt | None:
        for tx_hash in hashes:
            receipt = await self._rpc.receipt(tx_hash)
            if receipt is not None:
                return receipt
        return None

    def _read(self, told: dict[str, Any]) -> _Sent:
        data = bytes.fromhex(str(told.get("input") or told.get("data") or "0x")[2:])
        return self._open(str(told["from"]).lower(), str(told.get("to") or "").lower(), data)

    def _open(self, sender: str, to: str, data: bytes) -> _Sent:
        forwarded = None
        if to == self._contracts.forwarder.address:
            forwarded = read_forwarded(self._contracts, data)
        if forwarded is None:
            return _Sent(sender, to, data, sender, self._call(to, data), None)
        inner = (forwarded.to, forwarded.data)
        return _Sent(sender, to, data, forwarded.account, self._call(*inner), inner)

    def _call(self, to: str, data: bytes) -> Call | None:
        try:
            return read_call(self._contracts, to, data)
        except BerthError:
            return None  # another contract's, or one that only a stranger's wallet would make

    def _remember(self, tx_hash: str, parties: tuple[str, ...], begun: Followed) -> None:
        self._seen[tx_hash] = parties, begun
        self._seen.move_to_end(tx_hash)
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)


def _unknown() -> BerthError:
    return BerthError("intent.unknown", "nothing of yours is known by this id", status=404)


def _fields(record: SentTransaction) -> tuple[str, str, bytes]:
    """(sender, to, data) of a transaction on record."""
    fields = decoded_transaction(record.raw)
    return record.account, "0x" + bytes(fields["to"]).hex(), bytes(fields["data"])


def _indexed(conn: Connection, lease_id: str | None, tx_hash: str | None) -> bool:
    row = conn.execute(select(leases.c.booked_tx).where(leases.c.lease_id == lease_id)).first()
    return row is not None and row.booked_tx == tx_hash
