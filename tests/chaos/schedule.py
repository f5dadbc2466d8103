"""Who is killed when: singly, and two at the same moment."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import TypeVar

T = TypeVar("T")

#: Pairs that share a piece of work; of every eight kills two hit such a pair.
PAIRS = (
    ("relay", "mosquitto"),
    ("relay", "broker"),
    ("relay", "relay-2"),
    ("relay", "signer"),
    ("indexer", "postgres"),
    ("keeper", "node"),
    ("indexer", "node"),
    ("keeper", "postgres"),
    ("api", "postgres"),
    ("broker", "locks-1"),
    ("mosquitto", "locks-1"),
)


def schedule(names: Collection[str], kills: int, chance: random.Random) -> list[tuple[str, ...]]:
    """Blows that kill `kills` programs, of one or two each: every program singly and every pair at
    least once as far as that many kills go, the rest by chance."""
    pairs = [pair for pair in PAIRS if set(pair) <= set(names)]
    doubles = min(max(kills // 8, 1), kills // 2) if pairs else 0
    singles = [(name,) for name in _each_then_any(sorted(names), kills - 2 * doubles, chance)]
    blows = [*singles, *_each_then_any(pairs, doubles, chance)]
    chance.shuffle(blows)
    return blows


def _each_then_any(things: Sequence[T], times: int, chance: random.Random) -> list[T]:
    each = chance.sample(list(things), min(len(things), times))
    return each + [chance.choice(things) for _ in range(times - len(each))]
