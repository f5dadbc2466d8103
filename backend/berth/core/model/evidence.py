"""What a lock saw, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from berth.core import tariff
from berth.core.addresses import ZERO, parse_address
from berth.core.model.books import verb
from berth.core.model.credits import MAX_BATCH
from berth.core.model.facts import Occupancy
from berth.core.model.leases import Leases, space_of, start_slot_of
from berth.core.model.refusal import at_most, between, refuse
from berth.core.model.table import rows_of
from berth.core.slots import slot_at
from berth.core.states import LeaseState, Outcome, RecordKind
from berth.core.words import LeaseWord

MAX_32 = (1 << 32) - 1


class Evidence(Leases):
    """Records, brought by anybody. `signed_by` signed exactly this occupancy."""

    @verb
    def record(self, sender: str, occupancy: Occupancy, signed_by: str) -> None:
        self._record(sender, occupancy, parse_address(signed_by, "signed_by"))

    @verb
    def record_batch(
        self, sender: str, occupancies: Sequence[Occupancy], signed_by: Sequence[str]
    ) -> None:
        between("occupancies", len(occupancies), 1, MAX_BATCH)
        if len(occupancies) != len(signed_by):
            refuse("LengthMismatch", len(occupancies), len(signed_by))
        for occupancy, signer in zip(occupancies, map(parse_address, signed_by), strict=True):
            if self._is_spent(occupancy):
                self.emit("Skipped", leaseId=occupancy.lease_id)
            else:
                self._record(sender, occupancy, signer)

    def _is_spent(self, o: Occupancy) -> bool:
        """Nothing could follow from it any more: it, or something stronger, has been brought."""
        last = LeaseState.PARKED if o.kind == RecordKind.LEFT else LeaseState.BOOKED
        if self._is_beyond(o.lease_id, last):
            return True
        return o.kind == RecordKind.NOSHOW and self.leases[o.lease_id >> 16].no_show

    def _record(self, sender: str, o: Occupancy, signer: str) -> None:
        if o.kind not in set(RecordKind):
            refuse("KindUnknown", o.kind)
        kind = RecordKind(o.kind)
        at_most("energyWh", o.energy_wh, MAX_32 if kind is RecordKind.LEFT else 0)
        lease = self._open(o.lease_id)
        times = self.times_of(o.lease_id)
        if self.now >= times.t1:
            refuse("OutOfTime", o.lease_id, 0, times.t1, self.now)

        if kind is RecordKind.NOSHOW:
            _check_time("from", o.from_, 0, times.start)
            earliest = times.end
        elif kind is RecordKind.BLOCKED:
            _check_time("from", o.from_, 0, times.end - 1)
            earliest = max(o.from_, times.start)
        else:
            _check_time("from", o.from_, times.early, times.end - 1)
            earliest = o.from_
        _check_time("until", o.until, earliest, self.now)
        self._check_lock(o, signer)

        if kind is RecordKind.LEFT:
            self._leave(sender, o, lease)
        else:
            self._before_parking(kind, o, lease)

    def _before_parking(self, kind: RecordKind, o: Occupancy, lease: LeaseWord) -> None:
        """ARRIVED, BLOCKED and NOSHOW: of a lease that nobody has used yet."""
        rows = rows_of("record", kind)
        if not any(lease.state in row.from_states for row in rows):
            refuse("WrongState", o.lease_id, lease.state)
        terms = self.terms_of(o.lease_id)
        if kind is RecordKind.ARRIVED:
            _check_time("until", o.until, o.from_, o.from_)
            arrived = tariff.arrival_minute(self.times_of(o.lease_id).start, o.from_) + 1
            self._store(o.lease_id, replace(lease, arrived=arrived, state=LeaseState.PARKED))
            self.emit("Arrived", leaseId=o.lease_id, from_=o.from_, arrived=arrived)
        elif kind is RecordKind.BLOCKED:
            self._award(o.lease_id, lease, 0, Outcome.OBSTRUCTED)
        elif lease.disputed:
            if lease.no_show:
                refuse("WrongState", o.lease_id, lease.state)
            self._store(o.lease_id, replace(lease, no_show=True))
            self.emit("NoShowRecorded", leaseId=o.lease_id, until=o.until)
        else:
            charge = tariff.no_show_charge(terms, lease.slots)
            self._award(o.lease_id, lease, charge, Outcome.NO_SHOW)

    def _leave(self, sender: str, o: Occupancy, lease: LeaseWord) -> None:
        rows = rows_of("record", RecordKind.LEFT)
        if not any(lease.state in row.from_states for row in rows):
            refuse("WrongState", o.lease_id, lease.state)
        start, terms = self.times_of(o.lease_id).start, self.terms_of(o.lease_id)
        arrived = lease.arrived
        if arrived == 0:
            arrived = tariff.arrival_minute(start, o.from_) + 1
        elif arrived > 1:
            # the stored arrival lies within the minute that ends at its mark
            _check_time("until", o.until, start + 60 * (arrived - 2), self.now)
        left = replace(
            lease,
            arrived=arrived,
            until=tariff.until_minute(terms, start, lease.slots, o.until),
            energy_used=min(o.energy_wh // 100, 10 * lease.kwh_cap),
        )
        bill = tariff.bill_minutes(terms, lease.slots, lease.kwh_cap, **self._evidence(left))
        accepted = bill.overstay == 0 or sender == lease.driver
        if accepted and not lease.disputed:
            self._close(o.lease_id, left, bill, Outcome.DEPARTED)
            return
        self._store(o.lease_id, replace(left, state=LeaseState.CLAIMED))
        self.emit(
            "OverstayClaimed",
            leaseId=o.lease_id,
            arrived=left.arrived,
            until=left.until,
            energyUsed=left.energy_used,
            overstay=bill.overstay,
        )

    def _check_lock(self, o: Occupancy, signer: str) -> None:
        key = self._space(space_of(o.lease_id)).lock_key
        if signer != key and not self._is_former_lock(o, signer):
            refuse("BadSignature", "lock", key)

    def _is_former_lock(self, o: Occupancy, signer: str) -> bool:
        """A lock that was replaced speaks for leases that began before the slot of its
        replacement, and of nothing later."""
        past = self.rotation_of(space_of(o.lease_id))
        return (
            signer == past.previous_key != ZERO
            and start_slot_of(o.lease_id) < slot_at(past.rotated_at)
            and o.until <= past.rotated_at
        )


def _check_time(field: str, value: int, earliest: int, latest: int) -> None:
    if not earliest <= value <= latest:
        refuse("EvidenceTime", field, value, earliest, latest)
