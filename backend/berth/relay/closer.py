"""Ends what nobody ended, and pays what was asked to be paid: leases whose time is over, spaces
whose proof was revoked, credits of accounts that opted in.

None of it needs a privilege: anybody may do it. The closer merely pays for it. What is due the
index says, so nothing is while it reads history: it would have leases open that ended years ago.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import structlog

from berth.chain.contracts import Contracts
from berth.chain.reverts import ChainRevertError
from berth.chain.sender import Sender
from berth.chain.wire import Receipt
from berth.core.clock import Clock
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.ids import lease_hex, parse_lease, parse_space
from berth.relay import due
from berth.relay.claims import Claim
from berth.relay.policy import asleep, index_view
from berth.relay.tasks import Kind, Tasks
from berth.store.engine import Store

#: Leases closed, or accounts paid, in one transaction; the contract takes a hundred.
_BATCH = 50
#: An account is paid at most once in so many seconds: one transaction, not one for each lease.
PAYOUT_SECONDS = 86_400
_log = structlog.get_logger("berth.keeper")


@dataclass(frozen=True)
class Closing:
    """What became of an attempt to close a lease: `tx_hash`, or the `reason` why not."""

    lease_id: str
    tx_hash: str | None
    reason: str | None


@dataclass(frozen=True)
class Delisting:
    """What became of an attempt to delist a space: `tx_hash`, or the `reason` why not."""

    space_id: str
    tx_hash: str | None
    reason: str | None


@dataclass(frozen=True)
class Payout:
    """What became of an attempt to pay an account: `tx_hash`, or the `reason` why not."""

    account: str
    tx_hash: str | None
    reason: str | None


#: (subject, transaction, reason) of a deed that was tried.
_Done = tuple[str, str | None, str | None]


@dataclass(frozen=True)
class _Verb:
    """A deed of one kind: its contract's verb, for many at once where there is one, and the event
    that names those which the batch passed over."""

    kind: Kind
    one: str
    many: str | None
    skipped: str | None
    argument: Callable[[str], Any]


_CLOSE = _Verb("close", "close", "closeBatch", "Skipped", parse_lease)
_DELIST = _Verb("delist", "delist", None, None, parse_space)
_PAYOUT = _Verb("payout", "payout", "payoutBatch", "PayoutFailed", lambda account: account)


class Closer:
    """Looks into the index for what is due, and sends it; nothing while the index is behind or
    clock and chain disagree. `eager` is for an operator who asks now: it does not wait after
    failures, and says why nothing is done: BerthError closer.asleep."""

    def __init__(
        self,
        store: Store,
        contracts: Contracts,
        sender: Sender,
        clock: Clock,
        *,
        eager: bool = False,
        least_payout: int = 1,
    ) -> None:
        self._store = store
        self._market = contracts.market
        self._sender = sender
        self._clock = clock
        self._eager = eager
        self._least_payout = least_payout
        self._tasks = Tasks(store, clock, f"keeper-{secrets.token_hex(4)}")

    async def close_expired(self) -> list[Closing]:
        """Closes every lease that T1, a claim's T2 or a dispute's T3 has passed for, several in one
        transaction. Those that somebody else closed meanwhile are left out."""
        found = await self._due(due.leases_to_close, self._clock.now())
        done = await self._do(_CLOSE, [(f"close:{lease_id}", lease_id) for lease_id in found])
        return [Closing(*one) for one in done]

    async def delist_revoked(self) -> list[Delisting]:
        """Delists every space whose title, or whose lock's maker, is revoked."""
        found = await self._due(due.spaces_to_delist)
        # a space that is registered again may have to be delisted again
        wanted = [(f"delist:{space_id}:{registered}", space_id) for space_id, registered in found]
        return [Delisting(*one) for one in await self._do(_DELIST, wanted)]

    async def pay_out(self) -> list[Payout]:
        """Pays every account that asked for it its whole credit, to itself, once a day at most."""
        found = await self._due(due.accounts_to_pay, self._least_payout)
        day = self._clock.now() // PAYOUT_SECONDS
        wanted = [(f"payout:{account}:{day}", account) for account in found]
        return [Payout(*one) for one in await self._do(_PAYOUT, wanted)]

    # ---- one kind of deed

    async def _do(self, verb: _Verb, wanted: list[tuple[str, str]]) -> list[_Done]:
        if not wanted:
            return []
        held = await asyncio.to_thread(self._tasks.take, verb.kind, wanted, eager=self._eager)
        place = {key: number for number, (key, _) in enumerate(wanted)}
        held.sort(key=lambda one: place[str(one.row["key"])])
        under_way: dict[str, list[Claim]] = defaultdict(list)
        for one in held:
            under_way[one.row["batch"] or ""].append(one)
        fresh = under_way.pop("", [])
        done: list[_Done] = []
        for batch, claims in under_way.items():  # of one that died, or slept, over them
            done += await self._carry(verb, batch, claims)
        size = _BATCH if verb.many else 1
        for begin in range(0, len(fresh), size):
            done += await self._together(verb, fresh[begin : begin + size])
        return done

    async def _together(self, verb: _Verb, claims: list[Claim]) -> list[_Done]:
        keys = "".join(f"{one.row['key']}/{one.row['attempts']}" for one in claims)
        batch = f"{verb.kind}:{keccak(keys.encode()).hex()}" if len(claims) > 1 else _alone(claims)
        ours = await asyncio.to_thread(self._tasks.put_in, claims, batch)
        return await self._carry(verb, batch, ours) if ours else []

    async def _carry(self, verb: _Verb, batch: str, claims: list[Claim]) -> list[_Done]:
        """Brings a transaction to the chain, or waits for it where it has been sent already."""
        subjects = await asyncio.to_thread(self._tasks.of_batch, batch)
        try:
            receipt = await self._send(verb, batch, subjects)
        except BerthError as error:
            return await self._not_carried(verb, claims, error)
        passed_over = set(self._passed_over(verb, receipt))
        by_us = [one for one in claims if one.row["subject"] not in passed_over]
        others = [one for one in claims if one.row["subject"] in passed_over]
        tx_hash = receipt.transaction_hash
        await asyncio.to_thread(self._tasks.done, by_us, tx_hash)
        done: list[_Done] = [(one.row["subject"], tx_hash, None) for one in by_us]
        if verb is _PAYOUT:
            await asyncio.to_thread(self._tasks.failed, others, "the token refused the payout")
            done += [(one.row["subject"], None, "the token refused the payout") for one in others]
        else:
            await asyncio.to_thread(self._tasks.done, others, None, "done by somebody else")
        return done

    async def _not_carried(
        self, verb: _Verb, claims: list[Claim], error: BerthError
    ) -> list[_Done]:
        if isinstance(error, ChainRevertError) and len(claims) > 1:
            # one that cannot be done reverts them all: one by one it is alone
            return [done for one in claims for done in await self._together(verb, [one])]
        refused = isinstance(error, ChainRevertError)
        # what was refused is another transaction the next time; one that is out is waited for
        await asyncio.to_thread(self._tasks.failed, claims, error.message, apart=refused)
        for one in claims:
            _log.warning(verb.kind, subject=one.row["subject"], reason=error.message)
        return [(one.row["subject"], None, error.message) for one in claims]

    async def _send(self, verb: _Verb, batch: str, subjects: list[str]) -> Receipt:
        arguments = [verb.argument(subject) for subject in subjects]
        if verb.many is not None and len(arguments) > 1:
            if not await self._sender.is_on_record(batch):
                await self._check_worth(verb, arguments)
            calldata = self._market.calldata(verb.many, arguments)
        else:
            calldata = self._market.calldata(verb.one, *arguments)
        return await self._sender.transact(batch, self._market.address, calldata)

    async def _check_worth(self, verb: _Verb, arguments: list[Any]) -> None:
        """Passes when one at least of a batch can be done: a batch passes over what cannot, so that
        none refuses one that does nothing. Raises ChainRevertError, the last one's."""
        refusal = None
        for argument in arguments:
            calldata = self._market.calldata(verb.one, argument)
            refusal = await self._sender.refusal(self._market.address, calldata)
            if refusal is None:
                return
        if refusal is not None:
            raise refusal

    def _passed_over(self, verb: _Verb, receipt: Receipt) -> Iterator[str]:
        if verb.skipped is None:
            return
        topic = "0x" + self._market.abi.events[verb.skipped].topic.hex()
        for log in receipt.logs:
            if log.topics and log.topics[0] == topic:
                number = int(log.topics[1], 16)
                yield f"0x{number:040x}" if verb is _PAYOUT else lease_hex(number)

    async def _due(self, query: Callable[..., Any], *args: Any) -> Any:
        """What the index says that is due, by one that has read the whole chain."""

        def run() -> Any:
            with self._store.read() as conn:
                why = asleep(index_view(conn, self._clock))
                return (why, query(conn, *args) if why is None else [])

        why, found = await asyncio.to_thread(run)
        if why is not None and self._eager:
            message = (
                f"nothing can be settled now ({why}): the index must be at the chain's head, and"
                " its time the clock's"
            )
            raise BerthError("closer.asleep", message, status=503)
        return found


def _alone(claims: list[Claim]) -> str:
    """The purpose of a transaction for one: a refused one may be tried again, as another."""
    row = claims[0].row
    return str(row["key"]) if not row["attempts"] else f"{row['key']}/{row['attempts']}"
