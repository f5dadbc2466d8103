"""Account addresses: lower-case text inside, checksummed text towards people."""

from __future__ import annotations

import re

from berth.core.errors import BerthError
from berth.core.hashing import keccak

ZERO = "0x" + "0" * 40

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def parse_address(text: object, field: str = "address") -> str:
    """An address as lower-case text.

    All-lower and all-upper digits are taken as they are; mixed case must carry the right EIP-55
    checksum, for a mistyped address is money lost.
    """
    if not isinstance(text, str) or not _ADDRESS.fullmatch(text):
        raise BerthError(
            "address.invalid",
            "must be 0x and 40 hexadecimal digits, not {given!r}",
            field=field,
            given=text,
        )
    digits = text[2:]
    lower = "0x" + digits.lower()
    if digits not in (digits.lower(), digits.upper()) and checksum(lower) != text:
        raise BerthError(
            "address.checksum", "{given} has a wrong checksum", field=field, given=text
        )
    return lower


def checksum(address: str) -> str:
    """The EIP-55 form of a lower-case address, for answers that people copy."""
    digits = address[2:].lower()
    marks = keccak(digits.encode("ascii")).hex()
    return "0x" + "".join(
        digit.upper() if int(mark, 16) >= 8 else digit
        for digit, mark in zip(digits, marks, strict=False)
    )


def address_bytes(address: str, field: str = "address") -> bytes:
    """The 20 bytes of an address."""
    return bytes.fromhex(parse_address(address, field)[2:])
