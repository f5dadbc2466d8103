"""An owner takes time back: by a block where it is free, by cancelling a lease, at a price."""

from __future__ import annotations

from dataclasses import replace

from berth.core import tariff
from berth.core.model.books import verb
from berth.core.model.leases import Leases, space_of, start_slot_of
from berth.core.model.refusal import between, refuse
from berth.core.slots import MAX_LEASE_SLOTS
from berth.core.states import LeaseState, Outcome
from berth.core.words import LeaseWord


class OwnersTime(Leases):
    """Blocks, and cancelling by the payee."""

    @verb
    def block_slots(self, sender: str, space_id: int, start_slot: int, slots: int) -> int:
        self._managed(space_id, sender)
        between("slots", slots, 1, MAX_LEASE_SLOTS)
        self._check_start(start_slot)
        lease_id = self._take(space_id, start_slot, slots)
        block = LeaseWord(
            driver=sender,
            state=LeaseState.BLOCKED,
            disputed=False,
            slots=slots,
            offer=0,
            epoch=lease_id & 0xFFFF,
            kwh_cap=0,
            arrived=0,
            until=0,
            energy_used=0,
        )
        self._store(lease_id, block)
        self.emit("Blocked", leaseId=lease_id, by=sender, slots=slots)
        return lease_id

    @verb
    def unblock(self, sender: str, lease_id: int) -> None:
        block = self.lease_of(lease_id)
        self._managed(space_of(lease_id), sender)
        self._check_row("unblock", lease_id, block)
        self._store(lease_id, replace(block, state=LeaseState.CANCELLED))
        self._release_rest(lease_id, block)
        self.emit("Unblocked", leaseId=lease_id, by=sender)

    @verb
    def owner_cancel(self, sender: str, lease_id: int) -> None:
        lease = self._open(lease_id)
        payee = self.payee_of(space_of(lease_id), lease.offer)
        if sender != payee:
            refuse("NotPayee", lease_id, payee, sender)
        self._check_row("ownerCancel", lease_id, lease)
        terms, start_slot = self.terms_of(lease_id), start_slot_of(lease_id)
        if self.now >= self.times_of(lease_id).start:
            amount = tariff.no_show_charge(terms, lease.slots)
        else:
            amount = tariff.cancel_charge(terms, start_slot, lease.slots, self.now)
        self._award(lease_id, lease, 0, Outcome.CANCELLED_BY_OWNER)
        if amount:
            self._debit(payee, amount)
            self._credit(lease.driver, amount)
            self.emit("Compensated", leaseId=lease_id, from_=payee, to=lease.driver, amount=amount)
