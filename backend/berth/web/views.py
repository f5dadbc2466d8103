"""From what the market knows to what the API says."""

from __future__ import annotations

from typing import Literal, cast

from berth.core.access import Decision, need_sentence
from berth.core.addresses import checksum
from berth.core.geo import cell_text
from berth.core.ids import city_code, parse_space, split_space
from berth.core.slots import SLOT_MINUTES
from berth.core.states import Times
from berth.core.tariff import FLAG_CONFIRM, FLAG_NEAR, FLAG_PLATE, Terms
from berth.core.zones import day_date, offset_text, rfc3339
from berth.market.calls import Transaction
from berth.market.leases import Depth, Lease, Settlement, deadline_of
from berth.market.records import PrivateRecord
from berth.market.spaces import Space
from berth.market.statement import Entry, Totals, Waiting
from berth.market.vehicles import SignedVehicle
from berth.market.vocabulary import (
    DISPUTED_WORDS,
    KINDS,
    STATE_WORDS,
    connector_names,
    outcome_name,
    state_name,
)
from berth.web.problemwords import said
from berth.web.schemas import audit, leases, spaces
from berth.web.schemas.account import EntryOut, StatementTotalsOut, WaitingOut
from berth.web.schemas.common import (
    Point,
    TransactionOut,
    VehicleProofBody,
    Window,
    amount,
    moment,
)

__all__ = [
    "decision_out",
    "depth_out",
    "entry_out",
    "lease_out",
    "offer_out",
    "private_out",
    "settlement_out",
    "signed_vehicle",
    "space_fields",
    "times_out",
    "totals_out",
    "transaction_out",
]

_REQUIRES = ((FLAG_PLATE, "plate"), (FLAG_CONFIRM, "confirm"), (FLAG_NEAR, "near"))


def space_fields(space: Space) -> dict[str, object]:
    """The members of `SpaceOut`."""
    city, index = split_space(parse_space(space.space_id))
    charger = None
    if space.connectors:
        charger = spaces.ChargerOut(
            connectors=cast("list[spaces.Connector]", connector_names(space.connectors)),
            power_w=100 * space.power,
        )
    return {
        "id": space.space_id,
        "city": city_code(city),
        "index": index,
        "owner": checksum(space.owner),
        "lock": checksum(space.lock_key),
        "kind": KINDS.get(space.kind, "unknown"),
        "height_cm": space.height_cm,
        "width_cm": space.width_cm,
        "length_cm": space.length_cm,
        "charger": charger,
        "cell": cell_text(space.cell),
        "public_point": Point.of(space.lat, space.lon),
        "area": space.public_area or None,
        "listed": not space.delisted_day,
        "manager": None if space.manager is None else checksum(space.manager),
        "valid_until": day_date(space.valid_day).isoformat(),
        "registered_at": rfc3339(space.registered_at),
        "transaction": space.tx_hash,
    }


def offer_out(number: int, terms: Terms) -> spaces.OfferOut:
    """An offer with its terms."""
    return spaces.OfferOut(
        number=number,
        price_per_slot=amount(terms.price_per_slot),
        price_per_kwh=amount(terms.price_per_kwh),
        overstay_percent=terms.overstay_pct,
        reserve_minutes=terms.reserve_minutes,
        minimum_percent=terms.minimum_pct,
        free_cancel_hours=terms.free_cancel_hours,
        no_show_percent=terms.no_show_pct,
        cancel_percent=terms.cancel_pct,
        hours_of_week=f"0x{terms.hours_of_week:042x}",
        utc_offset=offset_text(terms.utc_offset),
        first_day=day_date(terms.first_day).isoformat(),
        last_day=day_date(terms.last_day).isoformat(),
        minimum_minutes=SLOT_MINUTES * terms.min_slots,
        maximum_minutes=SLOT_MINUTES * terms.max_slots,
        requires=cast(
            "list[Literal['plate', 'confirm', 'near']]",
            [name for flag, name in _REQUIRES if terms.flags & flag],
        ),
        fee_basis_points=terms.fee_bps,
    )


