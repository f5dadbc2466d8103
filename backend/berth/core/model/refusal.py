"""How the model says no: with the name and the arguments of the contract's error."""

from __future__ import annotations

from typing import NoReturn

NEVER = (1 << 256) - 1
MAX_128 = (1 << 128) - 1
MAX_16 = (1 << 16) - 1
MAX_8 = (1 << 8) - 1

#: One argument: numbers, addresses in lower case, names of fields as text, bytes32 as bytes.
Argument = int | str | bytes


class Refused(Exception):  # noqa: N818  # a refusal is an answer here, not a fault
    """A verb that the contract would revert. Nothing has changed."""

    def __init__(self, error_name: str, arguments: tuple[Argument, ...] = ()) -> None:
        super().__init__(error_name, arguments)
        self.error_name = error_name
        self.arguments = arguments

    def __str__(self) -> str:
        shown = (
            "0x" + each.hex() if isinstance(each, bytes) else str(each) for each in self.arguments
        )
        return f"{self.error_name}({', '.join(shown)})"


def refuse(name: str, *arguments: Argument) -> NoReturn:
    """Refuses with one of the market's own errors, named without its prefix."""
    raise Refused(f"Berth_{name}", arguments)


def between(field: str, value: int, low: int, high: int) -> None:
    """The contracts' `Range.between`."""
    if not low <= value <= high:
        refuse("OutOfRange", field, value, low, high)


def at_most(field: str, value: int, high: int) -> None:
    """The contracts' `Range.atMost`."""
    between(field, value, 0, high)
