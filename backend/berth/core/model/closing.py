"""Ending a lease when its time has come, or by dispute and agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from berth.core import tariff
from berth.core.addresses import parse_address
from berth.core.model.books import verb
from berth.core.model.credits import MAX_BATCH
from berth.core.model.facts import Agreement
from berth.core.model.governance import ARBITER_ROLE
from berth.core.model.leases import Leases, space_of
from berth.core.model.refusal import between, refuse
from berth.core.model.table import Transition, Who, rows_of
from berth.core.states import LeaseState, Outcome
from berth.core.tariff import Bill
from berth.core.words import LeaseWord


class Closing(Leases):
    """Closing, disputes, and what ends them."""

    @verb
    def close(self, sender: str, lease_id: int) -> None:
        self._close_in_time(sender, lease_id)

    @verb
    def close_batch(self, sender: str, lease_ids: Sequence[int]) -> None:
        between("leaseIds", len(lease_ids), 1, MAX_BATCH)
        for lease_id in lease_ids:
            if self._is_beyond(lease_id, LeaseState.CLAIMED):
                self.emit("Skipped", leaseId=lease_id)
            else:
                self._close_in_time(sender, lease_id)

    @verb
    def dispute(self, sender: str, lease_id: int) -> None:
        lease = self._open(lease_id)
        if sender not in (lease.driver, self._payee(lease_id, lease)):
            refuse("NotParty", lease_id, sender)
        self._check_row("dispute", lease_id, lease)
        self._store(lease_id, replace(lease, disputed=True))
        self.emit("Disputed", leaseId=lease_id, by=sender)

    @verb
    def resolve(self, sender: str, lease_id: int, cost: int) -> None:
        self._only(ARBITER_ROLE, sender)
        lease = self._open(lease_id)
        self._check_row("resolve", lease_id, lease)
        self._award(lease_id, lease, cost, Outcome.RESOLVED)

    @verb
    def agree(
        self, sender: str, agreement: Agreement, driver_signed_by: str, payee_signed_by: str
    ) -> None:
        """A contract that answers for its owner (ERC-1271) counts as having signed itself."""
        lease = self._open(agreement.lease_id)
        self._check_row("agree", agreement.lease_id, lease)
        if self.now > agreement.valid_until:
            refuse("AgreementExpired", agreement.valid_until, self.now)
        payee = self._payee(agreement.lease_id, lease)
        for who, party, signer in (
            ("driver", lease.driver, driver_signed_by),
            ("payee", payee, payee_signed_by),
        ):
            if party not in (sender, parse_address(signer, who)):
                refuse("BadSignature", who, party)
        deposit = self.deposit_of(agreement.lease_id)
        if deposit != agreement.deposit:
            refuse("DepositChanged", deposit, agreement.deposit)
        self._award(agreement.lease_id, lease, agreement.cost, Outcome.AGREED)

    def _payee(self, lease_id: int, lease: LeaseWord) -> str:
        return self.payee_of(space_of(lease_id), lease.offer)

    def _close_in_time(self, sender: str, lease_id: int) -> None:
        lease = self._open(lease_id)
        row = next(
            row
            for row in rows_of("close")
            if row.matches(lease.state, disputed=lease.disputed, no_show=lease.no_show)
            and (row.who is Who.ANYBODY or sender == lease.driver)
        )
        self._check_window(row, lease_id, lease)
        self._close(lease_id, lease, self._bill(row, lease_id, lease), row.outcome or Outcome.NONE)

    def _bill(self, row: Transition, lease_id: int, lease: LeaseWord) -> Bill:
        """What a lease costs that ends in this way."""
        terms, stay = self.terms_of(lease_id), (lease.slots, lease.kwh_cap)
        if row.outcome is Outcome.UNUSED:
            return tariff.unused_bill(terms, *stay)
        if row.outcome is Outcome.PRESUMED:
            return tariff.presumed_bill(terms, *stay, arrived=lease.arrived)
        if row.outcome is Outcome.NO_SHOW:
            charge = tariff.no_show_charge(terms, lease.slots)
            return tariff.award_bill(terms, *stay, charge)
        if row.outcome is Outcome.LAPSED:
            return tariff.lapsed_bill(terms, *stay, **self._evidence(lease))
        return tariff.bill_minutes(terms, *stay, **self._evidence(lease))
