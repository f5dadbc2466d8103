"""A driver takes a lease, changes it, cancels it."""

from __future__ import annotations

from dataclasses import replace

from berth.core import tariff
from berth.core.model.books import verb
from berth.core.model.facts import ExtendRequest, LeaseRequest, Permit, VehicleProof
from berth.core.model.leases import Leases, space_of, start_slot_of
from berth.core.model.refusal import MAX_8, at_most, between, refuse
from berth.core.slots import MAX_LEASE_SLOTS
from berth.core.states import LeaseState, Outcome
from berth.core.words import LeaseWord


class Leasing(Leases):
    """Verbs of a driver."""

    @verb
    def lease(self, sender: str, request: LeaseRequest) -> int:
        self._check_not_paused()
        return self._lease(sender, request)

    @verb
    def lease_with_vehicle(self, sender: str, request: LeaseRequest, vehicle: VehicleProof) -> int:
        self._check_not_paused()
        self._register_vehicle(sender, vehicle)
        return self._lease(sender, request)

    @verb
    def lease_with_permit(
        self, sender: str, request: LeaseRequest, vehicle: VehicleProof, permit: Permit
    ) -> int:
        self._check_not_paused()
        self._permit(sender, permit)
        if vehicle.signature:
            self._register_vehicle(sender, vehicle)
        return self._lease(sender, request)

    @verb
    def extend(self, sender: str, r: ExtendRequest) -> None:
        lease = self._open(r.lease_id)
        self._check_driver(r.lease_id, lease, sender)
        self._check_row("extend", r.lease_id, lease)
        between("slots", r.slots, 0 if r.kwh else 1, MAX_LEASE_SLOTS - lease.slots)
        at_most("kwh", r.kwh, MAX_8 - lease.kwh_cap)

        longer = replace(lease, slots=lease.slots + r.slots, kwh_cap=lease.kwh_cap + r.kwh)
        space_id, start = space_of(r.lease_id), start_slot_of(r.lease_id)
        amount = self._check_stay(
            sender,
            LeaseRequest(
                space_id=space_id,
                start_slot=start,
                slots=longer.slots,
                offer=lease.offer,
                kwh_cap=longer.kwh_cap,
                plate_commitment=r.plate_commitment,
                max_cost=r.max_cost,
            ),
        )
        before = self.deposit_of(r.lease_id)
        if r.slots:
            self._book(space_id, start + lease.slots, r.slots)
        self._store(r.lease_id, longer)
        pulled = self._escrow(sender, amount - before)
        self.emit(
            "Extended",
            leaseId=r.lease_id,
            driver=sender,
            slots=longer.slots,
            kwhCap=longer.kwh_cap,
            deposit=amount,
            pulled=pulled,
            plateCommitment=r.plate_commitment,
        )

    @verb
    def change_vehicle(self, sender: str, lease_id: int, plate_commitment: bytes) -> None:
        lease = self._open(lease_id)
        self._check_driver(lease_id, lease, sender)
        self._check_row("changeVehicle", lease_id, lease)
        self._check_vehicle(plate_commitment, sender, start_slot_of(lease_id) + lease.slots)
        self.emit(
            "VehicleChanged", leaseId=lease_id, driver=sender, plateCommitment=plate_commitment
        )

    @verb
    def cancel(self, sender: str, lease_id: int) -> None:
        lease = self._open(lease_id)
        self._check_driver(lease_id, lease, sender)
        self._check_row("cancel", lease_id, lease)
        charge = tariff.cancel_charge(
            self.terms_of(lease_id), start_slot_of(lease_id), lease.slots, self.now
        )
        self._award(lease_id, lease, charge, Outcome.CANCELLED)

    def _lease(self, driver: str, r: LeaseRequest) -> int:
        self._space(r.space_id)
        between("slots", r.slots, 1, MAX_LEASE_SLOTS)
        at_most("kwhCap", r.kwh_cap, MAX_8)
        self._check_start(r.start_slot)
        amount = self._check_stay(driver, r)

        lease_id = self._take(r.space_id, r.start_slot, r.slots)
        lease = LeaseWord(
            driver=driver,
            state=LeaseState.BOOKED,
            disputed=False,
            slots=r.slots,
            offer=r.offer,
            epoch=lease_id & 0xFFFF,
            kwh_cap=r.kwh_cap,
            arrived=0,
            until=0,
            energy_used=0,
        )
        self._store(lease_id, lease)
        pulled = self._escrow(driver, amount)
        self.emit(
            "Leased",
            leaseId=lease_id,
            driver=driver,
            cell=self._space(r.space_id).cell,
            slots=r.slots,
            offer=r.offer,
            kwhCap=r.kwh_cap,
            deposit=amount,
            pulled=pulled,
            plateCommitment=r.plate_commitment,
        )
        return lease_id

    def _check_stay(self, driver: str, r: LeaseRequest) -> int:
        """Space, offer and vehicle last for the stay, and it costs at most what the driver said;
        the deposit."""
        space, end_slot = self._space(r.space_id), r.start_slot + r.slots
        self._check_valid(r.space_id, space, end_slot)
        terms = self._offer_for(r.space_id, space, r.offer, r.start_slot, r.slots)
        self._check_vehicle(r.plate_commitment, driver, end_slot)
        amount = tariff.deposit(terms, r.slots, r.kwh_cap)
        if amount > r.max_cost:
            refuse("CostAboveMaximum", amount, r.max_cost)
        return amount
