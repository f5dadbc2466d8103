"""What the doctor found, and on what it looked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from berth.core.deployment import Deployment
from berth.core.settings import Settings
from berth.store.engine import Store


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    TROUBLE = "trouble"


@dataclass(frozen=True)
class Finding:
    """One check's result: `says` in a sentence, `do` what mends it."""

    check: str
    level: Level
    says: str
    do: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


#: The shortest time that anything is waited for, seconds.
_ANSWER = 5.0


@dataclass(frozen=True)
class Case:
    """An installation as far as it could be opened. `sample` rows of a kind are compared with the
    chain, None = all; `deep`: the index is made anew beside it; `within` seconds a topic."""

    settings: Settings
    deployment: Deployment | None
    store: Store | None
    sample: int | None = None
    deep: bool = False
    within: float = 60.0

    @property
    def answer(self) -> float:
        """How long one node, broker or database is waited for, seconds: who gives the topics more
        time gives it to them, too."""
        return max(_ANSWER, self.within / 15)


Topic = Callable[[Case], Awaitable[list[Finding]]]


def ok(check: str, says: str, **facts: Any) -> Finding:
    return Finding(check, Level.OK, says, facts=facts)


def warning(check: str, says: str, do: str, **facts: Any) -> Finding:
    return Finding(check, Level.WARNING, says, do, facts)


def trouble(check: str, says: str, do: str, **facts: Any) -> Finding:
    return Finding(check, Level.TROUBLE, says, do, facts)


def unchecked(check: str, what: str) -> Finding:
    """Something else has to be mended before this can be looked at."""
    return warning(check, f"not looked at: {what}", "mend that first")
