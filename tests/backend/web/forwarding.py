"""A node with a mempool, the forwarder, and a market that says yes until it is told otherwise: for
tests of calls that the operator brings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from berth.chain.abi import load_abi
from berth.chain.contracts import Contracts
from berth.chain.rpc import NodeUnreachableError, Rpc, RpcError
from berth.chain.sender import Limits, Sender
from berth.chain.wire import Block, Log, Receipt
from berth.core.hashing import keccak
from berth.core.signing import recover_digest
from berth.market.forwarding import ForwardRequest
from berth.market.sponsoring import Bounds, Sponsor
from berth.store.transactions import TransactionJournal
from eth_abi.abi import encode
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from tests.backend.worlds import DEPLOYMENT, World

SPONSOR_KEY = keccak(b"test key of the sponsor")
CONTRACTS = Contracts.of(DEPLOYMENT)
MARKET = load_abi("ParkingMarket")
_EXECUTE = CONTRACTS.forwarder.abi.function("execute")
_NONCES = CONTRACTS.forwarder.abi.function("nonces")
_FAILED = next(e for e in CONTRACTS.forwarder.abi.errors.values() if e.name == "FailedCall")
_STRANGER = next(
    e for e in CONTRACTS.forwarder.abi.errors.values() if e.name == "ERC2771ForwarderInvalidSigner"
)


def revert(error: str, *arguments: object) -> RpcError:
    """A market's refusal, as a node tells it."""
    entry = next(e for e in MARKET.errors.values() if e.name == error)
    data = entry.selector + encode([p.canonical for p in entry.inputs], list(arguments))
    return RpcError("eth_call", 3, "execution reverted", data)


