"""Runs as much of CoverageProbe as it says, in the copy that coverage is measured in."""

import pytest
from brownie import CoverageProbe, accounts
from brownie.exceptions import VirtualMachineError


def test_the_probe_is_run_as_it_says():
    probe = CoverageProbe.deploy(7, {"from": accounts[0]})
    probe.called({"from": accounts[0]})
    assert probe.onlyRead(1) == 7
    with pytest.raises(VirtualMachineError):
        probe.alwaysReverts(True, {"from": accounts[0]})
    assert probe.branches(0) == 13
    assert [probe.bothWays(x) for x in (1, 7, 12)] == [1, 14, 12]
