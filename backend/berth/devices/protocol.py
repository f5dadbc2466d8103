"""What locks say, as typed messages in envelopes signed by the lock's key.

Every message names its lock, the boot and a number that grows within the boot, so that an old copy
is never taken for news. Times are Unix seconds UTC by the lock's clock.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

import msgspec

from berth.core.envelope import open_envelope, seal
from berth.core.errors import BerthError
from berth.devices.tickets import (
    Address,
    CommandId,
    Count,
    Hash,
    LeaseHex,
    Seconds,
    Token,
)

#: The longest message of a lock that is read, bytes; and the longest hello, which has to fit into a
#: packet of the broker with its topic. A lock says shorter ones; but one that never forgets a grant
#: must not lose its nonce, and with it its bar, by that.
MAX_MESSAGE = 16 * 1024
MAX_HELLO = 63 * 1024
#: A hello names at most so many grants, the soonest: they are what has room in 16,384 bytes.
HELLO_GRANTS = 200
#: Asks a lock to say hello again, with a fresh nonce. Unsigned: it moves nothing.
ASK_HELLO = b'{"ask":"hello"}'

Position = Literal["LOCKED", "UNLOCKED", "LOCKING", "UNLOCKING", "JAMMED"]
FaultCode = Literal[
    "low_battery", "motor", "coil", "bar_position", "shell_opened", "car_detected", "released"
]
Outcome = Literal["accepted", "done", "refused", "interrupted", "failed"]
Words = Annotated[str, msgspec.Meta(max_length=200)]


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type"):
    """What all messages carry. `boot` sorts: a later boot of the same lock is greater."""

    lock: Address
    boot: Token
    seq: Count
    at: Seconds


class HeldGrant(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A grant that the lock holds."""

    lease: LeaseHex
    version: Count


class LastCommand(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How the newest command ended, in case its ack was lost."""

    command: CommandId
    outcome: Outcome
    reason: Words | None = None


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    """First thing on a connection, after every spent nonce, and when asked.

    `connection` counts the connections of this boot; `interrupted` is a command that a crash cut
    short: the lock then waits for a fresh one before it moves by itself again. `grants` are those
    that the lock holds, neither over nor taken back; `HELLO_GRANTS` of them at most, the soonest.
    More are read, as far as `MAX_HELLO` goes.
    """

    nonce: Token
    connection: Count
    chain: Annotated[int, msgspec.Meta(ge=1, lt=1 << 53)]
    market: Address
    cycle: Count
    position: Position
    occupied: bool
    camera: bool
    firmware: Words
    interrupted: CommandId | None = None
    last: LastCommand | None = None
    grants: list[HeldGrant] = []


class State(Message, frozen=True, kw_only=True, tag="state"):
    """Retained. `lease_id` is the lease that the bar is down for; `faults` all that are active."""

    cycle: Count
    position: Position
    occupied: bool
    camera: bool
    lease_id: LeaseHex | None = None
    interrupted: CommandId | None = None
    faults: Annotated[list[FaultCode], msgspec.Meta(max_length=8)] = []


class Availability(Message, frozen=True, kw_only=True, tag="availability"):
    """Retained. The will of a connection is its `online: false`, sealed when it began."""

    online: bool
    connection: Count


class OccupancyRecord(Message, frozen=True, kw_only=True, tag="occupancy"):
    """Evidence for the chain: `signature` is over EIP-712 `Occupancy` of the market's domain.

    `kind` 1 the vehicle came; 2 it left; 3 BLOCKED, somebody else's stands there; 4 NOSHOW, watched
    from the start (or before) to the end, and nobody came.
    """

    lease_id: LeaseHex
    kind: Literal[1, 2, 3, 4]
    from_: Seconds = msgspec.field(name="from")
    until: Seconds
    energy_wh: Count
    signature: Annotated[str, msgspec.Meta(pattern="^0x[0-9a-f]{130}$")]


class Plate(Message, frozen=True, kw_only=True, tag="plate"):
    """One reading compared with a lease's commitment. The plate itself never leaves the lock."""

    lease_id: LeaseHex
    match: bool
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]
    evidence_hash: Hash
    reason: Literal["other_vehicle", "unreadable"] | None = None


class Fault(Message, frozen=True, kw_only=True, tag="fault"):
    """A fault began (`active`) or is over."""

    fault: FaultCode
    active: bool
    detail: Words = ""


class Ack(Message, frozen=True, kw_only=True, tag="ack"):
    """What became of a command (`command` set) or a grant (`grant` and `version` set).

    Of a command: accepted (journaled, moving), done, refused, interrupted or failed (the bar did
    not get there). Of a grant: done or refused. `reason` is a code such as `ticket.expired`.
    """

    outcome: Outcome
    cycle: Count
    position: Position
    command: CommandId | None = None
    grant: LeaseHex | None = None
    version: Count | None = None
    reason: Words | None = None


AnyMessage = Hello | State | Availability | OccupancyRecord | Plate | Fault | Ack

_KINDS: dict[str, type[Message]] = {
    "hello": Hello,
    "state": State,
    "availability": Availability,
    "occupancy": OccupancyRecord,
    "plate": Plate,
    "fault": Fault,
    "ack": Ack,
}


def leaf_of(message: Message) -> str:
    """The topic leaf that a message goes to."""
    return next(leaf for leaf, kind in _KINDS.items() if isinstance(message, kind))


def encode(message: AnyMessage, private_key: bytes) -> bytes:
    """The message in an envelope signed by the lock's key."""
    payload = msgspec.to_builtins(message)
    return json.dumps(seal(payload, private_key), separators=(",", ":")).encode("utf-8")


def decode(lock_id: str, leaf: str, data: bytes) -> AnyMessage:
    """The message that a lock said on one of its topics.

    Raises BerthError naming the field: `device.size`, `.json`, `.type`, `.message`, `.signer` (the
    envelope is not signed by the lock of the topic, or names another lock), or `envelope.*`.
    """
    longest = MAX_HELLO if leaf == "hello" else MAX_MESSAGE
    if len(data) > longest:
        raise BerthError("device.size", f"has {len(data)} bytes, {longest} at most")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BerthError("device.json", "is no JSON", field="envelope") from error
    payload, signer = open_envelope(document)
    if signer != lock_id:
        raise BerthError("device.signer", f"is signed by {signer}", field="signature")
    kind = _KINDS.get(leaf)
    if kind is None or payload.get("type") != leaf:
        raise BerthError("device.type", f"is no {leaf} message", field="type")
    try:
        message = msgspec.convert(payload, kind)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        field = path.rstrip("`").lstrip(".") or None
        raise BerthError("device.message", reason, field=field) from error
    if message.lock != lock_id:
        raise BerthError("device.signer", f"names lock {message.lock}", field="lock")
    return message  # type: ignore[return-value]  # every kind in the table is one of AnyMessage


def parse_world(data: bytes) -> World:
    """What the world of a simulated lock looks like now. Raises BerthError naming the field."""
    try:
        return msgspec.json.decode(data, type=World)
    except msgspec.DecodeError as error:
        reason, _, path = str(error).partition(" - at `$")
        raise BerthError("sim.world", reason, field=path.rstrip("`").lstrip(".") or None) from error


class World(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A vehicle over the bar or not; the plate in front of the camera; a motor that is stuck;
    how sure the camera is of what it reads."""

    vehicle: bool
    plate: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    jam: bool = False
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.98
