"""Cities' titles: the anchored edition, and a holder's own proof."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from fastapi import APIRouter, Path

from berth.core.errors import BerthError
from berth.core.ids import city_code, city_number, space_hex, space_id
from berth.core.zones import rfc3339
from berth.market.editions import anchored_edition, stands_for
from berth.web.context import ServicesDep, SessionDep
from berth.web.schemas.common import Point
from berth.web.schemas.spaces import EditionOut, ProofBody, ProofOut, TitleOut

router = APIRouter(prefix="/v1/titles", tags=["titles"])


@router.get("/{city}")
def edition(
    services: ServicesDep,
    city: Annotated[str, Path(description="UN/LOCODE", examples=["AUMEL"], max_length=6)],
) -> EditionOut:
    """The newest edition of a city's parking titles that is anchored on the chain."""
    with services.store.read() as conn:
        found = anchored_edition(conn, city_number(city))
    return EditionOut(
        city=city_code(found.city),
        number=found.city,
        name=found.name,
        edition=found.edition,
        count=found.count,
        revoked=found.revoked,
        root=found.root,
        content_hash=found.content_hash,
        attribution=found.attribution,
        holders=cast("Literal['generated', 'real', 'mixed'] | None", found.holders),
        published_at=rfc3339(found.published_at),
        block=found.block_number,
        transaction=found.tx_hash,
    )


@router.post("/proof")
def proof(body: ProofBody, services: ServicesDep, session: SessionDep) -> ProofOut:
    """The proof of a title of the account's own, with everything that opens its hashes."""
    city = city_number(body.city)
    holder = services.titles.entry(city, body.index).holder
    with services.store.read() as conn:
        own = stands_for(conn, city, holder, session.address)
    if not own:
        # the same for a title of somebody else and for one that nobody stands for
        raise BerthError("title.not_holder", "is not a title of yours", field="index", status=403)
    found = services.titles.proof_of(city, body.index)
    title, entry = found.title, found.entry
    return ProofOut(
        space_id=space_hex(space_id(city, body.index)),
        edition=found.edition.edition,
        root=found.edition.root,
        title=TitleOut(
            city=city_code(title.city),
            index=title.index,
            salted_holder="0x" + title.salted_holder.hex(),
            address_hash="0x" + title.address_hash.hex(),
            cell=title.cell,
            attributes=title.attributes,
            valid_day=title.valid_day,
        ),
        proof=["0x" + node.hex() for node in found.proof],
        holder=entry.holder,
        holder_generated=bool(entry.holder_generated),
        address=entry.address,
        address_salt="0x" + found.address_salt.hex(),
        point=Point.of(entry.lat, entry.lon),
    )
