"""The table, and the rows that several verbs share."""

from collections.abc import Callable

from arguments.cases import MAX, Case, accepted, each_refused
from arguments.stage import UNKNOWN_SPACE, Call, Stage

#: Argument to its cases, made when the verb is arranged.
ROWS: dict[str, Callable[[Stage, Call], list[Case]]] = {}


def rows(*paths: str):
    def add(function):
        for path in paths:
            ROWS[path] = function
        return function

    return add


def row(path: str):
    return rows(path)


def space_ids(verb: str) -> None:
    """A space that is not registered, or that cannot be one."""

    @row(f"{verb}.spaceId")
    def _(stage: Stage, call: Call) -> list[Case]:
        unknown = [0, UNKNOWN_SPACE, stage.space | 1 << 64, stage.space | 1 << 224, MAX]
        return [
            *each_refused(unknown, lambda value: ("SpaceUnknown", value)),
            accepted(stage.space),
        ]


def lease_ids(verb: str, path: str = "leaseId", changes: bool = True) -> None:
    """No lease, another start, another epoch, one bit too many."""

    @row(f"{verb}.{path}")
    def _(stage: Stage, call: Call) -> list[Case]:
        lease = _first_lease(call)
        unknown = [0, lease - 1, lease + 1, lease + (1 << 16), lease | 1 << 112, MAX]
        return [
            *each_refused(unknown, lambda value: ("LeaseUnknown", value)),
            accepted(lease, changes=changes),
        ]


def _first_lease(call: Call) -> int:
    found = call.arguments[0]
    while isinstance(found, list):
        found = found[0]
    return found


def start_slots(path: str) -> None:
    """From the current slot to ninety days ahead."""

    @row(path)
    def _(stage: Stage, call: Call) -> list[Case]:
        current = call.at // 900
        return [
            *each_refused([0, current - 1], lambda value: ("StartInPast", value, current)),
            accepted(current),
            accepted(current + 8640),
            *each_refused(
                [current + 8641, 2**32 - 1, 2**32, current | 1 << 32, 2**255, MAX],
                lambda value: ("StartTooFar", value, current + 8640),
            ),
        ]
