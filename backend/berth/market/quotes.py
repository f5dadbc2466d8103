"""What a stay will cost at most, whether it can be leased, and the transactions that lease it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from berth.core.ids import lease_hex, lease_id, parse_lease, parse_space
from berth.core.tariff import Preview, Terms, objections, price_preview
from berth.market.offers import offer_terms
from berth.market.spaces import space_of, taken
from berth.market.stays import Stay
from berth.market.vehicles import SignedVehicle
from berth.store.derived import attesters, blockings, leases, market_state, vehicles

_LAST_EPOCH = (1 << 16) - 1

#: Objections in words, by code.
OBJECTIONS: dict[str, tuple[str, str]] = {
    "offer.too_short": ("The offer wants a longer stay.", "时长低于该报价的最短时长。"),
    "offer.too_long": ("The offer wants a shorter stay.", "时长超过该报价的最长时长。"),
    "offer.hours": ("The space is not shared at these hours.", "该时段不在共享时间内。"),
    "offer.days": ("The space is not shared on these days.", "该日期不在共享日期内。"),
    "offer.withdrawn": ("The owner has withdrawn this offer.", "该报价已被撤回。"),
    "space.delisted": ("The space is no longer shared.", "该车位已停止共享。"),
    "space.taken": (
        "The space is leased or blocked for part of this time.",
        "该时段已被租用或锁定。",
    ),
    "space.lapses": (
        "The space's title or lock attestation ends before the stay does.",
        "该车位的产权或地锁证明将在租期结束前到期。",
    ),
    "vehicle.unknown": (
        "The vehicle is not attested for this account.",
        "该车辆未通过此账户的核验。",
    ),
    "vehicle.lapses": (
        "The vehicle's attestation ends before the stay does.",
        "车辆核验将在租期结束前到期。",
    ),
    "vehicle.verifier_revoked": (
        "The vehicle's verifier is no longer trusted: have it attested again.",
        "车辆核验机构已被取消资格，请重新核验。",
    ),
    "market.paused": ("Leasing is paused for now.", "租用功能暂停中。"),
    "money.short": (
        "Your credit and tokens do not cover the maximum cost.",
        "您的余额不足以支付最高费用。",
    ),
}


@dataclass(frozen=True, slots=True)
class Quote:
    """A stay under one offer. Amounts in minor units; `objections` are the codes of what the
    contract would refuse, by the index, empty when it can be leased. `vehicle` is what has to be
    registered with the lease; `lease_id` is the lease's, if nobody else comes first."""

    space_id: str
    offer: int
    stay: Stay
    kwh_cap: int
    terms: Terms
    preview: Preview
    objections: tuple[str, ...]
    vehicle: SignedVehicle | None
    lease_id: str | None

    @property
    def expected(self) -> int:
        """Rent of the booked time and the energy asked for."""
        return self.preview.rent + self.preview.energy_reserve


def quote_for(
    conn: Connection,
    *,
    space_id: str,
    offer: int,
    stay: Stay,
    kwh_cap: int,
    plate_commitment: str | None,
    driver: str,
    now: int,
    vehicle: SignedVehicle | None = None,
) -> Quote:
    """The quote by the index. `vehicle` has been checked. Raises BerthError space.unknown,
    offer.unknown (404)."""
    space = space_of(conn, space_id)
    terms = offer_terms(conn, space_id, offer)
    found = list(objections(terms, stay.start_slot, stay.slots))
    if space.delisted_day:
        found.append("space.delisted")
    elif offer < space.first_live:
        found.append("offer.withdrawn")
    if taken(conn, space_id, stay.start_slot, stay.end_slot):
        found.append("space.taken")
    if stay.end_day > space.valid_day and not space.delisted_day:
        found.append("space.lapses")
    if plate_commitment is not None:
        against = _vehicle_objections(conn, plate_commitment, driver, stay)
        if vehicle is not None and against:
            against = _proof_objections(conn, vehicle, driver, stay)
        else:
            vehicle = None  # what the chain has will do
        found.extend(against)
    paused_until = conn.execute(select(market_state.c.paused_until)).scalar_one_or_none()
    if paused_until is not None and now < paused_until:
        found.append("market.paused")
    return Quote(
        space_id=space_id,
        offer=offer,
        stay=stay,
        kwh_cap=kwh_cap,
        terms=terms,
        preview=price_preview(terms, stay.slots, kwh_cap),
        objections=tuple(found),
        vehicle=vehicle,
        lease_id=_next_lease(conn, space_id, stay.start_slot),
    )


def _next_lease(conn: Connection, space_id: str, start_slot: int) -> str | None:
    """Leases of a space with one start are numbered, blocks among them; None after the last."""
    taken_epoch = conn.execute(
        select(func.max(leases.c.epoch)).where(
            leases.c.space_id == space_id, leases.c.start_slot == start_slot
        )
    ).scalar_one()
    blocked = conn.execute(
        select(blockings.c.lease_id).where(
            blockings.c.space_id == space_id, blockings.c.start_slot == start_slot
        )
    ).scalars()
    epochs = [parse_lease(one) & _LAST_EPOCH for one in blocked]
    epoch = max(taken_epoch or 0, *epochs, 0) + 1
    if epoch > _LAST_EPOCH:
        return None
    return lease_hex(lease_id(parse_space(space_id), start_slot, epoch))


def _proof_objections(
    conn: Connection, vehicle: SignedVehicle, driver: str, stay: Stay
) -> list[str]:
    """Against a vehicle that would be registered with the lease: a commitment names one driver for
    good."""
    known = conn.execute(
        select(vehicles.c.driver).where(vehicles.c.plate_commitment == vehicle.plate_commitment)
    ).scalar_one_or_none()
    if known is not None and known != driver:
        return ["vehicle.unknown"]
    return ["vehicle.lapses"] if vehicle.until_slot < stay.end_slot else []


def _vehicle_objections(
    conn: Connection, plate_commitment: str, driver: str, stay: Stay
) -> list[str]:
    row = conn.execute(
        select(vehicles.c.driver, vehicles.c.until_slot, attesters.c.revoked)
        .outerjoin(attesters, attesters.c.id == vehicles.c.verifier)
        .where(vehicles.c.plate_commitment == plate_commitment)
    ).first()
    if row is None or row.driver != driver:
        return ["vehicle.unknown"]
    found = []
    if row.until_slot < stay.end_slot:
        found.append("vehicle.lapses")
    if row.revoked:
        found.append("vehicle.verifier_revoked")
    return found
