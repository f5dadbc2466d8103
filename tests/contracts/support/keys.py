"""Keys of those who sign but send nothing: the same in every run, so that signatures and gas are
too."""

from dataclasses import dataclass

from berth.core.addresses import checksum
from berth.core.hashing import keccak
from berth.core.signing import address_of


@dataclass(frozen=True)
class Key:
    """A secp256k1 key and its address (checksummed)."""

    private: bytes
    address: str


def key(name: str) -> Key:
    """The key of a name; equal names have equal keys."""
    private = keccak(b"berth contract tests: " + name.encode())
    return Key(private, checksum(address_of(private)))
