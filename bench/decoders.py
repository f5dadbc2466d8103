"""Generated decoders beside eth_abi, on the same events, by turns; the last line is JSON.

Run by `make bench-decoders`. Each side decodes each of the market's events; the best of the runs
counts. That they give the same values is what tests/backend/chain/test_event_decoders.py asks.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable

from berth.chain import events
from berth.chain.abi import Entry, Parameter, load_abi
from eth_abi import decode, encode
from rich.console import Console
from rich.table import Table

RUNS = 2_000


def main() -> None:
    """Measures, tells, ends in one line of JSON."""
    table = Table("event", "generated, µs", "eth_abi, µs", "eth_abi / generated")
    ratios: dict[str, float] = {}
    for entry in load_abi("ParkingMarket").events.values():
        ours, theirs = compared(entry)
        ratios[entry.name] = theirs / ours
        table.add_row(
            entry.name, f"{ours * 1e6:.1f}", f"{theirs * 1e6:.1f}", f"{theirs / ours:.1f}"
        )
    Console(stderr=True).print(table)
    mean = math.exp(sum(math.log(ratio) for ratio in ratios.values()) / len(ratios))
    closing = {
        "bench": "decoders",
        "events": len(ratios),
        "ratio_least": round(min(ratios.values()), 1),
        "ratio_geometric_mean": round(mean, 1),
        "ratio_Settled": round(ratios["Settled"], 1),
    }
    print(json.dumps(closing))


def compared(entry: Entry) -> tuple[float, float]:
    """Seconds of one log, by the generated decoder and by eth_abi."""
    indexed = [p.type for p in entry.inputs if p.indexed]
    plain = [p.type for p in entry.inputs if not p.indexed]
    topics = ["0x" + entry.topic.hex()]
    topics += ["0x" + encode([p.type], [value(p)]).hex() for p in entry.inputs if p.indexed]
    data = encode(plain, [value(p) for p in entry.inputs if not p.indexed])
    decoder = events.MARKET[topics[0]]

    def general() -> tuple[object, ...]:
        of_topics = [
            decode([kind], bytes.fromhex(topic[2:]))[0]
            for kind, topic in zip(indexed, topics[1:], strict=True)
        ]
        return (*of_topics, *decode(plain, data))

    ours, theirs = math.inf, math.inf
    for _ in range(RUNS):
        ours = min(ours, seconds(lambda: decoder(topics, data)))
        theirs = min(theirs, seconds(general))
    return ours, theirs


def value(p: Parameter) -> object:
    """One that the type holds, not small."""
    if p.type == "bool":
        return True
    if p.type == "address":
        return "0x" + "5a" * 20
    if p.type.startswith("bytes"):
        return b"\x5a" * int(p.type[5:])
    return (1 << int(p.type.removeprefix("uint"))) - 2


def seconds(work: Callable[[], object]) -> float:
    """How long it takes once."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
