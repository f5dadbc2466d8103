"""What the signer's own node says of a lease: in two round trips, each answer of one named block.

First the newest block with the node's identity, and the lease's deposit for a first idea of how
deep it must be; then, of that block by its number, lease, deposit, lock, and the lease so deep.
A deposit that asks for more depth than was guessed costs one trip more, and is believed. Who asks
may have a guess of what the node will say: then all is asked in one trip, and where the guess was
wrong, again the ordinary way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from berth.chain.contracts import Contracts
from berth.chain.reverts import ChainRevertError, translate
from berth.chain.rpc import NodeUnreachableError, Rpc, RpcError
from berth.chain.wire import Block
from berth.core.addresses import parse_address
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.ids import split_lease
from berth.core.offer import FLAG_CONFIRM, FLAG_NEAR, FLAG_PLATE, decode_words
from berth.core.slots import SLOT_SECONDS, slot_start
from berth.core.states import LeaseState
from berth.core.words import SpaceWords
from berth.relay.orders import Guess

_LIVE = frozenset({LeaseState.BOOKED.value, LeaseState.PARKED.value})
#: A lease's vehicle is that of the newest of these.
_NAME_A_VEHICLE = ("Leased", "Extended", "VehicleChanged")
_Call = tuple[str, Sequence[Any]]
#: Which chain the node is of, and how far it is.
_BEGINNING: tuple[_Call, ...] = (
    ("eth_chainId", ()),
    ("eth_getBlockByNumber", ("0x0", False)),
    ("eth_getBlockByNumber", ("latest", False)),
)


@dataclass(frozen=True)
class Head:
    """The node's newest block; `timestamp` in Unix seconds."""

    number: int
    timestamp: int


@dataclass(frozen=True)
class LiveLease:
    """An open lease as long as it is deep enough: [start, end) in Unix seconds; `deep` is the
    newest block that counts as such."""

    start: int
    end: int
    offer: int
    space: int
    deep: int


@dataclass(frozen=True)
class Vehicle:
    """A lease's vehicle: its plate's commitment, None = the chain names none; the block that named
    it; and what its driver must show at the lock."""

    plate: str | None
    block: int
    requires: list[str]


#: What was found in one trip, with the answers to what else was asked in it.
_Guessed = tuple[Head, LiveLease, list[Any]]
_Key = tuple[int, str, Guess]


def refusal(code: str, why: str, *, status: int = 409) -> BerthError:
    """Why something is not signed."""
    return BerthError(f"signer.{code}", why, status=status)


def _live(view: dict[str, Any], lease: int, deep: int) -> LiveLease:
    space, start_slot, _ = split_lease(lease)
    start = slot_start(start_slot)
    end = start + view["slots"] * SLOT_SECONDS
    return LiveLease(start, end, view["offer"], space, deep)


