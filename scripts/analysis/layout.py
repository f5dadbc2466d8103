"""Both parts of the market must see the same storage.

ParkingMarket hands calls to MarketExtension's code by delegatecall: a variable of either that had
another place in the other would be read and written as something else.
"""

import re
import sys
from typing import Any

from compiled import parse

PARTS = (
    ("contracts/ParkingMarket.sol", "ParkingMarket"),
    ("contracts/MarketExtension.sol", "MarketExtension"),
)

Variable = tuple[int, int, str, str]


def variables(layout: dict[str, Any]) -> list[Variable]:
    """Slot, offset, name and type of each; types without the compiler's running numbers."""
    return [
        (int(v["slot"]), v["offset"], v["label"], re.sub(r"\d+(?=_storage|,|\))", "", v["type"]))
        for v in layout["storage"]
    ]


def main() -> int:
    contracts = parse(["storageLayout"])["contracts"]
    first, second = (variables(contracts[path][name]["storageLayout"]) for path, name in PARTS)
    if not first:
        print("layout: the market has no storage?", file=sys.stderr)
        return 1
    for variable in sorted(set(first) ^ set(second)):
        whose = PARTS[0 if variable in first else 1][1]
        print(f"layout: only in {whose}: {variable}", file=sys.stderr)
    if first != second:
        print("layout: the two parts of the market do not share one storage", file=sys.stderr)
        return 1
    print(f"layout: {len(first)} variables, in the same places in both parts of the market")
    return 0


if __name__ == "__main__":
    sys.exit(main())
