"""Everything a replay needs before the first stay: contracts, titles, spaces, offers, vehicles.

Titles, owners, locks and number plates are generated (the recorded stays name none), yet each is
proven to the contract as in life: an edition by the registry's authority, attestations signed by
verifier and maker, possession signed by each lock. Accounts are the local node's own.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from berth.chain.contracts import Contracts
from berth.cli.replay.schedule import MAX_KWH_CAP, Ask
from berth.cli.replay.waves import Call, Waves, call_of
from berth.core import geo, ids, merkle, messages, plate, tariff, title
from berth.core.deployment import Deployment
from berth.core.signing import address_of, new_private_key
from berth.core.slots import MAX_LEASE_SLOTS, utc_day
from berth.core.tariff import Terms
from berth.core.title import Kind, Title
from berth.market.calls import HolderProof, LockProof, Registration

CITY = "NOOSL"
_LAT, _LON = 59.9139, 10.7522
# Type 2, 7.4 kW: what a residential garage has.
_CONNECTORS, _POWER = 1, 74
_ATTRIBUTES = title.pack_attributes(Kind.GARAGE, True, 210, 250, 500)

VERIFIER, MAKER = 1, 2
FEE_BPS = 250
# Accounts of the node: deployer, registry authority, the one that brings records, then people.
_AUTHORITY, _BRINGER, _PEOPLE = 1, 2, 3

#: Of every offer but its fee: 1.00 an hour, 0.30 a kWh, at least a tenth of the booked time.
PRICES: dict[str, int] = {
    "price_per_slot": 250_000,
    "price_per_kwh": 300_000,
    "overstay_pct": 200,
    "reserve_minutes": 60,
    "minimum_pct": 10,
    "no_show_pct": 50,
    "cancel_pct": 25,
}


@dataclass(frozen=True)
class Space:
    """A registered space; `lock_key` is the private key of its lock."""

    id: int
    owner: str
    lock_key: bytes


@dataclass(frozen=True)
class Driver:
    """The account of a recorded user, its vehicle, and the tokens it starts with (minor units)."""

    account: str
    plate_commitment: bytes
    tokens: int


@dataclass(frozen=True)
class Attesters:
    """Private keys of the verifier and of the locks' maker."""

    verifier: bytes
    maker: bytes

    @classmethod
    def new(cls) -> Attesters:
        return cls(new_private_key(), new_private_key())


@dataclass(frozen=True)
class World:
    """All that the play needs. Offer 1 of every space has `terms`; `bringer` brings records."""

    deployment: Deployment
    contracts: Contracts
    terms: Terms
    spaces: list[Space]
    drivers: dict[str, Driver]
    bringer: str

    @property
    def owners(self) -> list[str]:
        return [space.owner for space in self.spaces]

    @property
    def people(self) -> list[str]:
        """Accounts that money may end up with: owners, then drivers."""
        return self.owners + [driver.account for driver in self.drivers.values()]


def accounts_needed(asks: Sequence[Ask], spaces: int) -> int:
    """How many accounts the node must have."""
    return _PEOPLE + spaces + len({ask.stay.user for ask in asks})


def deploy_config(attesters: Attesters, accounts: Sequence[str]) -> dict[str, Any]:
    """Configuration of the deploy script."""
    return {
        "feeBps": FEE_BPS,
        "attesters": {
            str(VERIFIER): {
                "account": address_of(attesters.verifier),
                "roles": ["holders", "vehicles"],
            },
            str(MAKER): {"account": address_of(attesters.maker), "roles": ["locks"]},
        },
        "authorities": {str(ids.city_number(CITY)): accounts[_AUTHORITY]},
    }


async def build_world(
    waves: Waves,
    deployment: Deployment,
    attesters: Attesters,
    accounts: Sequence[str],
    asks: Sequence[Ask],
    spaces: int,
    at: int,
) -> World:
    """Publishes, registers, offers, attests and funds, in blocks of time `at` (Unix seconds)."""
    builder = _Builder(deployment, attesters, max(ask.end_slot for ask in asks))
    titles = [builder.title(index) for index in range(spaces)]
    tree = merkle.build([title.leaf(one) for one in titles])
    places = [
        Space(ids.space_id(one.city, one.index), accounts[_PEOPLE + one.index], new_private_key())
        for one in titles
    ]
    drivers = _drivers(asks, accounts[_PEOPLE + spaces :], builder.terms)

    await waves.succeed(at, [builder.edition(titles, tree, accounts[_AUTHORITY])])
    await waves.succeed(
        at,
        [builder.registration(one, tree, space) for one, space in zip(titles, places, strict=True)],
    )
    await waves.succeed(at, [builder.offer(space) for space in places])
    await waves.succeed(at, [call for d in drivers.values() for call in builder.entry(d)])
    return World(deployment, builder.contracts, builder.terms, places, drivers, accounts[_BRINGER])


