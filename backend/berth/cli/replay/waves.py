"""Transactions mined at exact block times, and what each verb of theirs costs in gas.

Ganache's own mining would stamp blocks with a clock that runs on while we work, and a stay that
begins in the last second of a slot would be late. So its miner is stopped, the transactions of one
moment are put into the pool, and one block with just that timestamp is mined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from berth.chain.abi import Abi
from berth.chain.contracts import Contract
from berth.chain.reverts import ChainRevertError, as_revert
from berth.chain.rpc import Rpc, RpcError
from berth.chain.wire import Receipt
from berth.core.errors import BerthError

BLOCK_GAS = 30_000_000
# Far above any base fee of a chain that is this empty; what is not needed is not charged.
_FEES = {"maxFeePerGas": hex(10**11), "maxPriorityFeePerGas": hex(10**9)}


@dataclass(frozen=True, slots=True)
class Call:
    """A transaction to send: `verb` names it in the table of gas, `gas` is its limit."""

    verb: str
    sender: str
    to: str
    data: bytes
    gas: int


@dataclass
class GasMeter:
    """Gas by verb."""

    count: int = 0
    total: int = 0

    @property
    def mean(self) -> int:
        return round(self.total / self.count) if self.count else 0


@dataclass
class Waves:
    """Sends from the node's own accounts. `gas` is by verb, refused calls apart."""

    rpc: Rpc
    gas: dict[str, GasMeter] = field(default_factory=dict)
    blocks: int = 0
    _nonces: dict[str, int] = field(default_factory=dict)

    @property
    def transactions(self) -> int:
        return sum(meter.count for meter in self.gas.values())

    async def take_over(self) -> None:
        """From here on only we mine."""
        if await self.rpc.call("miner_stop") is not True:
            raise BerthError("replay.miner", f"the node at {self.rpc.where} did not stop mining")

    async def mine(self, at: int, calls: Sequence[Call]) -> list[Receipt]:
        """Mines calls in blocks of timestamp `at` (Unix seconds); receipts in the calls' order.

        Those of one sender happen in the order given. A refused call is in its receipt's status.
        """
        receipts: list[Receipt] = []
        for block in _blocks(calls):
            hashes: list[str] = await self.rpc.batch(
                [("eth_sendTransaction", [self._transaction(call)]) for call in block], str
            )
            await self.rpc.call("evm_mine", {"timestamp": at, "blocks": 1})
            self.blocks += 1
            mined: list[Receipt | None] = await self.rpc.batch(
                [("eth_getTransactionReceipt", [tx]) for tx in hashes], Receipt | None
            )
            for call, receipt in zip(block, mined, strict=True):
                if receipt is None:
                    message = f"{call.verb} of {call.sender} was left out of its block"
                    raise BerthError("replay.unmined", message)
                self._count(call, receipt)
                receipts.append(receipt)
        return receipts

    async def succeed(self, at: int, calls: Sequence[Call]) -> list[Receipt]:
        """As `mine`, for calls that nothing may refuse. Raises BerthError with the reason."""
        receipts = await self.mine(at, calls)
        for call, receipt in zip(calls, receipts, strict=True):
            if not receipt.succeeded:
                why = await self.why(call, receipt)
                message = f"{call.verb} by {call.sender} was refused: {why}"
                raise BerthError("replay.refused", message)
        return receipts

    async def why(self, call: Call, receipt: Receipt) -> ChainRevertError:
        """The reason of a mined refusal: the same call on top of the block it was mined in."""
        try:
            await self.rpc.eth_call(
                call.to, call.data, sender=call.sender, block=receipt.block_number
            )
        except RpcError as error:
            revert = as_revert(error)
            if revert is not None:
                return revert
            raise
        message = f"refused, but accepted on top of its own block ({receipt.transaction_hash})"
        return ChainRevertError("Revert", {}, message)

    async def read_all(
        self, contract: Contract, name: str, accounts: Sequence[str]
    ) -> dict[str, int]:
        """A number of each account, by a view that takes an account."""
        calls = [
            (
                "eth_call",
                [{"to": contract.address, "data": _hex(contract.calldata(name, a))}, "latest"],
            )
            for a in accounts
        ]
        answers: list[str] = await self.rpc.batch(calls, str)
        return {a: int(answer, 16) for a, answer in zip(accounts, answers, strict=True)}

    def _transaction(self, call: Call) -> dict[str, str]:
        nonce = self._nonces.get(call.sender, 0)
        self._nonces[call.sender] = nonce + 1
        return {
            "from": call.sender,
            "to": call.to,
            "data": _hex(call.data),
            "gas": hex(call.gas),
            "nonce": hex(nonce),
            **_FEES,
        }

    def _count(self, call: Call, receipt: Receipt) -> None:
        verb = call.verb if receipt.succeeded else f"{call.verb}, refused"
        meter = self.gas.setdefault(verb, GasMeter())
        meter.count += 1
        meter.total += receipt.gas_used


def call_of(
    contract: Contract, name: str, *args: object, sender: str, gas: int, verb: str = ""
) -> Call:
    """A contract's function as a transaction; its name stands for the verb if none is given."""
    return Call(verb or name, sender, contract.address, contract.calldata(name, *args), gas)


def topic_of(abi: Abi, event: str) -> str:
    """The first topic of an event's logs."""
    return _hex(abi.events[event].topic)


def _blocks(calls: Sequence[Call]) -> Iterator[list[Call]]:
    """Calls in order, as many to a block as its gas allows by their limits."""
    block: list[Call] = []
    room = BLOCK_GAS
    for call in calls:
        if block and call.gas > room:
            yield block
            block, room = [], BLOCK_GAS
        block.append(call)
        room -= call.gas
    if block:
        yield block


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
