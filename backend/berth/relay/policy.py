"""What an unlock rests on, read from the tables: facts in, decision out."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
)

from berth.core.access import (
    Decision,
    Facts,
    PlateReading,
    Position,
    decide_camera,
    decide_unlock,
    required_confirmations,
)
from berth.core.clock import Clock
from berth.core.deployment import Deployment
from berth.core.ids import parse_lease
from berth.core.money import parse_minor
from berth.core.slots import slot_start
from berth.core.states import LeaseState
from berth.relay.audience import lease_row
from berth.relay.command_states import ALIVE
from berth.relay.rows import Row, first
from berth.store.derived import cursor, offers, spaces
from berth.store.kept import (
    commands,
    confirmations,
    deployment,
    grants,
    lock_states,
    outbox,
    plate_readings,
    presence,
)
from berth.store.pace import DEFAULT_BLOCK_SECONDS, block_seconds

#: The relay moves nothing while block time and clock differ by more, seconds.
MAX_SKEW = 30
_OF_LEASE: BindParameter[str] = bindparam("lease")
_OF_LOCK: BindParameter[str] = bindparam("lock")
_CURSOR = select(cursor).order_by(cursor.c.name).limit(1)
_LOCK = select(lock_states).where(lock_states.c.lock_id == _OF_LOCK)


def _told(event: str) -> ColumnElement[bool]:
    """Has the driver told so in the lock's present cycle?"""
    return exists().where(
        presence.c.lease_id == _OF_LEASE,
        presence.c.party == "driver",
        presence.c.event == event,
        presence.c.at >= func.coalesce(lock_states.c.cycle_at, 0),
    )


#: A booking, or its end by a reorg, that no relay has acted on yet: until then nobody knows whether
#: what is on record under the lease's id was told by its driver, or by another one before.
_UNREAD = exists().where(
    outbox.c.lease_id == _OF_LEASE,
    outbox.c.kind.in_(("lease.booked", "undone.lease.booked")),
    outbox.c.state == "new",
    or_(outbox.c.attempts == 0, outbox.c.reason.is_not(None)),
)
#: All of a lease's space, offer and lock that a decision rests on, in one question.
_SURROUNDINGS = (
    select(
        spaces.c.lock_key,
        offers.c.flags,
        grants.c.plate_since,
        confirmations.c.at.label("confirmed_at"),
        _told("entered").label("entered"),
        _told("here").label("here"),
        _UNREAD.label("unread"),
        *(column.label(f"its_{column.name}") for column in lock_states.columns),
    )
    .join(offers, offers.c.space_id == spaces.c.space_id)
    .outerjoin(lock_states, lock_states.c.lock_id == spaces.c.lock_key)
    .outerjoin(grants, and_(grants.c.lease_id == _OF_LEASE, grants.c.lock_id == spaces.c.lock_key))
    .outerjoin(
        confirmations,
        and_(
            confirmations.c.lease_id == _OF_LEASE,
            confirmations.c.cycle == func.coalesce(lock_states.c.cycle, 0),
        ),
    )
    .where(spaces.c.space_id == bindparam("space"), offers.c.number == bindparam("offer"))
)
_READING = (
    select(plate_readings)
    .where(
        plate_readings.c.lease_id == _OF_LEASE,
        plate_readings.c.lock_id == _OF_LOCK,
        plate_readings.c.at >= bindparam("since"),
    )
    .order_by(plate_readings.c.at.desc(), plate_readings.c.id.desc())
    .limit(1)
)
_RAISE = commands.alias("raise_")
_CUT_SHORT = select(commands.c.id).where(
    commands.c.id == bindparam("command"),
    commands.c.lock_id == _OF_LOCK,
    commands.c.lease_id == _OF_LEASE,
    commands.c.cycle == bindparam("of_cycle"),
    commands.c.action == "lower",
    ~exists().where(
        _RAISE.c.lock_id == _OF_LOCK, _RAISE.c.action == "raise", _RAISE.c.state.in_(ALIVE)
    ),
)
#: Chains that one machine runs for itself: nobody reorganises them by accident.
LOCAL_CHAINS = frozenset({1337, 5777, 31337})


def installation_now(conn: Connection) -> int:
    """The time that leases go by, for who has the tables alone: of a local chain, that may travel
    in time, what its newest block says; elsewhere the machine's. Unix seconds."""
    wall = int(time.time())
    chain = conn.execute(select(deployment.c.chain_id)).scalar_one_or_none()
    row = first(conn, select(cursor).limit(1))
    if chain not in LOCAL_CHAINS or row is None:
        return wall
    return int(row["block_timestamp"]) + max(0, wall - int(row["updated_at"]))


@dataclass(frozen=True)
class IndexView:
    """How far the index is. `skew` is the newest block's time minus the clock, seconds."""

    block: int
    block_hash: str
    caught_up: bool
    skew: int
    block_seconds: float


def index_view(conn: Connection, clock: Clock) -> IndexView:
    """The index's cursor against the clock; never caught up before the first block."""
    row = first(conn, _CURSOR)
    if row is None:
        return IndexView(0, "", False, 0, DEFAULT_BLOCK_SECONDS)
    return IndexView(
        block=row["block_number"],
        block_hash=row["block_hash"],
        caught_up=row["block_number"] >= row["head_number"],
        skew=row["block_timestamp"] - clock.now(),
        block_seconds=block_seconds(conn),
    )


