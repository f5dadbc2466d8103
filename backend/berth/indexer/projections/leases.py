"""Leases from booking to their end."""

from __future__ import annotations

from berth.chain import events
from berth.core.ids import lease_hex, space_hex, split_lease
from berth.core.states import LeaseState
from berth.indexer.projection import Place, Projection
from berth.indexer.projections.money import change_credit
from berth.store import derived
from berth.store.bulk import Row


def leased(p: Projection, e: events.Leased, at: Place) -> None:
    lease = lease_hex(e.lease_id)
    space_number, start_slot, epoch = split_lease(e.lease_id)
    space = space_hex(space_number)
    owner = p.required(derived.offers, (space, e.offer))["owner"]
    change_credit(p, e.driver, e.pulled - e.deposit, at)
    p.rows.add(
        derived.leases,
        {
            "lease_id": lease,
            "space_id": space,
            "start_slot": start_slot,
            "slots": e.slots,
            "end_slot": start_slot + e.slots,
            "epoch": epoch,
            "driver": e.driver,
            "owner": owner,
            "cell": e.cell,
            "offer": e.offer,
            "kwh_cap": e.kwh_cap,
            "deposit": str(e.deposit),
            "pulled": str(e.pulled),
            "plate_commitment": e.plate_commitment,
            "plate_block": at.block_number,
            "state": LeaseState.BOOKED.value,
            "disputed": 0,
            "disputed_by": None,
            "disputed_at": None,
            "no_show": 0,
            "compensation": None,
            "arrived": 0,
            "arrived_at": None,
            "until_minute": 0,
            "energy_used": 0,
            "overstay": None,
            "booked_block": at.block_number,
            "booked_tx": at.tx_hash,
            "booked_at": at.timestamp,
            "arrived_tx": None,
            "claimed_tx": None,
            "closed_tx": None,
            "closed_at": None,
            "changed_block": at.block_number,
            "updated_block": at.block_number,
        },
    )
    if p.telling:
        payload = {
            "leaseId": lease,
            "spaceId": space,
            "driver": e.driver,
            "owner": owner,
            "cell": e.cell,
            "offer": e.offer,
            "startSlot": start_slot,
            "slots": e.slots,
            "deposit": str(e.deposit),
            "plateCommitment": e.plate_commitment,
            "txHash": at.tx_hash,
        }
        p.tell("lease.booked", at, (e.driver, owner), payload, lease_id=lease, space_id=space)


def arrived(p: Projection, e: events.Arrived, at: Place) -> None:
    row = p.changing(derived.leases, lease_hex(e.lease_id))
    row.update(
        state=LeaseState.PARKED.value,
        arrived=e.arrived,
        arrived_at=e.from_,
        arrived_tx=at.tx_hash,
        updated_block=at.block_number,
    )
    payload = {"leaseId": row["lease_id"], "arrived": e.arrived, "txHash": at.tx_hash}
    tell_parties(p, "lease.arrived", row, at, payload)


def overstay_claimed(p: Projection, e: events.OverstayClaimed, at: Place) -> None:
    row = p.changing(derived.leases, lease_hex(e.lease_id))
    row.update(
        state=LeaseState.CLAIMED.value,
        arrived=e.arrived,
        until_minute=e.until,
        energy_used=e.energy_used,
        overstay=str(e.overstay),
        claimed_tx=at.tx_hash,
        updated_block=at.block_number,
    )
    payload = {"leaseId": row["lease_id"], "overstay": str(e.overstay), "txHash": at.tx_hash}
    tell_parties(p, "lease.claimed", row, at, payload)


def extended(p: Projection, e: events.Extended, at: Place) -> None:
    """Longer, or with more energy: the totals from now on."""
    row = p.changing(derived.leases, lease_hex(e.lease_id))
    more = e.deposit - int(row["deposit"])
    change_credit(p, e.driver, e.pulled - more, at)
    row.update(
        slots=e.slots,
        end_slot=row["start_slot"] + e.slots,
        kwh_cap=e.kwh_cap,
        deposit=str(e.deposit),
        pulled=str(int(row["pulled"]) + e.pulled),
    )
    _change_vehicle(p, row, e.plate_commitment, at)
    payload = {
        "leaseId": row["lease_id"],
        "slots": e.slots,
        "kwhCap": e.kwh_cap,
        "deposit": str(e.deposit),
        "more": str(more),
        "plateCommitment": e.plate_commitment,
        "txHash": at.tx_hash,
    }
    tell_parties(p, "lease.extended", row, at, payload)


def vehicle_changed(p: Projection, e: events.VehicleChanged, at: Place) -> None:
    row = p.changing(derived.leases, lease_hex(e.lease_id))
    _change_vehicle(p, row, e.plate_commitment, at)
    payload = {
        "leaseId": row["lease_id"],
        "plateCommitment": e.plate_commitment,
        "txHash": at.tx_hash,
    }
    tell_parties(p, "lease.vehicle", row, at, payload)


def disputed(p: Projection, e: events.Disputed, at: Place) -> None:
    row = p.changing(derived.leases, lease_hex(e.lease_id))
    row.update(
        disputed=1, disputed_by=e.by, disputed_at=at.timestamp, updated_block=at.block_number
    )
    payload = {"leaseId": row["lease_id"], "by": e.by, "txHash": at.tx_hash}
    tell_parties(p, "lease.disputed", row, at, payload)


def no_show_recorded(p: Projection, e: events.NoShowRecorded, at: Place) -> None:
    row = p.changing(derived.leases, lease_hex(e.lease_id))
    row.update(no_show=1, updated_block=at.block_number)
    payload = {"leaseId": row["lease_id"], "until": e.until, "txHash": at.tx_hash}
    tell_parties(p, "lease.no_show", row, at, payload)


def _change_vehicle(p: Projection, row: Row, plate_commitment: str, at: Place) -> None:
    row.update(
        plate_commitment=plate_commitment,
        plate_block=at.block_number,
        changed_block=at.block_number,
        updated_block=at.block_number,
    )


def tell_parties(
    p: Projection, topic: str, row: Row, at: Place, payload: dict[str, object]
) -> None:
    """Tells driver and owner of a lease."""
    p.tell(
        topic,
        at,
        (str(row["driver"]), str(row["owner"])),
        payload,
        lease_id=str(row["lease_id"]),
        space_id=str(row["space_id"]),
    )
