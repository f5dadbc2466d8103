"""Plates of a driver's attested vehicles: sealed at rest, shown to the driver, handed to the lock.

The chain knows a salted commitment only. The driver hands over plate and salt so that a lock can be
told whom to expect; a pair that does not open the commitment is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from berth.core.errors import BerthError
from berth.core.plate import commitment, normalise
from berth.core.sealed import Sealer
from berth.core.words import VehicleWord
from berth.store.derived import vehicles
from berth.store.kept import vehicles_private


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle of a driver. `plate` is None until the driver has handed it over."""

    plate_commitment: str
    word: VehicleWord
    plate: str | None


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
    conn.execute(
        delete(vehicles_private).where(vehicles_private.c.plate_commitment == plate_commitment)
    )
    conn.execute(
        insert(vehicles_private).values(
            plate_commitment=plate_commitment,
            driver=driver,
            sealed=sealer.seal({"plate": plate, "salt": "0x" + salt.hex()}),
            created_at=now,
        )
    )


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
