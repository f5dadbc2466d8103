"""Numbers of cities, spaces and leases, and their text forms.

space_id = city 32 bits << 32 | index 32 bits; lease_id = space_id << 48 | start_slot << 16 | epoch.
In JSON and databases ids are fixed-width lower-case hexadecimal text, so that text order is number
order and no reader rounds them.
"""

from __future__ import annotations

import re

from berth.core.checks import unsigned
from berth.core.errors import BerthError

SPACE_DIGITS = 16
LEASE_DIGITS = 28
_LARGEST_SPACE = (1 << 64) - 1
_LARGEST_LEASE = (1 << 112) - 1

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# UN/LOCODE: two letters of the country, then three letters or the digits 2 to 9.
_LOCODE = re.compile(r"[A-Z]{2}[A-Z2-9]{3}")


def space_id(city: int, index: int) -> int:
    """The number of a space: title `index` of `city`."""
    return unsigned(city, "city", 32) << 32 | unsigned(index, "index", 32)


def split_space(space: int) -> tuple[int, int]:
    """(city, index) of a space."""
    unsigned(space, "spaceId", 64)
    return space >> 32, space & 0xFFFFFFFF


def lease_id(space: int, start_slot: int, epoch: int) -> int:
    """The number of a lease: the `epoch`-th lease of a space that starts in `start_slot`."""
    return (
        unsigned(space, "spaceId", 64) << 48
        | unsigned(start_slot, "startSlot", 32) << 16
        | unsigned(epoch, "epoch", 16)
    )


def split_lease(lease: int) -> tuple[int, int, int]:
    """(space_id, start_slot, epoch) of a lease."""
    unsigned(lease, "leaseId", 112)
    return lease >> 48, lease >> 16 & 0xFFFFFFFF, lease & 0xFFFF


def space_hex(space: int) -> str:
    """`0x` and 16 digits."""
    # the index says these for every log: the check that names its field only where it is needed
    if type(space) is not int or not 0 <= space <= _LARGEST_SPACE:
        unsigned(space, "spaceId", 64)
    return f"0x{space:016x}"


def lease_hex(lease: int) -> str:
    """`0x` and 28 digits."""
    if type(lease) is not int or not 0 <= lease <= _LARGEST_LEASE:
        unsigned(lease, "leaseId", 112)
    return f"0x{lease:028x}"


def parse_space(text: object, field: str = "spaceId") -> int:
    """The number behind `space_hex`'s text."""
    return _parse(text, SPACE_DIGITS, field)


def parse_lease(text: object, field: str = "leaseId") -> int:
    """The number behind `lease_hex`'s text."""
    return _parse(text, LEASE_DIGITS, field)


def city_number(code: str) -> int:
    """A city's number: its UN/LOCODE read in base 36, "AUMEL" for Melbourne."""
    compact = code.replace(" ", "").upper()
    if not _LOCODE.fullmatch(compact):
        raise BerthError(
            "city.code",
            "must be a UN/LOCODE of five characters, not {given!r}",
            field="city",
            given=code,
        )
    return int(compact, 36)


def city_code(number: int) -> str:
    """The UN/LOCODE of a city's number."""
    rest = unsigned(number, "city", 32)
    letters = ""
    while rest:
        rest, digit = divmod(rest, 36)
        letters = _DIGITS[digit] + letters
    if not _LOCODE.fullmatch(letters):
        raise BerthError(
            "city.number", "{given} is no UN/LOCODE in base 36", field="city", given=number
        )
    return letters


def _parse(text: object, digits: int, field: str) -> int:
    if not isinstance(text, str) or not re.fullmatch(rf"0x[0-9a-fA-F]{{{digits}}}", text):
        raise BerthError(
            "id.invalid",
            "must be 0x and {digits} hexadecimal digits, not {given!r}",
            field=field,
            digits=digits,
            given=text,
        )
    return int(text, 16)