class Chain:
    """What is mined stays in `mined`; `refusal` answers each market call with None or an error."""

    where = "memory"

    def __init__(self, world: World) -> None:
        self._world = world
        self.height = 100
        self.base_fee = 7
        self.balance = 10**20
        self.needs = 200_000
        self.refusal: Callable[[str, bytes], RpcError | None] = lambda _account, _data: None
        self.codes: dict[str, bytes] = {}
        self.nonces: dict[str, int] = {}
        self.pool: list[tuple[str, dict[str, Any]]] = []
        self.mined: list[tuple[str, dict[str, Any], int, bool]] = []
        self.logs: dict[str, list[Log]] = {}
        self.market_calls: list[tuple[str, bytes]] = []  # that a mined transaction made
        self.loses_answers = False
        self.deaf = False  # nothing reaches it

    # ---- what happens

    def mine(self, *, index: bool = True) -> None:
        self.height += 1
        for tx_hash, fields in self.pool:
            self.mined.append((tx_hash, fields, self.height, self._run(fields)))
        self.pool.clear()
        if index:
            self.read()

    def read(self) -> None:
        """The index reads up to the head."""
        self._world.at_block(self.height)

    def reorganise(self) -> None:
        """The newest block is gone, and what was in it."""
        gone = [entry for entry in self.mined if entry[2] == self.height]
        self.mined = [entry for entry in self.mined if entry[2] < self.height]
        for _hash, fields, _height, done in gone:
            if done:
                self.nonces[self._given(fields)["from"]] -= 1
                self.market_calls.pop()

    def send_by_wallet(self, tx_hash: str, sender: str, to: str, data: bytes) -> None:
        self.pool.append((tx_hash, {"from": sender, "to": bytes.fromhex(to[2:]), "data": data}))

    def _given(self, fields: dict[str, Any]) -> dict[str, Any]:
        (given,) = _EXECUTE.decode_inputs(bytes(fields["data"])[4:]).values()
        return cast("dict[str, Any]", given)

    def _run(self, fields: dict[str, Any]) -> bool:
        data = bytes(fields["data"])
        if data[:4] != _EXECUTE.selector:
            return self.refusal(fields["from"], data) is None
        if self._refuses(data) is not None:
            return False
        given = self._given(fields)
        self.nonces[given["from"]] = self.nonces.get(given["from"], 0) + 1
        self.market_calls.append((given["from"], given["data"]))
        return True

    def _refuses(self, data: bytes) -> RpcError | None:
        """The forwarder's checks, by the contract's own rules."""
        (given,) = _EXECUTE.decode_inputs(data[4:]).values()
        request = ForwardRequest(
            given["from"],
            given["to"],
            given["gas"],
            self.nonces.get(given["from"], 0),
            given["deadline"],
            given["data"],
        )
        signer = recover_digest(request.message(DEPLOYMENT).digest, given["signature"])
        if signer != given["from"] or given["deadline"] < self._world.clock.now():
            told = _STRANGER.selector + encode(["address"] * 2, [signer, given["from"]])
            return RpcError("eth_call", 3, "execution reverted", told)
        if self.refusal(given["from"], given["data"]) is not None:
            return RpcError("eth_call", 3, "execution reverted", _FAILED.selector)
        return None

    # ---- what a node answers

    async def block_number(self) -> int:
        return self.height

    async def block(self, _which: object) -> Block:
        return Block("0x1", "0x0", hex(self.height), "0x1", base_fee_hex=hex(self.base_fee))

    async def code(self, address: str) -> bytes:
        return self.codes.get(address, b"")

    async def eth_call(
        self,
        to: str,
        data: bytes,
        *,
        sender: str | None = None,
        block: int | str = "latest",
        gas: int | None = None,
    ) -> bytes:
        if data[:4] == _NONCES.selector:
            (account,) = _NONCES.decode_inputs(data[4:]).values()
            return encode(["uint256"], [self.nonces.get(account, 0)])
        error = self._refuses(data) if to == DEPLOYMENT.forwarder else None
        if to == DEPLOYMENT.market:
            error = self.refusal(str(sender), data)
        if error is not None:
            raise error
        return b""

    async def typed(self, _kind: type, method: str, *params: Any) -> str:
        count = sum(1 for one in self.mined if "nonce" in one[1])
        if method == "eth_getTransactionCount":
            waiting = sum(1 for one in self.pool if "nonce" in one[1])
            return hex(count + (waiting if params[1] == "pending" else 0))
        return {
            "eth_estimateGas": hex(self.needs),
            "eth_getBalance": hex(self.balance),
            "eth_gasPrice": hex(self.base_fee + 1),
            "eth_maxPriorityFeePerGas": "0x1",
        }[method]

    async def call(self, method: str, *params: Any) -> Any:
        if method == "eth_getTransactionByHash":
            return self._transaction(params[0])
        if method == "eth_call":
            data = bytes.fromhex(params[0]["data"][2:])
            await self.eth_call(params[0]["to"], data, sender=params[0]["from"])
            return "0x"
        assert method == "eth_sendRawTransaction"
        if self.deaf:
            raise NodeUnreachableError(self.where, "cut off")
        raw = bytes.fromhex(params[0][2:])
        tx_hash = "0x" + keccak(raw).hex()
        if self._transaction(tx_hash) is None:
            fields = dict(TypedTransaction.from_bytes(HexBytes(raw)).as_dict())
            fields["from"] = str(Account.recover_transaction(raw)).lower()
            self.pool.append((tx_hash, fields))
        if self.loses_answers:
            raise NodeUnreachableError(self.where, "cut off")
        return tx_hash

    def _transaction(self, tx_hash: str) -> dict[str, Any] | None:
        known = {one[0]: one[1] for one in (*self.pool, *self.mined)}
        fields = known.get(tx_hash)
        if fields is None:
            return None
        to, data = bytes(fields["to"]).hex(), bytes(fields["data"]).hex()
        return {"from": fields["from"], "to": "0x" + to, "input": "0x" + data}

    async def receipt(self, tx_hash: str) -> Receipt | None:
        for known, _fields, height, done in self.mined:
            if known == tx_hash:
                return Receipt(
                    tx_hash,
                    hex(height),
                    "0x",
                    hex(self.needs),
                    hex(done),
                    self.logs.get(tx_hash, []),
                    effective_gas_price_hex="0x8",
                )
        return None


def sponsor_of(world: World, chain: Chain, bounds: Bounds | None = None, **limits: int) -> Sponsor:
    """As a freshly started process has it: nothing in memory."""
    rpc = cast("Rpc", chain)
    sender = Sender(
        rpc, TransactionJournal(world.store), SPONSOR_KEY, 1337, poll=0.001, limits=Limits(**limits)
    )
    return Sponsor(world.store, rpc, DEPLOYMENT, sender, world.clock, bounds)
