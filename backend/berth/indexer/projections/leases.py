"""Leases from booking to settlement, and the ledger of settlements."""

from __future__ import annotations

from berth.chain import events
from berth.core.ids import lease_hex, space_hex, split_lease
from berth.core.ledger import Record, next_head, record_hash
from berth.core.states import LeaseState, Outcome
from berth.indexer.projection import Place, Projection, gap
from berth.indexer.projections.money import change_credit, market_row
from berth.store import derived


def leased(p: Projection, e: events.Leased, at: Place) -> None:
    lease = lease_hex(e.lease_id)
    space_number, start_slot, epoch = split_lease(e.lease_id)
    space = space_hex(space_number)
    owner = p.required(derived.offers, space, e.offer)["owner"]
    change_credit(p, e.driver, e.pulled - e.deposit, at)
    p.rows.put(
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
            "state": LeaseState.BOOKED.value,
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
            "updated_block": at.block_number,
        },
    )
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
    row = p.required(derived.leases, lease_hex(e.lease_id))
    row.update(
        state=LeaseState.PARKED.value,
        arrived=e.arrived,
        arrived_at=e.from_,
        arrived_tx=at.tx_hash,
        updated_block=at.block_number,
    )
    p.rows.put(derived.leases, row)
    payload = {"leaseId": row["lease_id"], "arrived": e.arrived, "txHash": at.tx_hash}
    _tell_parties(p, "lease.arrived", row, at, payload)


def overstay_claimed(p: Projection, e: events.OverstayClaimed, at: Place) -> None:
    row = p.required(derived.leases, lease_hex(e.lease_id))
    row.update(
        state=LeaseState.CLAIMED.value,
        arrived=e.arrived,
        until_minute=e.until,
        energy_used=e.energy_used,
        overstay=str(e.overstay),
        claimed_tx=at.tx_hash,
        updated_block=at.block_number,
    )
    p.rows.put(derived.leases, row)
    payload = {"leaseId": row["lease_id"], "overstay": str(e.overstay), "txHash": at.tx_hash}
    _tell_parties(p, "lease.claimed", row, at, payload)


def settled(p: Projection, e: events.Settled, at: Place) -> None:
    row = p.required(derived.leases, lease_hex(e.lease_id))
    record = Record(
        lease_id=e.lease_id,
        outcome=e.outcome,
        owner=e.owner,
        driver=e.driver,
        offer=e.offer,
        rent=e.rent,
        overstay=e.overstay,
        energy=e.energy,
        fee=e.fee,
        refund=e.refund,
        arrived=e.arrived,
        until=e.until,
        energy_wh=e.energy_wh,
        closed_at=e.closed_at,
    )
    if record.deposit != int(row["deposit"]):
        raise gap(f"settlement {e.number} shares out {record.deposit} of {row['deposit']}")
    hashed = record_hash(record)
    head = _append_to_ledger(p, e.number, hashed, e.fee)
    unused = e.outcome == Outcome.UNUSED
    row.update(
        state=(LeaseState.CANCELLED if unused else LeaseState.SETTLED).value,
        arrived=e.arrived,
        until_minute=e.until,
        energy_used=e.energy_wh // 100,
        closed_tx=at.tx_hash,
        closed_at=e.closed_at,
        updated_block=at.block_number,
    )
    p.rows.put(derived.leases, row)
    amounts = {
        "rent": str(e.rent),
        "overstay": str(e.overstay),
        "energy": str(e.energy),
        "fee": str(e.fee),
        "refund": str(e.refund),
    }
    p.rows.put(
        derived.settlements,
        {
            "number": e.number,
            "lease_id": row["lease_id"],
            "outcome": e.outcome,
            "owner": e.owner,
            "driver": e.driver,
            "offer": e.offer,
            **amounts,
            "arrived": e.arrived,
            "until_minute": e.until,
            "energy_wh": e.energy_wh,
            "closed_at": e.closed_at,
            "record_hash": "0x" + hashed.hex(),
            "head": head,
            "block_number": at.block_number,
            "tx_hash": at.tx_hash,
        },
    )
    change_credit(p, e.owner, record.owner_share, at)
    change_credit(p, e.driver, e.refund, at)
    payload = {
        "leaseId": row["lease_id"],
        "number": e.number,
        "outcome": e.outcome,
        **amounts,
        "txHash": at.tx_hash,
    }
    _tell_parties(p, "lease.settled", row, at, payload)


def _append_to_ledger(p: Projection, number: int, hashed: bytes, fee: int) -> str:
    """Folds a record into the running head; numbers have no gap, or the index has one."""
    market = market_row(p)
    if number != market["ledger_count"] + 1:
        raise gap(f"settlement {number} follows settlement {market['ledger_count']}")
    head = "0x" + next_head(bytes.fromhex(market["head"][2:]), hashed).hex()
    market.update(ledger_count=number, head=head, fees=str(int(market["fees"]) + fee))
    p.rows.put(derived.market_state, market)
    return head


def _tell_parties(
    p: Projection, topic: str, row: dict[str, object], at: Place, payload: dict[str, object]
) -> None:
    p.tell(
        topic,
        at,
        (str(row["driver"]), str(row["owner"])),
        payload,
        lease_id=str(row["lease_id"]),
        space_id=str(row["space_id"]),
    )
