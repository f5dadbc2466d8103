"""Keys of a made-up market, and signatures by the ten thousand.

They are worthless on purpose: every signature uses the nonce 1, so that signing is one
multiplication instead of three milliseconds, and anybody can compute the key from any signature.
The contracts accept them like any other. Never use this for a key that guards anything.
"""

from __future__ import annotations

from berth.core.deployment import Deployment
from berth.core.hashing import keccak
from berth.core.messages import (
    holder_attestation,
    lock_attestation,
    lock_possession,
    occupancy,
    recover,
    vehicle_attestation,
)
from berth.core.signing import ORDER, address_of

#: The x coordinate of secp256k1's base point: `r` of a signature whose nonce is 1.
_R = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798


class Key:
    """A private key by name; the same name, the same key."""

    def __init__(self, name: str) -> None:
        self.secret = int.from_bytes(keccak(name.encode())) % ORDER or 1
        self.address = address_of(self.secret.to_bytes(32))

    def sign(self, digest: bytes) -> bytes:
        """65 bytes r ‖ s ‖ v."""
        s, v = (int.from_bytes(digest) + _R * self.secret) % ORDER, 27
        if s > ORDER // 2:
            s, v = ORDER - s, 28
        return _R.to_bytes(32) + s.to_bytes(32) + bytes([v])


def account(name: str) -> str:
    """An address that nobody has the key of: anvil lets it send all the same."""
    return "0x" + keccak(name.encode())[12:].hex()


class Signing:
    """EIP-712 digests of one market, without the generic encoder."""

    def __init__(self, deployment: Deployment) -> None:
        self._domain = deployment.domain
        kind = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
        self._separator = keccak(
            keccak(kind.encode())
            + keccak(self._domain.name.encode())
            + keccak(self._domain.version.encode())
            + self._domain.chain_id.to_bytes(32)
            + _address(self._domain.market)
        )
        self._check()

    def occupancy(
        self, key: Key, lease: int, kind: int, from_: int, until: int, energy_wh: int
    ) -> bytes:
        words = [number.to_bytes(32) for number in (lease, kind, from_, until, energy_wh)]
        return key.sign(self._digest(_OCCUPANCY, *words))

    def vehicle(self, key: Key, driver: str, plate: bytes, size: int, until: int) -> bytes:
        words = (_address(driver), plate, size.to_bytes(32), until.to_bytes(32))
        return key.sign(self._digest(_VEHICLE, *words))

    def holder(self, key: Key, wallet: str, salted: bytes, valid_day: int, nonce: int) -> bytes:
        words = (_address(wallet), salted, valid_day.to_bytes(32), nonce.to_bytes(32))
        return key.sign(self._digest(_HOLDER, *words))

    def lock(self, key: Key, lock: str, valid_day: int) -> bytes:
        return key.sign(self._digest(_LOCK, _address(lock), valid_day.to_bytes(32)))

    def possession(self, key: Key, space: int, owner: str) -> bytes:
        words = (_address(key.address), space.to_bytes(32), _address(owner))
        return key.sign(self._digest(_POSSESSION, *words))

    def _digest(self, kind: bytes, *words: bytes) -> bytes:
        return keccak(b"\x19\x01" + self._separator + keccak(kind + b"".join(words)))

    def _check(self) -> None:
        """Holds every message against the one encoder that the rest of Berth uses."""
        key, domain, plate = Key("check"), self._domain, b"\x07" * 32
        other = account("check")
        pairs = (
            (occupancy(domain, 5, 2, 1000, 2000, 30), self.occupancy(key, 5, 2, 1000, 2000, 30)),
            (
                vehicle_attestation(domain, other, plate, 2, 9),
                self.vehicle(key, other, plate, 2, 9),
            ),
            (holder_attestation(domain, other, plate, 3, 4), self.holder(key, other, plate, 3, 4)),
            (lock_attestation(domain, other, 6), self.lock(key, other, 6)),
            (lock_possession(domain, key.address, 8, other), self.possession(key, 8, other)),
        )
        for message, signature in pairs:
            if recover(message, signature) != key.address:
                raise AssertionError(f"the fast {message.primary_type} is not the real one")


def _kind(text: str) -> bytes:
    return keccak(text.encode())


def _address(text: str) -> bytes:
    return bytes.fromhex(text[2:]).rjust(32, b"\0")


_OCCUPANCY = _kind("Occupancy(uint256 leaseId,uint8 kind,uint40 from,uint40 until,uint32 energyWh)")
_VEHICLE = _kind(
    "VehicleAttestation(address driver,bytes32 plateCommitment,uint8 size,uint32 untilSlot)"
)
_HOLDER = _kind(
    "HolderAttestation(address wallet,bytes32 saltedHolder,uint16 validDay,uint256 nonce)"
)
_LOCK = _kind("LockAttestation(address lock,uint16 validDay)")
_POSSESSION = _kind("LockPossession(address lock,uint64 spaceId,address owner)")
