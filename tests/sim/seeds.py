"""Many seeds, on several cores."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from tests.sim.mutants import MUTANTS
from tests.sim.people import STAYED_UP
from tests.sim.world import simulate


def outcomes(
    seeds: Iterable[int], jobs: int, mutant: str | None, calm: bool
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each seed in a process of its own: nothing of one run is left for the next, so that a seed
    that failed among others fails alone, and its trace can be read."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(jobs, context, max_tasks_per_child=1) as pool:
        waiting = {seed: pool.submit(_one, seed, mutant, calm) for seed in seeds}
        try:
            for seed, future in waiting.items():
                yield seed, future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _one(seed: int, mutant: str | None, calm: bool) -> dict[str, Any]:
    """A seed's outcome; one that the simulation itself cannot finish is a violation too."""
    try:
        mutate, words = MUTANTS[mutant] if mutant else (None, "")
        result = simulate(seed, mutate=mutate, strength=0.0 if calm else 1.0)
    except Exception:
        words = "the simulation broke off: " + traceback.format_exc()
        nothing: dict[str, Any] = dict.fromkeys(("seconds", "served", "gaveUp"), 0)
        return {"violations": [words], "counts": {}, "deeds": {}, "trace": None, **nothing}
    return {
        "violations": [found for found in result.violations if re.search(words, found)],
        "counts": dict(result.counts),
        "deeds": dict(result.deeds),
        "trace": result.digest,
        "seconds": result.seconds,
        "served": sum(story.served for story in result.stories),
        "gaveUp": sum(story.gave_up == STAYED_UP for story in result.stories),
    }
