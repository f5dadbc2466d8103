"""What can go wrong, how often, and how often it did."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

#: kind -> chance at each opportunity, at a seed's full strength.
RATES: dict[str, float] = {
    "rpc.error": 0.006,
    "rpc.rate_limit": 0.006,
    "rpc.timeout": 0.004,
    "rpc.latency": 0.01,
    "logs.missing": 0.02,
    "logs.duplicated": 0.15,
    "logs.stale": 0.15,
    "heads.late": 0.05,
    "heads.twice": 0.05,
    "heads.orphan": 0.05,
    "heads.lost": 0.03,
    "heads.cut": 0.02,
    "db.begin": 0.004,
    "db.middle": 0.006,
    "db.commit": 0.006,
    "db.unreported": 0.006,
    "broker.drop": 0.015,
    "broker.duplicate": 0.03,
    "broker.delay": 0.03,
    "device.power_cut": 0.02,
    "crash.await": 0.0006,
    "crash.commit": 0.003,
    "crash.committed": 0.003,
    "crash.publish": 0.02,
    "signer.error": 0.06,
    "tx.late": 0.06,
    "tx.lost": 0.3,
}

#: Kinds that the world's own timetable strikes with: a number of times in a run, drawn by seed.
TIMED: dict[str, tuple[int, int]] = {
    "node.behind": (0, 3),
    "node.fork": (0, 2),
    "node.other_chain": (0, 2),
    "node.pruned": (0, 2),
    "node.silent": (0, 2),
    "chain.reorg": (0, 4),
    "chain.deep_reorg": (0, 2),
    "broker.disconnect": (0, 4),
    "broker.outage": (0, 2),
    "device.reboot": (0, 4),
    "device.offline": (0, 2),
    "device.jam": (0, 2),
    "skew.backend": (0, 2),
    "skew.database": (0, 2),
    "skew.device": (0, 2),
    "skew.chain": (0, 2),
    "crash.process": (0, 4),
    "fees.up": (0, 2),
}

#: What people with bad intentions do; the world's people count these.
CRIMES = ("thief.confirmation", "thief.plate", "thief.ack", "thief.replay", "thief.record")
#: What happens besides: counted, and nobody's fault.
DEEDS = (
    "dispute",
    "dispute.resolved",
    "dispute.lapsed",
    "payout",
    "signed.ahead",
    "relay.pair",
    "keeper.pair",
)
KINDS = (*RATES, *TIMED, *CRIMES)


class Faults:
    """Draws by seed; `ended()` stops everything."""

    def __init__(self, seed: int, say: Callable[..., None], strength: float = 1.0) -> None:
        self._rngs = {kind: random.Random(f"{kind} {seed}") for kind in KINDS}
        plan = random.Random(f"plan {seed}")
        # a run has some kinds only, and those in different strength: storms hide in the average
        self._chance = {
            kind: rate * strength * plan.choice((0.0, 0.5, 1.0, 1.0, 3.0))
            for kind, rate in RATES.items()
        }
        self.times = {
            kind: (plan.randint(low, high) if strength else 0)
            for kind, (low, high) in TIMED.items()
        }
        self._say = say
        self.on = strength > 0
        self.counts: Counter[str] = Counter()

    def strike(self, kind: str, **about: object) -> bool:
        """Does it happen now?"""
        chance = self._chance[kind]
        if not self.on or not chance or self._rngs[kind].random() >= chance:
            return False
        self.note(kind, **about)
        return True

    def note(self, kind: str, **about: object) -> None:
        """It happened."""
        self.counts[kind] += 1
        self._say(f"fault.{kind}", **about)

    def rng(self, kind: str) -> random.Random:
        """For how long, which one, how deep."""
        return self._rngs[kind]

    def end(self) -> None:
        """Nothing goes wrong any more."""
        self.on = False
