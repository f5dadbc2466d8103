"""All that a market remembers, and verbs that happen wholly or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from berth.core.addresses import parse_address
from berth.core.ledger import EMPTY_HEAD
from berth.core.model.registry import Registry
from berth.core.model.token import Token
from berth.core.offer import Terms
from berth.core.words import LeaseWord, RotationWord, SpaceWords, VehicleWord

#: An event: its name, and its arguments by the names of the Solidity event.
Event = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Account:
    """`used`: has had credit at least once."""

    credit: int = 0
    auto_payout: bool = False
    used: bool = False

    def encode(self) -> int:
        """The account's storage word."""
        return self.credit | self.auto_payout << 128 | self.used << 129


@dataclass(frozen=True)
class Attester:
    """`roles`: bit 0 verifies holders, bit 1 verifies vehicles, bit 2 makes locks."""

    account: str
    roles: int


@dataclass(frozen=True)
class Former:
    """An owner of the past, and the first offer of the one before."""

    owner: str
    since: int


@dataclass
class Books:
    """The state of one market, the token it holds and the titles it asks for.

    Values in the dictionaries are immutable: a verb replaces them. Leases are kept by
    space_id << 32 | start_slot, offers by (space_id, number), former owners by (space_id, since),
    the calendar's taken slots by space.
    """

    address: str
    forwarder: str
    token: Token
    registry: Registry
    now: int = 0
    accounts: dict[str, Account] = field(default_factory=dict)
    spaces: dict[int, SpaceWords] = field(default_factory=dict)
    rotations: dict[int, RotationWord] = field(default_factory=dict)
    former: dict[tuple[int, int], Former] = field(default_factory=dict)
    managers: dict[int, str] = field(default_factory=dict)
    offers: dict[tuple[int, int], Terms] = field(default_factory=dict)
    vehicles: dict[bytes, VehicleWord] = field(default_factory=dict)
    leases: dict[int, LeaseWord] = field(default_factory=dict)
    calendar: dict[int, frozenset[int]] = field(default_factory=dict)
    attesters: dict[int, Attester] = field(default_factory=dict)
    revoked_attesters: frozenset[int] = frozenset()
    revoked_attestations: frozenset[tuple[str, int]] = frozenset()
    roles: dict[bytes, frozenset[str]] = field(default_factory=dict)
    fee_bps: int = 0
    paused_until: int = 0
    head: bytes = EMPTY_HEAD
    count: int = 0
    fees: int = 0
    events: list[Event] = field(default_factory=list, compare=False)

    def emit(self, name: str, **arguments: Any) -> None:
        # `from` and `by` of Solidity: a trailing underscore is Python's, not the event's
        self.events.append((name, {key.rstrip("_"): value for key, value in arguments.items()}))

    def save(self) -> Callable[[], None]:
        """What undoes everything that happens from now on, but for the clock."""
        parts = (self, self.token, self.registry)
        saved = [(part, _copies(part)) for part in parts]

        def undo() -> None:
            for part, values in saved:
                for name, value in values.items():
                    setattr(part, name, value)

        return undo


B = TypeVar("B", bound=Books)
P = ParamSpec("P")
R = TypeVar("R")


def verb(
    method: Callable[Concatenate[B, str, P], R],
) -> Callable[Concatenate[B, str, P], R]:
    """A transaction of `sender`: `events` are its own, and a refusal leaves no trace."""

    @wraps(method)
    def transaction(self: B, sender: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        sender = parse_address(sender, "sender")
        undo = self.save()
        self.events = []
        try:
            return method(self, sender, *args, **kwargs)
        except BaseException:
            undo()
            self.events = []
            raise

    return transaction


def _copies(part: Any) -> dict[str, Any]:
    copies = {}
    for each in fields(part):
        value = getattr(part, each.name)
        if not isinstance(value, (Token, Registry)):
            copies[each.name] = value.copy() if isinstance(value, (dict, list, set)) else value
    return copies
