"""Verified vehicles, known by a salted commitment to their plate."""

from __future__ import annotations

from berth.core.addresses import ZERO
from berth.core.model.books import verb
from berth.core.model.facts import VehicleProof
from berth.core.model.governance import VERIFIES_VEHICLES
from berth.core.model.offers import Offers
from berth.core.model.refusal import between, refuse
from berth.core.words import VehicleWord

MAX_32 = (1 << 32) - 1


class Vehicles(Offers):
    """A commitment names one driver for good."""

    @verb
    def register_vehicle(self, sender: str, vehicle: VehicleProof) -> None:
        self._register_vehicle(sender, vehicle)

    def vehicle_of(self, plate_commitment: bytes) -> VehicleWord:
        return self.vehicles.get(plate_commitment, VehicleWord(ZERO, 0, 0, 0))

    def _register_vehicle(self, driver: str, v: VehicleProof) -> None:
        between("size", v.size, 1, 4)
        between("untilSlot", v.until_slot, 1, MAX_32)
        verifier = self._attester_in_force(v.verifier, VERIFIES_VEHICLES)
        if not v.signature or v.signed_by != verifier:
            refuse("BadSignature", "vehicle", verifier)
        known = self.vehicle_of(v.plate_commitment).driver
        if known not in (ZERO, driver):
            refuse("VehicleNotDrivers", v.plate_commitment, known, driver)
        self.vehicles[v.plate_commitment] = VehicleWord(driver, v.until_slot, v.verifier, v.size)
        self.emit(
            "VehicleRegistered",
            plateCommitment=v.plate_commitment,
            driver=driver,
            untilSlot=v.until_slot,
            verifier=v.verifier,
            size=v.size,
        )

    def _check_vehicle(self, plate_commitment: bytes, driver: str, end_slot: int) -> None:
        """The driver's vehicle is attested until the end of the stay."""
        vehicle = self.vehicle_of(plate_commitment)
        if vehicle.driver != driver:
            refuse("VehicleNotDrivers", plate_commitment, vehicle.driver, driver)
        if vehicle.until_slot < end_slot:
            refuse("VehicleLapses", plate_commitment, vehicle.until_slot, end_slot)
        if vehicle.verifier in self.revoked_attesters:
            refuse("AttesterRevoked", vehicle.verifier)
