"""One record of a city's title edition, exactly as it is hashed into the Merkle tree.

Leaf = keccak256(keccak256(abi.encode(city, index, saltedHolder, addressHash, cell, attributes,
validDay))): seven words of 32 bytes. Who holds the title and where it is stand in it as salted
hashes only.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from berth.core.checks import integer, octets, unsigned
from berth.core.errors import BerthError
from berth.core.hashing import hasher, keccak

#: The last day a 16-bit day can name, 2149-06-06: the title has no end.
NO_END_DAY = 0xFFFF

#: What the contracts accept as a parking space, centimetres; height 0 is open air.
HEIGHT_CM = (150, 1000)
WIDTH_CM = (150, 1000)
LENGTH_CM = (300, 2500)

_WORDS = struct.Struct(">28xI28xI32s32s28xI24xQ30xH")
_SEPARATORS = re.compile(r"[\s,;、]+")


class Kind(IntEnum):
    """What a space is; the numbers are those of the title's attributes."""

    STREET = 1
    LOT = 2
    GARAGE = 3
    MECHANICAL = 4
    DRIVEWAY = 5


class Attributes(NamedTuple):
    """The unpacked attributes word; lengths in centimetres."""

    kind: int
    sharing: bool
    height_cm: int
    width_cm: int
    length_cm: int


@dataclass(frozen=True, slots=True)
class Title:
    """The struct that the contract hashes. `valid_day` counts days since 1970-01-01, UTC."""

    city: int
    index: int
    salted_holder: bytes
    address_hash: bytes
    cell: int
    attributes: int
    valid_day: int


def encode(title: Title) -> bytes:
    """The 224 bytes of abi.encode. BerthError names the first field out of its range."""
    octets(title.salted_holder, "saltedHolder", 32)
    octets(title.address_hash, "addressHash", 32)
    try:
        return _WORDS.pack(
            title.city,
            title.index,
            title.salted_holder,
            title.address_hash,
            title.cell,
            title.attributes,
            title.valid_day,
        )
    except struct.error as error:
        unsigned(title.city, "city", 32)
        unsigned(title.index, "index", 32)
        unsigned(title.cell, "cell", 32)
        unsigned(title.attributes, "attributes", 64)
        unsigned(title.valid_day, "validDay", 16)
        raise BerthError("title.invalid", str(error), field="title") from error


def leaf(title: Title) -> bytes:
    """The leaf's 32 bytes: hashed twice, so that no inner node can pass for a leaf."""
    inner: bytes = hasher(encode(title)).digest()
    outer: bytes = hasher(inner).digest()
    return outer


def pack_attributes(kind: int, sharing: bool, height_cm: int, width_cm: int, length_cm: int) -> int:
    """kind 8 bits | sharing allowed 1 | height, width, length in centimetres, 16 bits each.

    Takes whatever fits: whether a value is credible is a question of compliance.
    """
    return (
        unsigned(kind, "kind", 8)
        | int(sharing) << 8
        | unsigned(height_cm, "heightCm", 16) << 9
        | unsigned(width_cm, "widthCm", 16) << 25
        | unsigned(length_cm, "lengthCm", 16) << 41
    )


def unpack_attributes(attributes: int) -> Attributes:
    """The fields of an attributes word. BerthError for bits beyond the 57 in use."""
    integer(attributes, "attributes", 0, (1 << 57) - 1)
    return Attributes(
        kind=attributes & 0xFF,
        sharing=bool(attributes >> 8 & 1),
        height_cm=attributes >> 9 & 0xFFFF,
        width_cm=attributes >> 25 & 0xFFFF,
        length_cm=attributes >> 41 & 0xFFFF,
    )


def normalise_address(address: str) -> str:
    """One spelling for an address however it was typed.

    Compatibility forms folded (NFKC), case folded, runs of white space, commas and semicolons made
    one space. BerthError when nothing is left.
    """
    folded = unicodedata.normalize("NFKC", address).casefold()
    plain = _SEPARATORS.sub(" ", folded).strip()
    if not plain:
        raise BerthError("address.empty", "is empty", field="address")
    return plain


def address_hash(salt: bytes, address: str) -> bytes:
    """keccak256(salt ‖ normalised address), salt of 32 bytes."""
    return keccak(octets(salt, "salt", 32) + normalise_address(address).encode("utf-8"))


def salted_holder(salt: bytes, holder: str) -> bytes:
    """keccak256(salt ‖ holder's identity), salt of 32 bytes; spaces around the identity dropped."""
    identity = unicodedata.normalize("NFC", holder).strip()
    if not identity:
        raise BerthError("holder.empty", "is empty", field="holder")
    return keccak(octets(salt, "salt", 32) + identity.encode("utf-8"))
