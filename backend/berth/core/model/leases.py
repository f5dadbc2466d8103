"""Leases: their words, their calendar, and the one way in which they end."""

from __future__ import annotations

from dataclasses import replace

from berth.core import tariff
from berth.core.ids import lease_id as id_of
from berth.core.ledger import Record, next_head, record_hash
from berth.core.model.refusal import MAX_16, at_most, refuse
from berth.core.model.table import OPEN, Transition, rows_of
from berth.core.model.vehicles import Vehicles
from berth.core.offer import Terms
from berth.core.slots import MAX_AHEAD_SLOTS, ceil_slot, slot_at
from berth.core.states import LeaseState, Outcome, Times
from berth.core.tariff import Bill
from berth.core.words import LeaseWord


def space_of(lease_id: int) -> int:
    return lease_id >> 48


def start_slot_of(lease_id: int) -> int:
    return lease_id >> 16 & 0xFFFFFFFF


class Leases(Vehicles):
    """What all verbs of leases share."""

    def lease_of(self, lease_id: int) -> LeaseWord:
        """The lease with this number; refused when there is none, or another has its start."""
        lease = self.leases.get(lease_id >> 16)
        if lease is None or lease.epoch != lease_id & MAX_16:
            refuse("LeaseUnknown", lease_id)
        return lease

    def terms_of(self, lease_id: int) -> Terms:
        """The terms of the offer that a lease was made under; a block has none."""
        lease = self.lease_of(lease_id)
        if not lease.offer:
            refuse("WrongState", lease_id, lease.state)
        return self.offers[space_of(lease_id), lease.offer]

    def deposit_of(self, lease_id: int) -> int:
        terms, lease = self.terms_of(lease_id), self.lease_of(lease_id)
        return tariff.deposit(terms, lease.slots, lease.kwh_cap)

    def times_of(self, lease_id: int) -> Times:
        reserve = self.terms_of(lease_id).reserve_minutes
        return Times.of(start_slot_of(lease_id), self.lease_of(lease_id).slots, reserve)

    def calendar_of(self, space_id: int, word: int) -> int:
        """256 slots of a space's calendar, one bit a slot, set = taken."""
        at_most("spaceId", space_id, (1 << 64) - 1)
        at_most("word", word, (1 << 24) - 1)
        taken = self.calendar.get(space_id, frozenset())
        return sum(1 << (slot & 255) for slot in taken if slot >> 8 == word)

    def _open(self, lease_id: int) -> LeaseWord:
        lease = self.lease_of(lease_id)
        if lease.state not in OPEN:
            refuse("WrongState", lease_id, lease.state)
        return lease

    def _is_beyond(self, lease_id: int, state: LeaseState) -> bool:
        """Is this lease beyond a state, or another with its start in its place? Refused: it never
        was."""
        lease, epoch = self.leases.get(lease_id >> 16), lease_id & MAX_16
        if lease is None or not 0 < epoch <= lease.epoch:
            refuse("LeaseUnknown", lease_id)
        return epoch != lease.epoch or lease.state > state

    def _check_driver(self, lease_id: int, lease: LeaseWord, caller: str) -> None:
        if caller != lease.driver:
            refuse("NotDriver", lease_id, lease.driver, caller)

    def _check_row(self, verb: str, lease_id: int, lease: LeaseWord) -> Transition:
        """The row of the table for this lease and moment: dispute, then state, then time."""
        rows = [row for row in rows_of(verb) if row.disputed in (None, lease.disputed)]
        if not rows:
            refuse("Disputed" if lease.disputed else "NotDisputed", lease_id)
        rows = [row for row in rows if lease.state in row.from_states]
        if not rows:
            refuse("WrongState", lease_id, lease.state)
        self._check_window(rows[0], lease_id, lease)
        return rows[0]

    def _check_window(self, row: Transition, lease_id: int, lease: LeaseWord) -> None:
        """Half-open, in block time."""
        reserve = self.terms_of(lease_id).reserve_minutes if lease.offer else 0
        opens, closes = row.window(Times.of(start_slot_of(lease_id), lease.slots, reserve))
        if not opens <= self.now < closes:
            refuse("OutOfTime", lease_id, opens, closes, self.now)

    def _check_start(self, start_slot: int) -> None:
        current = slot_at(self.now)
        if start_slot < current:
            refuse("StartInPast", start_slot, current)
        if start_slot > current + MAX_AHEAD_SLOTS:
            refuse("StartTooFar", start_slot, current + MAX_AHEAD_SLOTS)

    def _book(self, space_id: int, start_slot: int, slots: int) -> None:
        taken = self.calendar.get(space_id, frozenset())
        wanted = frozenset(range(start_slot, start_slot + slots))
        if taken & wanted:
            refuse("CalendarTaken", space_id, start_slot, slots)
        self.calendar[space_id] = taken | wanted

    def _take(self, space_id: int, start_slot: int, slots: int) -> int:
        """Slots for a new lease or block; its number."""
        self._book(space_id, start_slot, slots)
        before = self.leases.get(space_id << 32 | start_slot)
        epoch = before.epoch if before else 0
        if epoch == MAX_16:
            refuse("EpochExhausted", space_id, start_slot)
        return id_of(space_id, start_slot, epoch + 1)

    def _release_rest(self, lease_id: int, lease: LeaseWord) -> None:
        """Slots that have begun stay taken."""
        space_id, start = space_of(lease_id), start_slot_of(lease_id)
        rest = range(max(start, ceil_slot(self.now)), start + lease.slots)
        self.calendar[space_id] -= frozenset(rest)

    def _store(self, lease_id: int, lease: LeaseWord) -> None:
        self.leases[lease_id >> 16] = lease

    def _evidence(self, lease: LeaseWord) -> dict[str, int]:
        """The stay on file, as the tariff's functions take it."""
        return {
            "arrived_minute": lease.arrived - 1,
            "until_minute": lease.until,
            "energy_used": lease.energy_used,
        }

    def _close(self, lease_id: int, lease: LeaseWord, bill: Bill, outcome: Outcome) -> None:
        """The one way a lease ends: state, calendar, credits, ledger, event."""
        payee = self.payee_of(space_of(lease_id), lease.offer)
        self._store(lease_id, replace(lease, state=outcome.terminal_state))
        self._release_rest(lease_id, lease)
        if bill.owner:
            self._credit(payee, bill.owner)
        if bill.refund:
            self._credit(lease.driver, bill.refund)
        record = Record(
            lease_id=lease_id,
            outcome=outcome,
            owner=payee,
            driver=lease.driver,
            offer=lease.offer,
            rent=bill.rent,
            overstay=bill.overstay,
            energy=bill.energy,
            fee=bill.fee,
            refund=bill.refund,
            arrived=lease.arrived,
            until=lease.until,
            energy_wh=100 * lease.energy_used,
            closed_at=self.now,
        )
        self.head = next_head(self.head, record_hash(record))
        self.count += 1
        self.fees += bill.fee
        self.emit(
            "Settled",
            leaseId=lease_id,
            driver=record.driver,
            owner=record.owner,
            number=self.count,
            outcome=int(outcome),
            offer=record.offer,
            rent=record.rent,
            overstay=record.overstay,
            energy=record.energy,
            fee=record.fee,
            refund=record.refund,
            arrived=record.arrived,
            until=record.until,
            energyWh=record.energy_wh,
            closedAt=record.closed_at,
        )

    def _award(self, lease_id: int, lease: LeaseWord, cost: int, outcome: Outcome) -> None:
        """Ends a lease at one sum: a charge, an award, an agreement."""
        escrow = self.deposit_of(lease_id)
        if cost > escrow:
            refuse("CostAboveDeposit", cost, escrow)
        bill = tariff.award_bill(self.terms_of(lease_id), lease.slots, lease.kwh_cap, cost)
        self._close(lease_id, lease, bill, outcome)
