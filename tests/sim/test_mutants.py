"""The judge finds what is broken on purpose: each mutant within fifty seeds."""

from __future__ import annotations

import re

import pytest

from tests.sim.mutants import MUTANTS
from tests.sim.test_simulation import simulation

#: Found within a few seeds; the others of MUTANTS take longer than a test may.
QUICK = (
    "any_signature",
    "disputes_forgotten",
    "impatient_keeper",
    "kept_commands",
    "no_plate_check",
    "no_rollback",
    "off_the_record",
    "stingy_keeper",
    "too_soon",
    "two_tickets",
)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutant", QUICK)
def test_a_mutant_is_found(mutant: str) -> None:
    status, output, closing = simulation(
        "--seeds", "50", "--jobs", "1", "--mutant", mutant, "--until-found"
    )
    assert status == 1, output
    assert re.search(MUTANTS[mutant][1], output)
    assert closing["violations"] >= 1
