"""The states of a command and the ways between them: there are no others.

observed → confirmed → eligible → claimed → published → acknowledged → done, or an end: expired,
cancelled, dead. What has ended stays as it ended; a command that is tried again is another one.
"""

from __future__ import annotations

from collections.abc import Mapping

from berth.core.errors import BerthError

#: Wanted, but nothing was signed for it (or what was signed is to be signed again).
WAITING = ("observed", "confirmed", "eligible")
#: A relay, a message or a lock is at work on it: at most one of a lock at a time.
UNDER_WAY = ("claimed", "published", "acknowledged")
ALIVE = (*WAITING, *UNDER_WAY)
OVER = ("done", "expired", "cancelled", "dead")
STATES = (*ALIVE, *OVER)

_ENDS = ("expired", "cancelled", "dead")
#: The lock answers a ticket that left before: sent again, or claimed to be, it counts all the same.
_ANSWERED = ("acknowledged", "done")

#: From each state the ones that may follow it.
TRANSITIONS: Mapping[str, frozenset[str]] = {
    # waiting: the policy may think better of it, and a reorg may make it less deep; what was set
    # back after its ticket had left may be answered yet
    "observed": frozenset({"confirmed", "eligible", *_ANSWERED, *_ENDS}),
    "confirmed": frozenset({"observed", "eligible", *_ANSWERED, *_ENDS}),
    "eligible": frozenset({"observed", "confirmed", "claimed", *_ANSWERED, *_ENDS}),
    # claimed: given back when it cannot be sent now
    "claimed": frozenset({"eligible", "published", *_ANSWERED, *_ENDS}),
    # published: no answer in time, or one that a fresh ticket mends; never cancelled, it may move
    "published": frozenset({"eligible", *_ANSWERED, "expired", "dead"}),
    # acknowledged: the lock has journaled it and moves, or fails to
    "acknowledged": frozenset({"done", "dead"}),
    **{state: frozenset() for state in OVER},
}


def legal(former: str, state: str) -> bool:
    """May a command in the state `former` get into `state`?"""
    return state in TRANSITIONS[former]


def require_legal(former: str, state: str) -> None:
    """Raises BerthError command.transition for a step that does not exist."""
    if not legal(former, state):
        message = f"a command that is {former} does not become {state}"
        raise BerthError("command.transition", message, field="state", status=409)
