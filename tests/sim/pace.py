"""How often everybody looks when nobody wakes them: as usual, and in long quiet times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from berth.chain import heads
from berth.chain.nodes import Nodes
from berth.chain.sender import Sender
from berth.devices.simulator import runner
from berth.indexer import run as indexer_run
from berth.relay import keeping, retention
from berth.relay import run as relay_run
from berth.relay import watch as relay_watch


@dataclass(frozen=True)
class Steps:
    """Seconds between two blocks, looks of the relay, the keeper, the closer, the index, a lock, a
    wallet, at a receipt, at all nodes; without a block until a node is silent; between two looks
    at the line that announces blocks, and at the node for one that was announced; between two
    looks for what may be forgotten, and at the most whether anything may."""

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
    watchdog: float
    announced: float
    forget: float
    forgettable: float


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
    watchdog=2,
    announced=0.5,
    forget=3600,
    forgettable=600,
)
SLOW = Steps(
    block=4 * 3600,
    look=4 * 3600,
    keeper=4 * 3600,
    closer=2 * 3600,
    poll=2 * 3600,
    tick=1800,
    wallet=8 * 3600,
    receipt=3600,
    probe=8 * 3600,
    silence=100_000,
    watchdog=2 * 3600,
    announced=300,
    forget=8 * 3600,
    forgettable=4 * 3600,
)
SLOWEST = Steps(
    block=12 * 3600,
    look=12 * 3600,
    keeper=12 * 3600,
    closer=6 * 3600,
    poll=6 * 3600,
    tick=2 * 3600,
    wallet=24 * 3600,
    receipt=2 * 3600,
    probe=24 * 3600,
    silence=300_000,
    watchdog=6 * 3600,
    announced=600,
    forget=24 * 3600,
    forgettable=12 * 3600,
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
    (relay_run, "CHECKPOINT_SECONDS", "look"),
    (relay_watch, "_SECONDS", "look"),
    (keeping, "EVIDENCE_SECONDS", "keeper"),
    (keeping, "BOOKINGS_SECONDS", "keeper"),
    (keeping, "FORGET_SECONDS", "forget"),
    (retention, "_LONGEST_WAIT", "forgettable"),
    (runner, "_TICK", "tick"),
    (heads, "STEP_SECONDS", "watchdog"),
    (indexer_run, "ANNOUNCED_POLL_SECONDS", "announced"),
)
#: Defaults of constructors' keyword arguments.
_DEFAULTS: tuple[tuple[dict[str, Any], dict[str, str]], ...] = (
    (
        _kwdefaults(keeping.KeeperProgram),
        {
            "close_seconds": "closer",
            "delist_seconds": "closer",
            "payout_seconds": "closer",
            "tend_seconds": "closer",
        },
    ),
    (_kwdefaults(Sender), {"poll": "receipt"}),
    (_kwdefaults(Nodes), {"probe": "probe", "silence": "silence"}),
)