def private_out(space_id: str, record: PrivateRecord) -> spaces.PrivateOut:
    """A private record, for its owner."""
    return spaces.PrivateOut(
        space_id=space_id,
        address=record.address,
        address_proven=record.address_proven,
        point=Point.of(record.lat, record.lon),
        entrance=None if record.entrance is None else Point.of(*record.entrance),
        level=record.level,
        instructions=record.instructions,
        access=access_out(record),
        public_point=None if record.public_point is None else Point.of(*record.public_point),
        public_area=record.public_area,
        source=cast("Literal['owner', 'title']", record.source),
        updated_at=moment(record.updated_at),
    )


def access_out(record: PrivateRecord) -> list[spaces.AccessPointOut]:
    """The way in, in order."""
    return [
        spaces.AccessPointOut(
            kind=cast("Literal['gate', 'lock', 'none']", point.kind),
            instructions=point.instructions,
        )
        for point in record.access
    ]


def transaction_out(transaction: Transaction, chain_id: int) -> TransactionOut:
    """A prepared call."""
    return TransactionOut(
        purpose=transaction.purpose,
        chain_id=chain_id,
        to=checksum(transaction.to),
        data="0x" + transaction.data.hex(),
    )


def times_out(times: Times) -> leases.TimesOut:
    """The instants of a lease."""
    return leases.TimesOut(
        start=rfc3339(times.start),
        end=rfc3339(times.end),
        evidence_until=rfc3339(times.t1),
        claim_until=rfc3339(times.t2),
        dispute_until=rfc3339(times.t3),
    )


def depth_out(depth: Depth) -> leases.DepthOut:
    """n of m."""
    return leases.DepthOut(
        confirmations=depth.confirmations,
        required=depth.required,
        seconds_left=depth.seconds_left,
        confirmed=depth.confirmed,
    )


def decision_out(decision: Decision, language: str) -> leases.DecisionOut:
    """A decision with its reasons in words."""
    return leases.DecisionOut(
        allowed=decision.allowed,
        reasons=[
            leases.DecisionReason(
                code=refusal.code.value,
                sentence=refusal.sentence(language),
                need=refusal.need.value if refusal.need else None,
            )
            for refusal in decision.reasons
        ],
        needs=[
            leases.Need(code=need.value, sentence=need_sentence(need, language))
            for need in decision.needs
        ],
        retry_after=decision.retry_after,
    )


def lease_fields(
    lease: Lease, terms: Terms, account: str, language: str, cost: int | None
) -> dict[str, object]:
    """The members of `LeaseOut`, as the account sees it; `cost` is what was paid, minor units, None
    while nothing is settled."""
    state = state_name(lease.state)
    words = DISPUTED_WORDS if lease.disputed and lease.is_open else STATE_WORDS[state]
    return {
        "id": lease.lease_id,
        "space_id": lease.space_id,
        "role": "driver" if account == lease.driver else "owner",
        "state": state,
        "state_sentence": said(words, language),
        "disputed": lease.disputed,
        "disputed_by": None
        if lease.disputed_by is None
        else "driver"
        if lease.disputed_by == lease.driver
        else "owner",
        "disputed_at": moment(lease.disputed_at),
        "no_show": lease.no_show,
        "window": Window.of(lease.start, lease.end),
        "utc_offset": offset_text(terms.utc_offset),
        "slots": lease.slots,
        "epoch": lease.epoch,
        "driver": checksum(lease.driver),
        "owner": checksum(lease.owner),
        "offer": lease.offer,
        "energy_cap_kwh": lease.kwh_cap,
        "deposit": amount(lease.deposit),
        "pulled": amount(lease.pulled),
        "cost": None if cost is None else amount(cost),
        "plate_commitment": lease.plate_commitment,
        "booked_at": rfc3339(lease.booked_at),
        "booked_block": lease.booked_block,
        "booked_transaction": lease.booked_tx,
        "arrived_minute": lease.arrived - 1 if lease.arrived else None,
        "left_minute": lease.until_minute if lease.claimed_tx or lease.closed_tx else None,
        "energy_wh": 100 * lease.energy_used,
        "overstay_claimed": None if lease.overstay is None else amount(lease.overstay),
        "closes_by": moment(deadline_of(lease, terms)),
        "compensation": None if lease.compensation is None else amount(lease.compensation),
        "arrived_transaction": lease.arrived_tx,
        "closed_transaction": lease.closed_tx,
        "closed_at": moment(lease.closed_at),
    }


