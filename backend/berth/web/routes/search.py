"""Finding a space and pricing a stay."""

from __future__ import annotations

from typing import Literal, cast

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from berth.core.errors import BerthError
from berth.core.ids import parse_space, space_hex
from berth.core.zones import offset_text
from berth.market import calls, quotes, ranking
from berth.market import search as searching
from berth.market.spaces import spaces_by_id
from berth.market.stays import stay_between
from berth.market.vehicles import check_signed
from berth.market.vocabulary import CONNECTORS
from berth.market.wanted import Charger, Vehicle, Wanted
from berth.web import cursors, views
from berth.web.context import Language, ServicesDep, SessionDep
from berth.web.problems import within
from berth.web.schemas.common import CurrencyOut, Sentence, TransactionOut, Window, amount
from berth.web.schemas.search import (
    CandidateOut,
    FundsOut,
    MarkOut,
    QuoteBody,
    QuoteOut,
    SearchBody,
    SearchOut,
)
from berth.web.schemas.spaces import SpaceOut
from berth.web.services import Services
from berth.web.views import signed_vehicle

router = APIRouter(prefix="/v1", tags=["search"])
Verb = Literal["lease", "leaseWithVehicle", "leaseWithPermit"]


@router.post("/search")
def search(body: SearchBody, services: ServicesDep, language: Language) -> SearchOut:
    """Free spaces that satisfy the whole request, ranked, each with the reason for its place.

    Places are compared by the owners' public points and words only. A space is listed with its
    cheapest offer that allows the stay.
    """
    now = services.clock.now()
    wanted = _wanted(body, now)
    after = cursors.decode(body.cursor, (float, int, float, str))
    with services.store.read() as conn:
        found = searching.search(
            conn,
            wanted,
            body.limit,
            now,
            (float(after[0]), int(after[1]), float(after[2]), str(after[3])) if after else None,
        )
        facts = spaces_by_id(conn, [hit.candidate.space_id for hit in found.hits])
    currency = services.deployment.currency
    items = []
    for hit in found.hits:
        candidate = hit.candidate
        walk = candidate.walk_metres
        items.append(
            CandidateOut(
                space=SpaceOut.model_validate(views.space_fields(facts[candidate.space_id])),
                offer=candidate.offer,
                utc_offset=offset_text(candidate.terms.utc_offset),
                maximum_cost=amount(candidate.maximum_cost),
                expected_cost=amount(candidate.expected_cost),
                walk_m=None if walk is None else round(walk),
                walk_minutes=None if walk is None else ranking.walk_minutes(walk),
                score=round(hit.score.total, 4),
                marks=[
                    MarkOut(
                        name=mark.name, value=round(mark.value, 4), weight=round(mark.weight, 4)
                    )
                    for mark in hit.score.marks
                ],
                why=ranking.explain(
                    candidate,
                    hit.history,
                    found.among,
                    open_slots=hit.open_slots,
                    currency=currency,
                    language=language,
                ),
            )
        )
    return SearchOut(
        window=Window.of(wanted.stay.start, wanted.stay.end),
        currency=CurrencyOut.of(currency),
        total=found.among.total,
        items=items,
        next=None if found.next is None else cursors.encode(found.next),
    )


