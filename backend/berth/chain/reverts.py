"""Reverts in words: a custom error's data becomes a BerthError with its name and figures."""

from __future__ import annotations

from functools import cache
from typing import Any

from berth.chain.abi import Entry, Parameter, all_abis
from berth.chain.rpc import RpcError
from berth.core.compliance import Reason
from berth.core.errors import BerthError

_STANDARD = (
    Entry("error", "Error", (Parameter("reason", "string"),), ()),
    Entry("error", "Panic", (Parameter("code", "uint256"),), ()),
)
_PANICS = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division by zero",
    0x21: "no such enum value",
    0x31: "pop of an empty array",
    0x32: "index out of bounds",
    0x41: "out of memory",
}


class ChainRevertError(BerthError):
    """A contract refused. `code` is "chain.<ErrorName>", `name` and `arguments` are the error's."""

    def __init__(self, name: str, arguments: dict[str, Any], message: str) -> None:
        super().__init__(f"chain.{name}", message, status=409)
        self.name = name
        self.arguments = arguments


@cache
def _known() -> dict[bytes, Entry]:
    known: dict[bytes, Entry] = {}
    for abi in all_abis():
        known.update(abi.errors)
    known.update({entry.selector: entry for entry in _STANDARD})
    return known


def decode_revert(data: bytes | None) -> ChainRevertError:
    """The error behind a revert's bytes; an unknown or empty one is said to be just that."""
    if not data:
        return ChainRevertError("Revert", {}, "the contract refused without a reason")
    entry = _known().get(data[:4])
    if entry is None:
        text = "0x" + data.hex()
        return ChainRevertError("Unknown", {"data": text}, f"the contract refused: {text}")
    try:
        arguments = entry.decode_inputs(data[4:])
    except BerthError:
        text = "0x" + data.hex()
        return ChainRevertError(entry.name, {"data": text}, f"{entry.name}: malformed {text}")
    arguments = {
        parameter.name: _readable(parameter, arguments[parameter.name])
        for parameter in entry.inputs
    }
    return ChainRevertError(entry.name, arguments, _sentence(entry.name, arguments))


def as_revert(error: RpcError) -> ChainRevertError | None:
    """The revert inside a node's error; None when it is about something else."""
    if error.data is not None:
        return decode_revert(error.data)
    if "revert" in error.text.lower():
        return ChainRevertError("Revert", {}, f"the contract refused: {error.text}")
    return None


def translate(error: RpcError) -> BerthError:
    """What to raise for a node's error: the revert inside it, else the error itself."""
    return as_revert(error) or error


def _readable(parameter: Parameter, value: Any) -> Any:
    """bytes32 names of fields become text, other bytes hex."""
    if not isinstance(value, bytes):
        return value
    text = value.rstrip(b"\0")
    if parameter.type == "bytes32" and text and text.isascii() and text.decode().isprintable():
        return text.decode()
    return "0x" + value.hex()


def _sentence(name: str, arguments: dict[str, Any]) -> str:
    if name == "Error":
        return f"the contract refused: {arguments['reason']}"
    if name == "Panic":
        code = arguments["code"]
        return f"the contract failed: {_PANICS.get(code, 'panic')} (0x{code:02x})"
    shown = ", ".join(f"{key}={_shown(key, value)}" for key, value in arguments.items())
    if name == "Berth_NotCompliant":
        shown = ", ".join(_reasons(arguments["reasons"]))
    return f"{name}({shown})"


def _shown(key: str, value: Any) -> str:
    # ids are compared with what other surfaces show: fixed-width hex
    if key == "spaceId" and isinstance(value, int):
        return f"0x{value:016x}"
    if key == "leaseId" and isinstance(value, int):
        return f"0x{value:028x}"
    return str(value)


def _reasons(bitmap: int) -> list[str]:
    names = {reason.value: reason.name for reason in Reason}
    return [names.get(bit, f"bit {bit}") for bit in range(256) if bitmap >> bit & 1]
