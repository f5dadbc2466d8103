"""What of the tables is forgotten, and when: the chain is for ever, our notes are not.

Rows go in small batches, each in a transaction of its own, so that nobody waits for it. Several
keepers may do it at once: rows that one is removing are passed over by the others. What an open
lease, an open incident or an unfinished command needs stays, however old it is; and while the
index does not know how leases stand, or clock and chain disagree, nothing goes at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)

from berth.core import telemetry
from berth.core.errors import BerthError
from berth.core.settings import Keep
from berth.core.slots import SLOT_SECONDS
from berth.relay.audience import OPEN
from berth.relay.command_states import ALIVE, OVER
from berth.relay.policy import Policy, asleep
from berth.store.clock import moment
from berth.store.derived import cursor, leases
from berth.store.engine import Store
from berth.store.events import REORG
from berth.store.kept import (
    commands,
    confirmations,
    events,
    evidence,
    grants,
    incidents,
    keeper_tasks,
    lock_states,
    outbox,
    plate_readings,
    presence,
    sent_transactions,
)

_DAY = 86_400
#: Rows looked at in one transaction, and the rest that others have between two, seconds.
BATCH, PAUSE = 500, 0.02
#: Between two looks whether anything may be forgotten, seconds; twice as long after each.
_WAIT, _LONGEST_WAIT = 5.0, 600.0
_log = structlog.get_logger("berth.keeper")


@dataclass(frozen=True)
class Rule:
    """Rows of a table in the `order` of their age: those that are `old` and `spare` go.

    `among`: of which an index finds the rows that may go, where not all of them are looked at.
    """

    table: Table
    order: tuple[ColumnElement[Any], ...]
    old: ColumnElement[bool]
    spare: ColumnElement[bool]
    among: ColumnElement[bool] = field(default_factory=true)


class Retention:
    """Forgets by itself as often as `work` is called; `forget` does it at once."""

    def __init__(
        self, store: Store, policy: Policy, keep: Keep, *, batch: int = BATCH, pause: float = PAUSE
    ) -> None:
        self._store = store
        self._policy = policy
        self._keep = keep
        self._batch = batch
        self._pause = pause

    async def work(self) -> dict[str, int]:
        """Forgets what is due, as soon as anything may be forgotten; rows by table."""
        wait = _WAIT
        while await asyncio.to_thread(self._refusal) is not None:
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        return await self._forget()

    async def forget(self) -> dict[str, int]:
        """The same at once. Raises BerthError retention.asleep."""
        why = await asyncio.to_thread(self._refusal)
        if why is not None:
            message = (
                f"nothing is forgotten now ({why}): the index must be at the chain's head, and its"
                " time the clock's"
            )
            raise BerthError("retention.asleep", message, status=503)
        return await self._forget()

    def _refusal(self) -> str | None:
        with self._store.read() as conn:
            return asleep(self._policy.index(conn))

    async def _forget(self) -> dict[str, int]:
        found = rules(self._policy.clock.now(), self._keep)
        return {rule.table.name: await self._all_of(rule) for rule in found}

    async def _all_of(self, rule: Rule) -> int:
        gone, after = 0, None
        while True:
            page = await asyncio.to_thread(self._page, rule, after)
            if not any(row.old for row in page):
                break
            after = tuple(page[-1])[:-2]
            going = [tuple(row)[:-2] for row in page if row.old and row.spare]
            if going:
                gone += await asyncio.to_thread(self._remove, rule, going)
            await asyncio.sleep(self._pause)
        if gone:
            telemetry.FORGOTTEN.labels(rule.table.name).inc(gone)
            _log.info("forgotten", table=rule.table.name, rows=gone)
        return gone

    def _page(self, rule: Rule, after: tuple[Any, ...] | None) -> Sequence[Any]:
        query = select(*rule.order, rule.old.label("old"), rule.spare.label("spare"))
        query = query.where(rule.among).order_by(*rule.order).limit(self._batch)
        if after is not None:
            query = query.where(tuple_(*rule.order) > tuple_(*map(literal, after)))
        with self._store.read() as conn:
            return conn.execute(query).all()

    def _remove(self, rule: Rule, going: Sequence[tuple[Any, ...]]) -> int:
        # what has become of them meanwhile counts: all is asked again
        still = and_(tuple_(*rule.order).in_(going), rule.old, rule.spare)
        keys = list(rule.table.primary_key.columns)
        free = select(*keys).where(still).with_for_update(skip_locked=True, of=rule.table)
        which = tuple_(*keys).in_(free) if len(keys) > 1 else keys[0].in_(free)
        with self._store.write() as conn:
            return conn.execute(delete(rule.table).where(which)).rowcount


def rules(now: int, keep: Keep) -> list[Rule]:
    """What may go at `now`, Unix seconds by the clock that leases go by."""
    personal = now - keep.personal * _DAY
    told = now - keep.events * _DAY
    orders = now - keep.commands * _DAY
    return [
        Rule(presence, (presence.c.id,), presence.c.at < personal, _spare(presence, personal)),
        Rule(
            plate_readings,
            (plate_readings.c.id,),
            plate_readings.c.received_at < personal,
            _spare(plate_readings, personal),
        ),
        Rule(
            confirmations,
            (confirmations.c.at, confirmations.c.lease_id, confirmations.c.cycle),
            confirmations.c.at < personal,
            _spare(confirmations, personal),
        ),
        Rule(
            events,
            (events.c.seq,),
            events.c.at < told,
            # reorgs are counted; the newest row is where a stream begins
            and_(
                events.c.topic != REORG,
                events.c.seq < select(func.max(events.alias().c.seq)).scalar_subquery(),
            ),
        ),
        Rule(
            outbox,
            (outbox.c.id,),
            # by the clock of whoever wrote them
            outbox.c.created_at < moment() - keep.events * _DAY,
            and_(
                outbox.c.state.in_(("done", "cancelled")),
                # a reorg takes back what was handed over
                outbox.c.created_block
                <= select(func.coalesce(func.min(cursor.c.final_number), -1)).scalar_subquery(),
                _spare(outbox, told),
                # what a restore asks the locks about
                ~exists().where(
                    grants.c.lease_id == outbox.c.lease_id,
                    grants.c.state != "revoked",
                    grants.c.window_end > told,
                ),
            ),
        ),
        Rule(
            commands,
            (commands.c.expires_at, commands.c.id),
            commands.c.expires_at < orders,
            and_(commands.c.updated_at < orders, _spare(commands, orders), ~_last_word()),
            among=commands.c.state.in_(OVER),
        ),
        Rule(
            incidents,
            (incidents.c.id,),
            incidents.c.opened_at < orders,
            and_(incidents.c.resolved_at < orders, _spare(incidents, orders)),
        ),
        Rule(
            evidence,
            (evidence.c.id,),
            evidence.c.received_at < orders,
            _spare(evidence, orders),
            # what the chain took belongs to a lease's receipt
            among=evidence.c.state == "refused",
        ),
        Rule(
            keeper_tasks,
            (keeper_tasks.c.done_at, keeper_tasks.c.key),
            keeper_tasks.c.done_at < moment() - keep.commands * _DAY,
            true(),
            among=keeper_tasks.c.done_at.is_not(None),
        ),
        Rule(
            grants,
            (grants.c.lease_id, grants.c.lock_id),
            # no lock is sent one whose window is over; the outbox's rule asks for them
            grants.c.window_end < min(orders, told),
            _spare(grants, min(orders, told)),
            among=grants.c.window_end < min(orders, told),
        ),
        Rule(
            sent_transactions,
            (sent_transactions.c.id,),
            sent_transactions.c.submitted_at < moment() - keep.commands * _DAY,
            and_(sent_transactions.c.state.not_in(("signed", "sent")), _is_history()),
        ),
    ]


def _spare(table: Table, horizon: int) -> ColumnElement[bool]:
    """Rows whose lease has ended, and whose booked time is over, so long ago, and of which no
    incident is open and no command unfinished. Rows of a lease that is on no chain are, too."""
    other_commands, other_incidents = commands.alias("unfinished"), incidents.alias("unresolved")
    mine = table.c.lease_id
    return and_(
        ~exists().where(
            leases.c.lease_id == mine,
            or_(leases.c.state.in_(OPEN), leases.c.end_slot * SLOT_SECONDS > horizon),
        ),
        ~exists().where(
            other_incidents.c.lease_id == mine, other_incidents.c.resolved_at.is_(None)
        ),
        ~exists().where(other_commands.c.lease_id == mine, other_commands.c.state.in_(ALIVE)),
    )


def _is_history() -> ColumnElement[bool]:
    """Transactions that no reorg takes back, that nothing waits for, and after which their account
    has sent another: the last one's nonce is what the next one's follows on."""
    later = sent_transactions.alias("later")
    final = select(func.coalesce(func.min(cursor.c.final_number), -1)).scalar_subquery()
    return and_(
        func.coalesce(sent_transactions.c.block_number, 0) <= final,
        exists().where(
            later.c.account == sent_transactions.c.account,
            later.c.nonce > sent_transactions.c.nonce,
        ),
        ~exists().where(
            keeper_tasks.c.batch == sent_transactions.c.purpose, keeper_tasks.c.done_at.is_(None)
        ),
        ~exists().where(
            evidence.c.state.in_(("received", "submitted")),
            evidence.c.tx_hash == sent_transactions.c.tx_hash,
        ),
    )


def _last_word() -> ColumnElement[bool]:
    """Commands that their lock still speaks of: at each hello it repeats its last one, and a bar
    that is not up was told to go down by one."""
    later = commands.alias("later")
    answered = select(func.max(later.c.published_at)).where(
        later.c.lock_id == commands.c.lock_id, later.c.outcome.is_not(None)
    )
    down = exists().where(
        lock_states.c.lock_id == commands.c.lock_id, lock_states.c.position != "LOCKED"
    )
    named = exists().where(
        incidents.c.command_id == commands.c.id, incidents.c.resolved_at.is_(None)
    )
    return or_(
        and_(
            commands.c.published_at.is_not(None),
            commands.c.published_at >= func.coalesce(answered.scalar_subquery(), 0),
        ),
        and_(commands.c.action == "lower", down),
        named,
    )
