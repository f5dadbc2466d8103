"""Keccak-256 as Ethereum uses it."""

from __future__ import annotations

from Crypto.Hash import keccak as _keccak


def keccak(data: bytes) -> bytes:
    """The 32-byte Keccak-256 digest of `data` (the padding of Ethereum, not of SHA-3)."""
    return _keccak.new(digest_bits=256, data=data).digest()
