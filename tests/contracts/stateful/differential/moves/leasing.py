"""Drivers: vehicles, leases, changes, cancelling; and owners who take time back."""

from berth.core import tariff
from berth.core.model import (
    VERIFIES_VEHICLES,
    ExtendRequest,
    LeaseRequest,
    Permit,
    VehicleProof,
)
from berth.core.offer import hours_allow, within_days
from berth.core.states import LeaseState

from differential.cast import UNAPPROVED, address, by_address, plates
from differential.moves.spaces import publish_offer, register_space
from differential.steps import Step
from differential.teller import Teller

NEVER = (1 << 256) - 1
BOOKED, PARKED = LeaseState.BOOKED, LeaseState.PARKED


def register_vehicle(t: Teller, driver: str | None = None) -> Step | None:
    driver = driver or t.person()
    proof = _vehicle(t, driver)
    return proof and Step(t.soon(), driver, "register_vehicle", (proof,))


def lease(t: Teller) -> Step | None:
    driver, at = _payer(t), t.soon()
    request = _request(t, driver, at, known=True)
    if isinstance(request, LeaseRequest):
        return Step(at, driver, "lease", (request,))
    return request


def lease_with_vehicle(t: Teller) -> Step | None:
    driver, at = _payer(t), t.soon()
    request, proof = _request(t, driver, at, known=False), _vehicle(t, driver)
    if not isinstance(request, LeaseRequest) or proof is None:
        return request if isinstance(request, Step) else None
    return Step(at, driver, "lease_with_vehicle", (_for(request, proof), proof))


def lease_with_permit(t: Teller) -> Step | None:
    driver = address(t.lot.choice(UNAPPROVED)) if t.lot.random() < 0.7 else t.person()
    at, brought = t.soon(), t.lot.random() < 0.5
    request = _request(t, driver, at, known=not brought)
    if not isinstance(request, LeaseRequest):
        return request
    proof = (
        _vehicle(t, driver) if brought else VehicleProof(request.plate_commitment, signature=False)
    )
    if proof is None:
        return None
    request = _for(request, proof) if brought else request
    permit = permit_of(t, driver, at)
    return Step(at, driver, "lease_with_permit", (request, proof, permit))


def permit_of(t: Teller, owner: str, at: int) -> Permit:
    """A new one, or one that was spent before."""
    used = [permit for account, permit in t.permits if account == owner]
    if used and t.lot.random() < 0.15:
        return t.lot.choice(used)
    permit = Permit(
        amount=t.lot.choice((10**11, 10**11, NEVER, 5)),
        deadline=t.lot.choice((at, at + 1000, NEVER, at + 1000, at - 1)),
        signed_by=owner,
        nonce=t.model.token.nonces.get(owner, 0),
    )
    t.permits.append((owner, permit))
    return permit


def extend(t: Teller) -> Step | None:
    lease_id = t.pick(_running(t))
    if lease_id is None:
        return lease(t)
    word, terms = t.lease(lease_id), t.model.terms_of(lease_id)
    start = lease_id >> 16 & 0xFFFFFFFF
    room = min(terms.max_slots, 672) - word.slots
    slots = t.lot.randint(0, min(3, room)) if room > 0 else 0
    kwh = t.lot.choice((0, 1, 5)) if slots else 1
    kwh = min(kwh, 255 - word.kwh_cap)
    cost = tariff.deposit(terms, word.slots + slots, word.kwh_cap + kwh)
    plate = _plate(t, word.driver, start + word.slots + slots)
    if plate is None:
        return register_vehicle(t, word.driver)
    at = t.within(t.now + 1, 900 * (start + word.slots))
    request = ExtendRequest(lease_id, slots, kwh, plate, t.lot.choice((cost, NEVER)))
    return Step(at, word.driver, "extend", (request,))


def change_vehicle(t: Teller) -> Step | None:
    lease_id = t.pick(_running(t))
    if lease_id is None:
        return lease(t)
    word = t.lease(lease_id)
    end = (lease_id >> 16 & 0xFFFFFFFF) + word.slots
    plate = _plate(t, word.driver, end)
    if plate is None:
        return register_vehicle(t, word.driver)
    return Step(t.within(t.now + 1, 900 * end), word.driver, "change_vehicle", (lease_id, plate))


def cancel(t: Teller) -> Step | None:
    waiting = [each for each in t.leases(BOOKED, disputed=False) if _start(each) > t.now + 1]
    lease_id = t.pick(waiting)
    if lease_id is None:
        return lease(t)
    at = _around_free_limit(t, lease_id)
    return Step(at, t.lease(lease_id).driver, "cancel", (lease_id,))


def owner_cancel(t: Teller) -> Step | None:
    booked = [
        each for each in t.leases(BOOKED, disputed=False) if t.model.times_of(each).t1 > t.now + 1
    ]
    lease_id = t.pick(booked)
    if lease_id is None:
        return lease(t)
    times, word = t.model.times_of(lease_id), t.lease(lease_id)
    payee = t.model.payee_of(lease_id >> 48, word.offer)
    terms = t.model.terms_of(lease_id)
    credit, most = t.model.credit_of(payee), tariff.no_show_charge(terms, word.slots)
    if credit < most < 10**11 and t.lot.random() < 0.8:
        return Step(t.soon(), t.person(), "deposit_for", (payee, most - credit))
    if times.start > t.now + 1 and t.lot.random() < 0.6:
        at = _around_free_limit(t, lease_id)
    else:
        at = t.within(times.start, times.t1)
    return Step(at, payee, "owner_cancel", (lease_id,))


