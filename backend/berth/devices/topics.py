"""MQTT topics of locks, and who may say or hear what on them.

One lock's topics are `berth/v1/locks/{lockId}/{leaf}`; a lock's id is the address of its key in
lower-case hex. `berth/sim/v1/{lockId}/world` exists for simulated locks only: what a vehicle sensor
and a camera would see.
"""

from __future__ import annotations

import re
from enum import StrEnum

from berth.core.errors import BerthError

PREFIX = "berth/v1/locks"
SIM_PREFIX = "berth/sim/v1"

#: Said by a lock, signed with its key.
HELLO = "hello"
STATE = "state"
AVAILABILITY = "availability"
OCCUPANCY = "occupancy"
PLATE = "plate"
FAULT = "fault"
ACK = "ack"
#: Said to a lock, signed with the day key of its group.
GRANT = "grant"
COMMAND = "command"
#: The world around a simulated lock.
WORLD = "world"

FROM_LOCK = frozenset({HELLO, STATE, AVAILABILITY, OCCUPANCY, PLATE, FAULT, ACK})
TO_LOCK = frozenset({GRANT, COMMAND})
#: The broker keeps the last of these for whoever subscribes later. Commands are never kept: a kept
#: command would be obeyed by whoever connects next.
RETAINED = frozenset({STATE, AVAILABILITY})

BACKEND_USER = "backend"
WORLD_USER = "world"

_LOCK_ID = re.compile(r"0x[0-9a-f]{40}")


class Act(StrEnum):
    """What a client does with a topic."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    RECEIVE = "receive"


def is_lock_id(text: object) -> bool:
    """Is this the lower-case address of a lock's key?"""
    return isinstance(text, str) and _LOCK_ID.fullmatch(text) is not None


def topic(lock_id: str, leaf: str) -> str:
    """The topic of one lock's `leaf`."""
    if not is_lock_id(lock_id):
        raise BerthError("device.lock", f"{lock_id!r} is not a lock's id", field="lockId")
    if leaf == WORLD:
        return f"{SIM_PREFIX}/{lock_id}/{WORLD}"
    if leaf not in FROM_LOCK | TO_LOCK:
        raise BerthError("device.topic", f"{leaf!r} is no topic of a lock", field="topic")
    return f"{PREFIX}/{lock_id}/{leaf}"


def parse(name: str) -> tuple[str, str]:
    """(lock id, leaf) of a lock's topic; refuses anything else."""
    prefix, _, rest = name.partition(f"{PREFIX}/")
    lock_id, _, leaf = rest.partition("/")
    if prefix or not is_lock_id(lock_id) or leaf not in FROM_LOCK | TO_LOCK:
        raise BerthError("device.topic", f"{name!r} is no topic of a lock", field="topic")
    return lock_id, leaf


def all_locks(leaf: str) -> str:
    """The subscription to one leaf of every lock."""
    return f"{PREFIX}/+/{leaf}"


def may(user: str, act: Act, name: str) -> bool:
    """Whether `user` may publish to, subscribe to or be handed a topic (or topic filter).

    A lock: says on its own topics, hears its own grants, commands and simulated world, by exact
    name only. The backend: hears all locks, says grants and commands, and may look whether the
    broker keeps a command, which it must not. The world: moves simulated vehicles.
    """
    if user == BACKEND_USER:
        return _backend_may(act, name)
    if user == WORLD_USER:
        return (
            act is Act.PUBLISH
            and re.fullmatch(rf"{SIM_PREFIX}/{_LOCK_ID.pattern}/world", name) is not None
        )
    if not is_lock_id(user):
        return False
    if act is Act.PUBLISH:
        return name in {f"{PREFIX}/{user}/{leaf}" for leaf in FROM_LOCK}
    return name in {
        f"{PREFIX}/{user}/{GRANT}",
        f"{PREFIX}/{user}/{COMMAND}",
        f"{SIM_PREFIX}/{user}/{WORLD}",
    }


def _backend_may(act: Act, name: str) -> bool:
    prefix, _, rest = name.partition(f"{PREFIX}/")
    lock_id, _, leaf = rest.partition("/")
    if prefix:
        return False
    heard = FROM_LOCK | {COMMAND}
    if act is Act.SUBSCRIBE and lock_id == "+":
        return leaf in heard
    if not is_lock_id(lock_id):
        return False
    return leaf in (TO_LOCK if act is Act.PUBLISH else heard)
