"""The ledger of settlements, and what is paid beside it."""

from __future__ import annotations

from berth.chain import events
from berth.core.ids import lease_hex
from berth.core.ledger import next_head, record_hash
from berth.core.states import Outcome
from berth.indexer.projection import Place, Projection, gap
from berth.indexer.projections.leases import tell_parties
from berth.indexer.projections.money import change_credit, market_row
from berth.store import derived


def settled(p: Projection, e: events.Settled, at: Place) -> None:
    row = p.changing(derived.leases, lease_hex(e.lease_id))
    cost = e.rent + e.overstay + e.energy
    if cost + e.refund != int(row["deposit"]):
        raise gap(f"settlement {e.number} shares out {cost + e.refund} of {row['deposit']}")
    hashed = record_hash(e)
    head = _append_to_ledger(p, e.number, hashed, e.fee)
    row.update(
        state=_outcome(e.outcome).terminal_state.value,
        arrived=e.arrived,
        until_minute=e.until,
        energy_used=e.energy_wh // 100,
        closed_tx=at.tx_hash,
        closed_at=e.closed_at,
        updated_block=at.block_number,
    )
    p.rows.release(derived.leases, row["lease_id"])
    amounts = {
        "rent": str(e.rent),
        "overstay": str(e.overstay),
        "energy": str(e.energy),
        "fee": str(e.fee),
        "refund": str(e.refund),
    }
    p.rows.add(
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
    change_credit(p, e.owner, cost - e.fee, at)
    change_credit(p, e.driver, e.refund, at)
    if p.telling:
        payload = {
            "leaseId": row["lease_id"],
            "number": e.number,
            "outcome": e.outcome,
            **amounts,
            "txHash": at.tx_hash,
        }
        tell_parties(p, "lease.settled", row, at, payload)


def compensated(p: Projection, e: events.Compensated, at: Place) -> None:
    """An owner who cancelled pays the driver, from credit to credit, beside the record."""
    row = p.changing(derived.leases, lease_hex(e.lease_id))
    row["compensation"] = str(e.amount)
    change_credit(p, e.from_, -e.amount, at)
    change_credit(p, e.to, e.amount, at)
    payload = {
        "leaseId": row["lease_id"],
        "from": e.from_,
        "to": e.to,
        "amount": str(e.amount),
        "txHash": at.tx_hash,
    }
    tell_parties(p, "lease.compensated", row, at, payload)


def _outcome(number: int) -> Outcome:
    try:
        return Outcome(number)
    except ValueError:
        raise gap(
            f"a lease ended with outcome {number}, which this program does not know"
        ) from None


def _append_to_ledger(p: Projection, number: int, hashed: bytes, fee: int) -> str:
    """Folds a record into the running head; numbers have no gap, or the index has one."""
    market = market_row(p)
    if number != market["ledger_count"] + 1:
        raise gap(f"settlement {number} follows settlement {market['ledger_count']}")
    head = "0x" + next_head(bytes.fromhex(market["head"][2:]), hashed).hex()
    market.update(ledger_count=number, head=head, fees=str(int(market["fees"]) + fee))
    return head
