"""The chain's clock. Ganache is started so that it stands still between blocks, and each block adds
one second."""

from brownie import web3

SLOT = 900
HOUR = 3600
DAY = 86_400

#: 2026-11-30 00:00 UTC, a Monday: where the chain of the contract tests starts.
MONDAY = 1_795_996_800


def now() -> int:
    """Unix seconds of the latest block."""
    return web3.eth.get_block("latest")["timestamp"]


def at(timestamp: int) -> None:
    """The next block has exactly this time."""
    assert timestamp > now(), "the chain's clock does not go back"
    web3.provider.make_request("evm_setTime", [(timestamp - 1) * 1000])


def reach(timestamp: int) -> None:
    """Mine a block of exactly this time, so that views see it too."""
    at(timestamp)
    web3.provider.make_request("evm_mine", [])
    assert now() == timestamp


def slot(timestamp: int) -> int:
    """The slot that starts at a time."""
    assert timestamp % SLOT == 0
    return timestamp // SLOT
