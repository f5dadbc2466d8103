"""Whole sequences, many of them; a failing one is shortened and told."""

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from differential.ground import Ground
from differential.moves import MOVES
from differential.pair import Pair
from differential.spoil import spoil
from differential.steps import Step
from differential.tally import Tally
from differential.teller import PARTS, Teller

#: Verbs of the market that every sequence tries.
VERBS = frozenset(MOVES) - PARTS

#: Both sides in their first state, on a chain of their own.
FreshGround = Callable[[], Ground]


@dataclass(frozen=True)
class Finding:
    """A sequence on which the two sides do not agree, or on which one of them breaks."""

    seed: int
    steps: list[Step]
    what: str

    def __str__(self) -> str:
        told = "\n".join(f"  {number:3}. {step}" for number, step in enumerate(self.steps, 1))
        return f"seed {self.seed}, {len(self.steps)} steps:\n{told}\n    {self.what}"


def run(
    seeds: Iterable[int],
    fresh: FreshGround,
    *,
    steps: int = 64,
    check_every: int = 20,
    most_findings: int = 3,
    short: bool = True,
    after: Callable[[int, Tally], None] = lambda seed, tally: None,
) -> tuple[Tally, list[Finding]]:
    """Plays the sequences of these seeds. `short`: findings are shortened. `after` hears of each
    sequence and may raise to end the run."""
    tally, findings = Tally(), []
    for seed in seeds:
        finding = play(seed, fresh, tally, steps, check_every)
        if finding is not None:
            findings.append(shorten(finding, fresh) if short else finding)
            if len(findings) == most_findings:
                break
        after(seed, tally)
    return tally, findings


def play(
    seed: int, fresh: FreshGround, tally: Tally, steps: int, check_every: int
) -> Finding | None:
    """One sequence."""
    ground = fresh()
    pair = Pair(ground, check_every)
    teller = Teller(seed, ground.model, MOVES, spoil, steps)
    told: list[Step] = []
    try:
        while (step := teller.next()) is not None:
            told.append(step)
            pair.play(step)
        pair.check()
    except Exception as error:
        return Finding(seed, told, _what(error))
    finally:
        tally.add(pair.tally)
    return None


def shorten(finding: Finding, fresh: FreshGround) -> Finding:
    """Leaves out steps as long as the two sides still do not agree."""
    steps, what = finding.steps, finding.what
    size = max(1, len(steps) // 2)
    while True:
        place = 0
        while place < len(steps):
            fewer = steps[:place] + steps[place + size :]
            still = replay(fewer, fresh)
            if still is None:
                place += size
            else:
                steps, what = still
        if size == 1:
            return Finding(finding.seed, steps, what)
        size //= 2


def replay(steps: list[Step], fresh: FreshGround) -> tuple[list[Step], str] | None:
    """The steps up to the one that fails, and how; None when none does. The whole state is compared
    after every step."""
    pair = Pair(fresh(), check_every=1)
    for number, step in enumerate(steps, 1):
        try:
            pair.play(step)
        except Exception as error:
            return steps[:number], _what(error)
    return None


def _what(error: Exception) -> str:
    if isinstance(error, AssertionError):
        return str(error)
    # neither side may break, whatever it is asked
    return "".join(traceback.format_exception(error))
