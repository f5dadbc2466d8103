"""Spaces and what becomes of them, offers, vehicles."""

from __future__ import annotations

from berth.chain import events
from berth.core.addresses import ZERO
from berth.core.ids import space_hex
from berth.core.slots import utc_day
from berth.core.tariff import decode_words
from berth.core.title import unpack_attributes
from berth.indexer.projection import Place, Projection
from berth.store import derived
from berth.store.bulk import Row


def space_registered(p: Projection, e: events.SpaceRegistered, at: Place) -> None:
    """A first registration, a renewal, or the end of a change of owner: see `space_taken_over`."""
    space = space_hex(e.space_id)
    attributes = unpack_attributes(e.attributes)
    known = p.rows.get(derived.spaces, space) or _NEW
    p.rows.put(
        derived.spaces,
        {
            **known,
            "space_id": space,
            "owner": e.owner,
            "lock_key": e.lock_key,
            "cell": e.cell,
            "address_hash": e.address_hash,
            "attributes": f"0x{e.attributes:016x}",
            "kind": attributes.kind,
            "sharing": int(attributes.sharing),
            "height_cm": attributes.height_cm,
            "width_cm": attributes.width_cm,
            "length_cm": attributes.length_cm,
            "connectors": e.connectors,
            "power": e.power,
            "maker": e.maker,
            "valid_day": e.valid_day,
            "delisted_day": 0,
            "released": 0,
            "registered_at": at.timestamp,
            "block_number": at.block_number,
            "tx_hash": at.tx_hash,
        },
    )
    payload = {"spaceId": space, "owner": e.owner, "cell": e.cell, "txHash": at.tx_hash}
    p.tell("space.registered", at, None, payload, space_id=space)


def space_taken_over(p: Projection, e: events.SpaceTakenOver, at: Place) -> None:
    """Another owner: none of the former one's offers is live, but leases under them still pay him.
    `SpaceRegistered` follows in the same transaction."""
    row = _space(p, e.space_id)
    row.update(owner=e.to, since=e.since, first_live=e.since)
    payload = {
        "spaceId": row["space_id"],
        "from": e.from_,
        "to": e.to,
        "since": e.since,
        "txHash": at.tx_hash,
    }
    p.tell("space.taken_over", at, None, payload, space_id=row["space_id"])


def space_delisted(p: Projection, e: events.SpaceDelisted, at: Place) -> None:
    row = _space(p, e.space_id)
    row.update(first_live=row["last_offer"] + 1, valid_day=0, delisted_day=utc_day(at.timestamp))
    payload = {"spaceId": row["space_id"], "by": e.by, "txHash": at.tx_hash}
    p.tell("space.delisted", at, None, payload, space_id=row["space_id"])


def space_released(p: Projection, e: events.SpaceReleased, at: Place) -> None:
    # Of the registry, whichever market it was: another one can only hold what ours let go of.
    row = p.rows.edit(derived.spaces, space_hex(e.space_id))
    if row is None:
        return
    row["released"] = 1
    payload = {"spaceId": row["space_id"], "txHash": at.tx_hash}
    p.tell("space.released", at, None, payload, space_id=row["space_id"])


def lock_rotated(p: Projection, e: events.LockRotated, at: Place) -> None:
    row = _space(p, e.space_id)
    row.update(
        lock_key=e.current,
        maker=e.maker,
        valid_day=e.valid_day,
        previous_key=e.previous,
        rotated_at=at.timestamp,
    )
    payload = {
        "spaceId": row["space_id"],
        "previous": e.previous,
        "current": e.current,
        "txHash": at.tx_hash,
    }
    p.tell("space.lock", at, None, payload, space_id=row["space_id"])


def manager_set(p: Projection, e: events.ManagerSet, at: Place) -> None:
    row = _space(p, e.space_id)
    former, row["manager"] = row["manager"], None if e.manager == ZERO else e.manager
    parties = (row["owner"], *(one for one in (former, row["manager"]) if one))
    payload = {"spaceId": row["space_id"], "manager": row["manager"], "txHash": at.tx_hash}
    p.tell("space.manager", at, parties, payload, space_id=row["space_id"])


def offers_withdrawn(p: Projection, e: events.OffersWithdrawn, at: Place) -> None:
    row = _space(p, e.space_id)
    row["first_live"] = e.first_live
    payload = {"spaceId": row["space_id"], "firstLive": e.first_live, "txHash": at.tx_hash}
    p.tell("offer.withdrawn", at, None, payload, space_id=row["space_id"])


def offer_published(p: Projection, e: events.OfferPublished, at: Place) -> None:
    row = _space(p, e.space_id)
    row["last_offer"] = e.number
    space = row["space_id"]
    values = dict(vars(decode_words(e.word_a, e.word_b)))
    values["price_per_slot"] = str(values["price_per_slot"])
    values["price_per_kwh"] = str(values["price_per_kwh"])
    values["hours_of_week"] = f"0x{values['hours_of_week']:042x}"
    p.rows.add(
        derived.offers,
        {
            "space_id": space,
            "number": e.number,
            "owner": e.owner,
            "cell": e.cell,
            "word_a": f"0x{e.word_a:064x}",
            "word_b": f"0x{e.word_b:064x}",
            **values,
            "published_at": at.timestamp,
            "block_number": at.block_number,
            "tx_hash": at.tx_hash,
        },
    )
    payload = {
        "spaceId": space,
        "owner": e.owner,
        "cell": e.cell,
        "offer": e.number,
        "pricePerSlot": values["price_per_slot"],
        "txHash": at.tx_hash,
    }
    p.tell("offer.published", at, None, payload, space_id=space)


def vehicle_registered(p: Projection, e: events.VehicleRegistered, at: Place) -> None:
    p.rows.put(
        derived.vehicles,
        {
            "plate_commitment": e.plate_commitment,
            "driver": e.driver,
            "until_slot": e.until_slot,
            "verifier": e.verifier,
            "size": e.size,
            "block_number": at.block_number,
            "tx_hash": at.tx_hash,
        },
    )
    payload = {"plateCommitment": e.plate_commitment, "txHash": at.tx_hash}
    p.tell("vehicle.registered", at, (e.driver,), payload)


#: What a space that was never registered has.
_NEW: Row = {
    "first_live": 1,
    "last_offer": 0,
    "since": 1,
    "manager": None,
    "previous_key": None,
    "rotated_at": None,
}


def _space(p: Projection, number: int) -> Row:
    return p.changing(derived.spaces, space_hex(number))
