"""ABI of what the market takes and tells: calls in, events and errors out.

A codec of its own because the one of `eth_abi` takes longer than the EVM does.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from berth.core.hashing import keccak

from differential.signing import word

Value = int | str | bytes | bool

Encoder = Callable[[object], bytes]


@dataclass(frozen=True)
class Function:
    """A function of a contract: `call(arguments)` is its calldata."""

    selector: bytes
    encode: Encoder

    def call(self, *arguments: object) -> bytes:
        return self.selector + self.encode(arguments)


@dataclass(frozen=True)
class Entry:
    """An event or an error: all arguments are single words."""

    name: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    indexed: tuple[bool, ...]

    def from_log(self, topics: list[bytes], data: bytes) -> tuple[str, dict[str, Value]]:
        values, rest, place = {}, iter(topics[1:]), 0
        for name, type_, indexed in zip(self.names, self.types, self.indexed, strict=True):
            if indexed:
                raw = next(rest)
            else:
                raw, place = data[place : place + 32], place + 32
            values[name] = value(type_, raw)
        if place != len(data):
            raise ValueError(f"{self.name}: {len(data)} bytes of data, {place} expected")
        return self.name, values

    def from_revert(self, output: bytes) -> tuple[str, tuple[Value, ...]]:
        return self.name, tuple(
            value(type_, output[4 + 32 * place : 36 + 32 * place])
            for place, type_ in enumerate(self.types)
        )


class Abi:
    """What a set of ABI files declares, found by name or by hash."""

    def __init__(self, entries: Iterable[dict]) -> None:
        self.functions: dict[str, Function] = {}
        self.events: dict[bytes, Entry] = {}
        self.errors: dict[bytes, Entry] = {}
        self.types: dict[str, tuple[str, ...]] = {}
        for entry in entries:
            kind, inputs = entry["type"], entry.get("inputs", ())
            if kind == "function":
                # overloaded ones are not used here
                hashed = keccak(_signature(entry["name"], inputs))
                self.functions[entry["name"]] = Function(hashed[:4], _tuple(inputs)[0])
            elif kind in ("event", "error"):
                hashed = keccak(_signature(entry["name"], inputs))
                declared = Entry(
                    entry["name"],
                    tuple(each["name"] for each in inputs),
                    tuple(each["type"] for each in inputs),
                    tuple(each.get("indexed", False) for each in inputs),
                )
                if kind == "event":
                    self.events[hashed] = declared
                else:
                    self.errors[hashed[:4]] = declared
                    self.types[entry["name"]] = declared.types


def value(type_: str, raw: bytes) -> Value:
    """A decoded word: numbers, lower-case addresses, bytes."""
    if type_ == "bytes32":
        return raw
    number = int.from_bytes(raw, "big")
    if type_ == "address":
        return f"0x{number:040x}"
    return bool(number) if type_ == "bool" else number


def _signature(name: str, inputs: Iterable[dict]) -> bytes:
    return (name + "(" + ",".join(map(_type, inputs)) + ")").encode()


def _type(each: dict) -> str:
    if not each["type"].startswith("tuple"):
        return each["type"]
    return "(" + ",".join(map(_type, each["components"])) + ")" + each["type"][5:]


def _encoder(each: dict) -> tuple[Encoder, bool]:
    """The encoder of a parameter, and whether its length varies."""
    type_ = each["type"]
    if type_.endswith("[]"):
        item, varies = _encoder({**each, "type": type_[:-2]})
        return lambda items: word(len(items)) + _join([(item, varies)] * len(items), items), True
    if type_ == "tuple":
        return _tuple(each["components"])
    if type_ == "bytes":
        return lambda data: word(len(data)) + data + bytes(-len(data) % 32), True
    return word, False


def _tuple(inputs: Iterable[dict]) -> tuple[Encoder, bool]:
    parts = [_encoder(each) for each in inputs]
    return lambda values: _join(parts, values), any(varies for _, varies in parts)


def _join(parts: list[tuple[Encoder, bool]], values: Iterable[object]) -> bytes:
    encoded = [(encode(each), varies) for (encode, varies), each in zip(parts, values, strict=True)]
    place = sum(32 if varies else len(data) for data, varies in encoded)
    head, tail = [], []
    for data, varies in encoded:
        if varies:
            head.append(word(place))
            tail.append(data)
            place += len(data)
        else:
            head.append(data)
    return b"".join(head + tail)
