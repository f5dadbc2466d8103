"""What a simulated lock says: numbered, signed messages to whatever connection there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from berth.core.clock import Clock
from berth.devices.protocol import (
    HELLO_GRANTS,
    Ack,
    AnyMessage,
    Availability,
    Fault,
    FaultCode,
    HeldGrant,
    Hello,
    LastCommand,
    OccupancyRecord,
    Outcome,
    Plate,
    Position,
    State,
    encode,
    leaf_of,
)
from berth.devices.simulator.camera import Camera, Reading
from berth.devices.simulator.hardware import Hardware
from berth.devices.simulator.home import LockHome
from berth.devices.simulator.memory import Memory
from berth.devices.tickets import Challenges
from berth.devices.topics import RETAINED

FIRMWARE = "berth-simulator 1"

#: (topic leaf, payload, retain flag); must not wait.
Publish = Callable[[str, bytes, bool], None]

_PLACES: dict[str, Position] = {"up": "LOCKED", "down": "UNLOCKED", "between": "JAMMED"}


class Reports:
    """Speaks while connected; without a connection messages are dropped, and all that matters is
    said again at the next one."""

    def __init__(
        self,
        home: LockHome,
        clock: Clock,
        memory: Memory,
        hardware: Hardware,
        camera: Camera,
        challenges: Challenges,
    ) -> None:
        self._home = home
        self._clock = clock
        self._memory = memory
        self._hardware = hardware
        self._camera = camera
        self._challenges = challenges
        self._seq = 0
        self._connection = 0
        self._publish: Publish | None = None
        self.faults: set[FaultCode] = set()
        self.moving: Position | None = None

    @property
    def connected(self) -> bool:
        """Is anybody listening?"""
        return self._publish is not None

    @property
    def position(self) -> Position:
        """Where the bar is: sensed, or where it is going."""
        return self.moving or _PLACES[self._hardware.sense()]

    def will(self) -> bytes:
        """What the broker is to say of the next connection when it breaks."""
        return self._sealed(Availability, online=False, connection=self._connection + 1)

    def farewell(self) -> bytes:
        """What to say before leaving in good order: then no will is sent."""
        return self._sealed(Availability, online=False, connection=self._connection)

    def connect(self, publish: Publish) -> None:
        """Speak through `publish` from now on, and say who and how."""
        self._connection += 1
        self._publish = publish
        self.hello()
        self._say(Availability, online=True, connection=self._connection)
        self.state()
        self.evidence()

    def disconnect(self) -> None:
        """Nobody is listening any more."""
        self._publish = None

    def hello(self) -> None:
        """Who, how, and a fresh nonce."""
        memory = self._memory
        last = None
        if memory.last_command is not None and memory.last_command in memory.ended:
            ended = memory.ended[memory.last_command]
            last = LastCommand(
                command=memory.last_command, outcome=ended.outcome, reason=ended.reason
            )
        self._say(
            Hello,
            nonce=self._challenges.new(),
            connection=self._connection,
            chain=self._home.pins.chain,
            market=self._home.pins.market,
            cycle=memory.cycle,
            position=self.position,
            occupied=self._hardware.world.vehicle,
            camera=self._camera.on,
            firmware=FIRMWARE,
            interrupted=memory.interrupted,
            last=last,
            grants=[
                HeldGrant(lease=grant.lease, version=grant.version)
                for grant in memory.held(self._clock.now())[:HELLO_GRANTS]
            ],
        )

    def state(self) -> None:
        """The bar, the bay, the camera, the faults."""
        self._say(
            State,
            cycle=self._memory.cycle,
            position=self.position,
            occupied=self._hardware.world.vehicle,
            camera=self._camera.on,
            lease_id=self._memory.lowered_for,
            interrupted=self._memory.interrupted,
            faults=sorted(self.faults),
        )

    def evidence(self) -> None:
        """All records that nobody has acknowledged, arrivals first."""
        for _, record in sorted(self._memory.unacknowledged.items()):
            self._say(
                OccupancyRecord,
                lease_id=record["lease"],
                kind=record["kind"],
                from_=record["from"],
                until=record["until"],
                energy_wh=record["energy"],
                signature=record["signature"],
            )

    def ack(
        self,
        outcome: Outcome,
        *,
        command: str | None = None,
        grant: str | None = None,
        version: int | None = None,
        reason: str | None = None,
    ) -> None:
        """What became of a command or grant."""
        self._say(
            Ack,
            outcome=outcome,
            cycle=self._memory.cycle,
            position=self.position,
            command=command,
            grant=grant,
            version=version,
            reason=reason,
        )

    def plate(self, lease: str, reading: Reading) -> None:
        """A reading; never the plate."""
        self._say(
            Plate,
            lease_id=lease,
            match=reading.match,
            confidence=reading.confidence,
            evidence_hash=reading.evidence_hash,
            reason=reading.reason,
        )

    def fault(self, code: FaultCode, active: bool) -> None:
        """A fault begins or ends; said once."""
        if active == (code in self.faults):
            return
        if active:
            self.faults.add(code)
        else:
            self.faults.discard(code)
        self._say(Fault, fault=code, active=active)

    def _say(self, kind: Callable[..., AnyMessage], /, **fields: Any) -> None:
        if self._publish is None:
            return
        message = self._message(kind, **fields)
        leaf = leaf_of(message)
        self._publish(leaf, encode(message, self._home.private_key), leaf in RETAINED)

    def _sealed(self, kind: Callable[..., AnyMessage], /, **fields: Any) -> bytes:
        return encode(self._message(kind, **fields), self._home.private_key)

    def _message(self, kind: Callable[..., AnyMessage], /, **fields: Any) -> AnyMessage:
        self._seq += 1
        return kind(
            lock=self._home.lock_id,
            boot=self._challenges.boot,
            seq=self._seq,
            at=self._clock.now(),
            **fields,
        )
