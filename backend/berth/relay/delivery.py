"""Commands and grants on their way: signed, sent, and accounted for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from sqlalchemy import Connection, select, update

from berth.core.clock import Clock
from berth.core.errors import BerthError
from berth.core.sealed import Sealer
from berth.devices.protocol import ASK_HELLO
from berth.devices.topics import COMMAND, GRANT
from berth.relay import grants
from berth.relay.claims import Claim, claim_rows, database_now, write_claimed
from berth.relay.commands import ANSWER_SECONDS
from berth.relay.orders import GrantOrder, Signing, TicketOrder
from berth.relay.policy import Policy
from berth.relay.rows import first
from berth.store.engine import Store
from berth.store.kept import commands, lock_states

#: (lock id, topic leaf, payload); raises BerthError `relay.offline` while there is no broker.
Send = Callable[[str, str, bytes], Awaitable[None]]

#: A nonce older than this is not used: the ticket has to arrive within its 120 s.
NONCE_SECONDS = 60
#: Between two questions for a hello to one lock, seconds.
_ASK_SECONDS = 2
_BATCH = 20
_log = structlog.get_logger("berth.relay")


class Delivery:
    """Sends what is due. One instance a relay; several relays may work on one database."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        clock: Clock,
        sealer: Sealer,
        signer: Signing,
        send: Send,
        worker: str,
    ) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._sealer = sealer
        self._signer = signer
        self._send = send
        self._worker = worker

    async def send_grants(self) -> int:
        """Signs and sends grants that locks do not hold yet; how many."""
        orders = await asyncio.to_thread(self._due_grants)
        for order in orders:
            try:
                text = await self._signer.grant(order)
                await self._send(order.lock_id, GRANT, text.encode("ascii"))
            except BerthError as error:
                _log.warning("grant waits", lease=order.lease_id, reason=error.code)
                await self._write(
                    grants.wait, order.lease_id, order.lock_id, error.code, self._clock.now()
                )
            else:
                await self._write(grants.sent, order, self._clock.now())
        return len(orders)

    async def send_commands(self) -> int:
        """Signs and sends commands that are eligible; how many left."""
        claims = await asyncio.to_thread(self._claim)
        sent = await asyncio.gather(*(self._send_command(claim) for claim in claims))
        return sum(sent)

    async def _send_command(self, claim: Claim) -> bool:
        try:
            challenge = await asyncio.to_thread(self._take_nonce, claim.row["lock_id"])
            if challenge is None:
                await self._send(claim.row["lock_id"], COMMAND, ASK_HELLO)
                await self._release(claim, _ASK_SECONDS, "lock.challenge", attempts=0)
                return False
            ticket = await self._signer.ticket(_order(claim, *challenge))
            # Marked before it leaves: whoever lost the claim meanwhile learns it here, and a
            # message that is lost is sent again when the lock does not answer.
            if not await asyncio.to_thread(self._mark_published, claim):
                return False
            await self._send(claim.row["lock_id"], COMMAND, ticket.encode("ascii"))
        except BerthError as error:
            _log.warning("command waits", command=claim.id, reason=error.code)
            await self._release(claim, 2, error.code, attempts=1)
            return False
        return True

    # ---- in the database, on a thread

    def _due_grants(self) -> list[GrantOrder]:
        with self._store.read() as conn:  # most looks find nothing: spare the writers
            if not grants.waiting(conn):
                return []
        with self._store.write() as conn:
            return grants.due(conn, self._policy, self._clock, self._sealer)

    def _claim(self) -> list[Claim]:
        with self._store.read() as conn:
            alive = commands.c.state.in_(("eligible", "claimed"))
            if first(conn, select(commands.c.id).where(alive).limit(1)) is None:
                return []
        with self._store.write() as conn:
            eligible = commands.c.state == "eligible"
            return claim_rows(conn, commands, self._worker, eligible, _BATCH)

    def _take_nonce(self, lock_id: str) -> tuple[str, str] | None:
        """(boot, nonce) of the lock's last hello, once: nobody else gets them after this."""
        with self._store.write() as conn:
            row = first(conn, select(lock_states).where(lock_states.c.lock_id == lock_id))
            if row is None or row["nonce"] is None:
                return None
            taken = conn.execute(
                update(lock_states)
                .where(lock_states.c.lock_id == lock_id, lock_states.c.nonce == row["nonce"])
                .values(nonce=None)
            )
            fresh = row["nonce_at"] >= database_now(conn) - NONCE_SECONDS
            return (row["boot_id"], row["nonce"]) if fresh and taken.rowcount else None

    def _mark_published(self, claim: Claim) -> bool:
        with self._store.write() as conn:
            return write_claimed(
                conn,
                commands,
                claim,
                state="published",
                reason=None,
                claimed_until=database_now(conn) + ANSWER_SECONDS,
                updated_at=self._clock.now(),
            )

    async def _release(self, claim: Claim, pause: int, reason: str, *, attempts: int) -> None:
        def release(conn: Connection) -> None:
            count = claim.row["attempts"] + attempts
            over = claim.row["expires_at"] <= self._clock.now()
            conn.execute(
                update(commands)
                .where(
                    commands.c.id == claim.id,
                    commands.c.term == claim.term,
                    commands.c.state.in_(("claimed", "published")),
                )
                .values(
                    state="expired" if over else "eligible",
                    reason=reason,
                    attempts=count,
                    next_at=database_now(conn) + pause,
                    updated_at=self._clock.now(),
                )
            )

        await self._write(release)

    async def _write(self, work: Callable[..., None], *args: Any) -> None:
        def run() -> None:
            with self._store.write() as conn:
                work(conn, *args)

        await asyncio.to_thread(run)


def _order(claim: Claim, boot: str, nonce: str) -> TicketOrder:
    return TicketOrder(
        command_id=claim.id,
        lock_id=claim.row["lock_id"],
        lease_id=claim.row["lease_id"],
        cycle=claim.row["cycle"],
        action=claim.row["action"],
        boot=boot,
        nonce=nonce,
    )
