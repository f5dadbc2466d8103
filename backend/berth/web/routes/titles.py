"""Cities' titles: the anchored edition, and a holder's own proof."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from fastapi import APIRouter, Path
from fastapi.concurrency import run_in_threadpool

from berth.core.errors import BerthError
from berth.core.ids import city_code, city_number, space_hex, space_id
from berth.core.zones import rfc3339
from berth.market.editions import anchored_edition, stands_for
from berth.market.holding import check_holder
from berth.market.titles.library import TitleProof
from berth.web.context import ServicesDep, SessionDep
from berth.web.routes.spaces import holder_of
from berth.web.schemas.common import Point
from berth.web.schemas.spaces import EditionOut, ProofBody, ProofOut, TitleOut
from berth.web.services import Services

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
async def proof(body: ProofBody, services: ServicesDep, session: SessionDep) -> ProofOut:
    """The proof of a title of the account's own, with everything that opens its hashes.

    Whose it is, a verifier's word in `holder` says, which the market itself judges; without one
    only who has taken a generated title on a local chain is its holder.
    """
    city = city_number(body.city)
    if body.holder is None:
        await run_in_threadpool(_check_taken, services, city, body.index, session.address)
        return proof_out(await run_in_threadpool(services.titles.proof_of, city, body.index))
    found = await run_in_threadpool(services.titles.proof_of, city, body.index)
    await check_holder(
        services.contracts, services.rpc, session.address, found.title, holder_of(body.holder)
    )
    return proof_out(found)


def _check_taken(services: Services, city: int, index: int, account: str) -> None:
    holder = services.titles.entry(city, index).holder
    with services.store.read() as conn:
        own = stands_for(conn, city, holder, account)
    if not own:
        # the same for a title of somebody else and for one that nobody stands for
        raise BerthError("title.not_holder", "is not a title of yours", field="index", status=403)


def proof_out(found: TitleProof) -> ProofOut:
    """A title with its proof and what opens its hashes: for its holder alone."""
    title, entry = found.title, found.entry
    return ProofOut(
        space_id=space_hex(space_id(title.city, title.index)),
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
