"""Spaces: compliance before signing, public facts, calendars, private records."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import AwareDatetime

from berth.core import compliance
from berth.core.addresses import parse_address
from berth.core.errors import BerthError
from berth.core.ids import city_number, space_hex, space_id
from berth.core.slots import slot_start, slots_covering
from berth.core.title import Title
from berth.market import calls, intents, offers, records, spaces
from berth.market.vocabulary import connector_mask
from berth.web import views
from berth.web.context import Language, ServicesDep, SessionDep, SpaceParam
from berth.web.problems import pointer, within
from berth.web.schemas.common import CurrencyOut, Window
from berth.web.schemas.spaces import (
    CalendarOut,
    CheckOut,
    HolderBody,
    LockBody,
    PrivateBody,
    PrivateOut,
    ReasonOut,
    RegistrationBody,
    SpaceDetailOut,
)
from berth.web.services import Services

router = APIRouter(prefix="/v1/spaces", tags=["spaces"])
MAX_CALENDAR_DAYS = 92
#: RFC 3339 has no more than four digits for a year. Unix seconds.
_YEAR_10000 = 253_402_300_800


@router.post("/check")
async def check(
    body: RegistrationBody, services: ServicesDep, session: SessionDep, language: Language
) -> CheckOut:
    """Every reason why the account may not register this space: what the chain will say.

    The chain itself is asked (`compliance`), so that the answer is the one that `registerSpace`
    would revert with. When there is no reason, the transaction that registers comes along. Of a
    space that is registered here already both are of `takeOver`: its owner renews, or the holder in
    a newer edition takes it over.
    """
    registration = registration_of(body)
    number = space_id(registration.title.city, registration.title.index)
    known = await run_in_threadpool(_registered, services, space_hex(number))
    ask = intents.take_over_compliance if known else calls.compliance
    bitmap = await ask(services.contracts, services.rpc, session.address, registration)
    reasons = compliance.decode(bitmap)
    transaction = None
    if not reasons:
        make = intents.take_over if known else calls.register_space
        prepared = make(services.contracts, registration)
        transaction = views.transaction_out(prepared, services.deployment.chain_id)
    return CheckOut(
        compliant=not reasons,
        space_id=space_hex(number),
        bitmap=hex(bitmap),
        reasons=[
            ReasonOut(
                code=reason.code,
                bit=reason.value,
                field=reason.field,
                pointer=pointer(reason.field.split(".")),
                sentence=reason.sentence(language),
            )
            for reason in reasons
        ],
        transaction=transaction,
    )


@router.get("/{spaceId}")
def space(services: ServicesDep, space_id: SpaceParam) -> SpaceDetailOut:
    """What everybody may know of a space, and its offers."""
    with services.store.read() as conn:
        found = spaces.space_of(conn, space_id)
        live = offers.live_offers(conn, space_id)
    return SpaceDetailOut.model_validate(
        {
            **views.space_fields(found),
            "currency": CurrencyOut.of(services.deployment.currency),
            "offers": [views.offer_out(number, terms) for number, terms in live],
        }
    )


@router.get("/{spaceId}/calendar")
def calendar(
    services: ServicesDep,
    space_id: SpaceParam,
    start: Annotated[
        AwareDatetime | None, Query(alias="from", description="RFC 3339; default: now")
    ] = None,
    days: Annotated[int, Query(ge=1, le=MAX_CALENDAR_DAYS)] = 7,
) -> CalendarOut:
    """When a space is taken. Free does not mean shared: see the offers' hours."""
    at = services.clock.now() if start is None else int(start.timestamp())
    first, count = slots_covering(at, at + days * 86_400)
    if at < 0 or slot_start(first + count) >= _YEAR_10000:
        raise BerthError("window.range", "is no time of this market", field="from", status=422)
    with services.store.read() as conn:
        spaces.space_of(conn, space_id)
        runs = spaces.taken(conn, space_id, first, first + count)
    return CalendarOut(
        space_id=space_id,
        window=Window.of(slot_start(first), slot_start(first + count)),
        taken=[Window.of(slot_start(begin), slot_start(end)) for begin, end in runs],
    )


@router.get("/{spaceId}/private")
def private(services: ServicesDep, session: SessionDep, space_id: SpaceParam) -> PrivateOut:
    """The exact place of a space that the account owns or manages, as its drivers are told it.
    Until one of both has said one it is the title's; 404 where this service does not have that
    either."""
    with services.store.read() as conn:
        kept = records.own_record(conn, services.sealer, session.address, space_id)
    return views.private_out(space_id, kept)


@router.put("/{spaceId}/private")
def keep_private(
    body: PrivateBody, services: ServicesDep, session: SessionDep, space_id: SpaceParam
) -> PrivateOut:
    """Replaces the exact place of a space that the account owns or manages. Doing it again changes
    nothing. The owner is told of what a manager changed (`space.place`).

    With the salt given the address must be the one that the chain holds the hash of; without it the
    address counts as proven if the salt of an earlier record opens it, or if it is the address of
    the city's own library. Exact points must lie near the space's on-chain cell. Address, salt,
    exact points and instructions are sealed at rest.
    """
    record = records.NewRecord(
        address=body.address,
        lat=body.point.place[0],
        lon=body.point.place[1],
        salt=bytes.fromhex(body.salt[2:]) if body.salt else None,
        access=tuple(records.AccessPoint(point.kind, point.instructions) for point in body.access),
        entrance=body.entrance.place if body.entrance else None,
        level=body.level,
        instructions=body.instructions,
        public_point=body.public_point.place if body.public_point else None,
        public_area=body.public_area,
    )
    with services.store.write() as conn:
        records.keep_record(
            conn, services.sealer, session.address, space_id, record, services.wall.now()
        )
        kept = records.own_record(conn, services.sealer, session.address, space_id)
    return views.private_out(space_id, kept)


def _registered(services: Services, space_id: str) -> bool:
    with services.store.read() as conn:
        return spaces.is_registered(conn, space_id)


def registration_of(body: RegistrationBody) -> calls.Registration:
    """A registration as the contract takes it. Raises BerthError naming the field."""
    title = body.title
    with within("title"):
        city = city_number(title.city)
    return calls.Registration(
        title=Title(
            city=city,
            index=title.index,
            salted_holder=bytes.fromhex(title.salted_holder[2:]),
            address_hash=bytes.fromhex(title.address_hash[2:]),
            cell=title.cell,
            attributes=title.attributes,
            valid_day=title.valid_day,
        ),
        proof=[bytes.fromhex(node[2:]) for node in body.proof],
        holder=holder_of(body.holder),
        lock=lock_of(body.lock),
        connectors=connector_mask(list(body.connectors)),
        power=body.power_w // 100,
    )


def holder_of(holder: HolderBody) -> calls.HolderProof:
    """A verifier's word as the contract takes it. Raises BerthError naming the field."""
    nonce = int(holder.nonce)
    if nonce >= 1 << 256:
        raise BerthError("field.range", "does not fit 256 bits", field="holder.nonce", status=422)
    return calls.HolderProof(
        holder.verifier, holder.valid_day, nonce, bytes.fromhex(holder.signature[2:])
    )


def lock_of(lock: LockBody) -> calls.LockProof:
    """A lock's proof as the contract takes it. Raises BerthError naming the field."""
    return calls.LockProof(
        parse_address(lock.key, "lock.key"),
        lock.maker,
        lock.valid_day,
        bytes.fromhex(lock.maker_signature[2:]),
        bytes.fromhex(lock.possession[2:]),
    )
