"""The same moves as rules of Brownie's own state machine, which draws their order.

BERTH_FUZZ_MINUTES: how long (`make fuzz` takes 20); without it, a few runs, always the same.
"""

import contextlib
import math
import os
import time
from dataclasses import dataclass

import pytest
from brownie.test import strategy
from differential.moves import MOVES
from differential.pair import Mismatch, Pair
from differential.spoil import spoil
from differential.teller import Teller
from hypothesis import HealthCheck, Phase, Verbosity

MINUTES = float(os.environ.get("BERTH_FUZZ_MINUTES") or 0)
#: So that there is something to do from the first rule on.
OPENING = ("register_space", "register_space", "publish_offer", "publish_offer", "lease")


class TimeOverError(BaseException):
    """The time is over: no failure, so not an Exception that Hypothesis would look into."""


@dataclass
class Count:
    """What the machine has played."""

    runs: int = 0
    steps: int = 0


class Machine:
    """A market, its model, and as many rules as there are moves."""

    lot = strategy("uint64")

    def __init__(self, ground, until, count):
        # called once, and `self` is the class
        self.ground, self.until, self.count = ground, until, count

    def setup(self):
        # Brownie has taken the chain back to where the ground was made
        ground = self.ground.copy_for(self.ground.engine)
        self.pair, self.told = Pair(ground, check_every=25), []
        self.teller = Teller(0, ground.model, MOVES, spoil)
        self.count.runs += 1
        self.whole = True

    def initialize(self, lot):
        for name in OPENING:
            self.take_turn(name, lot)

    def teardown(self):
        if self.whole:
            self.pair.check()

    def take_turn(self, name, lot):
        self.whole = False
        if time.monotonic() > self.until:
            raise TimeOverError
        self.teller.lot.seed(lot)
        step = self.teller.turn(name)
        if step is None:
            self.whole = True
            return
        self.told.append(step)
        self.count.steps += 1
        try:
            self.pair.play(step)
            self.whole = True
        except Mismatch as mismatch:
            told = "\n".join(map(str, self.told))
            raise Mismatch(f"{told}\n    {mismatch}") from None


def _rule(name):
    def rule(self, lot):
        self.take_turn(name, lot)

    return rule


for _name in MOVES:
    setattr(Machine, f"rule_{_name}", _rule(_name))


@pytest.mark.timeout(60 * MINUTES + 600)
def test_brownies_state_machine_finds_no_difference_on_ganache(state_machine, ganache, capsys):
    settings = {
        # the first ten are tiny
        "max_examples": 100 if MINUTES else 15,
        "stateful_step_count": 60,
        "deadline": None,
        "database": None,
        # in `make test` always the same
        "derandomize": not MINUTES,
        # a finding is told as its steps, which can be played again in an EVM that is faster
        "phases": [Phase.generate],
        "suppress_health_check": list(HealthCheck),
        "verbosity": Verbosity.normal,
    }
    until = time.monotonic() + 60 * MINUTES if MINUTES else math.inf
    count = Count()
    with contextlib.suppress(TimeOverError):
        state_machine(Machine, ganache, until, count, settings=settings)
        while MINUTES:
            state_machine(Machine, ganache, until, count, settings=settings)
    with capsys.disabled():
        print(f"\n{count.runs} runs of the machine, {count.steps} steps")
    assert count.steps >= 100
