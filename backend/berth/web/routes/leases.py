"""A lease for its parties: live state, the way, presence, unlocking, the receipt."""

from __future__ import annotations

from typing import Literal, cast

from fastapi import APIRouter
from sqlalchemy import Connection

from berth.core.access import Decision
from berth.core.addresses import checksum
from berth.core.errors import BerthError
from berth.core.navigation import MAX_LABEL, Place, geo_uri, links
from berth.core.states import Outcome
from berth.core.tariff import Bill, Terms, bill_minutes, lapsed_bill, no_show_charge
from berth.core.zones import rfc3339
from berth.market import leases, locks, presence, records, verbs
from berth.market.index_state import final_block
from berth.market.leases import Lease, Settlement
from berth.market.vocabulary import OUTCOME_WORDS, outcome_name
from berth.web import views
from berth.web.context import Language, LeaseParam, ServicesDep, SessionDep
from berth.web.problemwords import said
from berth.web.schemas.common import CurrencyOut, Point, Window, amount, moment
from berth.web.schemas.leases import (
    ConfirmationOut,
    FenceOut,
    GrantOut,
    LeaseDetailOut,
    LockOut,
    MapLinkOut,
    NavigationOut,
    PlateReadingOut,
    PresenceBody,
    PresenceOut,
    ReceiptOut,
    UnlockBody,
    UnlockOut,
)
from berth.web.services import Services

router = APIRouter(prefix="/v1/leases", tags=["leases"])

#: Radius of the geofence around the entrance, metres: the error of a phone between houses.
FENCE_METRES = 60


@router.get("/{leaseId}")
def lease_detail(
    services: ServicesDep, session: SessionDep, language: Language, lease_id: LeaseParam
) -> LeaseDetailOut:
    """Everything about a lease of the account's, as it stands now."""
    account, now = session.address, services.clock.now()
    with services.store.read() as conn:
        lease = leases.lease_for_party(conn, lease_id, account)
        terms = leases.terms_for(conn, lease)
        depth = leases.depth_of(conn, lease, services.relay.required(lease.deposit))
        lock = locks.lock_of(conn, lease.space_id)
        grant = locks.grant_of(conn, lease)
        reading = locks.last_reading(conn, lease)
        driving = account == lease.driver and lease.is_open
        decision = services.relay.preview(conn, lease_id, account) if driving else None
        told = locks.is_told(conn, lease, account, lock, now)
        costs = leases.costs_of(conn, [lease_id])
    confirmation = None
    if driving:
        message = presence.confirmation_message(
            services.deployment.domain, lease_id, lock.cycle, now
        )
        confirmation = ConfirmationOut(cycle=lock.cycle, at=now, typed_data=message.typed_data)
    if not told:
        # of the lock no more than its id, and for who may sign for it the cycle that is signed
        lock = locks.LockState(lock.lock_id, cycle=lock.cycle if driving else 0)
        decision = None if decision is None else locks.without_senses(decision)
    fields = views.lease_fields(lease, terms, account, language, costs.get(lease_id))
    charge = verbs.cancelling_costs(lease, terms, account, now)
    return LeaseDetailOut.model_validate(
        {
            **fields,
            "now": rfc3339(now),
            "times": views.times_out(leases.times_of(lease, terms)),
            "verbs": verbs.verbs_of(lease, terms, account, now),
            "cancel_charge": None if charge is None else amount(charge),
            "no_show_charge": amount(no_show_charge(terms, lease.slots)),
            "currency": CurrencyOut.of(services.deployment.currency),
            "depth": views.depth_out(depth),
            "lock": lock_out(lock),
            "lowered": lock.lowered_for == lease.lease_id,
            "grant": None if grant is None else _grant(grant),
            "plate_reading": None
            if reading is None
            else PlateReadingOut(
                match=reading.match, confidence=reading.confidence, at=rfc3339(reading.at)
            ),
            "unlock": None if decision is None else views.decision_out(decision, language),
            "confirmation": confirmation,
        }
    )


