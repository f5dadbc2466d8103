"""For trying out, on local chains only: play money, papers, a simulated car, time."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool

from berth.core.addresses import checksum
from berth.core.errors import BerthError
from berth.core.zones import rfc3339
from berth.market import leases, locks, vehicles
from berth.market.attest import SIZES, holder_json, lock_json, vehicle_json
from berth.web.context import LeaseParam, ServicesDep, SessionDep
from berth.web.routes.titles import proof_out
from berth.web.schemas.common import CurrencyOut, amount
from berth.web.schemas.local import (
    CarBody,
    CarOut,
    FundsBody,
    FundsOut,
    LocalLockOut,
    LocalVehicleBody,
    LocalVehicleOut,
    PapersBody,
    PapersOut,
    Size,
    TravelBody,
    TravelOut,
    VehicleProofOut,
)
from berth.web.schemas.spaces import RegistrationBody
from berth.web.services import Services
from berth.web.visitors import Bay, VisitorsDesk

router = APIRouter(prefix="/v1/local", tags=["local"])


def desk_of(services: ServicesDep) -> VisitorsDesk:
    """The desk; 404 where the chain is not this installation's own."""
    if services.visitors is None:
        raise BerthError("local.none", "this is for local chains only", status=404)
    return services.visitors


Desk = Annotated[VisitorsDesk, Depends(desk_of)]


@router.post("/funds")
async def funds(
    desk: Desk, session: SessionDep, services: ServicesDep, body: FundsBody | None = None
) -> FundsOut:
    """Play money for the account: gas, credit in the market, tokens. What it still has enough of
    stays as it is, so asking again does no harm; bounded a day."""
    purse = await desk.fund(session.address)
    return FundsOut(
        gas=str(purse.gas),
        credit=amount(purse.credit),
        tokens=amount(purse.tokens),
        currency=CurrencyOut.of(services.deployment.currency),
    )


@router.post("/vehicle")
def vehicle(body: LocalVehicleBody, desk: Desk, session: SessionDep) -> LocalVehicleOut:
    """The local verifier's word for a vehicle of the account's, whatever its plate: for a lease
    with a vehicle, or to be registered. Nothing is kept of it here."""
    made = desk.vehicle(session.address, body.plate, SIZES[body.size])
    names = {number: name for name, number in SIZES.items()}
    return LocalVehicleOut(
        proof=VehicleProofOut.model_validate(vehicle_json(made)["proof"]),
        plate=made.plate,
        salt="0x" + made.salt.hex(),
        size=cast("Size", names[made.size]),
    )


@router.post("/papers")
def papers(body: PapersBody, desk: Desk, session: SessionDep) -> PapersOut:
    """Papers of a space for the account to register: a title of a generated holder for whom it
    stands from now on, the verifier's word, and a simulated lock of its own, enrolled and running.
    The same papers again until the space is registered; bounded an account and in all."""
    found = desk.papers(session.address, None if body.near is None else body.near.place)
    proof = proof_out(found.taken.title)
    lock = {**lock_json(found.lock), "possession": "0x" + found.possession.hex()}
    registration = RegistrationBody.model_validate(
        {
            "title": proof.title.model_dump(by_alias=True),
            "proof": proof.proof,
            "holder": holder_json(found.taken.holder),
            "lock": lock,
            "connectors": body.connectors,
            "powerW": body.power_w,
        }
    )
    return PapersOut(
        registration=registration, proof=proof, lock=LocalLockOut(id=checksum(found.lock.key))
    )


@router.post("/leases/{leaseId}/car")
async def car(
    body: CarBody, desk: Desk, session: SessionDep, services: ServicesDep, lease_id: LeaseParam
) -> CarOut:
    """What the simulated lock of a leased space has before it; for the lease's driver. A car that
    arrives stands before the camera first, and drives over the bar once that is down."""
    bay = await run_in_threadpool(_bay, services, lease_id, session.address, body.event)
    await desk.car(session.address, body.event, bay)
    return CarOut(event=body.event, lock=LocalLockOut(id=checksum(bay.lock_id)))


@router.post("/time")
async def travel(body: TravelBody, desk: Desk, session: SessionDep) -> TravelOut:
    """Moves the chain's clock ahead, for everybody on it: at most a day at once, bounded a day."""
    return TravelOut(now=rfc3339(await desk.travel(session.address, body.seconds)))


def _bay(services: Services, lease_id: str, account: str, event: str) -> Bay:
    with services.store.read() as conn:
        lease = leases.lease_for_party(conn, lease_id, account)
        if lease.driver != account:
            raise leases.unknown_lease()
        times = leases.times_of(lease, leases.terms_for(conn, lease))
        lock = locks.lock_of(conn, lease.space_id)
        plate = vehicles.plate_of(conn, services.sealer, account, lease.plate_commitment)
    if event == "arrives" and plate is None:
        raise BerthError(
            "vehicle.plate_unknown",
            "hand over the plate of the lease's vehicle first",
            field="plateCommitment",
            status=409,
        )
    if not lock.online:
        raise BerthError(
            "local.lock_offline", "the lock is not there: try again", field="leaseId", status=409
        )
    if event != "leaves" and not (lease.is_open and services.clock.now() >= times.early):
        raise BerthError(
            "local.not_now",
            "a car comes from a quarter of an hour before the lease's start, while it is open",
            field="event",
            status=409,
        )
    return Bay(
        lease_id=lease_id,
        lock_id=lock.lock_id,
        plate=plate or "",
        open=lease.is_open,
        occupied=bool(lock.occupied),
        unlocked=lock.position == "UNLOCKED",
    )
