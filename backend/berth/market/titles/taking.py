"""Standing for a generated holder: how a person comes by a title on a local chain.

The real records name no owners, so holders are generated. On a chain of play money anybody may be
one of them; nowhere else. A wallet may stand for several holders, a holder for one wallet.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from berth.core.addresses import parse_address
from berth.core.clock import Clock
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.geo import distance_m
from berth.core.ids import space_hex, space_id, split_space
from berth.core.title import NO_END_DAY
from berth.market.attest import attest_owner
from berth.market.calls import HolderProof
from berth.market.titles.edition import MAX_INDEX
from berth.market.titles.library import TitleLibrary, TitleProof
from berth.market.titles.storage import EditionRow
from berth.store.derived import spaces
from berth.store.engine import Store
from berth.store.kept import title_takings, titles

#: Chains whose money is play money: Ganache's and anvil's usual ids.
LOCAL_CHAINS = frozenset({1337, 31337})
#: How long a taken title's attestation is good.
ATTESTED_DAYS = 365

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Taken:
    """A title with all that its new holder needs for a registration, except the lock."""

    wallet: str
    title: TitleProof
    holder: HolderProof


def take_generated_title(
    library: TitleLibrary,
    deployment: Deployment,
    verifier_key: bytes,
    wallet: str,
    city: int,
    clock: Clock,
    *,
    index: int | None = None,
    near: tuple[float, float] | None = None,
) -> Taken:
    """Binds a wallet to a generated holder and attests it with the verifier's key.

    Takes title `index`, or the free one nearest to `near` (latitude, longitude), or the first free
    one. Free: sharing allowed, not registered, its holder stood for by nobody, or by this wallet.
    Raises BerthError `titles.local_only`, `titles.taken`, `titles.none_free`, `titles.absent`.
    """
    if deployment.chain_id not in LOCAL_CHAINS:
        raise BerthError(
            "titles.local_only",
            f"generated titles can be taken on a local chain only, this is {deployment.chain_id}",
            field="chainId",
            status=403,
        )
    wallet = parse_address(wallet, "wallet")
    row = library.edition(city)
    if index is not None:
        library.proof_of(city, index, row.edition)
    while True:
        chosen = _choose(library.store, row, wallet, index, near)
        found = library.proof_of(city, chosen, row.edition)
        if _bind(library.store, city, found.entry.holder, wallet, clock.now()):
            break
    valid_day = min(NO_END_DAY, clock.now() // _DAY + ATTESTED_DAYS)
    holder = attest_owner(
        deployment, verifier_key, wallet, found.title.salted_holder, valid_day=valid_day
    )
    return Taken(wallet, found, holder)


def _choose(
    store: Store,
    row: EditionRow,
    wallet: str,
    index: int | None,
    near: tuple[float, float] | None,
) -> int:
    """The index of a title that the wallet may take."""
    others = select(title_takings.c.holder).where(
        title_takings.c.city == row.city, title_takings.c.wallet != wallet
    )
    conditions = [
        titles.c.city == row.city,
        titles.c.edition == row.edition,
        titles.c.holder_generated == 1,
        titles.c.holder.not_in(others),
        titles.c.sharing == 1,
    ]
    if index is not None:
        conditions.append(titles.c.index == index)
    query = select(titles.c.index, titles.c.lat, titles.c.lon).where(*conditions)
    first, last = space_hex(space_id(row.city, 0)), space_hex(space_id(row.city, MAX_INDEX))
    with store.read() as conn:
        registered = {
            split_space(int(text, 16))[1]
            for text in conn.execute(
                select(spaces.c.space_id).where(spaces.c.space_id.between(first, last))
            ).scalars()
        }
        found = conn.execute(query.order_by(titles.c.index).execution_options(yield_per=1_000))
        free = ((number, lat, lon) for number, lat, lon in found if number not in registered)
        if near is None:
            chosen = next(free, None)
        else:
            here = near
            chosen = min(free, key=lambda one: distance_m(*here, one[1], one[2]), default=None)
    if chosen is not None:
        return int(chosen[0])
    if index is not None:
        raise BerthError(
            "titles.taken",
            f"title {index} of {row.city_code} is not free: registered, held by somebody, or not"
            " for sharing",
            field="index",
            status=409,
        )
    raise BerthError(
        "titles.none_free",
        f"{row.city_code} has no generated title that is free",
        field="city",
        status=409,
    )


def _bind(store: Store, city: int, holder: str, wallet: str, now: int) -> bool:
    """False when somebody else was quicker."""
    mine = select(title_takings.c.wallet).where(
        title_takings.c.city == city, title_takings.c.holder == holder
    )
    try:
        with store.write() as conn:
            owner = conn.execute(mine).scalar_one_or_none()
            if owner is not None:
                return bool(owner == wallet)
            conn.execute(
                insert(title_takings).values(city=city, holder=holder, wallet=wallet, taken_at=now)
            )
    except IntegrityError:
        return False
    return True