def _drivers(asks: Sequence[Ask], accounts: Sequence[str], terms: Terms) -> dict[str, Driver]:
    """One driver a recorded user, with tokens for all deposits of all its stays."""
    needed: dict[str, int] = defaultdict(int)
    for ask in asks:
        needed[ask.stay.user] += deposit_of(terms, ask)
    return {
        user: Driver(account, plate.commitment(plate.new_salt(), f"GEN {number:05d}"), tokens)
        for number, ((user, tokens), account) in enumerate(
            zip(needed.items(), accounts, strict=True)
        )
    }


def deposit_of(terms: Terms, ask: Ask) -> int:
    """What goes into escrow for a lease; 0 for one that no offer can grant."""
    if ask.slots > MAX_LEASE_SLOTS or ask.kwh_cap > MAX_KWH_CAP:
        return 0
    return tariff.deposit(terms, ask.slots, ask.kwh_cap)


class _Builder:
    """Makes the transactions of the setup; everything it attests outlives the last stay."""

    def __init__(self, deployment: Deployment, attesters: Attesters, last_slot: int) -> None:
        self.contracts = Contracts.of(deployment)
        self.terms = Terms(**PRICES, fee_bps=deployment.fee_bps)
        self._domain = deployment.domain
        self._attesters = attesters
        self._until_slot = last_slot + 1
        self._valid_day = utc_day(last_slot * 900) + 30
        self._city = ids.city_number(CITY)
        self._salt = plate.new_salt()

    def title(self, index: int) -> Title:
        return Title(
            city=self._city,
            index=index,
            salted_holder=title.salted_holder(self._salt, f"generated:{CITY}:{index:06d}"),
            address_hash=title.address_hash(self._salt, f"generated garage, space {index + 1}"),
            cell=geo.encode_cell(_LAT, _LON),
            attributes=_ATTRIBUTES,
            valid_day=self._valid_day,
        )

    def edition(self, titles: Sequence[Title], tree: merkle.Tree, authority: str) -> Call:
        content = hashlib.sha256(b"".join(title.encode(one) for one in titles)).digest()
        return call_of(
            self.contracts.titles,
            "publishEdition",
            *(self._city, 1, tree.root, content, len(titles), []),
            sender=authority,
            gas=300_000,
        )

    def registration(self, one: Title, tree: merkle.Tree, space: Space) -> Call:
        lock = address_of(space.lock_key)
        attested = messages.holder_attestation(
            self._domain, space.owner, one.salted_holder, self._valid_day, one.index
        )
        made = messages.lock_attestation(self._domain, lock, self._valid_day)
        possessed = messages.lock_possession(self._domain, lock, space.id, space.owner)
        registration = Registration(
            title=one,
            proof=tree.proof(title.leaf(one)),
            holder=HolderProof(
                VERIFIER,
                self._valid_day,
                one.index,
                messages.sign(attested, self._attesters.verifier),
            ),
            lock=LockProof(
                lock,
                MAKER,
                self._valid_day,
                messages.sign(made, self._attesters.maker),
                messages.sign(possessed, space.lock_key),
            ),
            connectors=_CONNECTORS,
            power=_POWER,
        )
        return call_of(
            self.contracts.market,
            "registerSpace",
            registration.struct(),
            sender=space.owner,
            gas=500_000,
        )

    def offer(self, space: Space) -> Call:
        return call_of(
            self.contracts.market,
            "publishOffer",
            space.id,
            self.terms.struct(),
            sender=space.owner,
            gas=250_000,
        )

    def entry(self, driver: Driver) -> list[Call]:
        """What a driver does once: tokens, the market's allowance, the vehicle."""
        size = 2
        attested = messages.vehicle_attestation(
            self._domain, driver.account, driver.plate_commitment, size, self._until_slot
        )
        vehicle = {
            "plateCommitment": driver.plate_commitment,
            "size": size,
            "untilSlot": self._until_slot,
            "verifier": VERIFIER,
            "signature": messages.sign(attested, self._attesters.verifier),
        }
        asset, market = self.contracts.asset, self.contracts.market
        me = driver.account
        return [
            call_of(asset, "mint", me, driver.tokens, sender=me, gas=120_000),
            call_of(asset, "approve", market.address, driver.tokens, sender=me, gas=100_000),
            call_of(market, "registerVehicle", vehicle, sender=me, gas=200_000),
        ]
