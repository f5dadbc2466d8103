"""What locks say, checked and written down.

A message counts when its envelope is signed by the lock of its topic and its boot is the lock's
newest; evidence moreover carries its own signature for the chain, and is of a lease of the space
that the lock is registered for.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import Connection, delete, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from berth.core.clock import Clock
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.ids import parse_lease, space_hex, split_lease
from berth.core.messages import occupancy, recover
from berth.devices.protocol import (
    Ack,
    AnyMessage,
    Availability,
    Fault,
    FaultCode,
    Hello,
    OccupancyRecord,
    Plate,
    State,
    decode,
)
from berth.devices.topics import parse
from berth.relay import grants
from berth.relay.answers import answered
from berth.relay.audience import lease_row, space_of_lock, tell_lease, tell_space
from berth.relay.evidence import check_speaker, check_times
from berth.relay.misfortunes import jammed_or_not
from berth.relay.orders import ReceiptOrder
from berth.relay.policy import LOCAL_CHAINS
from berth.relay.rows import Row, first
from berth.relay.signer_limits import Bucket
from berth.store.clock import database_now
from berth.store.derived import leases
from berth.store.engine import Store
from berth.store.incidents import ITSELF, open_incident, settle_incidents
from berth.store.kept import evidence, lock_states, plate_readings

#: What is heard of one lock: so much at once (it may confirm 200 grants in a row), then a message
#: every so many seconds. Checking one takes 7 ms of all locks' time.
MESSAGES_AT_ONCE, MESSAGE_SECONDS = 600, 0.1
#: Records of leases that the index does not know, of one lock, on their way to the chain at a time:
#: it knows every lease soon, and a lock says again what it has no receipt for.
UNKNOWN_AT_MOST = 20
#: Locks whose messages are counted; between two lines about those that say too much, seconds.
_COUNTED, _QUIET = 20_000, 10.0
#: A lock's clock that differs from ours by more is an incident; by more than the other, as much as
#: certificates allow for, its times are left as they are. Seconds.
CLOCK_NAMED, CLOCK_AT_MOST = 60, 300
#: Fields of a lock's state that people are told of when they change.
_SHOWN = ("online", "position", "occupied", "camera", "fault", "cycle")
#: What a lock may name as its fault, the worst first: what somebody has to see to, a bar that
#: stands half way, what passes by itself, what does not matter to the bar.
_FAULTS: tuple[FaultCode, ...] = (
    "released", "shell_opened", "motor", "coil", "bar_position", "car_detected", "low_battery",
)  # fmt: skip
_CODE = re.compile(r"[a-z][a-z0-9_.]{0,59}")
_log = structlog.get_logger("berth.relay")


@dataclass
class Reaction:
    """What follows from a message: receipts to send; whether commands may have become possible;
    whether the lock (its id) has to be asked for a hello, because it has started unheard."""

    receipts: list[ReceiptOrder] = field(default_factory=list)
    wake: bool = False
    ask_hello: str | None = None


class Inbox:
    """Takes one message at a time."""

    def __init__(self, store: Store, deployment: Deployment, clock: Clock) -> None:
        self._store = store
        self._deployment = deployment
        self._clock = clock
        self._heard: OrderedDict[str, Bucket] = OrderedDict()
        self._told_at = -_QUIET
        #: Of a lock its boot, and by how much its clock is behind ours: a word comes later than it
        #: is said, so that of several the quickest is nearest the truth. Seconds.
        self._behind: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def forget_who_is_online(self) -> None:
        """A connection to the broker begins: who is there is said anew by what the broker kept."""
        there = select(lock_states.c.lock_id).where(lock_states.c.online != 0)
        with self._store.write() as conn:
            # all of them, in the order in which whoever wants several takes them
            conn.execute(there.order_by(lock_states.c.lock_id).with_for_update()).all()
            conn.execute(update(lock_states).where(lock_states.c.online != 0).values(online=0))

    def take(self, topic: str, data: bytes) -> Reaction:
        """Check a message and write it down. Raises BerthError for one that does not count. Of a
        lock that says too much, some are passed over: one lock must not keep out all others."""
        lock_id, leaf = parse(topic)
        if not self._admits(lock_id):
            return Reaction()
        message = decode(lock_id, leaf, data)
        with self._store.write() as conn:
            return self._accept(conn, message)

    def _admits(self, lock_id: str) -> bool:
        if lock_id not in self._heard:
            self._heard[lock_id] = Bucket(MESSAGES_AT_ONCE, MESSAGE_SECONDS, time.monotonic)
            if len(self._heard) > _COUNTED:
                self._heard.popitem(last=False)
        self._heard.move_to_end(lock_id)
        if self._heard[lock_id].take():
            return True
        if time.monotonic() - self._told_at >= _QUIET:
            self._told_at = time.monotonic()
            _log.warning("a lock says too much: messages are passed over", lock=lock_id)
        return False

    def _accept(self, conn: Connection, message: AnyMessage) -> Reaction:
        now = self._clock.now()
        known = _locked(conn, message.lock, now)
        space_id = space_of_lock(conn, message.lock)
        if isinstance(message, OccupancyRecord):
            # Its own signature binds it to chain, contract and lease: an old boot's is as good.
            return self._evidence(conn, message, now)
        newest = known["boot_id"] or ""
        if isinstance(message, Availability) and (message.boot, message.connection) < (
            newest,
            known["connection"],
        ):
            # the will of an old connection, or what the broker kept of it because the word that
            # followed was lost: the lock may well be there
            return Reaction(ask_hello=message.lock)
        if message.boot < newest:
            raise BerthError("inbox.stale", "is from before the lock's last start", field="boot")
        if isinstance(message, Hello):
            return self._hello(conn, message, known, space_id, now)
        if message.boot != newest:
            return Reaction(ask_hello=message.lock)
        self._compare(message, now)
        if isinstance(message, Availability):
            self._keep(conn, known, space_id, now, online=int(message.online))
            return Reaction(wake=message.online)
        if isinstance(message, State):
            return self._state(conn, message, known, space_id, now)
        if isinstance(message, Plate):
            return self._plate(conn, message, space_id, now)
        if isinstance(message, Fault):
            tell_space(
                conn,
                "lock.fault",
                space_id,
                {"fault": message.fault, "active": message.active},
                now,
            )
            return Reaction()
        return self._ack(conn, message, now)

    def _hello(
        self, conn: Connection, hello: Hello, known: Row, space_id: str | None, now: int
    ) -> Reaction:
        if (hello.chain, hello.market) != (self._deployment.chain_id, self._deployment.market):
            raise BerthError("inbox.deployment", "serves another contract", field="market")
        told: dict[str, Any] = {"seq": hello.seq, **_common(hello, known, now)}
        if hello.boot == known["boot_id"] and hello.seq <= known["seq"]:
            if hello.connection <= known["connection"]:
                return Reaction()  # an old copy
            told = {}  # overtaken by what was said after it; who is there nobody else tells
        self._compare(hello, now)
        self._name_clock(conn, hello, space_id, now)
        self._keep(
            conn,
            known,
            space_id,
            now,
            boot_id=hello.boot,
            connection=hello.connection,
            nonce=hello.nonce,
            nonce_at=database_now(conn),
            online=1,
            **told,
        )
        if hello.last is not None:
            last = hello.last
            answered(conn, hello.lock, last.command, last.outcome, _code(last.reason), now)
        grants.held(conn, hello.lock, hello.grants, now)
        return Reaction(wake=True)

    def _state(
        self, conn: Connection, state: State, known: Row, space_id: str | None, now: int
    ) -> Reaction:
        if state.seq <= known["seq"]:
            return Reaction()  # the kept copy of what we know
        self._keep(
            conn,
            known,
            space_id,
            now,
            seq=state.seq,
            # another space's lease is not this bar's: its command would stand in the way of its
            # own lock's
            lowered_for=state.lease_id if _is_of(state.lease_id, space_id) else None,
            fault=_worst(state.faults),
            **_common(state, known, now),
        )
        # it speaks: the word that it is there was lost
        return Reaction(wake=True, ask_hello=None if known["online"] else state.lock)

    def _plate(self, conn: Connection, plate: Plate, space_id: str | None, now: int) -> Reaction:
        _check_space(plate.lease_id, space_id)
        again = select(plate_readings.c.id).where(
            plate_readings.c.lease_id == plate.lease_id,  # whose index finds it
            plate_readings.c.lock_id == plate.lock,
            plate_readings.c.evidence_hash == plate.evidence_hash,
        )
        if first(conn, again) is not None:
            return Reaction()  # a second delivery
        conn.execute(
            insert(plate_readings).values(
                lock_id=plate.lock,
                lease_id=plate.lease_id,
                match=int(plate.match),
                confidence=plate.confidence,
                evidence_hash=plate.evidence_hash,
                reason=plate.reason,
                at=self._by_our_clock(plate),
                received_at=now,
            )
        )
        payload = {"match": plate.match, "confidence": plate.confidence, "reason": plate.reason}
        tell_lease(conn, "lock.plate", plate.lease_id, payload, now)
        return Reaction(wake=True)

    def _compare(self, message: AnyMessage, now: int) -> None:
        """How far is the lock's clock behind ours, by what it said last? A hello, which comes
        before whatever it reads next, begins anew: its clock may have been set."""
        behind = now - message.at
        boot, former = self._behind.get(message.lock, ("", behind))
        if boot == message.boot and not isinstance(message, Hello):
            behind = min(former, behind)
        elif not isinstance(message, Hello):
            return  # what the broker kept is as old as it may be
        self._behind[message.lock] = (message.boot, behind)
        self._behind.move_to_end(message.lock)
        if len(self._behind) > _COUNTED:
            self._behind.popitem(last=False)

    def _by_our_clock(self, plate: Plate) -> int:
        """When a plate was read. Freshness is judged by our clock, and the lock's may differ; that
        of a lock that is quite wrong, or unknown yet, is taken at its word."""
        boot, behind = self._behind.get(plate.lock, ("", 0))
        if boot != plate.boot or abs(behind) > CLOCK_AT_MOST:
            return plate.at
        return plate.at + behind

    def _name_clock(self, conn: Connection, hello: Hello, space_id: str | None, now: int) -> None:
        """A lock's clock that is wrong makes trouble that nothing else would explain."""
        if self._deployment.chain_id in LOCAL_CHAINS:
            return  # it travels in time
        behind = now - hello.at
        key = f"lock.clock:{hello.lock}"
        if abs(behind) <= CLOCK_NAMED:
            settle_incidents(conn, now, "the lock's clock is right again", ITSELF, key=key)
            return
        open_incident(
            conn,
            "lock.clock",
            key,
            "lock.clock",
            now=now,
            space_id=space_id,
            lock_id=hello.lock,
            facts={"behind": behind},
        )

    def _evidence(self, conn: Connection, record: OccupancyRecord, now: int) -> Reaction:
        check_speaker(conn, record)
        message = occupancy(
            self._deployment.domain,
            parse_lease(record.lease_id),
            record.kind,
            record.from_,
            record.until,
            record.energy_wh,
        )
        if recover(message, record.signature) != record.lock:
            raise BerthError("inbox.evidence", "is not signed by the lock", field="signature")
        travels = self._deployment.chain_id in LOCAL_CHAINS
        check_times(conn, record, None if travels else now)
        fields: Mapping[str, Any] = {
            "lease_id": record.lease_id,
            "kind": record.kind,
            "from_": record.from_,
            "until": record.until,
            "energy_wh": record.energy_wh,
        }
        key = (evidence.c.lease_id == record.lease_id) & (evidence.c.kind == record.kind)
        known = first(conn, select(evidence.c.state, evidence.c.signature).where(key))
        mended = known is not None and (
            known["state"] == "refused" and known["signature"] != record.signature
        )
        if mended:
            # the contract did not want the former one: this one says something else
            conn.execute(delete(evidence).where(key))
        if known is None or mended:
            _check_crowd(conn, record)
            conn.execute(
                insert(evidence).values(
                    **fields,
                    signature=record.signature,
                    lock_id=record.lock,
                    state="received",
                    received_at=now,
                )
            )
            payload = {"kind": record.kind, "from": record.from_, "until": record.until}
            tell_lease(conn, "lock.evidence", record.lease_id, payload, now)
        # The first record of a kind that is not refused wins, here as in the contract; the lock may
        # forget either way.
        digest = "0x" + message.digest.hex()
        receipt = ReceiptOrder(record.lock, record.lease_id, record.kind, digest)
        return Reaction(receipts=[receipt], wake=True)

    def _ack(self, conn: Connection, ack: Ack, now: int) -> Reaction:
        if ack.command is not None:
            answered(conn, ack.lock, ack.command, ack.outcome, _code(ack.reason), now)
        if ack.grant is not None and ack.version is not None:
            reason = None if ack.outcome == "done" else _code(ack.reason) or ack.outcome
            grants.acknowledged(conn, ack.lock, ack.grant, ack.version, reason, now)
        return Reaction(wake=True)

    def _keep(
        self, conn: Connection, known: Row, space_id: str | None, now: int, **values: Any
    ) -> None:
        fresh = {**known, **values, "space_id": space_id, "seen_at": now}
        conn.execute(
            update(lock_states).where(lock_states.c.lock_id == known["lock_id"]).values(fresh)
        )
        if any(fresh[name] != known[name] for name in _SHOWN):
            payload = {name: fresh[name] for name in _SHOWN}
            for flag in ("online", "occupied", "camera"):
                payload[flag] = bool(payload[flag])
            tell_space(conn, "lock.state", space_id, payload, now)
        if fresh["position"] != known["position"]:
            jammed_or_not(conn, fresh, now)