@router.get("/{leaseId}/navigation")
def navigation(services: ServicesDep, session: SessionDep, lease_id: LeaseParam) -> NavigationOut:
    """The exact place and the ways to it, for the driver of a confirmed, open lease only."""
    with services.store.read() as conn:
        lease = _lessee(conn, services, lease_id, session.address)
        record = records.record_of(conn, services.sealer, lease.space_id)
    if record is None:
        raise BerthError(
            "navigation.absent",
            "neither the owner nor the registry has given this service the exact place",
            field="leaseId",
            status=409,
        )
    lat, lon = record.destination
    place = Place(lat, lon, _label(record.address))
    return NavigationOut(
        lease_id=lease_id,
        space_id=lease.space_id,
        window=Window.of(lease.start, lease.end),
        address=record.address,
        point=Point.of(record.lat, record.lon),
        entrance=None if record.entrance is None else Point.of(*record.entrance),
        level=record.level,
        instructions=record.instructions,
        access=views.access_out(record),
        fence=FenceOut(point=Point.of(lat, lon), radius_m=FENCE_METRES),
        geo_uri=geo_uri(place),
        links=[
            MapLinkOut(
                app=link.app,
                name=link.name,
                url=link.url,
                system=cast("Literal['WGS-84', 'GCJ-02']", link.system),
            )
            for link in links(place)
        ],
        source=cast("Literal['owner', 'title']", record.source),
    )


@router.post("/{leaseId}/presence")
def tell_presence(
    body: PresenceBody,
    services: ServicesDep,
    session: SessionDep,
    language: Language,
    lease_id: LeaseParam,
) -> PresenceOut:
    """The driver's terminal is at the entrance. The position itself stays on the terminal.

    Switches the camera on when nothing stands against it. Telling it twice does no harm.
    """
    with services.store.write() as conn:
        lease = _driver(conn, lease_id, session.address)
        presence.record_presence(conn, lease, body.event, services.clock.now())
        decision = _decision(conn, services, lease)
    services.relay.wake()
    return PresenceOut(
        lease_id=lease_id, event=body.event, decision=views.decision_out(decision, language)
    )


@router.post("/{leaseId}/unlock")
def unlock(
    body: UnlockBody,
    services: ServicesDep,
    session: SessionDep,
    language: Language,
    lease_id: LeaseParam,
) -> UnlockOut:
    """The driver's confirmation: a fresh signature over lease, lock cycle and moment (EIP-712).

    It is kept, and the bar goes down as soon as nothing else stands against it; the answer says
    what does. The same signature again changes nothing.
    """
    signature = bytes.fromhex(body.signature[2:])
    with services.store.write() as conn:
        lease = _driver(conn, lease_id, session.address)
        if not lease.is_open:
            raise BerthError("lease.over", "the lease is over", field="leaseId", status=409)
        presence.check_confirmation(
            services.deployment.domain,
            lease,
            body.cycle,
            body.at,
            signature,
            current=locks.lock_of(conn, lease.space_id).cycle,
            now=services.clock.now(),
        )
        presence.record_confirmation(conn, lease_id, body.cycle, body.at, signature)
        decision = _decision(conn, services, lease)
    services.relay.wake()
    return UnlockOut(
        lease_id=lease_id, cycle=body.cycle, decision=views.decision_out(decision, language)
    )


