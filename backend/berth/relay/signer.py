"""The holder of the ticket key: believes its own node, not the relay that asks.

The key opens every lock of a group, so it is used only after the lease, its lock, its depth and its
time have been read from a node of the signer's own. It runs in the relay's process or in one of its
own: it shares nothing with the relay but orders.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from berth.chain.contracts import Contracts
from berth.chain.reverts import ChainRevertError
from berth.chain.rpc import Rpc, RpcError
from berth.core.addresses import parse_address
from berth.core.errors import BerthError
from berth.core.ids import parse_lease, split_lease
from berth.core.offer import FLAG_CONFIRM, FLAG_NEAR, FLAG_PLATE, decode_words
from berth.core.slots import SLOT_SECONDS, slot_start
from berth.core.states import LeaseState
from berth.core.tariff import EARLY_SECONDS
from berth.core.words import SpaceWords
from berth.devices.certificates import DayKey
from berth.devices.tickets import Grant, Receipt, Ticket, sign_claims
from berth.relay.orders import GrantOrder, ReceiptOrder, TicketOrder
from berth.relay.policy import Policy

#: Signatures a lock may be given at once, and after that one every so many seconds.
LOCK_BURST, LOCK_SECONDS = 20, 3.0
ALL_BURST, ALL_SECONDS = 200, 0.02
_LIVE = (LeaseState.BOOKED, LeaseState.PARKED)
#: A lease's vehicle is that of the newest of these.
_NAME_A_VEHICLE = ("Leased", "Extended", "VehicleChanged")


class DayKeys(Protocol):
    """Where the key of the day comes from; `berth.devices.keyring.KeyRing` is one."""

    def day_key(self) -> DayKey: ...


@dataclass(frozen=True)
class _Lease:
    """A lease as the chain has it, as long as it is deep enough; `deep` is the newest block that
    counts as such."""

    start: int
    end: int
    offer: int
    space: int
    deep: int


class Signer:
    """Signs tickets, grants and receipts, or raises BerthError `signer.*` saying why not."""

    def __init__(
        self,
        keys: DayKeys,
        rpc: Rpc,
        policy: Policy,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._rpc = rpc
        self._policy = policy
        self._contracts = Contracts.of(policy.deployment)
        self._of_all = _Bucket(ALL_BURST, ALL_SECONDS, monotonic)
        self._of_lock: dict[str, _Bucket] = defaultdict(
            lambda: _Bucket(LOCK_BURST, LOCK_SECONDS, monotonic)
        )

    async def ticket(self, order: TicketOrder) -> str:
        """A ticket. To lower a bar or switch a camera on the lease must be open, deep, of this lock
        and in its time; to raise or switch off it need only be of this lock's space."""
        self._limit(order.lock_id)
        head, now = await self._head()
        lease_number = parse_lease(order.lease_id)
        if order.action in ("lower", "camera_on"):
            lease = await self._live_lease(order.lock_id, lease_number, head)
            if not lease.start - EARLY_SECONDS <= now < lease.end:
                raise _no("window", "it is not the lease's time, says the chain")
        else:
            await self._check_lock(order.lock_id, split_lease(lease_number)[0], head)
        ticket = Ticket(
            lock=order.lock_id,
            chain=self._policy.deployment.chain_id,
            market=self._policy.deployment.market,
            id=order.command_id,
            lease=order.lease_id,
            cycle=order.cycle,
            action=order.action,  # type: ignore[arg-type]  # the table's check holds it to these
            boot=order.boot,
            nonce=order.nonce,
            issued=now,
        )
        return sign_claims(ticket, self._keys.day_key())

    async def grant(self, order: GrantOrder) -> str:
        """A grant for a live, deep lease with the plate that the chain names for it; or the word
        that it is over, which needs no proof, for it only takes away."""
        self._limit(order.lock_id)
        head, now = await self._head()
        number = parse_lease(order.lease_id)
        _, start_slot, _ = split_lease(number)
        start = slot_start(start_slot)
        end, requires = order.window_end, list[str]()
        if not order.revoked:
            if order.salt is None or order.plate_block is None:
                raise _no("salt", "the plate's salt or the vehicle's block is missing")
            lease = await self._live_lease(order.lock_id, number, head)
            if lease.end != order.window_end:
                raise _no("window", "the lease ends at another time, says the chain")
            plate, block = await self._plate_of(number, order.plate_block, head)
            if plate != order.plate_commitment:
                raise _no("plate", "the chain names another vehicle for this lease")
            if block > lease.deep:
                raise _no("depth", "the lease's vehicle is not deep enough, says the chain")
            end, requires = lease.end, await self._requires(lease)
        grant = Grant(
            lock=order.lock_id,
            chain=self._policy.deployment.chain_id,
            market=self._policy.deployment.market,
            lease=order.lease_id,
            version=order.version,
            state="revoked" if order.revoked else "granted",
            opens=start - EARLY_SECONDS,
            start=start,
            end=end,
            plate=order.plate_commitment,
            salt="0x" + (order.salt or bytes(32)).hex(),
            requires=requires,  # type: ignore[arg-type]
            issued=now,
        )
        return sign_claims(grant, self._keys.day_key())

    async def receipt(self, order: ReceiptOrder) -> str:
        """The word that evidence is kept. Moves nothing, so nothing is asked of the chain."""
        self._limit(order.lock_id)
        receipt = Receipt(
            lock=order.lock_id,
            chain=self._policy.deployment.chain_id,
            market=self._policy.deployment.market,
            lease=order.lease_id,
            kind=order.kind,  # type: ignore[arg-type]
            digest=order.digest,
        )
        return sign_claims(receipt, self._keys.day_key())

    # ---- what the chain says

    async def _head(self) -> tuple[int, int]:
        block = await self._rpc.block("latest")
        if block is None:
            raise _no("node", "the node has no block")
        return block.number, block.timestamp

    async def _live_lease(self, lock_id: str, lease: int, head: int) -> _Lease:
        """The lease, open now and at the block that makes it deep enough, as long as it was then:
        an extension counts when it is deep itself."""
        view = await self._lease_at(lease, head)
        space, start_slot, _ = split_lease(lease)
        deposit = await self._read("depositOf", lease, block=head)
        deep = max(0, head - max(1, self._policy.required(deposit)) + 1)
        if deep < head:
            view = await self._lease_at(lease, deep, shallow=True)
        await self._check_lock(lock_id, space, head)
        start = slot_start(start_slot)
        return _Lease(start, start + view["slots"] * SLOT_SECONDS, view["offer"], space, deep)

    async def _lease_at(self, lease: int, block: int, *, shallow: bool = False) -> dict[str, Any]:
        try:
            view: dict[str, Any] = await self._read("leaseOf", lease, block=block)
        except ChainRevertError as error:
            code, why = ("depth", "is not deep enough") if shallow else ("lease", "is unknown")
            raise _no(code, f"the lease {why}, says the chain") from error
        if view["state"] not in (state.value for state in _LIVE):
            raise _no("lease", "the lease is not open, says the chain")
        return view

    async def _check_lock(self, lock_id: str, space: int, head: int) -> None:
        word0, word1, _ = await self._read("spaceOf", space, block=head)
        if SpaceWords.decode(word0, word1).lock_key != parse_address(lock_id):
            raise _no("lock", "the space has another lock, says the chain")

    async def _requires(self, lease: _Lease) -> list[str]:
        word_a, word_b = await self._read("offerOf", lease.space, lease.offer)
        flags = decode_words(word_a, word_b).flags
        named = ((FLAG_PLATE, "plate"), (FLAG_CONFIRM, "confirm"), (FLAG_NEAR, "near"))
        return [name for flag, name in named if flags & flag]

    async def _plate_of(self, lease: int, block: int, head: int) -> tuple[str | None, int]:
        """(commitment, block) of the newest event that names the lease's vehicle, from the block on
        where the relay says it is: plates are in no storage word."""
        logs = await self._plate_logs(lease, block, head)
        if not logs:
            return None, 0
        newest = max(logs, key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)))
        # the commitment is the last word of each of these events
        return "0x" + newest["data"][-64:].lower(), int(newest["blockNumber"], 16)

    async def _plate_logs(self, lease: int, first: int, last: int) -> list[dict[str, Any]]:
        """Logs of a range; one that the node finds too large is asked in halves."""
        events = self._contracts.market.abi.events
        names = ["0x" + events[name].topic.hex() for name in _NAME_A_VEHICLE]
        try:
            found: list[dict[str, Any]] = await self._rpc.call(
                "eth_getLogs",
                {
                    "address": self._contracts.market.address,
                    "topics": [names, f"0x{lease:064x}"],
                    "fromBlock": hex(first),
                    "toBlock": hex(last),
                },
            )
        except RpcError:
            if first >= last:
                raise
        else:
            return found
        middle = (first + last) // 2
        return [
            *await self._plate_logs(lease, first, middle),
            *await self._plate_logs(lease, middle + 1, last),
        ]

    async def _read(self, name: str, *args: Any, block: int | str = "latest") -> Any:
        return await self._contracts.market.read(self._rpc, name, *args, block=block)

    def _limit(self, lock_id: str) -> None:
        if not self._of_lock[lock_id].take() or not self._of_all.take():
            raise _no("rate", "too many signatures in too short a time")


class _Bucket:
    """A few at once, then one every `seconds`."""

    def __init__(self, burst: int, seconds: float, monotonic: Callable[[], float]) -> None:
        self._burst = burst
        self._seconds = seconds
        self._monotonic = monotonic
        self._level = float(burst)
        self._at = monotonic()

    def take(self) -> bool:
        now = self._monotonic()
        self._level = min(self._burst, self._level + (now - self._at) / self._seconds)
        self._at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True


def _no(code: str, why: str) -> BerthError:
    return BerthError(f"signer.{code}", why, status=409)
