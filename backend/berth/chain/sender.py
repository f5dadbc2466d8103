"""Sends transactions of one local key, each purpose at most once, over restarts and lost answers.

The signed transaction is on record before it leaves: whatever happens after that, the same bytes
(the same nonce) are sent again, and a chain takes a nonce once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from berth.chain.reverts import ChainRevertError, as_revert, translate
from berth.chain.rpc import Rpc, RpcError
from berth.chain.wire import Receipt
from berth.core.addresses import checksum
from berth.core.errors import BerthError

#: Part of the estimate added to the gas limit: state may have changed when it is mined.
GAS_MARGIN_PCT = 25
#: Tip in wei a unit of gas where the node names none.
DEFAULT_TIP = 1_000_000_000
#: Nodes refuse a replacement that does not pay an eighth more.
BUMP_NUM, BUMP_DEN = 9, 8
REBROADCAST_SECONDS = 15.0


@dataclass(frozen=True)
class Limits:
    """What the transactions of one key may cost: wei in a day of 24 hours, None = whatever; and wei
    a unit of gas, None = whatever the chain asks."""

    spend_a_day: int | None = None
    max_fee: int | None = None


class SentRecord(Protocol):
    """A transaction on record; see `sent_transactions`."""

    @property
    def purpose(self) -> str: ...
    @property
    def nonce(self) -> int: ...
    @property
    def tx_hash(self) -> str: ...
    @property
    def former_hashes(self) -> tuple[str, ...]: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def state(self) -> str: ...
    @property
    def block_number(self) -> int | None: ...


#: Makes (raw bytes, hash) of the transaction with a given nonce.
Sign = Callable[[int], tuple[bytes, str]]


class Journal(Protocol):
    """Where sent transactions are on record; `berth.store.transactions` has one."""

    def find(self, purpose: str) -> SentRecord | None: ...

    def take(self, account: str, purpose: str, first_nonce: int, sign: Sign) -> SentRecord:
        """Gives the purpose a nonce and records what `sign` makes; or finds what is there."""

    def resign(self, purpose: str, raw: bytes, tx_hash: str, nonce: int) -> SentRecord:
        """Puts another signature in the recorded one's place; its hash stays known."""

    def mark(
        self,
        purpose: str,
        state: str,
        *,
        block_number: int | None = None,
        gas_used: int | None = None,
        reason: str | None = None,
    ) -> None: ...

    def open_records(self, account: str, mined_after: int) -> Sequence[SentRecord]:
        """Signed or sent ones, and those mined in blocks above `mined_after`, by nonce."""


