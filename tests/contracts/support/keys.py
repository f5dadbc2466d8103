"""Keys of those who sign but send nothing: the same in every run, so that signatures and gas are
too; and other spellings of a signature."""

from dataclasses import dataclass

from berth.core.addresses import checksum
from berth.core.hashing import keccak
from berth.core.signing import ORDER, address_of


@dataclass(frozen=True)
class Key:
    """A secp256k1 key and its address (checksummed)."""

    private: bytes
    address: str


def key(name: str) -> Key:
    """The key of a name; equal names have equal keys."""
    private = keccak(b"berth contract tests: " + name.encode())
    return Key(private, checksum(address_of(private)))


def bent(signature: bytes) -> bytes:
    """The other signature of the same message by the same key: s above half the order."""
    s = int.from_bytes(signature[32:64], "big")
    return signature[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - signature[64]])


def compact(signature: bytes) -> bytes:
    """EIP-2098: 64 bytes."""
    s = int.from_bytes(signature[32:64], "big") | (signature[64] - 27) << 255
    return signature[:32] + s.to_bytes(32, "big")
