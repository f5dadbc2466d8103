"""`python -m tests.sim --first 0 --seeds 50`: runs seeds on several cores, says what they found.

The closing line is JSON. The exit status is 1 when any seed found a violation.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections import Counter
from typing import Any

from tests.sim.faults import DEEDS, KINDS
from tests.sim.seeds import outcomes

#: The order of sets of text is part of a run.
HASH_SEED = "0"


def main() -> int:
    options = _options()
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        os.environ["PYTHONHASHSEED"] = HASH_SEED
        os.execv(sys.executable, [sys.executable, "-m", "tests.sim", *sys.argv[1:]])
    if options.trace:
        return _traced(options.first, options.mutant)
    began = time.monotonic()
    counts: Counter[str] = Counter()
    deeds: Counter[str] = Counter()
    failing: dict[int, list[str]] = {}
    digests = hashlib.sha256()
    seeds = range(options.first, options.first + options.seeds)
    done, seconds, served, gave_up = 0, 0.0, 0, 0
    for seed, outcome in outcomes(seeds, options.jobs, options.mutant, options.calm):
        done += 1
        digests.update(str(outcome["trace"]).encode())
        counts.update(outcome["counts"])
        deeds.update(outcome["deeds"])
        seconds += outcome["seconds"]
        served += outcome["served"]
        gave_up += outcome["gaveUp"]
        if outcome["violations"]:
            failing[seed] = outcome["violations"]
            print(f"seed {seed}: {len(outcome['violations'])} violations", flush=True)
            for words in outcome["violations"]:
                print(f"    {words}", flush=True)
        if options.until_found and failing:
            break
    for kind in sorted(KINDS):
        print(f"{kind:20} {counts[kind]:6}")
    closing = {
        "seeds": done,
        "first": options.first,
        "violations": sum(len(found) for found in failing.values()),
        "failing": sorted(failing),
        "traces": digests.hexdigest(),
        "faults": {kind: counts[kind] for kind in sorted(KINDS)},
        "deeds": {kind: deeds[kind] for kind in DEEDS},
        "served": served,
        "gaveUp": gave_up,
        "injected": sum(counts.values()),
        "cpuSecondsPerSeed": round(seconds / max(done, 1), 2),
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(closing), flush=True)
    return 1 if failing else 0


def _options() -> Any:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--trace", action="store_true", help="run the first seed, print its trace")
    parser.add_argument("--calm", action="store_true", help="nothing goes wrong")
    parser.add_argument("--mutant", help="break the platform in a known way (tests/sim/mutants.py)")
    parser.add_argument("--until-found", action="store_true", help="stop at the first violation")
    return parser.parse_args()


def _traced(seed: int, mutant: str | None) -> int:
    from tests.sim.mutants import MUTANTS
    from tests.sim.world import simulate

    result = simulate(seed, mutate=MUTANTS[mutant][0] if mutant else None)
    print("\n".join(result.trace))
    for story in result.stories:
        print(f"story {story.number}: {story.driver.name} {story.outcome}")
    for words in result.violations:
        print(f"VIOLATION {words}")
    closing = {"seed": seed, "trace": result.digest, "violations": len(result.violations)}
    print(json.dumps(closing))
    return 1 if result.violations else 0


if __name__ == "__main__":
    sys.exit(main())
