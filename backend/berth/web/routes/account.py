"""The signed-in account: what it holds, its spaces, leases and vehicles."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from berth.core.addresses import ZERO, checksum
from berth.core.errors import BerthError
from berth.core.slots import slot_start
from berth.core.words import VehicleWord
from berth.core.zones import rfc3339
from berth.market import accounts, calls, leases, locks, records, spaces, statement, vehicles
from berth.market.index_state import final_block
from berth.market.vocabulary import SIZES
from berth.web import cursors, views
from berth.web.context import Language, ServicesDep, SessionDep
from berth.web.problems import within
from berth.web.routes.leases import lock_out
from berth.web.schemas.account import (
    MeOut,
    StatementOut,
    VehicleBody,
    VehicleOut,
    VehiclesOut,
)
from berth.web.schemas.common import CurrencyOut, Window, amount
from berth.web.schemas.leases import LeasesOut
from berth.web.schemas.owned import KeptTimeOut, KeptTimesOut, MySpaceOut, MySpacesOut
from berth.web.services import Services

router = APIRouter(prefix="/v1/me", tags=["account"])

#: Of a number that columns hold.
MOST_DIGITS = 18
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(description="`next` of the page before")]


@router.get("")
def me(services: ServicesDep, session: SessionDep) -> MeOut:
    """What the account holds in the market."""
    with services.store.read() as conn:
        held = accounts.holdings(conn, session.address)
    return MeOut(
        address=checksum(session.address),
        session_expires_at=rfc3339(session.expires_at),
        currency=CurrencyOut.of(services.deployment.currency),
        credit=amount(held.credit),
        auto_payout=held.auto_payout,
        spaces=held.spaces,
        open_leases_as_driver=held.open_leases_as_driver,
        open_leases_as_owner=held.open_leases_as_owner,
    )


@router.get("/spaces")
def my_spaces(
    services: ServicesDep, session: SessionDep, limit: Limit = 50, cursor: Cursor = None
) -> MySpacesOut:
    """The account's registered spaces with their exact places, and what their locks last said."""
    after = cursors.decode(cursor, (str,))
    with services.store.read() as conn:
        found = spaces.spaces_of(conn, session.address, str(after[0]) if after else "", limit + 1)
        items = []
        for space in found[:limit]:
            record = records.record_of(conn, services.sealer, space.space_id)
            private = None if record is None else views.private_out(space.space_id, record)
            lock = lock_out(locks.lock_of(conn, space.space_id))
            items.append(
                MySpaceOut.model_validate(
                    {**views.space_fields(space), "private": private, "lock_state": lock}
                )
            )
    more = cursors.encode([items[-1].id]) if len(found) > limit else None
    return MySpacesOut(items=items, next=more)


@router.get("/kept")
def my_kept_times(
    services: ServicesDep, session: SessionDep, limit: Limit = 50, cursor: Cursor = None
) -> KeptTimesOut:
    """Times that are kept out of sharing, from now on, of spaces that the account owns or manages:
    whoever of the two keeps them, either may give them back."""
    place = cursors.decode(cursor, (int, str))
    after = (int(place[0]), str(place[1])) if place else None
    with services.store.read() as conn:
        found = spaces.kept_times(conn, session.address, services.clock.now(), after, limit + 1)
    items = [
        KeptTimeOut(
            id=one.id,
            space_id=one.space_id,
            window=Window.of(slot_start(one.start_slot), slot_start(one.end_slot)),
            given_back=one.given_back,
        )
        for one in found[:limit]
    ]
    last = found[limit - 1] if len(found) > limit else None
    more = None if last is None else cursors.encode([last.start_slot, last.id])
    return KeptTimesOut(items=items, next=more)


