"""Custom errors: what a test expects, compared with what the contract said, to the last
argument."""

import re
from contextlib import contextmanager
from pathlib import Path

from brownie.exceptions import VirtualMachineError

ERRORS_FILE = Path(__file__).resolve().parents[3] / "contracts" / "interfaces" / "BerthErrors.sol"

_ERROR = re.compile(r"^error (?:Berth_)(\w+)\(([^)]*)\);", re.MULTILINE)

#: Error name, without its prefix, to the types of its arguments.
CATALOGUE = {
    name: [argument.split()[0] for argument in arguments.split(",") if argument.strip()]
    for name, arguments in _ERROR.findall(ERRORS_FILE.read_text())
}


@contextmanager
def reverts(error: str, *arguments):
    """The block must revert with this error of BerthErrors.sol and exactly these arguments.

    Texts stand for bytes32 names; accounts may be given as Brownie accounts, contracts or
    addresses.
    """
    if error not in CATALOGUE:
        raise KeyError(f"{error} is not in BerthErrors.sol")
    types = CATALOGUE[error]
    assert len(arguments) == len(types), f"{error} has {len(types)} arguments: {types}"
    shown = ", ".join(_shown(kind, value) for kind, value in zip(types, arguments, strict=True))
    with reverts_with(f"Berth_{error}: {shown}"):
        yield


@contextmanager
def reverts_with(message: str):
    """The block must revert with this message: `Error: a, b`, a text, or a text of Solidity."""
    try:
        yield
    except VirtualMachineError as refusal:
        assert refusal.revert_msg == message  # noqa: PT017
    else:
        raise AssertionError(f"did not revert; expected {message}")


def _shown(kind: str, value) -> str:
    """As Brownie writes a decoded argument."""
    if kind == "address":
        return str(getattr(value, "address", value)).lower()
    if kind == "bytes32":
        return str(value.encode().ljust(32, b"\0") if isinstance(value, str) else bytes(value))
    return str(int(value))