class ChainReader:
    """One deployment's chain through one node. Raises BerthError `signer.*`, `chain.*`."""

    def __init__(self, rpc: Rpc, deployment: Deployment, required: Callable[[int], int]) -> None:
        """`required`: confirmations that a deposit (minor units) asks for."""
        self._rpc = rpc
        self._deployment = deployment
        self._required = required
        self._market = Contracts.of(deployment).market
        self._asking: dict[_Key, asyncio.Task[_Guessed | None]] = {}

    async def head(self) -> Head:
        """The newest block, of the right chain."""
        return (await self._begin())[0]

    async def live(
        self, lease: int, lock_id: str, guess: Guess | None = None
    ) -> tuple[Head, LiveLease]:
        """A lease that is open now and at the depth that its deposit asks for, of this lock: as
        long as it was then, so that an extension counts when it is deep itself."""
        guessed = None if guess is None else await self._guessed(lease, lock_id, guess)
        if guessed is not None:
            return guessed[0], guessed[1]
        head, first = await self._begin(self._view("depositOf", lease))
        depth = self._depth(head, self._decoded("depositOf", first[0], 0))
        space = split_lease(lease)[0]
        at = head.number
        answers = await self._many(
            self._view("leaseOf", lease, block=at),
            self._view("depositOf", lease, block=at),
            self._view("spaceOf", space, block=at),
            self._view("leaseOf", lease, block=depth),
        )
        self._open(answers[0])
        deeper = self._depth(head, self._decoded("depositOf", answers[1]))
        then = answers[3]
        if deeper != depth:
            then = (await self._many(self._view("leaseOf", lease, block=deeper)))[0]
        view = self._open(then, shallow=deeper < at)
        self._of_lock(answers[2], lock_id)
        return head, _live(view, lease, deeper)

    async def granted(
        self, lease: int, lock_id: str, plate_block: int, guess: Guess | None = None
    ) -> tuple[Head, LiveLease, Vehicle]:
        """The same, and the lease's vehicle."""
        if guess is not None:
            space = split_lease(lease)[0]
            more = (
                self._plate_query(lease, plate_block, guess.at),
                self._view("offerOf", space, guess.offer, block=guess.at),
            )
            guessed = await self._guessed(lease, lock_id, guess, *more)
            if guessed is not None and guessed[1].offer == guess.offer:
                head, found, (logs, offer) = guessed
                return head, found, self._vehicle(logs, offer)
        head, found = await self.live(lease, lock_id)
        return head, found, await self.vehicle(lease, found, plate_block, head)

    async def _guessed(
        self, lease: int, lock_id: str, guess: Guess, *more: _Call
    ) -> _Guessed | None:
        """All in one trip; None when the node says otherwise than was guessed, or refuses. Grant
        and ticket of a lease rest on the same answers: who asks for less while they are on their
        way waits for them, too."""
        key = (lease, lock_id, guess)
        asked = self._asking.get(key)
        if asked is None or more:
            asked = asyncio.create_task(self._in_one_trip(lease, lock_id, guess, *more))
            self._asking[key] = asked
            asked.add_done_callback(lambda task: self._answered(key, task))
        # one who gives up does not take the answers from the other
        return await asyncio.shield(asked)

    def _answered(self, key: _Key, task: asyncio.Task[_Guessed | None]) -> None:
        if self._asking.get(key) is task:
            del self._asking[key]
        if not task.cancelled():
            task.exception()  # where both have given up, nobody else looks

    async def _in_one_trip(
        self, lease: int, lock_id: str, guess: Guess, *more: _Call
    ) -> _Guessed | None:
        space = split_lease(lease)[0]
        at = guess.at
        try:
            answers: list[Any] = await self._rpc.batch(
                [
                    *_BEGINNING,
                    self._view("leaseOf", lease, block=at),
                    self._view("depositOf", lease, block=at),
                    self._view("spaceOf", space, block=at),
                    self._view("leaseOf", lease, block=guess.deep),
                    *more,
                ]
            )
        except RpcError:
            return None  # which of them, and why, comes out the ordinary way
        head = self._head(*answers[:3])
        now, deposit, words, then = answers[3:7]
        if (
            head.number != at
            or self._depth(head, self._decoded("depositOf", deposit)) != guess.deep
        ):
            return None
        self._open(now)
        view = self._open(then, shallow=guess.deep < at)
        self._of_lock(words, lock_id)
        return head, _live(view, lease, guess.deep), answers[7:]

    async def lock_of(self, lease: int, lock_id: str) -> Head:
        """The newest block, when the lease's space has this lock."""
        space = split_lease(lease)[0]
        head, (words,) = await self._begin(self._view("spaceOf", space))
        self._of_lock(words, lock_id)
        return head

    async def open(self, lease: int, lock_id: str) -> tuple[Head, LiveLease]:
        """A lease that is open now and of this lock, however young: enough to look, not to move."""
        space = split_lease(lease)[0]
        views = (self._view("leaseOf", lease), self._view("spaceOf", space))
        head, (view, words) = await self._begin(*views)
        open_now = self._open(view)
        self._of_lock(words, lock_id)
        return head, _live(open_now, lease, head.number)

    async def vehicle(self, number: int, lease: LiveLease, block: int, head: Head) -> Vehicle:
        """The lease's vehicle by the newest event that names it, from the block on where the relay
        says it is, for plates are in no storage word; and what the offer asks of it."""
        query = self._plate_query(number, block, head.number)
        logs, offer = await self._many(query, self._view("offerOf", lease.space, lease.offer))
        if isinstance(logs, RpcError):
            logs = await self._plate_logs(number, block, head.number, logs)
        return self._vehicle(logs, offer)

    def _vehicle(self, logs: Any, offer: Any) -> Vehicle:
        word_a, word_b = self._decoded("offerOf", offer)
        flags = decode_words(word_a, word_b).flags
        named = ((FLAG_PLATE, "plate"), (FLAG_CONFIRM, "confirm"), (FLAG_NEAR, "near"))
        requires = [name for flag, name in named if flags & flag]
        if not logs:
            return Vehicle(None, 0, requires)
        newest = max(logs, key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)))
        # the commitment is the last word of each of these events
        plate = "0x" + newest["data"][-64:].lower()
        return Vehicle(plate, int(newest["blockNumber"], 16), requires)

    # ---- judging answers

    def _open(self, answer: Any, *, shallow: bool = False) -> dict[str, Any]:
        try:
            view: dict[str, Any] = self._decoded("leaseOf", answer)
        except ChainRevertError as error:
            code, why = ("depth", "is not deep enough") if shallow else ("lease", "is unknown")
            raise refusal(code, f"the lease {why}, says the chain") from error
        if view["state"] not in _LIVE:
            raise refusal("lease", "the lease is not open, says the chain")
        return view

    def _of_lock(self, answer: Any, lock_id: str) -> None:
        word0, word1, _ = self._decoded("spaceOf", answer)
        if SpaceWords.decode(word0, word1).lock_key != parse_address(lock_id):
            raise refusal("lock", "the space has another lock, says the chain")

    def _depth(self, head: Head, deposit: int) -> int:
        return max(0, head.number - max(1, self._required(deposit)) + 1)

    def _decoded(self, name: str, answer: Any, default: Any = ...) -> Any:
        if isinstance(answer, RpcError):
            error = translate(answer)
            if default is not ... and isinstance(error, ChainRevertError):
                return default
            raise error
        try:
            data = bytes.fromhex(str(answer).removeprefix("0x"))
        except ValueError as error:
            raise NodeUnreachableError(self._rpc.where, "gave an unexpected answer") from error
        return self._market.abi.decode_result(name, data)

    # ---- asking

    def _view(self, name: str, *args: Any, block: int | None = None) -> _Call:
        call = {
            "to": self._market.address,
            "data": "0x" + self._market.calldata(name, *args).hex(),
        }
        return "eth_call", (call, "latest" if block is None else hex(block))

    async def _begin(self, *more: _Call) -> tuple[Head, list[Any]]:
        """The newest block once the node is known to be of the deployment's chain, and answers."""
        chain_id, genesis, newest, *answers = await self._many(*_BEGINNING, *more)
        return self._head(chain_id, genesis, newest), answers

    def _head(self, chain_id: Any, genesis: Any, newest: Any) -> Head:
        first, block = self._block(genesis), self._block(newest)
        deployment = self._deployment
        theirs = (str(chain_id).lower(), first.hash.lower())
        if theirs != (hex(deployment.chain_id), deployment.genesis_hash.lower()):
            raise refusal("chain", f"the signer's node at {self._rpc.where} is of another chain")
        return Head(block.number, block.timestamp)

    def _block(self, answer: Any) -> Block:
        if isinstance(answer, RpcError):
            raise answer
        try:
            return msgspec.convert(answer, Block)
        except msgspec.ValidationError as error:
            raise NodeUnreachableError(self._rpc.where, "has no block") from error

    async def _many(self, *calls: _Call) -> list[Any]:
        """Answers in one trip; a call that failed has its RpcError instead. Where one fails the
        batch says nothing of the others, so each is asked again."""
        try:
            return await self._rpc.batch(calls)
        except RpcError:
            return [await self._one(method, parameters) for method, parameters in calls]

    async def _one(self, method: str, parameters: Sequence[Any]) -> Any:
        try:
            return await self._rpc.call(method, *parameters)
        except RpcError as error:
            return error

    def _plate_query(self, lease: int, first: int, last: int) -> _Call:
        events = self._market.abi.events
        names = ["0x" + events[name].topic.hex() for name in _NAME_A_VEHICLE]
        query = {
            "address": self._market.address,
            "topics": [names, f"0x{lease:064x}"],
            "fromBlock": hex(first),
            "toBlock": hex(last),
        }
        return "eth_getLogs", (query,)

    async def _plate_logs(
        self, lease: int, first: int, last: int, refused: RpcError
    ) -> list[dict[str, Any]]:
        """Logs of a range that the node finds too large, in halves."""
        if first >= last:
            raise refused
        middle = (first + last) // 2
        found: list[dict[str, Any]] = []
        for part in ((first, middle), (middle + 1, last)):
            answer = await self._one(*self._plate_query(lease, *part))
            if isinstance(answer, RpcError):
                answer = await self._plate_logs(lease, *part, answer)
            found += answer
        return found