def asleep(index: IndexView) -> str | None:
    """Why nothing may move, be paid for or be forgotten now, None when it may."""
    if not index.caught_up:
        return "index.behind"
    if abs(index.skew) > MAX_SKEW:
        return "clock.skew"
    return None


@dataclass(frozen=True)
class Situation:
    """A lease, its lock, and what the policy says of them."""

    lease: Row
    lock_id: str
    lock: Row
    facts: Facts

    @property
    def cycle(self) -> int:
        """The lock's occupancy counter."""
        return int(self.lock["cycle"])

    def unlock(self) -> Decision:
        """May the bar go down now?"""
        return decide_unlock(self.facts)

    def camera(self) -> Decision:
        """May the camera be switched on now?"""
        return decide_camera(self.facts)


class Policy:
    """The depth policy of one deployment and the reading of facts.

    `confirmations` overrides the depth that the deposit asks for, None = by policy.
    """

    def __init__(
        self, deployment: Deployment, clock: Clock, confirmations: int | None = None
    ) -> None:
        self.deployment = deployment
        self.clock = clock
        self._confirmations = confirmations

    def required(self, deposit: int) -> int:
        """Confirmations that a lease with this deposit (minor units) needs."""
        if self._confirmations is not None:
            return self._confirmations
        return required_confirmations(
            deposit,
            decimals=self.deployment.asset_decimals,
            local=self.deployment.chain_id in LOCAL_CHAINS,
        )

    def required_of(self, lease: Row) -> int:
        """The same, of a lease's row."""
        return self.required(parse_minor(lease["deposit"]))

    def index(self, conn: Connection) -> IndexView:
        """The index's cursor against the policy's clock."""
        return index_view(conn, self.clock)

    def depth(self, index: IndexView, lease: Row, block: int | None = None) -> tuple[int, int]:
        """(confirmations, required) of a lease; of its booking unless another block is named."""
        since = lease["booked_block"] if block is None else block
        have = max(0, index.block - since + 1)
        return have, self.required_of(lease)

    def situation(self, conn: Connection, lease_id: str, account: str) -> Situation | None:
        """Everything that a decision for `account` rests on; None for a lease nobody knows."""
        lease = lease_row(conn, lease_id)
        return None if lease is None else self.situation_of(conn, lease, account, self.index(conn))

    def situation_of(
        self, conn: Connection, lease: Row, account: str, index: IndexView
    ) -> Situation:
        """The same, of a lease and an index as this very transaction has read them."""
        lease_id = lease["lease_id"]
        which = {"lease": lease_id, "space": lease["space_id"], "offer": lease["offer"]}
        around = conn.execute(_SURROUNDINGS, which).mappings().one()
        lock_id: str = around["lock_key"]
        lock = _UNHEARD
        if around["its_lock_id"] is not None:
            lock = {column.name: around[f"its_{column.name}"] for column in lock_states.columns}
        have, required = self.depth(index, lease)
        position, fault = lock["position"], lock["fault"]
        if _cut_short(conn, lease_id, lock):
            position, fault = "LOCKED", None if fault == "bar_position" else fault
        # of this cycle, and of the lease's present vehicle
        since = max(int(lock["cycle_at"]), around["plate_since"] or 0)
        read = not around["unread"]
        facts = Facts(
            now=self.clock.now(),
            lease_id=parse_lease(lease_id),
            state=LeaseState(lease["state"]),
            start=slot_start(lease["start_slot"]),
            end=slot_start(lease["end_slot"]),
            requester_is_lessee=account == lease["driver"],
            confirmations=have,
            required=required,
            index_caught_up=index.caught_up,
            clock_skew=index.skew,
            lock_online=bool(lock["online"]),
            position=Position(position) if position else None,
            fault=fault,
            bay_occupied=bool(lock["occupied"]),
            entered=read and bool(around["entered"]),
            here=read and bool(around["here"]),
            plate=_reading(conn, lease_id, lock_id, since) if read else None,
            confirmed_at=around["confirmed_at"] if read else None,
            flags=around["flags"],
            block_seconds=index.block_seconds,
            down_for_another=position == "UNLOCKED" and lock["lowered_for"] != lease_id,
        )
        return Situation(lease, lock_id, lock, facts)


_UNHEARD: Row = {
    "online": 0, "position": None, "fault": None, "occupied": 0, "cycle": 0, "cycle_at": 0,
    "camera": 0, "nonce": None, "nonce_at": None, "boot_id": None, "interrupted": None,
    "lowered_for": None,
}  # fmt: skip


def lock_row(conn: Connection, lock_id: str) -> Row | None:
    """What a lock has said of itself, None when nobody has heard of it."""
    return first(conn, _LOCK, lock=lock_id)


def _cut_short(conn: Connection, lease_id: str, lock: Row) -> bool:
    """Did the lock's power go while it lowered its bar in this cycle for this very lease, and does
    nobody raise it? Then a bar half way is not stuck, and one that is down is down for nobody yet:
    it may be lowered for them."""
    if lock["interrupted"] is None or lock["position"] not in ("JAMMED", "UNLOCKED"):
        return False
    about = {"command": lock["interrupted"], "lease": lease_id, "of_cycle": lock["cycle"]}
    return first(conn, _CUT_SHORT, lock=lock["lock_id"], **about) is not None


def _reading(conn: Connection, lease_id: str, lock_id: str, since: int) -> PlateReading | None:
    row = first(conn, _READING, lease=lease_id, lock=lock_id, since=since)
    if row is None:
        return None
    return PlateReading(parse_lease(lease_id), bool(row["match"]), row["confidence"], row["at"])
