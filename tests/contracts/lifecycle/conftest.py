"""The matrix undoes what it does by itself, thousands of times, and the rest once a module."""

import pytest
from brownie import chain
from lifecycle.node import Node
from lifecycle.stage import Stage


@pytest.fixture(scope="module")
def stage(deployed, open_space):
    node = Node(deployed.market)
    before = node.snapshot()
    yield Stage(deployed, open_space)
    node.revert(before)
    # tells Brownie, which would wait for ever for the transactions that are gone
    chain.snapshot()
    chain.revert()


@pytest.fixture(autouse=True)
def fn_isolation():
    """Takes the place of the isolation of every test: `stage` isolates the module."""
