"""The public ledger: the head beside the chain's, every settlement, all that led to one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import AwareDatetime
from sqlalchemy import Connection, select

from berth.audit import verify
from berth.audit.charges import RULES, Booking, booking_of, compensation_of, objection
from berth.audit.desk import desk_of
from berth.audit.rows import record_from
from berth.audit.totals import Sums
from berth.core.addresses import checksum, parse_address
from berth.core.errors import BerthError
from berth.core.ids import parse_lease, parse_space, space_hex, split_lease
from berth.core.ledger import EMPTY_HEAD, Record, next_head, record_hash
from berth.core.slots import slot_start
from berth.core.states import Outcome
from berth.core.tariff import Bill
from berth.core.zones import rfc3339
from berth.market.index_state import final_block
from berth.market.leases import Lease, lease_of, settlement_from, terms_for
from berth.market.vocabulary import KIND_NAMES
from berth.store.derived import offers, settlements, spaces
from berth.store.kept import evidence
from berth.web import cursors, views
from berth.web.context import Language, ServicesDep
from berth.web.routes.account import Cursor, Limit
from berth.web.routes.leases import evidence_bill
from berth.web.schemas.audit import (
    BookingOut,
    ChargeOut,
    EvidenceOut,
    HeadOut,
    RecomputedOut,
    SettlementDetailOut,
    SettlementsOut,
    TotalsOut,
)
from berth.web.schemas.common import SPACE_PATTERN, CurrencyOut, Window, amount
from berth.web.schemas.common import Outcome as OutcomeName

router = APIRouter(prefix="/v1/audit", tags=["audit"])


@router.get("/head")
async def head(services: ServicesDep, language: Language) -> HeadOut:
    """Recomputes the running head over every settlement here and holds it against the chain's.

    Two words prove that nothing is missing and nothing was altered. The result is kept for some
    seconds, for the work grows with the ledger.
    """
    report = await services.head_report.get(
        lambda: verify(
            services.store, services.rpc, services.contracts, desk_of(services.store).ledger
        )
    )
    return HeadOut(
        verdict=report.verdict.value,
        sentence=report.sentence(language),
        index_count=report.checked,
        index_head=report.head,
        chain_count=report.chain_count,
        chain_head=report.chain_head,
        block=report.block,
    )


@router.get("/settlements")
async def list_settlements(
    services: ServicesDep,
    limit: Limit = 50,
    cursor: Cursor = None,
    owner: Annotated[str | None, Query(description="account", max_length=42)] = None,
    driver: Annotated[str | None, Query(description="account", max_length=42)] = None,
    space: Annotated[str | None, Query(pattern=SPACE_PATTERN)] = None,
    outcome: Annotated[OutcomeName | None, Query()] = None,
    closed_from: Annotated[
        AwareDatetime | None, Query(alias="from", description="closed then or later, RFC 3339")
    ] = None,
    closed_until: Annotated[
        AwareDatetime | None, Query(alias="until", description="closed before, RFC 3339")
    ] = None,
    newest_first: Annotated[bool, Query(alias="newestFirst")] = False,
    totals: Annotated[bool, Query(description="sum up all that the filter finds, too")] = False,
) -> SettlementsOut:
    """Settlements in the order of the ledger, filtered."""
    # by values alone, so that equal questions have equal sums
    asked: dict[str, Any] = {}
    conditions: list[Any] = []
    if owner is not None:
        asked["owner"] = parse_address(owner, "owner")
        conditions.append(settlements.c.owner == asked["owner"])
    if driver is not None:
        asked["driver"] = parse_address(driver, "driver")
        conditions.append(settlements.c.driver == asked["driver"])
    if space is not None:
        # a lease's id begins with its space's
        asked["space"] = prefix = space_hex(parse_space(space))
        conditions.append(settlements.c.lease_id.between(prefix + "0" * 12, prefix + "f" * 12))
    if outcome is not None:
        asked["outcome"] = Outcome[outcome.upper()].value
        conditions.append(settlements.c.outcome == asked["outcome"])
    if closed_from is not None:
        asked["from"] = int(closed_from.timestamp())
        conditions.append(settlements.c.closed_at >= asked["from"])
    if closed_until is not None:
        asked["until"] = int(closed_until.timestamp())
        conditions.append(settlements.c.closed_at < asked["until"])
    place = cursors.decode(cursor, (int,))
    number = settlements.c.number
    beyond = []
    if place is not None:
        beyond.append(number < place[0] if newest_first else number > place[0])
    query = (
        select(settlements)
        .where(*conditions, *beyond)
        .order_by(number.desc() if newest_first else number)
        .limit(limit + 1)
    )

    def look(add_up: Callable[..., Sums | None] | None) -> SettlementsOut | None:
        """Page and sums are of the same moment. None where adding up has to wait its turn."""
        sums = None
        with services.store.read() as conn:
            if add_up is not None:
                sums = add_up(conn, tuple(asked.items()), conditions)
                if sums is None:
                    return None
            found = [settlement_from(row) for row in conn.execute(query)]
            final = final_block(conn)
        page = found[:limit]
        return SettlementsOut(
            currency=CurrencyOut.of(services.deployment.currency),
            items=[views.settlement_out(one, _start(one.lease_id), final) for one in page],
            totals=None if sums is None else _totals(sums),
            next=cursors.encode([page[-1].number]) if len(found) > limit else None,
        )

    kept = desk_of(services.store).totals
    answer = await run_in_threadpool(look, kept.at_once if totals else None)
    if answer is None:
        if kept.crowded:
            raise BerthError(
                "audit.busy", "the ledger is being added up for others; try again", status=503
            )
        async with kept.turn():
            answer = await run_in_threadpool(look, kept.add_up)
    return cast("SettlementsOut", answer)


def _totals(sums: Sums) -> TotalsOut:
    return TotalsOut(
        count=sums.count,
        rent=amount(sums.rent),
        overstay=amount(sums.overstay),
        energy=amount(sums.energy),
        fee=amount(sums.fee),
        owner_share=amount(sums.rent + sums.overstay + sums.energy - sums.fee),
        refund=amount(sums.refund),
    )


@router.get("/settlements/{number}")
def settlement(
    services: ServicesDep,
    language: Language,
    number: Annotated[int, Path(ge=1, lt=1 << 63, description="position in the ledger")],
) -> SettlementDetailOut:
    """One settlement with everything that led to it, and its hashes computed anew."""
    with services.store.read() as conn:
        row = conn.execute(select(settlements).where(settlements.c.number == number)).first()
        if row is None:
            raise BerthError(
                "settlement.unknown",
                "there is no settlement {number}",
                field="number",
                status=404,
                number=number,
            )
        before = conn.execute(
            select(settlements.c.head).where(settlements.c.number == number - 1)
        ).scalar()
        record = settlement_from(row)
        lease = lease_of(conn, record.lease_id)
        terms = terms_for(conn, lease)
        transactions = _transactions(conn, lease)
        proof = _evidence(conn, lease)
        booking = booking_of(conn, number)
        final = final_block(conn)
    previous = bytes.fromhex(before[2:]) if before else EMPTY_HEAD
    digest = record_hash(record_from(row._mapping))
    new_head = next_head(previous, digest)
    bill = evidence_bill(lease, record, terms)
    return SettlementDetailOut.model_validate(
        {
            **views.settlement_fields(record, lease.start, final),
            "currency": CurrencyOut.of(services.deployment.currency),
            "cost": amount(record.cost),
            "owner_share": amount(record.owner_share),
            "deposit": amount(record.deposit),
            "booking": _booking(lease),
            "terms": views.offer_out(lease.offer, terms),
            "offer_transaction": transactions[0],
            "registration_transaction": transactions[1],
            "arrived_transaction": lease.arrived_tx,
            "claimed_transaction": lease.claimed_tx,
            "evidence": proof,
            "bill": None if bill is None else _bill(bill),
            "compensation": None if lease.compensation is None else amount(lease.compensation),
            "charge": _charge(record_from(row._mapping), booking, language),
            "recomputed": RecomputedOut(
                previous_head="0x" + previous.hex(),
                record_hash="0x" + digest.hex(),
                head="0x" + new_head.hex(),
                agrees="0x" + digest.hex() == record.record_hash
                and "0x" + new_head.hex() == record.head,
            ),
        }
    )


def _charge(record: Record, booking: Booking, language: str) -> ChargeOut:
    wrong = objection(record, booking)
    english, chinese = RULES[Outcome(record.outcome)]
    return ChargeOut(
        rule=chinese if language == "zh" else english,
        agrees=wrong is None,
        objection=wrong,
        compensation=amount(compensation_of(record, booking)),
    )


def _booking(lease: Lease) -> BookingOut:
    return BookingOut(
        window=Window.of(lease.start, lease.end),
        slots=lease.slots,
        energy_cap_kwh=lease.kwh_cap,
        deposit=amount(lease.deposit),
        pulled=amount(lease.pulled),
        plate_commitment=lease.plate_commitment,
        booked_at=rfc3339(lease.booked_at),
        block=lease.booked_block,
        transaction=lease.booked_tx,
    )


def _bill(bill: Bill) -> dict[str, Any]:
    """Amounts as text, minutes and energy as numbers."""
    money = {"rent", "overstay", "energy", "cost", "fee", "owner", "refund"}
    names = {
        "billed_minutes": "billedMinutes",
        "over_minutes": "overstayMinutes",
        "until_minute": "until",
        "energy_used": "energyUsed",
    }
    return {
        names.get(name, name): amount(value) if name in money else value
        for name, value in asdict(bill).items()
    }


def _transactions(conn: Connection, lease: Lease) -> tuple[str, str]:
    """Transactions of the offer and of the space's registration."""
    offer_tx = conn.execute(
        select(offers.c.tx_hash).where(
            offers.c.space_id == lease.space_id, offers.c.number == lease.offer
        )
    ).scalar_one()
    space_tx = conn.execute(
        select(spaces.c.tx_hash).where(spaces.c.space_id == lease.space_id)
    ).scalar_one()
    return offer_tx, space_tx


def _evidence(conn: Connection, lease: Lease) -> list[EvidenceOut]:
    rows = conn.execute(
        select(evidence).where(evidence.c.lease_id == lease.lease_id).order_by(evidence.c.kind)
    )
    return [
        EvidenceOut.model_validate(
            {
                "kind": KIND_NAMES[row.kind],
                "from": row.from_,
                "until": row.until,
                "energy_wh": row.energy_wh,
                "lock": checksum(row.lock_id),
                "signature": row.signature,
                "transaction": row.tx_hash,
            }
        )
        for row in rows
    ]


def _start(lease_id: str) -> int:
    return slot_start(split_lease(parse_lease(lease_id))[1])
