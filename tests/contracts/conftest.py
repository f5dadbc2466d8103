"""Fixtures of the contract tests.

Brownie pins its whole environment, so `berth` is not installed there. Its pure core needs nothing
that Brownie does not have, and the tests must sign and hash exactly as the backend does: so the
package is put on the path instead of being written a second time. That is also what makes every
comparison below a test of the backend's model against the contracts.
"""

import sys
from pathlib import Path

import pytest
from brownie import chain

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "backend"), str(Path(__file__).parent)]

from support.world import World, build_world  # noqa: E402  (needs the path)


@pytest.fixture(scope="session")
def deployed() -> World:
    """Everything deployed, one city published, tokens and a vehicle in the driver's hands."""
    return build_world()


@pytest.fixture(scope="session")
def open_space(deployed) -> int:
    """A registered space with one live offer, at the disposal of every test."""
    space = deployed.register(0)
    deployed.offer(space)
    return space


@pytest.fixture(autouse=True)
def fn_isolation(deployed, open_space):
    """Every test starts from the same block. (Brownie's own fixture would undo the session's
    deployment.)"""
    chain.snapshot()
    yield
    chain.revert()


@pytest.fixture
def world(fn_isolation, deployed) -> World:
    return deployed


@pytest.fixture
def market(world):
    return world.market


@pytest.fixture
def titles(world):
    return world.titles


@pytest.fixture
def asset(world):
    return world.asset


@pytest.fixture
def space(open_space) -> int:
    return open_space