def _locked(conn: Connection, lock_id: str, now: int) -> Row:
    """What is known of a lock, made where it is not known yet. Every relay hears every message: who
    comes second waits here until the first has written it down, and finds that it is no news."""
    query = select(lock_states).where(lock_states.c.lock_id == lock_id).with_for_update()
    known = first(conn, query)
    if known is None:
        insert_ = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
        row = insert_(lock_states).values(lock_id=lock_id, seen_at=now)
        conn.execute(row.on_conflict_do_nothing())
        known = first(conn, query)
    if known is None:
        raise BerthError("inbox.lock", "cannot be kept", field="lock")
    return known


def _code(reason: str | None) -> str | None:
    """A lock's reason, where it is one: it comes to screens of people who did not ask for it."""
    return reason if reason is not None and _CODE.fullmatch(reason) else None


def _check_crowd(conn: Connection, record: OccupancyRecord) -> None:
    """A lock can sign for leases that never were: each costs questions to the node for a while."""
    if lease_row(conn, record.lease_id) is not None:
        return
    waiting = conn.execute(
        select(func.count())
        .select_from(evidence)
        .where(
            evidence.c.state.in_(("received", "submitted")),
            evidence.c.lock_id == record.lock,
            ~exists().where(leases.c.lease_id == evidence.c.lease_id),
        )
    ).scalar_one()
    if waiting >= UNKNOWN_AT_MOST:
        message = "too many of its records are of leases that nobody knows"
        raise BerthError("inbox.unknown_leases", message, field="leaseId")


def _common(message: Hello | State, known: Row, now: int) -> dict[str, Any]:
    moved_on = known["boot_id"] is not None and message.cycle != known["cycle"]
    return {
        "cycle": message.cycle,
        "cycle_at": now if moved_on else known["cycle_at"],
        "position": message.position,
        "occupied": int(message.occupied),
        "camera": int(message.camera),
        "interrupted": message.interrupted,
    }


def _worst(faults: Sequence[FaultCode]) -> FaultCode | None:
    """The fault that counts, of all that a lock names in an order of its own: one that a bar may
    move with must not hide one that it may not move with."""
    return min(faults, key=_FAULTS.index, default=None)


def _is_of(lease_id: str | None, space_id: str | None) -> bool:
    return lease_id is not None and space_hex(split_lease(parse_lease(lease_id))[0]) == space_id


def _check_space(lease_id: str, space_id: str | None) -> None:
    if not _is_of(lease_id, space_id):
        raise BerthError(
            "inbox.space", "the lease is of a space that this lock does not serve", field="leaseId"
        )