@router.post("/quotes")
async def quote(
    body: QuoteBody, services: ServicesDep, session: SessionDep, language: Language
) -> QuoteOut:
    """What a stay will cost at most, whether the contract would take it now, and the transactions.

    The maximum is computed here and asked of the chain; should the two ever differ, there is no
    quote. The lease reverts rather than cost more than the quoted maximum.
    """
    found = await run_in_threadpool(_quote, body, services, session.address)
    space, deposit = parse_space(found.space_id), found.preview.deposit
    contracts, rpc = services.contracts, services.rpc
    chain_deposit = await calls.quote(
        contracts, rpc, space, found.offer, found.stay.slots, found.kwh_cap
    )
    if chain_deposit != deposit:
        raise BerthError(
            "quote.disagrees",
            "the chain asks {chain}, the index {index}: no quote until they agree",
            status=503,
            chain=chain_deposit,
            index=deposit,
        )
    funds = await calls.funds(contracts, rpc, session.address)
    pulled = max(0, deposit - funds.credit)
    objections = list(found.objections)
    if pulled > funds.balance:
        objections.append("money.short")
    request = {
        "space_id": space,
        "start_slot": found.stay.start_slot,
        "slots": found.stay.slots,
        "offer": found.offer,
        "kwh_cap": found.kwh_cap,
    }
    plate = _plate(body)
    transactions: list[TransactionOut] = []
    call = permit = None
    if plate is not None and not objections:
        made = calls.lease(
            contracts,
            **request,
            plate_commitment=bytes.fromhex(plate[2:]),
            maximum_cost=deposit,
            vehicle=None if found.vehicle is None else found.vehicle.struct(),
        )
        call, prepared = made.purpose, [made]
        if pulled > funds.allowance:
            prepared.insert(0, calls.approve(contracts, pulled))
            now = services.clock.now()
            permit = await services.permits.prepare(session.address, pulled, now)
            call = call if permit is None else "leaseWithPermit"
        chain_id = services.deployment.chain_id
        transactions = [views.transaction_out(one, chain_id) for one in prepared]
    preview, place = found.preview, 1 if language == "zh" else 0
    return QuoteOut(
        space_id=found.space_id,
        offer=views.offer_out(found.offer, found.terms),
        window=Window.of(found.stay.start, found.stay.end),
        slots=found.stay.slots,
        currency=CurrencyOut.of(services.deployment.currency),
        maximum_cost=amount(deposit),
        expected_cost=amount(found.expected),
        minimum_cost=amount(preview.minimum),
        rent=amount(preview.rent),
        energy_reserve=amount(preview.energy_reserve),
        overstay_reserve=amount(preview.overstay_reserve),
        overstay_per_hour=amount(preview.overstay_per_hour),
        leasable=not objections,
        objections=[
            Sentence(code=code, sentence=quotes.OBJECTIONS[code][place]) for code in objections
        ],
        funds=FundsOut(
            credit=amount(funds.credit),
            token_balance=amount(funds.balance),
            allowance=amount(min(funds.allowance, (1 << 128) - 1)),
            pulled=amount(pulled),
        ),
        transactions=transactions,
        request={
            "spaceId": found.space_id,
            "startSlot": found.stay.start_slot,
            "slots": found.stay.slots,
            "offer": found.offer,
            "kwhCap": found.kwh_cap,
            "plateCommitment": plate,
            "maxCost": amount(deposit),
        },
        call=cast("Verb | None", call),
        permit=None if permit is None else permit.typed_data,
        lease_id=found.lease_id,
    )


def _plate(body: QuoteBody) -> str | None:
    """The commitment of the vehicle, which a proof names too."""
    named = body.plate_commitment.lower() if body.plate_commitment else None
    if body.vehicle is None:
        return named
    proven = body.vehicle.plate_commitment.lower()
    if named not in (None, proven):
        message = "is of another vehicle than the proof"
        raise BerthError("quote.vehicle", message, field="plateCommitment", status=422)
    return proven


def _wanted(body: SearchBody, now: int) -> Wanted:
    start, end = body.window.seconds
    with within("window"):
        stay = stay_between(start, end, now)
    vehicle, charger = body.vehicle, body.charger
    return Wanted(
        stay=stay,
        point=body.place.point.place if body.place.point else None,
        radius=body.place.radius_m,
        words=body.place.text or None,
        vehicle=None
        if vehicle is None
        else Vehicle(vehicle.height_cm, vehicle.width_cm, vehicle.length_cm),
        charger=None
        if charger is None
        else Charger(
            connector=1 << CONNECTORS.index(charger.connector),
            power=-(-charger.min_power_w // 100),
            energy_kwh=charger.energy_kwh,
        ),
    )


def _quote(body: QuoteBody, services: Services, driver: str) -> quotes.Quote:
    now = services.clock.now()
    start, end = body.window.seconds
    with within("window"):
        stay = stay_between(start, end, now)
    vehicle = None if body.vehicle is None else signed_vehicle(body.vehicle)
    with services.store.read() as conn:
        if vehicle is not None:
            with within("vehicle"):
                check_signed(conn, services.deployment, vehicle, driver)
        return quotes.quote_for(
            conn,
            space_id=space_hex(parse_space(body.space_id)),
            offer=body.offer,
            stay=stay,
            kwh_cap=body.energy_kwh,
            plate_commitment=_plate(body),
            driver=driver,
            now=now,
            vehicle=vehicle,
        )
