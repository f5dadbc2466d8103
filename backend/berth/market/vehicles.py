"""Plates of a driver's attested vehicles: sealed at rest, shown to the driver, handed to the lock.

The chain knows a salted commitment only. The driver hands over plate and salt so that a lock can be
told whom to expect; a pair that does not open the commitment is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.messages import recover, vehicle_attestation
from berth.core.plate import commitment, normalise
from berth.core.sealed import Sealer
from berth.core.words import VehicleWord
from berth.store.derived import attesters, vehicles
from berth.store.kept import vehicles_private
from berth.store.upserts import put

#: The attesters' role, as the contract has it.
_VERIFIES_VEHICLES = 2


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle of a driver. `plate` is None until the driver has handed it over."""

    plate_commitment: str
    word: VehicleWord
    plate: str | None


@dataclass(frozen=True, slots=True)
class SignedVehicle:
    """A verifier's word for a vehicle that the chain need not have yet."""

    plate_commitment: str
    size: int
    until_slot: int
    verifier: int
    signature: bytes

    def struct(self) -> dict[str, Any]:
        """The contract's `VehicleProof`."""
        return {
            "plateCommitment": bytes.fromhex(self.plate_commitment[2:]),
            "size": self.size,
            "untilSlot": self.until_slot,
            "verifier": self.verifier,
            "signature": self.signature,
        }

    def word(self, driver: str) -> VehicleWord:
        """As the chain will have it."""
        return VehicleWord(driver, self.until_slot, self.verifier, self.size)


def check_signed(
    conn: Connection, deployment: Deployment, vehicle: SignedVehicle, driver: str
) -> None:
    """Passes when the contract would take the verifier's word, for this driver. Raises BerthError
    vehicle.verifier, vehicle.signature, signature.*."""
    row = conn.execute(select(attesters).where(attesters.c.id == vehicle.verifier)).first()
    if row is None or not row.roles & _VERIFIES_VEHICLES or row.revoked:
        raise BerthError(
            "vehicle.verifier", "is no verifier whose word counts", field="verifier", status=422
        )
    message = vehicle_attestation(
        deployment.domain,
        driver,
        bytes.fromhex(vehicle.plate_commitment[2:]),
        vehicle.size,
        vehicle.until_slot,
    )
    if recover(message, vehicle.signature) != row.account:
        raise BerthError(
            "vehicle.signature",
            "is not the verifier's, or is about another account or vehicle",
            field="signature",
            status=422,
        )


def open_commitment(plate_commitment: str, plate: str, salt: bytes) -> str:
    """The normalised plate, if it and the salt are what the commitment (hex text) was made of."""
    if commitment(salt, plate) != bytes.fromhex(plate_commitment[2:]):
        raise BerthError(
            "vehicle.commitment",
            "plate and salt do not give this commitment",
            field="plate",
            status=422,
        )
    return normalise(plate)


def attested(conn: Connection, plate_commitment: str) -> VehicleWord | None:
    """The vehicle behind a commitment, by the index."""
    row = conn.execute(
        select(vehicles).where(vehicles.c.plate_commitment == plate_commitment)
    ).first()
    return None if row is None else VehicleWord(row.driver, row.until_slot, row.verifier, row.size)


def keep_plate(
    conn: Connection,
    sealer: Sealer,
    driver: str,
    plate_commitment: str,
    plate: str,
    salt: bytes,
    now: int,
) -> None:
    """Stores plate and salt, sealed. The caller has checked driver and commitment."""
    put(
        conn,
        vehicles_private,
        plate_commitment=plate_commitment,
        driver=driver,
        sealed=sealer.seal({"plate": plate, "salt": "0x" + salt.hex()}),
        created_at=now,
    )


def keeper_of(conn: Connection, plate_commitment: str) -> str | None:
    """Whose plate is kept for a commitment."""
    return conn.execute(
        select(vehicles_private.c.driver).where(
            vehicles_private.c.plate_commitment == plate_commitment
        )
    ).scalar_one_or_none()


def plate_of(conn: Connection, sealer: Sealer, driver: str, plate_commitment: str) -> str | None:
    """The plate behind a commitment, if its driver has handed it over."""
    sealed = conn.execute(
        select(vehicles_private.c.sealed).where(
            vehicles_private.c.plate_commitment == plate_commitment,
            vehicles_private.c.driver == driver,
        )
    ).scalar_one_or_none()
    return None if sealed is None else str(sealer.open(sealed)["plate"])


def vehicles_of(conn: Connection, sealer: Sealer, driver: str) -> list[Vehicle]:
    """The attested vehicles of a driver, latest attestation first."""
    query = (
        select(vehicles, vehicles_private.c.sealed)
        .outerjoin(
            vehicles_private,
            (vehicles_private.c.plate_commitment == vehicles.c.plate_commitment)
            & (vehicles_private.c.driver == vehicles.c.driver),
        )
        .where(vehicles.c.driver == driver)
        .order_by(vehicles.c.block_number.desc(), vehicles.c.plate_commitment)
        .limit(100)
    )
    return [
        Vehicle(
            plate_commitment=row.plate_commitment,
            word=VehicleWord(row.driver, row.until_slot, row.verifier, row.size),
            plate=sealer.open(row.sealed)["plate"] if row.sealed else None,
        )
        for row in conn.execute(query)
    ]
