"""Where the sequences are played: in this process, or on Brownie's Ganache."""

import sys
from pathlib import Path

import pytest
from brownie import chain as brownie_chain
from brownie import web3

sys.path[:0] = [str(Path(__file__).parent)]

from differential.cast import by_address  # noqa: E402  (needs the path)
from differential.engines.rpc import Ganache  # noqa: E402
from differential.ground import Build, prepare  # noqa: E402

try:
    from differential.engines.revm import Revm
except ImportError:
    # no wheel for this machine: the same tests on Ganache, in an hour instead of a minute
    Revm = None


def pytest_collection_modifyitems(items):
    if Revm is None:
        for item in items:
            if "fresh" in item.fixturenames:
                item.add_marker(pytest.mark.timeout(7200))


@pytest.fixture(scope="session")
def compiled() -> Build:
    return Build.read()


@pytest.fixture
def ganache(compiled, fn_isolation):
    """A ground on Brownie's chain, which is as it was after the test."""
    chain = Ganache(web3.provider.endpoint_uri)
    before = chain.snapshot()
    chain.unlock(by_address())
    yield prepare(chain, compiled)
    chain.revert(before)
    # of the snapshots that Brownie could go back to, the last may have been taken later
    brownie_chain.snapshot()


@pytest.fixture
def on_ganache(ganache):
    """Makes a fresh ground on Brownie's chain, again and again."""
    chain, first = ganache.engine, [ganache.engine.snapshot()]

    def fresh():
        chain.revert(first.pop())
        first.append(chain.snapshot())
        return ganache.copy_for(chain)

    return fresh


@pytest.fixture
def fresh(compiled, request):
    """Makes a fresh ground on the fastest chain there is."""
    if Revm is None:
        return request.getfixturevalue("on_ganache")
    return lambda: prepare(Revm(), compiled)
