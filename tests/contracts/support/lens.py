"""The lens as tests read it: its cards with named members, its bits by the names in its sources."""

import re

from support.calls import named
from support.world import ROOT

_BIT = re.compile(r"uint256 internal constant (\w+) = 1 << (\d+);")


def bits(source: str) -> dict[str, int]:
    """The bits of a library of contracts/lens, by name."""
    text = (ROOT / "contracts" / "lens" / f"{source}.sol").read_text("utf-8")
    return {name: 1 << int(position) for name, position in _BIT.findall(text)}


REASONS = bits("LeaseReasons")
VERBS = bits("LeaseVerbs")


def names(mask: int, of: dict[str, int]) -> set[str]:
    """The names of the bits that are set; a bit without a name is an error."""
    assert mask < 2 * max(of.values())
    return {name for name, bit in of.items() if mask & bit}


class Lens:
    """Each view of the lens, its answer with names."""

    def __init__(self, contract) -> None:
        self.contract = contract

    def lease(self, lease: int):
        return named(self.contract.leaseCard, self.contract.leaseCard(lease))

    def offer(self, space: int, number: int):
        return named(self.contract.offerCard, self.contract.offerCard(space, number))

    def space(self, space: int):
        return named(self.contract.spaceCard, self.contract.spaceCard(space))

    def quote(self, driver, request: tuple):
        return named(self.contract.quote, self.contract.quote(driver, request))
