"""How often everybody looks when nobody wakes them: the usual pace, and one for long quiet times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from berth.devices.simulator import runner
from berth.indexer.run import Indexer
from berth.relay import run as relay_run


@dataclass(frozen=True)
class Steps:
    """Seconds between two blocks, looks of the relay, the keeper, the closer, the index, a lock, a
    wallet."""

    block: float
    look: float
    keeper: float
    closer: float
    poll: float
    tick: float
    wallet: float


USUAL = Steps(block=12, look=20, keeper=10, closer=120, poll=6, tick=2, wallet=30)
SLOW = Steps(block=900, look=900, keeper=450, closer=900, poll=450, tick=120, wallet=3600)


class Pace:
    """The steps in force."""

    def __init__(self) -> None:
        self._steps = USUAL
        self.indexer: Indexer | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._steps, name)

    def become(self, steps: Steps) -> None:
        self._steps = steps
        self._apply()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Production code's constants are this world's while it lasts."""
        with ExitStack() as stack:
            for module, name in _CONSTANTS:
                stack.enter_context(patch.object(module, name, getattr(module, name)))
            self._apply()
            yield

    def _apply(self) -> None:
        for (module, name), value in zip(
            _CONSTANTS, (self.look, self.keeper, self.tick), strict=True
        ):
            setattr(module, name, value)
        if self.indexer is not None:
            self.indexer._poll = self.poll


_CONSTANTS: tuple[tuple[Any, str], ...] = (
    (relay_run, "LOOK_SECONDS"),
    (relay_run, "_KEEPER_SECONDS"),
    (runner, "_TICK"),
)