def block_slots(t: Teller) -> Step | None:
    if not t.model.spaces:
        return None
    space_id, at = t.lot.choice(list(t.model.spaces)), t.soon()
    slots = t.lot.choice((1, 2, 5, 60, 672))
    start = _free_start(t, space_id, at // 900, slots, 700)
    return Step(at, t.steward(space_id), "block_slots", (space_id, start, slots))


def unblock(t: Teller) -> Step | None:
    blocks = [
        each
        for each in t.leases(LeaseState.BLOCKED)
        if 900 * ((each >> 16 & 0xFFFFFFFF) + t.lease(each).slots) > t.now + 1
    ]
    if not blocks:
        return block_slots(t)
    lease_id = t.lot.choice(blocks)
    end = 900 * ((lease_id >> 16 & 0xFFFFFFFF) + t.lease(lease_id).slots)
    return Step(t.within(t.now + 1, end), t.steward(lease_id >> 48), "unblock", (lease_id,))


def _start(lease_id: int) -> int:
    return 900 * (lease_id >> 16 & 0xFFFFFFFF)


def _running(t: Teller) -> list[int]:
    """Leases that their driver may change."""
    return [
        each
        for each in t.leases(BOOKED, PARKED, disputed=False)
        if t.model.times_of(each).end > t.now + 1
    ]


def _around_free_limit(t: Teller, lease_id: int) -> int:
    start, hours = _start(lease_id), t.model.terms_of(lease_id).free_cancel_hours
    limit = start - 3600 * hours
    if t.now < limit - 1 and t.lot.random() < 0.6:
        return limit + t.lot.choice((-1, 0, 1))
    return t.within(t.now + 1, start)


def _payer(t: Teller) -> str:
    """Somebody whose tokens the market may take."""
    driver = t.person()
    return address("dan") if by_address()[driver].name in UNAPPROVED else driver


def _request(t: Teller, driver: str, at: int, known: bool) -> LeaseRequest | Step | None:
    """A stay that an offer allows; or the step without which there is none."""
    spaces = [
        each
        for each in t.listed()
        if t.model.spaces[each].first_live <= t.model.spaces[each].last_offer
    ]
    if not spaces:
        return publish_offer(t) or register_space(t)
    space_id = t.lot.choice(spaces)
    space = t.model.spaces[space_id]
    number = t.lot.randint(space.first_live, space.last_offer)
    terms = t.model.offers[space_id, number]
    if terms.last_day < t.day:
        return publish_offer(t)
    longest = min(terms.max_slots, terms.min_slots + t.lot.choice((0, 2, 6, 6, 6, 40, 671)))
    slots = t.lot.randint(terms.min_slots, longest)
    start = at // 900
    for _ in range(8):
        start = _free_start(t, space_id, at // 900, slots, t.lot.choice((3, 20, 100, 100, 400)))
        if hours_allow(terms, start, slots) and within_days(terms, start, slots):
            break
    kwh = t.lot.choice((0, 0, 1, 7, 40, 255))
    cost = tariff.deposit(terms, slots, kwh)
    plate = _plate(t, driver, start + slots)
    if plate is None and known:
        return register_vehicle(t, driver)
    most = t.lot.choice((cost, cost, NEVER)) if t.lot.random() < 0.98 else cost - 1
    return LeaseRequest(space_id, start, slots, number, kwh, plate or bytes(32), most)


def _free_start(t: Teller, space_id: int, current: int, slots: int, ahead: int) -> int:
    """A start where the stay fits, mostly."""
    taken = t.model.calendar.get(space_id, frozenset())
    start = current
    for _ in range(12):
        start = current + t.lot.randint(0, ahead)
        if taken.isdisjoint(range(start, start + slots)):
            break
    return start


def _plate(t: Teller, driver: str, end_slot: int) -> bytes | None:
    """A vehicle of the driver that is attested until then."""
    good = []
    for plate in plates(driver):
        vehicle = t.model.vehicle_of(plate)
        revoked = vehicle.verifier in t.model.revoked_attesters and t.lot.random() < 0.9
        if vehicle.driver == driver and vehicle.until_slot >= end_slot and not revoked:
            good.append(plate)
    return t.lot.choice(good) if good else None


def _vehicle(t: Teller, driver: str) -> VehicleProof | None:
    verifier = t.attester(VERIFIES_VEHICLES)
    known = plates(driver)
    if verifier is None or not known:
        return None
    return VehicleProof(
        plate_commitment=t.lot.choice(known),
        size=t.lot.randint(1, 4),
        until_slot=t.now // 900 + 96 * t.lot.choice((2000, 2000, 900, 900, 30, 3)),
        verifier=verifier,
        signed_by=t.model.attesters[verifier].account,
    )


def _for(request: LeaseRequest, proof: VehicleProof) -> LeaseRequest:
    return LeaseRequest(**{**vars(request), "plate_commitment": proof.plate_commitment})


LEASING = {
    "register_vehicle": register_vehicle,
    "lease": lease,
    "lease_with_vehicle": lease_with_vehicle,
    "lease_with_permit": lease_with_permit,
    "extend": extend,
    "change_vehicle": change_vehicle,
    "cancel": cancel,
    "owner_cancel": owner_cancel,
    "block_slots": block_slots,
    "unblock": unblock,
}