@router.get("/leases")
def my_leases(
    services: ServicesDep,
    session: SessionDep,
    language: Language,
    role: Annotated[Literal["driver", "owner", "any"], Query()] = "any",
    open_only: Annotated[bool, Query(alias="open", description="open leases only")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> LeasesOut:
    """The account's leases, as driver and as owner, latest start first."""
    place = cursors.decode(cursor, (int, str))
    with services.store.read() as conn:
        found = leases.leases_of(
            conn,
            session.address,
            role=role,
            open_only=open_only,
            before=(int(place[0]), str(place[1])) if place else None,
            limit=limit + 1,
        )
        costs = leases.costs_of(conn, [lease.lease_id for lease in found[:limit]])
        items = [
            views.lease_out(
                lease,
                leases.terms_for(conn, lease),
                session.address,
                language,
                costs.get(lease.lease_id),
            )
            for lease in found[:limit]
        ]
    last = found[limit - 1] if len(found) > limit else None
    return LeasesOut(
        currency=CurrencyOut.of(services.deployment.currency),
        items=items,
        next=None if last is None else cursors.encode([last.start_slot, last.lease_id]),
    )


@router.get("/statement")
def my_statement(
    services: ServicesDep, session: SessionDep, limit: Limit = 50, cursor: Cursor = None
) -> StatementOut:
    """What moved on the account and why, newest first, each with its lease and transaction; sums by
    kind, and what is in escrow, on the first page. By the index."""
    after = _place(cursors.decode(cursor, (int, int, str)))
    with services.store.read() as conn:
        found = statement.entries(conn, session.address, after=after, limit=limit + 1)
        sums = None
        if after is None:
            sums = statement.totals(conn, session.address, services.clock.now())
        final = final_block(conn)
    last = found[limit - 1] if len(found) > limit else None
    return StatementOut(
        currency=CurrencyOut.of(services.deployment.currency),
        totals=None if sums is None else views.totals_out(sums),
        items=[views.entry_out(one, final) for one in found[:limit]],
        next=None if last is None else cursors.encode(list(last.place)),
    )


def _place(values: list[str | int | float] | None) -> statement.Cursor | None:
    if values is None:
        return None
    block, source, key = int(values[0]), int(values[1]), str(values[2])
    if source == 0 and not (key.isascii() and key.isdigit() and len(key) <= MOST_DIGITS):
        raise BerthError(
            "cursor.invalid", "is not a cursor of this list", field="cursor", status=422
        )
    return block, source, key


@router.get("/vehicles")
def my_vehicles(services: ServicesDep, session: SessionDep) -> VehiclesOut:
    """The account's attested vehicles."""
    with services.store.read() as conn:
        found = vehicles.vehicles_of(conn, services.sealer, session.address)
    return VehiclesOut(items=[_vehicle(one.plate_commitment, one.plate, one.word) for one in found])


@router.post("/vehicles", status_code=201)
async def keep_vehicle(body: VehicleBody, services: ServicesDep, session: SessionDep) -> VehicleOut:
    """Hands over the plate behind a commitment that the chain holds for this account, or that a
    verifier has signed for it (`proof`): then it counts once the chain has it.

    The plate is sealed at rest and goes to the locks of the account's leases only. Doing it again
    changes nothing.
    """
    commitment = body.plate_commitment.lower()
    salt = bytes.fromhex(body.salt[2:])
    plate = vehicles.open_commitment(commitment, body.plate, salt)
    word = await run_in_threadpool(_attested, services, commitment)
    if word is None:
        # perhaps registered a moment ago: the index may be a block behind
        raw = bytes.fromhex(commitment[2:])
        word = await calls.vehicle(services.contracts, services.rpc, raw)
    if word.driver == ZERO and body.proof is not None:
        word = await run_in_threadpool(_signed, services, session.address, body)
    if word.driver != session.address:
        raise BerthError(
            "vehicle.not_attested",
            "the chain does not hold this vehicle for your account",
            field="plateCommitment",
            status=409,
        )
    await run_in_threadpool(_keep, services, session.address, commitment, plate, salt)
    services.relay.wake()
    return _vehicle(commitment, plate, word)


def _signed(services: Services, driver: str, body: VehicleBody) -> VehicleWord:
    """The vehicle as its verifier has signed it, for this driver."""
    assert body.proof is not None  # noqa: S101  # the caller has looked
    vehicle = views.signed_vehicle(body.proof)
    if vehicle.plate_commitment != body.plate_commitment.lower():
        raise BerthError(
            "vehicle.commitment",
            "is of another vehicle",
            field="proof.plateCommitment",
            status=422,
        )
    with services.store.read() as conn, within("proof"):
        vehicles.check_signed(conn, services.deployment, vehicle, driver)
        if slot_start(vehicle.until_slot) <= services.clock.now():
            raise BerthError("vehicle.lapsed", "is over", field="untilSlot", status=422)
        if vehicles.keeper_of(conn, vehicle.plate_commitment) not in (None, driver):
            raise BerthError(
                "vehicle.taken",
                "the plate of this commitment is another account's",
                field="plateCommitment",
                status=409,
            )
    return vehicle.word(driver)


def _attested(services: Services, commitment: str) -> VehicleWord | None:
    with services.store.read() as conn:
        return vehicles.attested(conn, commitment)


def _keep(services: Services, driver: str, commitment: str, plate: str, salt: bytes) -> None:
    with services.store.write() as conn:
        vehicles.keep_plate(
            conn, services.sealer, driver, commitment, plate, salt, services.wall.now()
        )


def _vehicle(commitment: str, plate: str | None, word: VehicleWord) -> VehicleOut:
    return VehicleOut(
        plate_commitment=commitment,
        plate=plate,
        size=SIZES.get(word.size, "unknown"),
        covered_until=rfc3339(slot_start(word.until_slot)),
        verifier=word.verifier,
    )
