"""The holder of the ticket key: believes its own node, not the relay that asks.

The key opens every lock of a group, so it is used only after the lease, its lock, its depth and its
time have been read from a node of the signer's own. It runs in the relay's process or in one of its
own: it shares nothing with the relay but orders.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import structlog

from berth.chain.rpc import Rpc
from berth.core import telemetry
from berth.core.clock import Clock
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.ids import parse_lease, split_lease
from berth.core.slots import slot_start
from berth.core.tariff import EARLY_SECONDS
from berth.devices.certificates import DayKey
from berth.devices.tickets import Grant, Receipt, Ticket, sign_claims
from berth.relay.orders import GrantOrder, ReceiptOrder, TicketOrder
from berth.relay.signer_audit import SignatureLog
from berth.relay.signer_chain import ChainReader, Head, refusal
from berth.relay.signer_limits import LEASE_SECONDS, Limits

_log = structlog.get_logger("berth.signer")


class DayKeys(Protocol):
    """Where the key of the day comes from; `berth.devices.keyring.KeyRing` is one."""

    def day_key(self) -> DayKey: ...


class Depth(Protocol):
    """The depth policy of a deployment; `berth.relay.policy.Policy` is one."""

    @property
    def deployment(self) -> Deployment: ...

    @property
    def clock(self) -> Clock: ...

    def required(self, deposit: int) -> int: ...


class Signer:
    """Signs tickets, grants and receipts, or raises BerthError `signer.*` saying why not.

    `log` keeps a line for each signature; `limits` bound them; `max_age` refuses while the node's
    newest block is older, or newer, than the clock by more seconds than that, None = never.
    """

    def __init__(
        self,
        keys: DayKeys,
        rpc: Rpc,
        policy: Depth,
        *,
        monotonic: Callable[[], float] | None = None,
        limits: Limits | None = None,
        log: SignatureLog | None = None,
        max_age: int | None = None,
    ) -> None:
        self._keys = keys
        self._where = rpc.where
        self._deployment = policy.deployment
        self._clock = policy.clock
        self._limits = limits or Limits(monotonic=monotonic)
        self._record = log
        self._max_age = max_age
        self._chain = ChainReader(rpc, policy.deployment, policy.required)
        self.signatures = 0
        if log is not None:
            for entry in log.lowered_since(time.time() - LEASE_SECONDS):
                self._limits.lowered(str(entry.get("lease")), float(entry["at"]))

    async def ticket(self, order: TicketOrder) -> str:
        """A ticket. To lower a bar the lease must be open, deep, of this lock and in its time; to
        switch a camera on, the same without the depth; to raise or switch off it need only be of
        this lock's space."""
        with _counted():
            return await self._ticket(order)

    async def grant(self, order: GrantOrder) -> str:
        """A grant for a live, deep lease with the plate that the chain names for it; or the word
        that it is over, which needs no proof, for it only takes away."""
        with _counted():
            return await self._grant(order)

    async def receipt(self, order: ReceiptOrder) -> str:
        """The word that evidence is kept. Moves nothing, so nothing is asked of the chain."""
        with _counted():
            return self._receipt(order)

    async def status(self) -> dict[str, Any]:
        """Who this is, and how far its node has got. Raises BerthError when the node is no good."""
        head = await self._chain.head()
        self._fresh(head)
        return {
            "role": "signer",
            "chainId": self._deployment.chain_id,
            "market": self._deployment.market,
            "node": self._where,
            "head": head.number,
            "signatures": self.signatures,
        }

    async def _ticket(self, order: TicketOrder) -> str:
        self._limit(order.lock_id)
        number = parse_lease(order.lease_id)
        if order.action in ("lower", "camera_on"):
            if order.action == "lower":
                head, lease = await self._chain.live(number, order.lock_id, order.guess)
            else:
                head, lease = await self._chain.open(number, order.lock_id)
            if not lease.start - EARLY_SECONDS <= head.timestamp < lease.end:
                raise refusal("window", "it is not the lease's time, says the chain")
        else:
            head = await self._chain.lock_of(number, order.lock_id)
        self._fresh(head)
        lowers = order.action == "lower"
        if lowers and not self._limits.admits_lowering(order.lease_id):
            raise _too_many()
        ticket = Ticket(
            lock=order.lock_id,
            chain=self._deployment.chain_id,
            market=self._deployment.market,
            id=order.command_id,
            lease=order.lease_id,
            cycle=order.cycle,
            action=order.action,  # type: ignore[arg-type]  # the table's check holds it to these
            boot=order.boot,
            nonce=order.nonce,
            issued=head.timestamp,
        )
        facts = {"command": order.command_id, "action": order.action, "cycle": order.cycle}
        text = self._sign("ticket", ticket, head, facts)
        if lowers:
            self._limits.lowered(order.lease_id)
        return text

    async def _grant(self, order: GrantOrder) -> str:
        self._limit(order.lock_id)
        number = parse_lease(order.lease_id)
        start = slot_start(split_lease(number)[1])
        end, requires = order.window_end, list[str]()
        if order.revoked:
            head = await self._chain.head()
        else:
            if order.salt is None or order.plate_block is None:
                raise refusal("salt", "the plate's salt or the vehicle's block is missing")
            head, lease, vehicle = await self._chain.granted(
                number, order.lock_id, order.plate_block, order.guess
            )
            if lease.end != order.window_end:
                raise refusal("window", "the lease ends at another time, says the chain")
            if vehicle.plate != order.plate_commitment:
                raise refusal("plate", "the chain names another vehicle for this lease")
            if vehicle.block > lease.deep:
                raise refusal("depth", "the lease's vehicle is not deep enough, says the chain")
            self._fresh(head)
            end, requires = lease.end, vehicle.requires
        grant = Grant(
            lock=order.lock_id,
            chain=self._deployment.chain_id,
            market=self._deployment.market,
            lease=order.lease_id,
            version=order.version,
            state="revoked" if order.revoked else "granted",
            opens=start - EARLY_SECONDS,
            start=start,
            end=end,
            plate=order.plate_commitment,
            salt="0x" + (order.salt or bytes(32)).hex(),
            requires=requires,  # type: ignore[arg-type]
            issued=head.timestamp,
        )
        facts = {"version": order.version, "state": grant.state}
        return self._sign("grant", grant, head, facts)

    def _receipt(self, order: ReceiptOrder) -> str:
        self._limit(order.lock_id)
        receipt = Receipt(
            lock=order.lock_id,
            chain=self._deployment.chain_id,
            market=self._deployment.market,
            lease=order.lease_id,
            kind=order.kind,  # type: ignore[arg-type]
            digest=order.digest,
        )
        return self._sign("receipt", receipt, None, {"kind": order.kind})

    def _sign(
        self, what: str, claims: Ticket | Grant | Receipt, head: Head | None, facts: dict[str, Any]
    ) -> str:
        key = self._keys.day_key()
        block = None if head is None else head.number
        if self._record is not None:
            said = {"signed": what, "lock": claims.lock, "lease": claims.lease, "block": block}
            self._record.note({**said, **facts})
        self.signatures += 1
        telemetry.SIGNED.labels(what).inc()
        _log.info("signed", what=what, lock=claims.lock, lease=claims.lease, block=block, **facts)
        return sign_claims(claims, key)

    def _fresh(self, head: Head) -> None:
        if self._max_age is not None and abs(head.timestamp - self._clock.now()) > self._max_age:
            message = f"the newest block of the node at {self._where} is not of this time"
            raise refusal("stale", message, status=503)

    def _limit(self, lock_id: str) -> None:
        if not self._limits.admits(lock_id):
            raise _too_many()


@contextmanager
def _counted() -> Iterator[None]:
    try:
        yield
    except BerthError as error:
        telemetry.SIGNER_REFUSALS.labels(error.code).inc()
        raise


def _too_many() -> BerthError:
    return refusal("rate", "too many signatures in too short a time", status=429)