@router.get("/{leaseId}/receipt")
def receipt(
    services: ServicesDep, session: SessionDep, language: Language, lease_id: LeaseParam
) -> ReceiptOut:
    """The settlement of a lease, for its parties."""
    with services.store.read() as conn:
        lease = leases.lease_for_party(conn, lease_id, session.address)
        record = leases.settlement_of(conn, lease_id)
        terms = leases.terms_for(conn, lease)
        final = final_block(conn)
    if record is None:
        raise BerthError("lease.open", "the lease is not settled yet", status=409)
    bill = evidence_bill(lease, record, terms)
    outcome = outcome_name(record.outcome)
    return ReceiptOut.model_validate(
        {
            "lease_id": lease_id,
            "space_id": lease.space_id,
            "number": record.number,
            "outcome": outcome,
            "outcome_sentence": said(OUTCOME_WORDS[outcome], language),
            "window": Window.of(lease.start, lease.end),
            "driver": checksum(record.driver),
            "owner": checksum(record.owner),
            "currency": CurrencyOut.of(services.deployment.currency),
            "deposit": amount(record.deposit),
            "rent": amount(record.rent),
            "overstay": amount(record.overstay),
            "energy": amount(record.energy),
            "cost": amount(record.cost),
            "fee": amount(record.fee),
            "owner_share": amount(record.owner_share),
            "refund": amount(record.refund),
            "compensation": None if lease.compensation is None else amount(lease.compensation),
            "billed_minutes": None if bill is None else bill.billed_minutes,
            "overstay_minutes": None if bill is None else bill.over_minutes,
            "arrived_minute": record.arrived - 1 if record.arrived else None,
            "left_minute": None if bill is None else record.until_minute,
            "energy_wh": record.energy_wh,
            "closed_at": rfc3339(record.closed_at),
            "record_hash": record.record_hash,
            "head": record.head,
            "block": record.block_number,
            "final": record.block_number <= final,
            "transaction": record.tx_hash,
        }
    )


def evidence_bill(lease: Lease, record: Settlement, terms: Terms) -> Bill | None:
    """The bill by the minutes of the lock's record; None where another rule ended the lease."""
    by_the_minute = (Outcome.DEPARTED, Outcome.ACCEPTED, Outcome.MATURED, Outcome.LAPSED)
    if record.outcome not in by_the_minute:
        return None
    rule = lapsed_bill if record.outcome == Outcome.LAPSED else bill_minutes
    return rule(
        terms,
        lease.slots,
        lease.kwh_cap,
        arrived_minute=record.arrived - 1,
        until_minute=record.until_minute,
        energy_used=record.energy_wh // 100,
    )


def _driver(conn: Connection, lease_id: str, account: str) -> Lease:
    lease = leases.lease_for_party(conn, lease_id, account)
    if lease.driver != account:
        raise BerthError(
            "lease.not_lessee", "only the driver may do this", field="leaseId", status=403
        )
    return lease


def _decision(conn: Connection, services: Services, lease: Lease) -> Decision:
    """What stands against the driver's unlocking, as far as the driver is told."""
    decision = services.relay.preview(conn, lease.lease_id, lease.driver)
    lock = locks.lock_of(conn, lease.space_id)
    told = locks.is_told(conn, lease, lease.driver, lock, services.clock.now())
    return decision if told else locks.without_senses(decision)


def _lessee(conn: Connection, services: Services, lease_id: str, account: str) -> Lease:
    lease = leases.lease_for_party(conn, lease_id, account)
    required = services.relay.required(lease.deposit)
    return leases.confirmed_lessee(conn, lease_id, account, required, services.clock.now())


def lock_out(lock: locks.LockState) -> LockOut:
    """What a lock last said, as it is told."""
    return LockOut.model_validate(
        {
            "id": checksum(lock.lock_id),
            "online": lock.online,
            "position": lock.position,
            "occupied": lock.occupied,
            "fault": lock.fault,
            "camera": lock.camera,
            "cycle": lock.cycle,
            "seen_at": moment(lock.seen_at),
        }
    )


def _grant(grant: locks.Grant) -> GrantOut:
    return GrantOut.model_validate(
        {
            "state": grant.state,
            "window": Window.of(grant.window_start, grant.window_end),
            "cycle": grant.cycle,
        }
    )


def _label(address: str) -> str:
    """What a map app shows at the destination: one line of printable characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in address).split())
    return line[:MAX_LABEL] or "Berth"
