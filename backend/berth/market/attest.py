"""What the attesting parties sign: who holds a title, whose vehicle it is, whose lock.

Each signs with a key of its own, and only if the deployment names that key: a signature that the
contract would refuse is not worth handing out. What an attester's word may be about is on the
chain, and checked there.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from berth.core.addresses import checksum, parse_address
from berth.core.checks import integer
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.messages import (
    holder_attestation,
    lock_attestation,
    sign,
    vehicle_attestation,
)
from berth.core.plate import commitment, new_salt, normalise
from berth.core.signing import address_of
from berth.market.calls import HolderProof

#: Vehicle sizes by name; the numbers are the contract's.
SIZES = {"small": 1, "medium": 2, "large": 3, "van": 4}


@dataclass(frozen=True, slots=True)
class AttestedVehicle:
    """A vehicle's proof, and what opens its commitment: for driver, verifier and lock only.

    `until_slot` is the first slot that is not covered any more.
    """

    driver: str
    plate_commitment: bytes
    size: int
    until_slot: int
    verifier: int
    signature: bytes
    plate: str
    salt: bytes

    def struct(self) -> dict[str, Any]:
        """The contract's `VehicleProof`."""
        return {
            "plateCommitment": self.plate_commitment,
            "size": self.size,
            "untilSlot": self.until_slot,
            "verifier": self.verifier,
            "signature": self.signature,
        }


@dataclass(frozen=True, slots=True)
class AttestedLock:
    """The maker's part of a lock's proof; the lock adds its possession when it is enrolled."""

    key: str
    maker: int
    valid_day: int
    maker_signature: bytes


def attester_id(deployment: Deployment, key: bytes) -> int:
    """The lowest number under which the deployment names a key's account."""
    account = address_of(key)
    for number, named in sorted(deployment.attesters.items()):
        if named == account:
            return number
    raise BerthError(
        "attester.unknown",
        f"{checksum(account)} is no attester of this deployment",
        field="keystore",
        status=403,
    )


def attest_owner(
    deployment: Deployment,
    verifier_key: bytes,
    wallet: str,
    salted_holder: bytes,
    *,
    valid_day: int,
    nonce: int | None = None,
) -> HolderProof:
    """The verifier's word that `wallet` belongs to a title's holder, to the end of `valid_day` UTC.

    `nonce` names it, so that it can be revoked alone; random if it is not given. Raises BerthError
    `attester.unknown` when the deployment does not name the key.
    """
    verifier = attester_id(deployment, verifier_key)
    number = secrets.randbits(128) if nonce is None else nonce
    message = holder_attestation(deployment.domain, wallet, salted_holder, valid_day, number)
    return HolderProof(verifier, valid_day, number, sign(message, verifier_key))


def attest_vehicle(
    deployment: Deployment,
    verifier_key: bytes,
    driver: str,
    plate: str,
    *,
    size: int,
    until_slot: int,
    salt: bytes | None = None,
) -> AttestedVehicle:
    """The verifier's word that `driver` may use a vehicle; the plate goes in as a salted hash."""
    verifier = attester_id(deployment, verifier_key)
    integer(size, "size", min(SIZES.values()), max(SIZES.values()))
    number = normalise(plate)
    salt = new_salt() if salt is None else salt
    hidden = commitment(salt, number)
    message = vehicle_attestation(deployment.domain, driver, hidden, size, until_slot)
    return AttestedVehicle(
        driver=parse_address(driver, "driver"),
        plate_commitment=hidden,
        size=size,
        until_slot=until_slot,
        verifier=verifier,
        signature=sign(message, verifier_key),
        plate=number,
        salt=salt,
    )


def attest_lock(
    deployment: Deployment, maker_key: bytes, lock: str, *, valid_day: int
) -> AttestedLock:
    """The maker's word for a lock's key, to the end of `valid_day` UTC."""
    maker = attester_id(deployment, maker_key)
    message = lock_attestation(deployment.domain, lock, valid_day)
    return AttestedLock(parse_address(lock, "lock"), maker, valid_day, sign(message, maker_key))


def holder_json(proof: HolderProof) -> dict[str, Any]:
    """As the contract names it; the nonce as decimal text, for it may be wider than 53 bits."""
    return {
        "verifier": proof.verifier,
        "validDay": proof.valid_day,
        "nonce": str(proof.nonce),
        "signature": "0x" + proof.signature.hex(),
    }


def vehicle_json(vehicle: AttestedVehicle) -> dict[str, Any]:
    """`proof` for the contract, `private` for those who must know the plate."""
    return {
        "driver": checksum(vehicle.driver),
        "proof": {
            "plateCommitment": "0x" + vehicle.plate_commitment.hex(),
            "size": vehicle.size,
            "untilSlot": vehicle.until_slot,
            "verifier": vehicle.verifier,
            "signature": "0x" + vehicle.signature.hex(),
        },
        "private": {"plate": vehicle.plate, "salt": "0x" + vehicle.salt.hex()},
    }


def lock_json(lock: AttestedLock) -> dict[str, Any]:
    """The maker's part, as the contract names it."""
    return {
        "key": checksum(lock.key),
        "maker": lock.maker,
        "validDay": lock.valid_day,
        "makerSignature": "0x" + lock.maker_signature.hex(),
    }
