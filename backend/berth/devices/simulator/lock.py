"""A lock: obeys tickets, moves its bar, watches its bay.

Rules that nothing overrides: the journal is on disk before anything moves; a bar never rises under
a vehicle; what was cut short is reported and never resumed by itself; failure means no movement.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec

from berth.core.clock import Clock
from berth.core.errors import BerthError
from berth.devices.protocol import ASK_HELLO, Outcome, parse_world
from berth.devices.simulator.camera import Camera, look
from berth.devices.simulator.evidence import Witness
from berth.devices.simulator.hardware import Hardware
from berth.devices.simulator.home import LockHome
from berth.devices.simulator.journal import Journal
from berth.devices.simulator.memory import Intent, remember
from berth.devices.simulator.reports import Publish, Reports
from berth.devices.simulator.stay import STANDARD, Stay, Timing
from berth.devices.simulator.watch import Watch
from berth.devices.tickets import Challenges, Grant, Receipt, Ticket, read_claims, type_of

_COMPACT_AFTER = 500
#: With one of these no driver can be let in.
_BAR_FAULTS = frozenset({"motor", "bar_position"})


class Lock:
    """One simulated lock, without its connection. Feed it what arrives with `hear_*`, call `tick` a
    few times a second; it speaks through the publisher given to `greet`."""

    def __init__(
        self,
        home: LockHome,
        clock: Clock,
        timing: Timing = STANDARD,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        hardware: Hardware | None = None,
    ) -> None:
        self.home = home
        self._clock = clock
        self._timing = timing
        self._monotonic = monotonic
        self.hardware = hardware or Hardware(home.folder / "hardware.json", timing.travel)
        self._journal = Journal(home.folder / "journal.jsonl")
        records = len(self._journal.records)
        self.memory = remember(self._journal)
        # Boots sort. By the clock, so that they still do when the journal was lost with its board.
        self._note("boot", boot=max(self.memory.boot + 1, clock.now()))
        boot = f"{self.memory.boot:08x}{secrets.token_hex(8)}"
        self._challenges = Challenges(boot, monotonic, lambda: secrets.token_hex(16))
        self._camera = Camera(monotonic, timing.camera, timing.look)
        self.reports = Reports(
            home, clock, self.memory, self.hardware, self._camera, self._challenges
        )
        self._motion: asyncio.Task[None] | None = None
        self._resent_at = monotonic()
        self._own_up()
        if records > _COMPACT_AFTER:
            self._journal.rewrite(self.memory.snapshot(clock.now()))
        witness = Witness(self.memory, self._journal, home.domain, home.private_key)
        self._stay = Stay(self.memory, self._journal, clock, monotonic, timing, witness)
        self._watch = Watch(self.memory, clock, timing, witness)
        if self.memory.lowered_for is not None and self.hardware.sense() == "up":
            # it came up as the power went, or while it was off: it is down for nobody
            self._stay.ended()
            self._note("risen")
        self._sense()

    @property
    def occupied(self) -> bool:
        """Does the sensor see a vehicle?"""
        return self.hardware.world.vehicle

    # ---- connection and time

    def greet(self, publish: Publish) -> None:
        """A connection is there."""
        self.reports.connect(publish)
        self._resent_at = self._monotonic()

    def lost(self) -> None:
        """The connection is gone; the lock goes on by itself."""
        self.reports.disconnect()
        self._watch.ready(False)

    def tick(self) -> None:
        """Time has passed."""
        self._watch.ready(self.reports.connected and not self.reports.faults & _BAR_FAULTS)
        told = self._stay.tick(self.occupied)
        told |= self._watch.tick()
        if told or self._monotonic() - self._resent_at >= self._timing.resend:
            self._resent_at = self._monotonic()
            self.reports.evidence()
        if self._camera.timed_out():
            self.reports.state()
        elif self._camera.lease is not None and self._camera.due():
            self._read_plate(self._camera.lease)
        free = self.reports.position == "UNLOCKED" and self.memory.interrupted is None
        if free and self.memory.lowered_for is not None and self._stay.over(self.occupied):
            self._begin(
                Intent(str(uuid.uuid4()), "raise", self.memory.lowered_for, self.memory.cycle),
                ordered=False,
            )

    async def settled(self) -> None:
        """Wait until the bar stands still."""
        if self._motion is not None:
            await self._motion

    async def close(self) -> None:
        """Let a movement end, then let go of the files."""
        await self.settled()
        self._journal.close()

    # ---- what arrives; none of these raises for what it is told

    def hear_command(self, data: bytes) -> None:
        """A ticket, a receipt, or the question for a hello."""
        if data == ASK_HELLO:
            self.reports.hello()
            return
        command: str | None = None
        try:
            text = data.decode("ascii", "replace")
            if type_of(text) is Receipt:
                self._acknowledge(read_claims(text, Receipt, self.home.pins, self._clock.now()))
                return
            ticket = read_claims(text, Ticket, self.home.pins, self._clock.now())
            command = ticket.id
            self._obey(ticket)
        except BerthError as refusal:
            self.reports.ack("refused", command=command, reason=refusal.code)
            if command is not None:
                self.reports.hello()

    def hear_grant(self, data: bytes) -> None:
        """A lease to keep, or to forget."""
        lease, version = None, None
        try:
            text = data.decode("ascii", "replace")
            grant = read_claims(text, Grant, self.home.pins, self._clock.now())
            lease, version = grant.lease, grant.version
            self._keep(grant)
        except BerthError as refusal:
            self.reports.ack("refused", grant=lease, version=version, reason=refusal.code)
        else:
            self.reports.ack("done", grant=lease, version=version)

    def hear_world(self, data: bytes) -> None:
        """The simulated world changed."""
        try:
            world = parse_world(data)
        except BerthError:
            return
        before = self.hardware.world
        self.hardware.set_world(world)
        self._sense()
        if world.vehicle != before.vehicle:
            self.reports.state()
        seen = (world.plate, world.confidence) != (before.plate, before.confidence)
        if self._camera.lease is not None and seen:
            self._read_plate(self._camera.lease)

    def _sense(self) -> None:
        self._watch.sensed(self.occupied)
        arrived = self._stay.sensed(self.occupied, self.reports.position == "UNLOCKED")
        stranger = self.occupied and (self.memory.arrived_at is None or self.memory.left)
        self.reports.fault("car_detected", stranger)
        if arrived:
            self.reports.evidence()

    # ---- tickets

    def _obey(self, ticket: Ticket) -> None:
        known = self.memory.ended.get(ticket.id)
        if known is not None:  # a second delivery: the same answer, no second movement
            self.reports.ack(known.outcome, command=ticket.id, reason=known.reason)
            return
        if self.memory.pending is not None and self.memory.pending.command == ticket.id:
            self.reports.ack("accepted", command=ticket.id)
            return
        self._challenges.spend(ticket)
        if self.reports.moving is not None:
            raise BerthError("bar.moving", "the bar is moving")
        if ticket.cycle != self.memory.cycle:
            raise BerthError("ticket.cycle", f"the lock is in cycle {self.memory.cycle}")
        if ticket.action == "lower":
            self._check_lower(ticket.lease)
        elif ticket.action == "camera_on":
            self._grant_now(ticket.lease)
        elif ticket.action == "raise" and self.occupied:
            raise BerthError("bay.occupied", "a vehicle is over the bar")
        self._begin(Intent(ticket.id, ticket.action, ticket.lease, ticket.cycle), ordered=True)

    def _grant_now(self, lease: str) -> Grant:
        grant, now = self.memory.grants.get(lease), self._clock.now()
        if grant is None:
            raise BerthError("grant.missing", "there is no grant for this lease")
        if grant.state == "revoked":
            raise BerthError("grant.revoked", "the grant was revoked")
        if now < grant.opens:
            raise BerthError("grant.early", "the leased time has not begun")
        if now >= grant.end:
            raise BerthError("grant.over", "the leased time is over")
        return grant

    def _check_lower(self, lease: str) -> None:
        grant = self._grant_now(lease)
        if self.memory.lowered_for not in (None, lease):
            raise BerthError("bar.open", "the bar is down for another lease")
        if self.reports.position == "UNLOCKED" and self.memory.lowered_for == lease:
            return
        # one that is down for nobody yet is as good as up: who drives over it now is this lease's
        if self.occupied:
            raise BerthError("bay.occupied", "a vehicle is over the bar")
        if "plate" not in grant.requires:
            return
        # Looked at now, not remembered: the right car may have gone and another one come.
        match = self._read_plate(lease)
        if match is None:
            raise BerthError("plate.missing", "no plate is in front of the camera")
        if not match:
            raise BerthError("plate.mismatch", "another vehicle is in front of the camera")

    def _begin(self, intent: Intent, *, ordered: bool) -> None:
        self._note("intent", **asdict(intent), **({} if ordered else {"own": True}))
        if intent.action == "camera_on":
            self._camera.switch_on(intent.lease)
            self._finish(intent, "done", None, moved=False, ordered=ordered)
            self._read_plate(intent.lease)
        elif intent.action == "camera_off":
            if self._camera.lease == intent.lease:  # it may look for the next driver by now
                self._camera.switch_off()
            self._finish(intent, "done", None, moved=False, ordered=ordered)
        else:
            if ordered:
                self.reports.ack("accepted", command=intent.command)
            self.reports.moving = "UNLOCKING" if intent.action == "lower" else "LOCKING"
            self.reports.state()
            self._motion = asyncio.ensure_future(self._move(intent, ordered))

    async def _move(self, intent: Intent, ordered: bool) -> None:
        target = "down" if intent.action == "lower" else "up"
        outcome: Outcome = "done"
        reason: str | None = None
        there = self.hardware.sense() == target
        if not there:
            if intent.action == "lower":
                moved = await self.hardware.move("down", lambda: False)
            else:
                moved = await self.hardware.move("up", lambda: self.occupied)
            if moved == "blocked":  # down again, away from the vehicle
                await self.hardware.move("down", lambda: False)
                outcome, reason = "failed", "bay.occupied"
            elif moved == "stuck":
                outcome, reason = "failed", "motor.stuck"
        self.reports.moving = None
        self.reports.fault("motor", reason == "motor.stuck")
        self.reports.fault("bar_position", self.hardware.sense() == "between")
        if intent.action == "lower" and outcome == "done":
            self._stay.restart_wait()
            self._camera.switch_off()  # it has seen what it was to see
        # a bar that came up within the debounce: the next lowering would forget the stay
        departed = intent.action == "raise" and outcome == "done" and self._stay.ended()
        self._finish(intent, outcome, reason, moved=not there, ordered=ordered)
        if departed:
            self.reports.evidence()
        self._sense()  # a vehicle may have driven in while the bar was still on its way

    def _finish(
        self, intent: Intent, outcome: Outcome, reason: str | None, *, moved: bool, ordered: bool
    ) -> None:
        self._note("outcome", command=intent.command, outcome=outcome, reason=reason, moved=moved)
        if ordered:
            self.reports.ack(outcome, command=intent.command, reason=reason)
        self.reports.hello()
        self.reports.state()

    # ---- grants, receipts, plates

    def _keep(self, grant: Grant) -> None:
        if grant.opens > grant.start or grant.start >= grant.end:
            raise BerthError("grant.window", "opens, start and end are out of order", field="end")
        held = self.memory.grants.get(grant.lease)
        if held is not None and grant.version < held.version:
            raise BerthError("grant.version", f"version {held.version} is held", field="version")
        if held is None or grant.version > held.version:
            if over := self.memory.over(self._clock.now()):
                self._note("forgotten", leases=over)  # what is new has room
            self._note("grant", grant=msgspec.to_builtins(grant))

    def _acknowledge(self, receipt: Receipt) -> None:
        record = self.memory.unacknowledged.get((receipt.lease, receipt.kind))
        if record is not None and record["digest"] == receipt.digest:
            self._note("acknowledged", lease=receipt.lease, kind=receipt.kind)

    def _read_plate(self, lease: str) -> bool | None:
        self._camera.looked()
        grant = self.memory.grants.get(lease)
        reading = look(self.hardware.world, grant) if grant is not None else None
        if reading is None:
            return None
        self._note(
            "reading",
            at=self._clock.now(),
            lease=lease,
            hash=reading.evidence_hash,
            secret=reading.secret,
        )
        self.reports.plate(lease, reading)
        return reading.match

    # ---- start

    def _own_up(self) -> None:
        """Sense the bar, and say of a command that a crash cut short just that."""
        pending = self.memory.pending
        if pending is not None:
            self._note("outcome", command=pending.command, outcome="interrupted", reason="restart")
        if self.hardware.sense() == "between":
            self.reports.faults.add("bar_position")

    def _note(self, kind: str, /, **fields: Any) -> None:
        self.memory.apply(self._journal.append(kind, **fields))
