"""How often everybody looks when nobody wakes them: as usual, and in long quiet times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from berth.chain.nodes import Nodes
from berth.chain.sender import Sender
from berth.devices.simulator import runner
from berth.relay import keeping
from berth.relay import run as relay_run
from berth.relay import watch as relay_watch


@dataclass(frozen=True)
class Steps:
    """Seconds between two blocks, looks of the relay, the keeper, the closer, the index, a lock, a
    wallet, at a receipt, at all nodes; and without a block until a node is silent."""

    block: float
    look: float
    keeper: float
    closer: float
    poll: float
    tick: float
    wallet: float
    receipt: float
    probe: float
    silence: float


USUAL = Steps(
    block=12,
    look=25,
    keeper=15,
    closer=120,
    poll=7,
    tick=2,
    wallet=30,
    receipt=2,
    probe=60,
    silence=90,
)
SLOW = Steps(
    block=3600,
    look=3600,
    keeper=1800,
    closer=1800,
    poll=1800,
    tick=600,
    wallet=7200,
    receipt=600,
    probe=7200,
    silence=20000,
)


def _kwdefaults(kind: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = kind.__init__.__kwdefaults__
    return defaults


class Pace:
    """The steps in force. Programs read them when they start, or at each turn."""

    def __init__(self) -> None:
        self._steps = USUAL

    def __getattr__(self, name: str) -> Any:
        return getattr(self._steps, name)

    def become(self, steps: Steps) -> None:
        """From now on; whoever sleeps sleeps on."""
        self._steps = steps
        self._apply()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Production code's constants are this world's while it lasts."""
        with ExitStack() as stack:
            for module, name, _ in _CONSTANTS:
                stack.enter_context(patch.object(module, name, getattr(module, name)))
            for defaults, given in _DEFAULTS:
                stack.enter_context(patch.dict(defaults, {name: defaults[name] for name in given}))
            self._apply()
            yield

    def _apply(self) -> None:
        for module, name, step in _CONSTANTS:
            setattr(module, name, getattr(self._steps, step))
        for defaults, given in _DEFAULTS:
            defaults.update({name: getattr(self._steps, step) for name, step in given.items()})


_CONSTANTS: tuple[tuple[Any, str, str], ...] = (
    (relay_run, "LOOK_SECONDS", "look"),
    (relay_watch, "_SECONDS", "look"),
    (keeping, "EVIDENCE_SECONDS", "keeper"),
    (keeping, "BOOKINGS_SECONDS", "keeper"),
    (runner, "_TICK", "tick"),
)
#: Defaults of constructors' keyword arguments.
_DEFAULTS: tuple[tuple[dict[str, Any], dict[str, str]], ...] = (
    (
        _kwdefaults(keeping.KeeperProgram),
        {"close_seconds": "closer", "delist_seconds": "closer", "payout_seconds": "closer"},
    ),
    (_kwdefaults(Sender), {"poll": "receipt"}),
    (_kwdefaults(Nodes), {"probe": "probe", "silence": "silence"}),
)
