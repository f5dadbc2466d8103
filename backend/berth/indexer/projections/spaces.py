"""Spaces, offers and vehicles."""

from __future__ import annotations

from dataclasses import asdict

from berth.chain import events
from berth.core.ids import space_hex
from berth.core.tariff import decode_words
from berth.core.title import unpack_attributes
from berth.indexer.projection import Place, Projection
from berth.store import derived


def space_registered(p: Projection, e: events.SpaceRegistered, at: Place) -> None:
    space = space_hex(e.space_id)
    attributes = unpack_attributes(e.attributes)
    p.rows.put(
        derived.spaces,
        {
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
            "registered_at": at.timestamp,
            "block_number": at.block_number,
            "tx_hash": at.tx_hash,
        },
    )
    payload = {"spaceId": space, "owner": e.owner, "cell": e.cell, "txHash": at.tx_hash}
    p.tell("space.registered", at, None, payload, space_id=space)


def offer_published(p: Projection, e: events.OfferPublished, at: Place) -> None:
    space = space_hex(e.space_id)
    values = asdict(decode_words(e.word_a, e.word_b))
    values["price_per_slot"] = str(values["price_per_slot"])
    values["price_per_kwh"] = str(values["price_per_kwh"])
    values["hours_of_week"] = f"0x{values['hours_of_week']:042x}"
    p.rows.put(
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
