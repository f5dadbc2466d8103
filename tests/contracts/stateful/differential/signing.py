"""EIP-712 digests and secp256k1 signatures for keys that are worth nothing, in microseconds.

Each key always uses the same nonce, so a signature costs one multiplication. On a real key that
would give the key away.
"""

from functools import lru_cache

from berth.core.hashing import keccak
from berth.core.signing import ORDER
from eth_keys.datatypes import PrivateKey

_DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"

Word = int | bytes | str


@lru_cache
def domain_separator(name: str, version: str, chain_id: int, contract: str) -> bytes:
    parts = (keccak(name.encode()), keccak(version.encode()), chain_id, contract)
    return keccak(keccak(_DOMAIN) + b"".join(map(word, parts)))


@lru_cache
def type_hash(type_: str) -> bytes:
    return keccak(type_.encode())


def digest(domain: bytes, type_: str, *values: Word) -> bytes:
    """What is signed. Values go in as whole words, out of their type's range or not, as a contract
    does that takes uint256."""
    struct = keccak(type_hash(type_) + b"".join(map(word, values)))
    return keccak(b"\x19\x01" + domain + struct)


def word(value: Word) -> bytes:
    """32 bytes; addresses as text, numbers modulo 2^256."""
    if isinstance(value, bytes):
        return value
    number = int(value, 16) if isinstance(value, str) else value
    return (number % (1 << 256)).to_bytes(32, "big")


class Signer:
    """A key that signs with one nonce for ever."""

    def __init__(self, private: bytes) -> None:
        self._private = int.from_bytes(private, "big")
        nonce = int.from_bytes(keccak(b"nonce of " + private), "big") % ORDER
        point = PrivateKey(nonce.to_bytes(32, "big")).public_key.to_bytes()
        self._r, self._odd = int.from_bytes(point[:32], "big"), point[63] & 1
        if self._r >= ORDER:
            raise ValueError("this nonce's point has no short r: name the key otherwise")
        self._inverse = pow(nonce, -1, ORDER)

    def sign(self, digest_: bytes) -> bytes:
        """65 bytes r, s, v; s in the lower half."""
        s = self._inverse * (int.from_bytes(digest_, "big") + self._r * self._private) % ORDER
        odd = self._odd
        if s > ORDER // 2:
            s, odd = ORDER - s, odd ^ 1
        return self._r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + odd])
