"""Before anything happens: contracts, titles, spaces with locks and offers, drivers with money."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from berth.chain.abi import load_abi
from berth.core.deployment import Deployment
from berth.core.hashing import keccak
from berth.core.ids import city_number
from berth.core.model import (
    MAKES_LOCKS,
    VERIFIES_HOLDERS,
    VERIFIES_VEHICLES,
    HolderProof,
    LockProof,
    Registration,
    VehicleProof,
)
from berth.core.signing import address_of
from berth.core.tariff import FLAG_PLATE, Terms
from berth.core.title import Title, pack_attributes
from berth.devices.certificates import DayKey, certify
from berth.devices.jws import public_bytes
from berth.devices.simulator.home import LockHome
from berth.devices.tickets import Pins
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.sim.chain import Chain, Transaction
from tests.sim.contract import TITLES, encode_log, first_market
from tests.sim.locks import Device
from tests.sim.people import Driver, Place, Vehicle

if TYPE_CHECKING:
    from tests.sim.world import World

#: Unix second at which a run begins: the first of a slot.
EPOCH = 1_796_040_000 // 900 * 900
BLOCK_SECONDS = 12
#: Blocks before that, more than a reorg can take.
BLOCKS_BEFORE = 75
CITY = city_number("AUMEL")
GROUP = "street"
VALID_DAY = EPOCH // 86400 + 400
SPACES, DRIVERS = 3, 4
CONTRACTS = ("titles", "market", "forwarder", "timelock", "asset")
ATTESTERS = (
    ("verifier", VERIFIES_HOLDERS),
    ("maker", MAKES_LOCKS),
    ("garage", VERIFIES_VEHICLES),
)
HOLDERS, MAKER, GARAGE = 1, 2, 3


def key_of(name: str) -> bytes:
    return keccak(f"sim key of {name}".encode())


def account_of(name: str) -> str:
    """The address of somebody who signs nothing here."""
    return "0x" + keccak(f"sim {name}".encode())[:20].hex()


def found(world: World) -> None:
    """Fills `deployment`, `chain`, `day_key`, `places`, `devices` and `drivers`."""
    _deploy(world)
    _enrol(world)
    world.drivers = [
        Driver(
            f"driver{n}",
            key_of(f"driver {n}"),
            [Vehicle(f"AB{n}{v}CD", keccak(f"salt {n} {v}".encode())) for v in range(2)],
        )
        for n in range(DRIVERS)
    ]
    world.loop.now = -BLOCKS_BEFORE * BLOCK_SECONDS
    world.chain.line[0].timestamp = int(world.now()) - BLOCK_SECONDS
    _block(world)
    titles = {place.space: _title(place) for place in world.places}
    _govern(world, titles)
    for place in world.places:
        _register(world, place, titles[place.space])
    _block(world)
    for place in world.places:
        _offer(world, place)
    for driver in world.drivers:
        _admit(world, driver)
    while world.loop.now < -BLOCK_SECONDS:
        _block(world)
    world.loop.now = 0.0
    assert len(world.chain.market.offers) == SPACES, world.chain.market.offers


def _deploy(world: World) -> None:
    deployment = Deployment(
        chain_id=100,
        genesis_hash="0x" + "00" * 32,
        block=2,
        asset_symbol="tEUR",
        asset_decimals=6,
        fee_bps=250,
        attesters={HOLDERS: account_of("verifier")},
        **{name: account_of(name) for name in CONTRACTS},
    )
    world.chain = Chain(
        first_market(deployment, account_of("admin"), account_of("arbiter")),
        deployment.market,
        random.Random(f"chain {world.seed}"),
        lambda: int(world.now() + world.chain_skew),
        world.say,
    )
    world.deployment = replace(deployment, genesis_hash=world.chain.tip.hash)


def _enrol(world: World) -> None:
    """Locks in their homes, with the roots that they pin."""
    root = Ed25519PrivateKey.from_private_bytes(key_of("root"))
    day = Ed25519PrivateKey.from_private_bytes(key_of("day"))
    until = EPOCH + 10**7
    certificate = certify(root, public_bytes(day), GROUP, EPOCH - 10**6, until)
    world.day_key = DayKey(day, certificate, GROUP, until)
    for index in range(SPACES):
        key, owner = key_of(f"lock {index}"), account_of(f"owner {index}")
        folder = world.folder / f"lock-{index}"
        folder.mkdir()
        chain_id, market = world.deployment.chain_id, world.deployment.market
        pins = Pins(address_of(key), chain_id, market, GROUP, (public_bytes(root),))
        space = CITY << 32 | index
        home = LockHome(folder, pins, space, owner, key, "")
        device = Device(home, world.faults, world.say, world.now, world.moves)
        world.devices[device.lock_id] = device
        world.places.append(Place(space, owner, device))


def _govern(world: World, titles: dict[int, Title]) -> None:
    """The block of the deployment: attesters, the first edition, the token."""
    market, market_address = world.chain.market, world.deployment.market
    admin = account_of("admin")
    for number, (name, roles) in enumerate(ATTESTERS, 1):
        _send(
            world,
            admin,
            lambda m, n=number, a=name, r=roles: m.set_attester(admin, n, account_of(a), r),
        )
    market.registry.publish(CITY, titles.values())
    for account in (*(d.address for d in world.drivers), *(p.owner for p in world.places)):
        market.token.mint(account, 10**12)
        market.token.approve(account, market_address, 2**256 - 1)
    edition = {
        "city": CITY,
        "edition": 1,
        "root": b"\1" * 32,
        "contentHash": b"\2" * 32,
        "count": len(titles),
    }
    fee = load_abi("ParkingMarket").events["FeeSet"]
    world.loop.now += BLOCK_SECONDS
    world.chain.mine(
        extra_logs=[
            encode_log(market_address, fee, {"feeBps": 250}),
            encode_log(world.deployment.titles, TITLES.events["EditionPublished"], edition),
        ]
    )


def _register(world: World, place: Place, title: Title) -> None:
    lock_id = place.device.lock_id
    given = Registration(
        title=title,
        holder=HolderProof(HOLDERS, VALID_DAY, 1, account_of("verifier")),
        lock=LockProof(lock_id, MAKER, VALID_DAY, account_of("maker"), lock_id),
    )
    _send(world, place.owner, lambda m: m.register_space(place.owner, given))


def _offer(world: World, place: Place) -> None:
    """Prices whose leases need three, six or twelve confirmations. A third of the offers ask for
    the plate, which a lock reads at that depth; the others for what may be there before."""
    terms = Terms(
        price_per_slot=world.rng.choice((700_001, 5_000_003, 30_000_001)),
        reserve_minutes=15,
        no_show_pct=80,
        cancel_pct=50,
        free_cancel_hours=1,
        minimum_pct=20,
        flags=world.rng.choice((7, 3, 1, 6, 6, 2, 2, 4, 0)),
    )
    place.asks_for_plate = bool(terms.flags & FLAG_PLATE)
    _send(world, place.owner, lambda m: m.publish_offer(place.owner, place.space, terms))
    if world.rng.random() < 0.7:
        _send(world, place.owner, lambda m: m.set_auto_payout(place.owner, True))


def _admit(world: World, driver: Driver) -> None:
    """Verified vehicles, and credit for some."""
    for vehicle in driver.vehicles:
        proof = VehicleProof(vehicle.commitment, 2, VALID_DAY * 96, GARAGE, account_of("garage"))
        _send(world, driver.address, lambda m, v=proof: m.register_vehicle(driver.address, v))
    credit = world.rng.choice((0, 1, 9_000_000))
    if credit:
        _send(world, driver.address, lambda m: m.deposit(driver.address, credit))
    if world.rng.random() < 0.3:
        _send(world, driver.address, lambda m: m.set_auto_payout(driver.address, True))


def _title(place: Place) -> Title:
    index = place.space & 0xFFFFFFFF
    return Title(
        city=CITY,
        index=index,
        salted_holder=keccak(f"holder {index}".encode()),
        address_hash=keccak(f"address {index}".encode()),
        cell=0x12345,
        attributes=pack_attributes(1, True, 0, 250, 550),
        valid_day=VALID_DAY,
    )


def _send(world: World, sender: str, deed: Callable[[Any], Any]) -> None:
    number = len(world.chain.known)
    tx_hash = "0x" + keccak(f"first {number}".encode()).hex()
    world.chain.send(Transaction(tx_hash, sender, deed, "first"))


def _block(world: World) -> None:
    world.loop.now += BLOCK_SECONDS
    world.chain.mine()
