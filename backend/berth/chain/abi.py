"""Contract interfaces from the committed ABI files, and the codec for calls and errors.

Values are plain: addresses lower-case hex text, bytes as `bytes`, structs as dicts by member name
(tuples are taken too). Logs have a codec of their own: `berth.chain.events`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError, EncodingError

from berth.core.errors import BerthError
from berth.core.hashing import keccak

FOLDER = Path(__file__).parent / "abi"
#: What the codec raises over bytes that are not what they are said to be: lengths beyond all memory
#: and text that is none are not among its own errors.
UNREADABLE = (DecodingError, OverflowError, UnicodeDecodeError)


@dataclass(frozen=True)
class Parameter:
    """One argument, result, member or error field."""

    name: str
    type: str
    indexed: bool = False
    components: tuple[Parameter, ...] = ()

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Parameter:
        members = tuple(cls.of(member) for member in entry.get("components", ()))
        return cls(entry.get("name", ""), entry["type"], entry.get("indexed", False), members)

    @cached_property
    def canonical(self) -> str:
        """The type as signatures spell it: tuples written out."""
        if not self.type.startswith("tuple"):
            return self.type
        inner = ",".join(member.canonical for member in self.components)
        return f"({inner}){self.type.removeprefix('tuple')}"

    def lower(self, value: Any) -> Any:
        """A value as the codec takes it: dicts become tuples in the members' order."""
        if not self.type.startswith("tuple"):
            return value
        if self.type != "tuple":
            return [self._one.lower(item) for item in value]
        if isinstance(value, Mapping):
            names = {member.name for member in self.components}
            if set(value) != names:
                odd = sorted(set(value) ^ names)
                raise BerthError("chain.argument", f"wrong members {odd}", field=self.name)
            return tuple(member.lower(value[member.name]) for member in self.components)
        if len(value) != len(self.components):
            raise BerthError("chain.argument", "wrong number of members", field=self.name)
        return tuple(m.lower(v) for m, v in zip(self.components, value, strict=True))

    def lift(self, value: Any) -> Any:
        """A decoded value as callers get it: structs become dicts."""
        if not self.type.startswith("tuple"):
            return value
        if self.type != "tuple":
            return [self._one.lift(item) for item in value]
        return {m.name: m.lift(v) for m, v in zip(self.components, value, strict=True)}

    @property
    def _one(self) -> Parameter:
        return Parameter(self.name, self.type[: self.type.rindex("[")], False, self.components)


@dataclass(frozen=True)
class Entry:
    """A function, event or custom error."""

    kind: str
    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]

    @cached_property
    def signature(self) -> str:
        return f"{self.name}({','.join(p.canonical for p in self.inputs)})"

    @cached_property
    def topic(self) -> bytes:
        """Keccak of the signature: an event's topic; its first four bytes select a function."""
        return keccak(self.signature.encode())

    @property
    def selector(self) -> bytes:
        return self.topic[:4]

    def encode(self, *args: Any) -> bytes:
        """Selector and arguments: a call's data. Raises BerthError chain.argument."""
        if len(args) != len(self.inputs):
            message = f"{self.signature} takes {len(self.inputs)} arguments, not {len(args)}"
            raise BerthError("chain.argument", message)
        values = [p.lower(value) for p, value in zip(self.inputs, args, strict=True)]
        try:
            return self.selector + abi_encode([p.canonical for p in self.inputs], values)
        except (EncodingError, TypeError, ValueError) as error:
            raise BerthError("chain.argument", f"{self.name}: {error}") from error

    def decode_inputs(self, data: bytes) -> dict[str, Any]:
        """Arguments by name from the bytes after the selector."""
        return _decode_named(self.inputs, data)

    def decode_result(self, data: bytes) -> Any:
        """A call's result: the value, a tuple of several, None of none."""
        if not data and self.outputs:
            raise BerthError("chain.empty", f"{self.name} answered nothing: no contract there")
        values = _decode(self.outputs, data, self.name)
        if len(values) == 1:
            return values[0]
        return tuple(values) if values else None


class Abi:
    """The interface of one contract."""

    def __init__(self, name: str, entries: Sequence[Mapping[str, Any]]) -> None:
        self.name = name
        self.functions: dict[str, Entry] = {}
        self.events: dict[str, Entry] = {}
        self.errors: dict[bytes, Entry] = {}
        for raw in entries:
            if raw["type"] not in ("function", "event", "error"):
                continue
            entry = Entry(
                raw["type"],
                raw["name"],
                tuple(Parameter.of(p) for p in raw.get("inputs", ())),
                tuple(Parameter.of(p) for p in raw.get("outputs", ())),
            )
            if entry.kind == "function":
                # an overloaded name is reached by its signature, the first one also by name
                self.functions.setdefault(entry.name, entry)
                self.functions[entry.signature] = entry
            elif entry.kind == "event":
                self.events[entry.name] = entry
            else:
                self.errors[entry.selector] = entry

    def function(self, name: str) -> Entry:
        """A function by name or signature."""
        try:
            return self.functions[name]
        except KeyError:
            raise BerthError("chain.function", f"{self.name} has no function {name}") from None

    def encode_call(self, name: str, *args: Any) -> bytes:
        return self.function(name).encode(*args)

    def decode_result(self, name: str, data: bytes) -> Any:
        return self.function(name).decode_result(data)


@cache
def load_abi(name: str) -> Abi:
    """The interface of a contract by its name, from the files beside this module."""
    document = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return Abi(document["contractName"], document["abi"])


@cache
def load_bytecode(name: str) -> bytes:
    """What makes a contract, without its constructor's arguments; of the few that run here."""
    document = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return bytes.fromhex(document["bytecode"])


@cache
def all_abis() -> tuple[Abi, ...]:
    """Every committed interface."""
    return tuple(load_abi(path.stem) for path in sorted(FOLDER.glob("*.json")))


def encode_call(contract: str, name: str, *args: Any) -> bytes:
    """Call data: `encode_call("ParkingMarket", "lease", {...})`."""
    return load_abi(contract).encode_call(name, *args)


def decode_result(contract: str, name: str, data: bytes) -> Any:
    """A call's result: the value, a tuple of several, None of none; structs as dicts."""
    return load_abi(contract).decode_result(name, data)


def _decode(parameters: Sequence[Parameter], data: bytes, name: str) -> list[Any]:
    try:
        values = abi_decode([p.canonical for p in parameters], data)
    except UNREADABLE as error:
        raise BerthError("chain.decode", f"{name}: {error}") from error
    return [p.lift(value) for p, value in zip(parameters, values, strict=True)]


def _decode_named(parameters: Sequence[Parameter], data: bytes) -> dict[str, Any]:
    values = _decode(parameters, data, "arguments")
    return {p.name or str(n): v for n, (p, v) in enumerate(zip(parameters, values, strict=True))}