class Sender:
    """The transactions of one key. One instance a key and process."""

    def __init__(
        self,
        rpc: Rpc,
        journal: Journal,
        key: bytes,
        chain_id: int,
        *,
        poll: float = 0.2,
        limits: Limits | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._rpc = rpc
        self._journal = journal
        self._account: Any = Account.from_key(key)
        self.address: str = str(self._account.address).lower()
        self._chain_id = chain_id
        self._poll = poll
        self._lock = asyncio.Lock()
        self._resumed = False

    async def transact(
        self, purpose: str, to: str, data: bytes, *, value: int = 0, within: float = 120.0
    ) -> Receipt:
        """Sends and waits. Raises ChainRevertError when the contract refuses, before or after."""
        await self.send(purpose, to, data, value=value)
        return await self.wait(purpose, within=within)

    async def send(
        self, purpose: str, to: str, data: bytes, *, value: int = 0, gas: int | None = None
    ) -> str:
        """Sends once a purpose, ever; the transaction's hash.

        `purpose` names the deed ("record:0x…:2"). A purpose on record is not sent anew; one that
        the node refused outright may be tried again. A call that would revert raises
        ChainRevertError and leaves nothing on record.
        """
        known = await self._on_record(purpose)
        if known is not None:
            if known.state in ("signed", "sent"):
                known = await self._broadcast(known)
            return known.tx_hash
        if not self._resumed:
            await self.resume()
        call = {"from": self.address, "to": to, "data": "0x" + data.hex(), "value": hex(value)}
        limit = gas if gas is not None else await self._estimate(call)
        fees = await self._fees()

        def sign(nonce: int) -> tuple[bytes, str]:
            return self._sign(
                {
                    "to": checksum(to),
                    "data": data,
                    "value": value,
                    "gas": limit,
                    "nonce": nonce,
                    "chainId": self._chain_id,
                    **fees,
                }
            )

        # one at a time from nonce to broadcast: a later nonce must not overtake a refused one
        async with self._lock:
            pending = await self._nonce("pending")
            record = await asyncio.to_thread(
                self._journal.take, self.address, purpose, pending, sign
            )
            record = await self._broadcast(record)
        return record.tx_hash

    async def wait(self, purpose: str, *, within: float = 120.0) -> Receipt:
        """The receipt, once mined. Sends again what a node lost, dearer what the fees outgrew.

        Raises ChainRevertError when it was mined but refused, BerthError chain.timeout after
        `within` seconds.
        """
        record = await self._required(purpose)
        deadline = time.monotonic() + within
        again = time.monotonic() + REBROADCAST_SECONDS
        while True:
            receipt = await self._receipt(record)
            if receipt is not None:
                return await self._settle(record, receipt)
            moment = time.monotonic()
            if moment > deadline:
                message = f"{purpose}: not mined within {within:.0f} s ({record.tx_hash})"
                raise BerthError("chain.timeout", message, status=504)
            if moment > again:
                again = moment + REBROADCAST_SECONDS
                record = await self._broadcast(await self._dearer(record))
            await asyncio.sleep(self._poll)

    async def resume(self, depth: int = 64) -> int:
        """Sends again what may have been lost: by a crash, a restarted node, a reorg of `depth`.

        How many transactions are still open.
        """
        self._resumed = True
        head = await self._rpc.block_number()
        records = await asyncio.to_thread(
            self._journal.open_records, self.address, max(head - depth, 0)
        )
        still_open = 0
        for record in records:
            receipt = await self._receipt(record)
            if receipt is not None:
                if record.state != ("mined" if receipt.succeeded else "reverted"):
                    await self._mark(record, receipt)
                continue
            still_open += 1
            await self._broadcast(record)
        return still_open

    # ---- steps

    async def _on_record(self, purpose: str) -> SentRecord | None:
        record = await asyncio.to_thread(self._journal.find, purpose)
        return None if record is None or record.state == "dropped" else record

    async def _required(self, purpose: str) -> SentRecord:
        record = await asyncio.to_thread(self._journal.find, purpose)
        if record is None:
            raise BerthError("chain.unsent", f"nothing was sent for {purpose}", status=404)
        return record

    async def _estimate(self, call: dict[str, str]) -> int:
        try:
            gas = int(await self._rpc.typed(str, "eth_estimateGas", call), 16)
        except RpcError as error:
            raise translate(error) from error
        return gas + gas * GAS_MARGIN_PCT // 100

    async def _base_fee(self) -> int:
        block = await self._rpc.block("latest")
        if block is None or block.base_fee is None:
            message = f"the newest block of {self._rpc.where} names no base fee (EIP-1559)"
            raise BerthError("chain.fees", message)
        return block.base_fee

    async def _fees(self) -> dict[str, int]:
        base = await self._base_fee()
        try:
            tip = int(await self._rpc.typed(str, "eth_maxPriorityFeePerGas"), 16)
        except RpcError:
            tip = DEFAULT_TIP
        # twice the base fee outlasts six full blocks in a row
        return {"maxFeePerGas": 2 * base + tip, "maxPriorityFeePerGas": tip}

    async def _nonce(self, block: str) -> int:
        text = await self._rpc.typed(str, "eth_getTransactionCount", self.address, block)
        return int(text, 16)

    def _sign(self, transaction: dict[str, Any]) -> tuple[bytes, str]:
        signed = self._account.sign_transaction(transaction)
        return bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex()

    async def _broadcast(self, record: SentRecord) -> SentRecord:
        try:
            await self._rpc.call("eth_sendRawTransaction", "0x" + record.raw.hex())
        except RpcError as error:
            return await self._refused(record, error)
        if record.state != "sent":
            await asyncio.to_thread(self._journal.mark, record.purpose, "sent")
        return record

    async def _refused(self, record: SentRecord, error: RpcError) -> SentRecord:
        """A node's refusal to take it: known already, mined already, nonce gone, or real."""
        # Asked of the chain, not read from the message: every node words these differently.
        if await self._rpc.call("eth_getTransactionByHash", record.tx_hash) is not None:
            return record
        if await self._receipt(record) is not None:
            return record
        if await self._nonce("latest") > record.nonce:
            # the nonce went to another transaction of this key, so ours can never be mined
            raw, tx_hash, nonce = self._with_nonce(record, await self._nonce("pending"))
            renewed = await asyncio.to_thread(
                self._journal.resign, record.purpose, raw, tx_hash, nonce
            )
            return await self._broadcast(renewed)
        revert = as_revert(error)
        reason = revert.message if revert is not None else error.text
        await asyncio.to_thread(self._journal.mark, record.purpose, "dropped", reason=reason)
        if revert is not None:
            raise revert from error
        raise BerthError("chain.refused", f"{record.purpose}: {error.text}", status=502) from error

    def _with_nonce(self, record: SentRecord, nonce: int) -> tuple[bytes, str, int]:
        transaction = {**_decoded(record.raw), "nonce": nonce}
        raw, tx_hash = self._sign(transaction)
        return raw, tx_hash, nonce

    async def _dearer(self, record: SentRecord) -> SentRecord:
        """The same transaction with more gas price, when the base fee has outgrown it."""
        transaction = _decoded(record.raw)
        base = await self._base_fee()
        if base <= transaction["maxFeePerGas"]:
            return record
        tip = transaction["maxPriorityFeePerGas"] * BUMP_NUM // BUMP_DEN + 1
        lowest = transaction["maxFeePerGas"] * BUMP_NUM // BUMP_DEN + 1
        transaction["maxPriorityFeePerGas"] = tip
        transaction["maxFeePerGas"] = max(2 * base + tip, lowest)
        raw, tx_hash = self._sign(transaction)
        return await asyncio.to_thread(
            self._journal.resign, record.purpose, raw, tx_hash, record.nonce
        )

    async def _receipt(self, record: SentRecord) -> Receipt | None:
        for tx_hash in (record.tx_hash, *record.former_hashes):
            receipt = await self._rpc.receipt(tx_hash)
            if receipt is not None:
                return receipt
        return None

    async def _mark(self, record: SentRecord, receipt: Receipt, reason: str | None = None) -> None:
        await asyncio.to_thread(
            self._journal.mark,
            record.purpose,
            "mined" if receipt.succeeded else "reverted",
            block_number=receipt.block_number,
            gas_used=receipt.gas_used,
            reason=reason,
        )

    async def _settle(self, record: SentRecord, receipt: Receipt) -> Receipt:
        if receipt.succeeded:
            if record.state != "mined":
                await self._mark(record, receipt)
            return receipt
        revert = await self._why(record, receipt)
        await self._mark(record, receipt, revert.message)
        raise revert

    async def _why(self, record: SentRecord, receipt: Receipt) -> ChainRevertError:
        """The reason of a mined refusal: the same call on the block it was mined in."""
        transaction = _decoded(record.raw)
        to = "0x" + bytes(transaction["to"]).hex()
        try:
            await self._rpc.eth_call(
                to, bytes(transaction["data"]), sender=self.address, block=receipt.block_number
            )
        except RpcError as error:
            revert = as_revert(error)
            if revert is not None:
                return revert
        message = f"{record.purpose}: mined, but refused by the contract ({record.tx_hash})"
        return ChainRevertError("Revert", {}, message)


def _decoded(raw: bytes) -> dict[str, Any]:
    """A typed transaction's fields, ready to be signed again."""
    fields = dict(TypedTransaction.from_bytes(HexBytes(raw)).as_dict())
    return {key: value for key, value in fields.items() if key not in ("v", "r", "s", "type")}
