"""Sends transactions of one local key, each purpose at most once, over restarts and lost answers.

The signed transaction is on record before it leaves: whatever happens after that, the same bytes
(the same nonce) are sent again, and a chain takes a nonce once. A purpose gets another nonce only
when its own can never be mined with it any more: the node refused its only copy outright, or
another transaction of the key has the nonce, too deep for a reorg. Several processes may use one
key: the journal gives out the nonces.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from berth.chain.journal import Journal, SentRecord, Unless
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
#: One that is next and still not mined after this long gets more gas price, whatever the base fee.
BUMP_SECONDS = 60
#: A nonce that another transaction took is given up when that is so many blocks deep.
REPLACED_DEPTH = 12
#: More nonces than this that nobody has are no gap, but a node's false count: not paid for.
MOST_GAPS = 64
#: Gas of a transaction that does nothing.
_EMPTY_GAS = 21_000
_FIND = "eth_getTransactionByHash"
_log = structlog.get_logger("berth.sender")


@dataclass(frozen=True)
class Limits:
    """What the transactions of one key may cost: wei in a day of 24 hours, None = whatever; and wei
    a unit of gas, None = whatever the chain asks."""

    spend_a_day: int | None = None
    max_fee: int | None = None


class Sender:
    """The transactions of one key. Others may be at work with the same journal and key."""

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
        self,
        purpose: str,
        to: str,
        data: bytes,
        *,
        value: int = 0,
        gas: int | None = None,
        unless: Unless | None = None,
    ) -> str:
        """Sends once a purpose, ever; the transaction's hash.

        `purpose` names the deed ("record:0x…:2"). A purpose on record is not sent anew; one that
        the node refused outright may be tried again. A call that would revert raises
        ChainRevertError and leaves nothing on record. Raises BerthError: chain.spend_cap,
        chain.fee_ceiling, chain.refused, and what `unless` objects, which the journal asks (see
        there).
        """
        known = await self._on_record(purpose)
        if known is not None:
            if known.state in ("signed", "sent"):
                known = await self._broadcast(known)
            if known.state != "replaced":
                return known.tx_hash
        if not self._resumed:
            await self.resume()
        call = {"from": self.address, "to": to, "data": "0x" + data.hex(), "value": hex(value)}
        limit = gas if gas is not None else await self._estimate(call)
        record = await self._sign_and_send(
            purpose, {"to": checksum(to), "data": data, "value": value, "gas": limit}, unless=unless
        )
        return record.tx_hash

    async def is_on_record(self, purpose: str) -> bool:
        """Has `send` signed it before, so that it would sign nothing new?"""
        return await self._on_record(purpose) is not None

    async def refusal(self, to: str, data: bytes) -> ChainRevertError | None:
        """What the contract would object to such a call of the key now. Nothing is sent."""
        call = {"from": self.address, "to": to, "data": "0x" + data.hex(), "value": "0x0"}
        try:
            await self._estimate(call)
        except ChainRevertError as error:
            return error
        return None

    async def unspent(self, purpose: str) -> str:
        """The name for another go at a deed that was mined and refused, for a reason that has
        passed: `purpose` itself until then, "PURPOSE, 2" and so on after. The former ones stay on
        record: a reorg may still turn them into the deed, so the contract must take it only once.
        """
        name, tries = purpose, 1
        while True:
            record = await asyncio.to_thread(self._journal.find, name)
            if record is None or record.state != "reverted":
                return name
            tries += 1
            name = f"{purpose}, {tries}"

    async def wait(self, purpose: str, *, within: float = 120.0) -> Receipt:
        """The receipt, once mined. Sends again what a node lost, dearer what is stuck.

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
                raise _too_late(record, within)
            if moment > again:
                again = moment + REBROADCAST_SECONDS
                await self._tend([record])
                record = await self._renewed(await self._required(purpose))
            await asyncio.sleep(self._poll)

    async def resume(self, depth: int = 64) -> int:
        """Sends again what may have been lost: by a crash, a restarted node, a reorg of `depth`.

        How many transactions are still open.
        """
        head = await self._rpc.block_number()
        after = max(head - depth, 0)
        records = await asyncio.to_thread(self._journal.open_records, self.address, after)
        still_open = []
        for record in records:
            receipt = await self._receipt(record)
            if receipt is None:
                still_open.append(record)
            elif record.state != ("mined" if receipt.succeeded else "reverted"):
                await self._mark(record, receipt)
        if still_open:
            await self._tend(still_open)
        self._resumed = True
        return len(still_open)

    # ---- steps

    async def _on_record(self, purpose: str) -> SentRecord | None:
        record = await asyncio.to_thread(self._journal.find, purpose)
        return None if record is None or record.state in ("dropped", "replaced") else record

    async def _required(self, purpose: str) -> SentRecord:
        record = await asyncio.to_thread(self._journal.find, purpose)
        if record is None:
            raise BerthError("chain.unsent", f"nothing was sent for {purpose}", status=404)
        return record

    async def _sign_and_send(
        self,
        purpose: str,
        call: dict[str, Any],
        nonce: int | None = None,
        unless: Unless | None = None,
    ) -> SentRecord:
        fees = await self._fees()
        made = []

        def sign(given: int) -> tuple[bytes, str]:
            made.append(given)
            return self._sign({**call, **fees, "nonce": given, "chainId": self._chain_id})

        # one at a time from nonce to broadcast: a later nonce must not overtake a refused one
        async with self._lock:
            pending = await self._nonce("pending")
            record = await asyncio.to_thread(
                lambda: self._journal.take(
                    self.address,
                    purpose,
                    pending,
                    sign,
                    reserve=_most({**call, **fees}),
                    cap=self._limits.spend_a_day,
                    nonce=nonce,
                    unless=unless,
                )
            )
            # what another process has made of it meanwhile may be out already
            return await self._broadcast(record, fresh=bool(made))

    async def _tend(self, records: Sequence[SentRecord]) -> None:
        """Looks after what is open: sent again, dearer where it is stuck, and before it whatever
        keeps it from being mined: one that a dead process left unsent, or a nonce nobody has."""
        first = await self._nonce("latest")
        for record in sorted(records, key=lambda one: one.nonce):
            await self._broadcast(await self._dearer(record, first))
        mine = [record.nonce for record in records if record.account == self.address]
        if mine:
            await self._close_gaps(max(mine))

    async def _close_gaps(self, last: int) -> None:
        """Nonces below `last` that the node has no transaction for."""
        pending = await self._nonce("pending")
        records = await asyncio.to_thread(self._journal.from_nonce, self.address, pending)
        held = {record.nonce: record for record in records}
        if last - pending - len(held) > MOST_GAPS:
            _log.error("nonces far beyond the node's count", account=self.address, nonce=last)
            return
        for nonce in range(pending, last):
            before = held.get(nonce)
            if before is not None:
                await self._broadcast(before)
                continue
            _log.warning("nonce without a transaction", account=self.address, nonce=nonce)
            call = {"to": checksum(self.address), "data": b"", "value": 0, "gas": _EMPTY_GAS}
            await self._sign_and_send(f"gap:{self.address}:{nonce}", call, nonce)

    async def _renewed(self, record: SentRecord) -> SentRecord:
        """Another nonce for a transaction whose own is another's."""
        if record.state != "replaced":
            return record
        fields = decoded_transaction(record.raw)
        call = {name: fields[name] for name in ("to", "data", "value", "gas")}
        return await self._sign_and_send(record.purpose, call)

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

    async def _tip(self) -> int:
        try:
            return int(await self._rpc.typed(str, "eth_maxPriorityFeePerGas"), 16)
        except RpcError:
            return DEFAULT_TIP

    async def _fees(self) -> dict[str, int]:
        base, tip = await self._base_fee(), await self._tip()
        # twice the base fee outlasts six full blocks in a row
        most, ceiling = 2 * base + tip, self._limits.max_fee
        if ceiling is not None and most > ceiling:
            if base >= ceiling:
                raise BerthError(
                    "chain.fee_ceiling",
                    f"the chain asks {base} wei a unit of gas, more than the {ceiling} allowed",
                    status=503,
                )
            most = ceiling
        return {"maxFeePerGas": most, "maxPriorityFeePerGas": min(tip, most)}

    async def _nonce(self, block: str) -> int:
        return int(await self._rpc.typed(str, "eth_getTransactionCount", self.address, block), 16)

    def _sign(self, transaction: dict[str, Any]) -> tuple[bytes, str]:
        signed = self._account.sign_transaction(transaction)
        return bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex()

    async def _broadcast(self, record: SentRecord, *, fresh: bool = False) -> SentRecord:
        """Hands it to the node. `fresh`: signed a moment ago, so that no copy can be out. What the
        node has is not handed to it again: Ganache executes a copy anew while it makes a block."""
        if record.state not in ("signed", "sent", "mined", "reverted"):
            return record
        try:
            if fresh or await self._rpc.call(_FIND, record.tx_hash) is None:
                await self._rpc.call("eth_sendRawTransaction", "0x" + record.raw.hex())
        except RpcError as error:
            return await self._refused(record, error, fresh)
        if record.state != "sent":
            await asyncio.to_thread(self._journal.mark, record.purpose, "sent")
        return record

    async def _refused(self, record: SentRecord, error: RpcError, fresh: bool) -> SentRecord:
        """A node's refusal to take it: known already, mined already, nonce gone, or real."""
        # Asked of the chain, not read from the message: every node words these differently.
        if await self._rpc.call(_FIND, record.tx_hash) is not None:
            return record
        taken = await self._nonce("latest") > record.nonce
        # after the count: one that was mined in between is not taken for another's
        if await self._receipt(record) is not None:
            return record
        if taken:
            return await self._replaced(record)
        revert = as_revert(error)
        reason = revert.message if revert is not None else error.text
        if not fresh:
            # Another copy may be on its way: given another nonce, it might happen twice.
            await asyncio.to_thread(self._journal.mark, record.purpose, "signed", reason=reason)
            self._waits(record, reason)
            return record
        await asyncio.to_thread(self._journal.mark, record.purpose, "dropped", reason=reason)
        if revert is not None:
            raise revert from error
        raise BerthError("chain.refused", f"{record.purpose}: {error.text}", status=502) from error

    async def _replaced(self, record: SentRecord) -> SentRecord:
        """Another transaction of the key has its nonce: it is marked once no reorg can change that
        any more."""
        if record.account != self.address:
            return record
        head = await self._rpc.block_number()
        if await self._nonce(hex(max(head - REPLACED_DEPTH, 0))) <= record.nonce:
            return record
        reason = f"nonce {record.nonce} went to another transaction of the key"
        _log.warning("transaction replaced", purpose=record.purpose, reason=reason)
        await asyncio.to_thread(self._journal.mark, record.purpose, "replaced", reason=reason)
        return await self._required(record.purpose)

    async def _dearer(self, record: SentRecord, first: int) -> SentRecord:
        """The same transaction with more gas price: when the base fee has outgrown it, or when it
        is next (`first` is the node's count) and still waits; up to the ceiling."""
        if record.account != self.address or record.state not in ("signed", "sent"):
            return record
        transaction = decoded_transaction(record.raw)
        base = await self._base_fee()
        waited = time.time() - (record.bumped_at or record.submitted_at)
        stuck = record.nonce <= first and waited >= BUMP_SECONDS
        if base <= transaction["maxFeePerGas"] and not stuck:
            return record
        tip = max(transaction["maxPriorityFeePerGas"] * BUMP_NUM // BUMP_DEN + 1, await self._tip())
        lowest = transaction["maxFeePerGas"] * BUMP_NUM // BUMP_DEN + 1
        most, ceiling = max(2 * base + tip, lowest), self._limits.max_fee
        if ceiling is not None and most > ceiling:
            if lowest > ceiling:
                _log.warning(
                    "transaction waits", purpose=record.purpose, reason="chain.fee_ceiling"
                )
                return record
            most = ceiling
        transaction |= {"maxPriorityFeePerGas": min(tip, most), "maxFeePerGas": most}
        raw, tx_hash = self._sign(transaction)
        try:
            return await asyncio.to_thread(
                lambda: self._journal.resign(
                    record.purpose,
                    record.tx_hash,
                    raw,
                    tx_hash,
                    reserve=_most(transaction),
                    cap=self._limits.spend_a_day,
                )
            )
        except BerthError as error:
            self._waits(record, error.code)
            return record

    @staticmethod
    def _waits(record: SentRecord, reason: str) -> None:
        _log.warning("transaction waits", purpose=record.purpose, reason=reason)

    async def _receipt(self, record: SentRecord) -> Receipt | None:
        for tx_hash in (record.tx_hash, *record.former_hashes):
            receipt = await self._rpc.receipt(tx_hash)
            if receipt is not None:
                return receipt
        return None

    async def _mark(self, record: SentRecord, receipt: Receipt, reason: str | None = None) -> None:
        fields = decoded_transaction(record.raw)
        price = receipt.effective_gas_price_hex
        paid = fields["maxFeePerGas"] if price is None else int(price, 16)
        value = int(fields["value"]) if receipt.succeeded else 0
        await asyncio.to_thread(
            lambda: self._journal.mark(
                record.purpose,
                "mined" if receipt.succeeded else "reverted",
                block_number=receipt.block_number,
                gas_used=receipt.gas_used,
                cost=receipt.gas_used * paid + value,
                reason=reason,
            )
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
        transaction = decoded_transaction(record.raw)
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


def decoded_transaction(raw: bytes) -> dict[str, Any]:
    """A typed transaction's fields, ready to be signed again."""
    fields = dict(TypedTransaction.from_bytes(HexBytes(raw)).as_dict())
    return {key: value for key, value in fields.items() if key not in ("v", "r", "s", "type")}


def _most(transaction: dict[str, Any]) -> int:
    """Wei that a transaction costs at most."""
    return int(transaction["gas"]) * int(transaction["maxFeePerGas"]) + int(transaction["value"])


def _too_late(record: SentRecord, within: float) -> BerthError:
    why = "" if record.reason is None else f": {record.reason}"
    told = f"{record.purpose}: not mined within {within:.0f} s ({record.tx_hash}){why}"
    return BerthError("chain.timeout", told, status=504)