def lease_out(
    lease: Lease, terms: Terms, account: str, language: str, cost: int | None
) -> leases.LeaseOut:
    """A lease in a list."""
    return leases.LeaseOut.model_validate(lease_fields(lease, terms, account, language, cost))


def settlement_fields(record: Settlement, start: int, final: int) -> dict[str, object]:
    """The members of `SettlementOut`; `start` of the lease in Unix seconds UTC, `final` block."""
    return {
        "number": record.number,
        "lease_id": record.lease_id,
        "space_id": record.lease_id[:18],
        "window_start": rfc3339(start),
        "outcome": outcome_name(record.outcome),
        "owner": checksum(record.owner),
        "driver": checksum(record.driver),
        "offer": record.offer,
        "rent": amount(record.rent),
        "overstay": amount(record.overstay),
        "energy": amount(record.energy),
        "fee": amount(record.fee),
        "refund": amount(record.refund),
        "arrived": record.arrived,
        "until": record.until_minute,
        "energy_wh": record.energy_wh,
        "closed_at": rfc3339(record.closed_at),
        "record_hash": record.record_hash,
        "head": record.head,
        "block": record.block_number,
        "final": record.block_number <= final,
        "transaction": record.tx_hash,
    }


def settlement_out(record: Settlement, start: int, final: int) -> audit.SettlementOut:
    """A settlement in a list."""
    return audit.SettlementOut.model_validate(settlement_fields(record, start, final))


def signed_vehicle(body: VehicleProofBody) -> SignedVehicle:
    """A verifier's word as it came in."""
    return SignedVehicle(
        plate_commitment=body.plate_commitment.lower(),
        size=body.size,
        until_slot=body.until_slot,
        verifier=body.verifier,
        signature=bytes.fromhex(body.signature[2:]),
    )


def entry_out(entry: Entry, final: int) -> EntryOut:
    """A movement on an account; `final` is the highest block that nothing can undo."""
    return EntryOut(
        kind=entry.kind,
        at=rfc3339(entry.at),
        amount=str(entry.amount),
        from_tokens=amount(entry.from_tokens),
        fee=amount(entry.fee),
        other=None if entry.other is None else checksum(entry.other),
        lease_id=entry.lease_id,
        transaction=entry.tx_hash,
        final=entry.place[0] <= final,
    )


def totals_out(totals: Totals) -> StatementTotalsOut:
    """All that moved, and what is still to come."""
    sums = totals.sums
    return StatementTotalsOut(
        credit=amount(totals.credit),
        deposited=amount(sums["deposit"]),
        withdrawn=amount(sums["withdrawal"]),
        escrowed=amount(sums["escrow"]),
        refunded=amount(sums["refund"]),
        earned=amount(sums["earning"]),
        fees=amount(totals.fees),
        compensation_received=amount(sums["compensation_received"]),
        compensation_paid=amount(sums["compensation_paid"]),
        held=amount(totals.held),
        booked=_waiting(totals.booked),
        pending=_waiting(totals.pending),
    )


def _waiting(waiting: Waiting) -> WaitingOut:
    return WaitingOut(
        leases=waiting.leases,
        escrow=amount(waiting.escrow),
        expected=amount(waiting.expected),
    )
