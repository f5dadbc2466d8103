"""The generated decoders against eth_abi, for random values of every event."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from typing import Any

import pytest
from berth.chain import event_codegen, events
from berth.chain.abi import Entry, Parameter, load_abi
from berth.core.errors import BerthError
from berth.indexer.project import HANDLERS, UNPROJECTED
from eth_abi import encode

ALL = [
    pytest.param(table, entry, id=f"{contract}.{entry.name}")
    for (name, contract) in event_codegen.SOURCES
    for table in [getattr(events, name)]
    for entry in load_abi(contract).events.values()
]


def random_value(p: Parameter, rng: random.Random) -> Any:
    if p.type == "bool":
        return rng.random() < 0.5
    if p.type == "address":
        return "0x" + rng.randbytes(20).hex()
    if p.type.startswith("bytes"):
        return rng.randbytes(int(p.type[5:]))
    bits = int(p.type.removeprefix("uint"))
    return rng.choice([0, 1, (1 << bits) - 1, rng.randrange(1 << bits)])


def as_decoded(p: Parameter, value: Any) -> Any:
    return "0x" + value.hex() if isinstance(value, bytes) else value


def log_of(entry: Entry, values: list[Any]) -> tuple[list[str], bytes]:
    topics = ["0x" + entry.topic.hex()]
    pairs = list(zip(entry.inputs, values, strict=True))
    topics += ["0x" + encode([p.type], [value]).hex() for p, value in pairs if p.indexed]
    plain = [(p.type, value) for p, value in pairs if not p.indexed]
    return topics, encode([kind for kind, _ in plain], [value for _, value in plain])


@pytest.mark.parametrize(("table", "entry"), ALL)
def test_a_decoder_gives_back_what_eth_abi_encoded(
    table: dict[str, events.Decoder], entry: Entry
) -> None:
    rng = random.Random(entry.name)
    for _ in range(50):
        values = [random_value(p, rng) for p in entry.inputs]
        topics, data = log_of(entry, values)
        decoded = table[topics[0]](topics, data)
        assert type(decoded).__name__ == entry.name
        expected = {
            event_codegen.snake(p.name): as_decoded(p, value)
            for p, value in zip(entry.inputs, values, strict=True)
        }
        assert {name: getattr(decoded, name) for name in decoded.__struct_fields__} == expected


@pytest.mark.parametrize(("table", "entry"), ALL)
def test_a_log_of_another_shape_is_refused(table: dict[str, events.Decoder], entry: Entry) -> None:
    values = [random_value(p, random.Random(1)) for p in entry.inputs]
    topics, data = log_of(entry, values)
    for wrong_topics, wrong_data in ((topics, data + b"\0" * 32), ([*topics, topics[0]], data)):
        with pytest.raises(BerthError) as caught:
            table[topics[0]](wrong_topics, wrong_data)
        assert caught.value.code == "chain.log"


def test_the_generated_file_fits_the_abi_files() -> None:
    file = Path(str(events.__file__)).read_text("utf-8")
    assert file == event_codegen.source(), "run scripts/generate_events.py"


def test_every_event_is_projected_or_knowingly_left_alone() -> None:
    names = {
        entry.name
        for _, contract in event_codegen.SOURCES
        for entry in load_abi(contract).events.values()
    }
    handled = {kind.__name__ for kind in HANDLERS} | {kind.__name__ for kind in UNPROJECTED}
    assert names == handled


def test_the_backend_does_not_load_web3() -> None:
    assert importlib.util.find_spec("berth.indexer.run") is not None
    import subprocess
    import sys

    code = (
        "import sys, berth.indexer.run, berth.chain.sender, berth.chain.contracts, berth.store;"
        "print('web3' in sys.modules, 'alembic' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["False", "False"]
