"""Keccak-256 as Ethereum uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

try:
    # A fifth of pycryptodome's time a hash; has wheels for Linux only.
    from sha3 import keccak_256
except ImportError:
    from Crypto.Hash import keccak as _keccak

    def keccak_256(data: bytes = b"") -> Any:
        """A hash object of `data`, as the `sha3` package gives it."""
        return _keccak.new(digest_bits=256, data=data)


#: For loops over many hashes: `hasher(data).digest()`.
hasher: Callable[[bytes], Any] = keccak_256


def keccak(data: bytes) -> bytes:
    """The 32-byte Keccak-256 digest of `data` (the padding of Ethereum, not of SHA-3)."""
    digest: bytes = keccak_256(data).digest()
    return digest
