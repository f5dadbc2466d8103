"""secp256k1 signatures over 32-byte digests, as Ethereum's ecrecover takes them.

65 bytes r ‖ s ‖ v with v 27 or 28 and s in the lower half of the group: each digest and key have
one signature that everybody accepts, and a changed copy of it is refused here as on-chain.
"""

from __future__ import annotations

import secrets

from eth_keys.datatypes import PrivateKey, Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from berth.core.checks import hex_octets, octets
from berth.core.errors import BerthError
from berth.core.hashing import keccak

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SIGNATURE_BYTES = 65


def new_private_key() -> bytes:
    """A fresh secp256k1 private key, 32 bytes."""
    return (secrets.randbelow(ORDER - 1) + 1).to_bytes(32, "big")


def address_of(private_key: bytes) -> str:
    """The address, lower-case text, of a private key."""
    return _private(private_key).public_key.to_address().lower()


def sign_digest(digest: bytes, private_key: bytes) -> bytes:
    """Sign 32 bytes; deterministic (RFC 6979)."""
    signature = _private(private_key).sign_msg_hash(octets(digest, "digest", 32))
    raw = signature.to_bytes()
    return raw[:64] + bytes([raw[64] + 27])


def recover_digest(digest: bytes, signature: bytes | str, field: str = "signature") -> str:
    """The signer's address, lower-case text.

    Takes 65 bytes or their 0x text. Raises BerthError (`signature.length`, `.v`, `.s`, `.invalid`).
    """
    octets(digest, "digest", 32)
    if isinstance(signature, str):
        signature = hex_octets(signature, field, SIGNATURE_BYTES, "signature.length")
    raw = octets(signature, field, SIGNATURE_BYTES, "signature.length")
    r, s, v = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"), raw[64]
    if v not in (27, 28):
        raise BerthError("signature.v", "v must be 27 or 28, not {v}", field=field, v=v)
    if s > ORDER // 2:
        raise BerthError("signature.s", "s is in the upper half: malleable", field=field)
    if not 0 < r < ORDER or s == 0:
        raise BerthError("signature.invalid", "r or s is out of range", field=field)
    try:
        public = Signature(vrs=(v - 27, r, s)).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError) as error:
        raise BerthError("signature.invalid", "nobody can have made it", field=field) from error
    return public.to_address().lower()


def text_digest(text: bytes) -> bytes:
    """The EIP-191 digest of a text, as wallets' personal_sign makes it."""
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(text)).encode("ascii") + text)


def _private(private_key: bytes) -> PrivateKey:
    raw = octets(private_key, "privateKey", 32)
    if not 0 < int.from_bytes(raw, "big") < ORDER:
        raise BerthError("key.invalid", "not a secp256k1 private key", field="privateKey")
    return PrivateKey(raw)
