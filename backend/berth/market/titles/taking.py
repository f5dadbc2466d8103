"""Standing for a generated holder: how a person comes by a title on a local chain.

The real records name no owners, so holders are generated. On a chain of play money anybody may be
one of them; nowhere else. A wallet may stand for several holders, a holder for one wallet.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select
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
            "generated titles can be taken on a local chain only, this is {chain}",
            field="chainId",
            status=403,
            chain=deployment.chain_id,
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


def titles_in_hand(library: TitleLibrary, wallet: str) -> list[tuple[int, int]]:
    """(city, index) of the titles that a wallet has taken and not registered yet, in order."""
    found = []
    for row in library.cities():
        edition = library.edition(row.city)
        query = (
            select(titles.c.index)
            .join(
                title_takings,
                (title_takings.c.city == titles.c.city)
                & (title_takings.c.holder == titles.c.holder),
            )
            .where(
                titles.c.city == edition.city,
                titles.c.edition == edition.edition,
                titles.c.sharing == 1,
                title_takings.c.wallet == parse_address(wallet, "wallet"),
            )
            .order_by(titles.c.index)
        )
        with library.store.read() as conn:
            taken = registered_in(conn, edition.city)
            found += [
                (edition.city, index)
                for index in conn.execute(query).scalars()
                if index not in taken
            ]
    return found


def holders_of(store: Store, wallet: str) -> int:
    """For how many holders a wallet stands."""
    query = select(func.count()).where(title_takings.c.wallet == parse_address(wallet, "wallet"))
    with store.read() as conn:
        return int(conn.execute(query.select_from(title_takings)).scalar_one())


def cities_by_distance(library: TitleLibrary, near: tuple[float, float] | None) -> list[int]:
    """The cities that have titles: by the distance of one of them, or in their order."""
    found = []
    for row in library.cities():
        edition = library.edition(row.city)
        some = (
            select(titles.c.lat, titles.c.lon)
            .where(titles.c.city == edition.city, titles.c.edition == edition.edition)
            .limit(1)
        )
        with library.store.read() as conn:
            place = conn.execute(some).first()
        if place is not None:
            far = 0.0 if near is None else distance_m(*near, place.lat, place.lon)
            found.append((far, edition.city_code, edition.city))
    return [city for _, _, city in sorted(found)]


def registered_in(conn: Connection, city: int) -> set[int]:
    """Indices of a city's titles that are spaces, or were."""
    first, last = space_hex(space_id(city, 0)), space_hex(space_id(city, MAX_INDEX))
    return {
        split_space(int(text, 16))[1]
        for text in conn.execute(
            select(spaces.c.space_id).where(spaces.c.space_id.between(first, last))
        ).scalars()
    }


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
    with store.read() as conn:
        registered = registered_in(conn, row.city)
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
            "title {title} of {city} is not free: registered, held by somebody, or not for sharing",
            field="index",
            status=409,
            title=index,
            city=row.city_code,
        )
    raise BerthError(
        "titles.none_free",
        "{city} has no generated title that is free",
        field="city",
        status=409,
        city=row.city_code,
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
