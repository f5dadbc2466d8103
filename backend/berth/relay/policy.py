"""What an unlock rests on, read from the tables: facts in, decision out."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Connection, select

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
from berth.relay.rows import Row, first
from berth.store.derived import cursor, offers, spaces
from berth.store.kept import (
    confirmations,
    deployment,
    grants,
    lock_states,
    plate_readings,
    presence,
)
from berth.store.pace import DEFAULT_BLOCK_SECONDS, block_seconds

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
    caught_up: bool
    skew: int
    block_seconds: float


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

    def index(self, conn: Connection) -> IndexView:
        """The index's cursor against the clock; never caught up before the first block."""
        row = first(conn, select(cursor).order_by(cursor.c.name).limit(1))
        if row is None:
            return IndexView(0, False, 0, DEFAULT_BLOCK_SECONDS)
        return IndexView(
            block=row["block_number"],
            caught_up=row["block_number"] >= row["head_number"],
            skew=row["block_timestamp"] - self.clock.now(),
            block_seconds=block_seconds(conn),
        )

    def depth(self, conn: Connection, lease: Row, block: int | None = None) -> tuple[int, int]:
        """(confirmations, required) of a lease; of its booking unless another block is named."""
        since = lease["booked_block"] if block is None else block
        have = max(0, self.index(conn).block - since + 1)
        return have, self.required(parse_minor(lease["deposit"]))

    def situation(self, conn: Connection, lease_id: str, account: str) -> Situation | None:
        """Everything that a decision for `account` rests on; None for a lease nobody knows."""
        lease = lease_row(conn, lease_id)
        if lease is None:
            return None
        lock_id = conn.execute(
            select(spaces.c.lock_key).where(spaces.c.space_id == lease["space_id"])
        ).scalar_one()
        lock = _lock(conn, lock_id)
        index = self.index(conn)
        have, required = self.depth(conn, lease)
        events = _presence(conn, lease_id, lock["cycle_at"])
        flags = conn.execute(
            select(offers.c.flags).where(
                offers.c.space_id == lease["space_id"], offers.c.number == lease["offer"]
            )
        ).scalar_one()
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
            position=Position(lock["position"]) if lock["position"] else None,
            fault=lock["fault"],
            bay_occupied=bool(lock["occupied"]),
            entered="entered" in events,
            here="here" in events,
            plate=_reading(conn, lease_id, lock_id, _reads_since(conn, lease_id, lock_id, lock)),
            confirmed_at=_confirmed_at(conn, lease_id, lock["cycle"]),
            flags=flags,
            block_seconds=index.block_seconds,
        )
        return Situation(lease, lock_id, lock, facts)


_UNHEARD: Row = {
    "online": 0, "position": None, "fault": None, "occupied": 0, "cycle": 0, "cycle_at": 0,
    "camera": 0, "nonce": None, "nonce_at": None, "boot_id": None, "interrupted": None,
    "lowered_for": None,
}  # fmt: skip


def _lock(conn: Connection, lock_id: str) -> Row:
    query = select(lock_states).where(lock_states.c.lock_id == lock_id)
    return first(conn, query) or _UNHEARD


def _presence(conn: Connection, lease_id: str, since: int) -> set[str]:
    query = select(presence.c.event).where(
        presence.c.lease_id == lease_id, presence.c.party == "driver", presence.c.at >= since
    )
    return set(conn.execute(query).scalars())


def _reads_since(conn: Connection, lease_id: str, lock_id: str, lock: Row) -> int:
    """From when on a reading is of this cycle and of the lease's present vehicle."""
    query = select(grants.c.plate_since).where(
        grants.c.lease_id == lease_id, grants.c.lock_id == lock_id
    )
    return max(int(lock["cycle_at"]), conn.execute(query).scalar_one_or_none() or 0)


def _reading(conn: Connection, lease_id: str, lock_id: str, since: int) -> PlateReading | None:
    query = (
        select(plate_readings)
        .where(
            plate_readings.c.lease_id == lease_id,
            plate_readings.c.lock_id == lock_id,
            plate_readings.c.at >= since,
        )
        .order_by(plate_readings.c.at.desc(), plate_readings.c.id.desc())
        .limit(1)
    )
    row = first(conn, query)
    if row is None:
        return None
    return PlateReading(parse_lease(lease_id), bool(row["match"]), row["confidence"], row["at"])


def _confirmed_at(conn: Connection, lease_id: str, cycle: int) -> int | None:
    query = select(confirmations.c.at).where(
        confirmations.c.lease_id == lease_id, confirmations.c.cycle == cycle
    )
    return conn.execute(query).scalar_one_or_none()
