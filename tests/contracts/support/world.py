"""The deployed contracts and the people around them; verbs of the story in one line each."""

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from berth.core import messages
from berth.core.ids import city_number, space_id
from berth.core.tariff import Terms
from berth.core.title import Title
from brownie import accounts, web3

from support import clock
from support.forms import BAY, TERMS, Edition, Registration, Request, Seen, terms_form
from support.keys import Key, key

ROOT = Path(__file__).resolve().parents[3]

CITY = city_number("AUMEL")
OTHER_CITY = city_number("TWTPE")
TODAY = clock.MONDAY // clock.DAY
VALID_DAY = TODAY + 365

FEE_BPS = 250
DELAY = 172_800
VERIFIER, VEHICLES, MAKER = 1, 2, 3  # attester ids
START = clock.slot(clock.MONDAY + 10 * clock.HOUR)
ENOUGH = 10**15


def holder_of(index: int) -> bytes:
    return bytes([index + 1]) * 32


def title(index: int, city: int = CITY, **changes) -> Title:
    """A title without fault, but for the changes."""
    values = {
        "city": city,
        "index": index,
        "salted_holder": holder_of(index),
        "address_hash": bytes([0x80 + index]) * 32,
        "cell": 0x2A1B3C4D & ((1 << 30) - 1),
        "attributes": BAY,
        "valid_day": VALID_DAY,
    }
    return Title(**{**values, **changes})


def deployer_script():
    """scripts/deploy.py as a module: the tests deploy exactly as an operator does."""
    spec = importlib.util.spec_from_file_location("berth_deploy", ROOT / "scripts" / "deploy.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class World:
    """All that a test needs. Built once a session, in one fixed order: addresses and gas depend on
    it."""

    titles: object
    market: object
    asset: object
    forwarder: object
    timelock: object
    deployment: dict
    edition: Edition
    plate: bytes = b"\x51" * 32

    # people who send transactions
    @property
    def deployer(self):
        return accounts[0]

    @property
    def authority(self):
        return accounts[1]

    @property
    def guardian(self):
        return accounts[2]

    @property
    def owner(self):
        return accounts[3]

    @property
    def driver(self):
        return accounts[4]

    @property
    def stranger(self):
        return accounts[5]

    # people who only sign
    verifier: ClassVar[Key] = key("verifier of holders")
    vehicle_verifier: ClassVar[Key] = key("verifier of vehicles")
    maker: ClassVar[Key] = key("maker of locks")
    lock: ClassVar[Key] = key("lock")

    @property
    def domain(self) -> messages.Domain:
        return messages.Domain(web3.chain_id, self.market.address)

    @property
    def extension(self) -> str:
        """Address of the market's second part."""
        return self.market.extension()

    def account(self, name: str):
        """A new person, who sends transactions: some ether, tokens, an allowance, no credit."""
        account = accounts.at(key(name).address, force=True)
        web3.provider.make_request("evm_setAccountBalance", [account.address, hex(10**20)])
        self.asset.mint(account, ENOUGH, {"from": self.deployer})
        self.asset.approve(self.market, 2**256 - 1, {"from": account})
        return account

    def permit(self, person: Key, amount: int = ENOUGH, deadline: int = 2**256 - 1) -> tuple:
        """Permit of somebody who signs for himself, for the market."""
        token = messages.Domain(web3.chain_id, self.asset.address, self.asset.name(), "1")
        nonce = self.asset.nonces(person.address)
        message = messages.permit(
            token, person.address, self.market.address, amount, nonce, deadline
        )
        signature = messages.sign(message, person.private)
        return amount, deadline, signature[64], signature[:32], signature[32:64]

    def agreement(self, lease: int, cost: int, *people: Key, until: int = 2**255) -> tuple:
        """Agreement, and everybody's signature of it."""
        deposit = self.market.depositOf(lease)
        message = messages.agreement(self.domain, lease, deposit, cost, until)
        signatures = (messages.sign(message, one.private) for one in people)
        return ((lease, deposit, cost, until), *signatures)

    @property
    def admin(self):
        """The timelock as a sender; what its delay does is tested on its own."""
        account = accounts.at(self.timelock.address, force=True)
        web3.provider.make_request("evm_setAccountBalance", [account.address, hex(10**20)])
        return account

    def second_market(self, asset=None) -> "World":
        """The same world around another market, over another asset if one is given."""
        asset = asset or self.asset
        market = deployer_script().deploy_market(
            self.titles,
            asset,
            self.forwarder,
            self.admin,
            {"guardian": self.guardian.address, "feeBps": FEE_BPS},
            {"from": self.deployer},
        )
        self.titles.setMarket(market, True, {"from": self.admin})
        for number, account, roles in (
            (VERIFIER, self.verifier, 1),
            (VEHICLES, self.vehicle_verifier, 2),
            (MAKER, self.maker, 4),
        ):
            market.setAttester(number, account.address, roles, {"from": self.admin})
        world = replace(self, market=market, asset=asset)
        for account in (self.owner, self.driver, self.stranger):
            if asset != self.asset:
                asset.mint(account, ENOUGH, {"from": account})
            asset.approve(market, ENOUGH, {"from": account})
        market.registerVehicle(world.vehicle(), {"from": self.driver})
        return world

    # ---- titles and spaces
    def publish(self, edition: Edition, city: int = CITY, dropped=(), sender=None):
        number = self.titles.editionOf(city)[0] + 1
        return self.titles.publishEdition(
            city,
            number,
            edition.tree.root,
            b"\xcc" * 32,
            edition.count,
            list(dropped),
            {"from": sender or self.authority},
        )

    def registration(
        self,
        index: int = 0,
        owner: str | None = None,
        lock: Key | None = None,
        nonce: int = 1,
        title: Title | None = None,
        edition: Edition | None = None,
    ) -> Registration:
        """All that an owner brings for a title of the edition, signed by everybody concerned."""
        owner = str(getattr(owner, "address", owner) or self.owner.address)
        lock = lock or self.lock
        edition = edition or self.edition
        title = title or edition.titles[index]
        space = (title.city << 32) | title.index
        return Registration(
            title,
            edition.proof(title),
            [
                VERIFIER,
                VALID_DAY,
                nonce,
                self.holder_word(owner, title.salted_holder, VALID_DAY, nonce),
            ],
            [
                lock.address,
                MAKER,
                VALID_DAY,
                self.maker_word(lock.address, VALID_DAY),
                messages.sign(
                    messages.lock_possession(self.domain, lock.address, space, owner), lock.private
                ),
            ],
        )

    def lock_proof(self, space: int, lock: Key, owner=None, valid_day: int = VALID_DAY) -> tuple:
        """LockProof of another lock for a registered space."""
        owner = str(owner or self.owner)
        possession = messages.lock_possession(self.domain, lock.address, space, owner)
        return (
            lock.address,
            MAKER,
            valid_day,
            self.maker_word(lock.address, valid_day),
            messages.sign(possession, lock.private),
        )

    def holder_word(self, wallet, salted_holder, valid_day, nonce, by: Key | None = None) -> bytes:
        message = messages.holder_attestation(self.domain, wallet, salted_holder, valid_day, nonce)
        return messages.sign(message, (by or self.verifier).private)

    def maker_word(self, lock, valid_day, by: Key | None = None) -> bytes:
        message = messages.lock_attestation(self.domain, lock, valid_day)
        return messages.sign(message, (by or self.maker).private)

    def register(self, index: int = 0, **changes) -> int:
        """Register a space of the edition; its id."""
        made = self.registration(index, **changes)
        self.market.registerSpace(made.form(), {"from": changes.get("owner") or self.owner})
        return space_id(made.title.city, made.title.index)

    def offer(self, space: int, terms: Terms = TERMS, sender=None) -> int:
        """Publish an offer; its number."""
        self.market.publishOffer(space, terms_form(terms), {"from": sender or self.owner})
        return (self.market.spaceOf(space)[0] >> 176) & 0xFFFF

    # ---- drivers
    def vehicle(
        self, driver=None, plate: bytes | None = None, size=2, until=None, by: Key | None = None
    ) -> tuple:
        """VehicleProof of a driver, by default good for a year."""
        driver = str(getattr(driver, "address", driver) or self.driver.address)
        plate = self.plate if plate is None else plate
        until = clock.slot(clock.MONDAY + 365 * clock.DAY) if until is None else until
        message = messages.vehicle_attestation(self.domain, driver, plate, size, until)
        return (
            plate,
            size,
            until,
            VEHICLES,
            messages.sign(message, (by or self.vehicle_verifier).private),
        )

    def request(self, space: int, start: int = START, **changes) -> Request:
        return replace(Request(space, start, plate=self.plate), **changes)

    def lease(self, space: int, start: int = START, sender=None, **changes) -> int:
        """Take a lease; its id."""
        request = self.request(space, start, **changes)
        return self.market.lease(request.form(), {"from": sender or self.driver}).return_value

    # ---- locks
    def signed(self, seen: Seen, by: Key | None = None) -> bytes:
        message = messages.occupancy(
            self.domain, seen.lease, seen.kind, seen.from_, seen.until, seen.energy
        )
        return messages.sign(message, (by or self.lock).private)

    def record(self, seen: Seen, sender=None, by: Key | None = None):
        return self.market.record(
            seen.form(), self.signed(seen, by), {"from": sender or self.stranger}
        )

    def arrive(self, lease: int, from_: int, sender=None, by: Key | None = None):
        return self.record(Seen(lease, messages.ARRIVED, from_, from_), sender, by)

    def leave(
        self,
        lease: int,
        from_: int,
        until: int,
        energy: int = 0,
        sender=None,
        by: Key | None = None,
    ):
        return self.record(Seen(lease, messages.LEFT, from_, until, energy), sender, by)


def build_world() -> World:
    script = deployer_script()
    keys = World.verifier, World.vehicle_verifier, World.maker
    deployment = script.deploy(
        accounts[0],
        {
            "feeBps": FEE_BPS,
            "timelockDelay": DELAY,
            "guardian": accounts[2].address,
            "attesters": {
                VERIFIER: {"account": keys[0].address, "roles": ["holders"]},
                VEHICLES: {"account": keys[1].address, "roles": ["vehicles"]},
                MAKER: {"account": keys[2].address, "roles": ["locks"]},
            },
            "authorities": {CITY: accounts[1].address, OTHER_CITY: accounts[6].address},
        },
    )
    contracts = deployment["contracts"]
    world = World(
        contracts["titles"],
        contracts["market"],
        contracts["asset"],
        contracts["forwarder"],
        contracts["timelock"],
        deployment,
        Edition.of(*(title(index) for index in range(8))),
    )
    world.publish(world.edition)
    for account in (world.owner, world.driver, world.stranger):
        world.asset.mint(account, ENOUGH, {"from": account})
        world.asset.approve(world.market, 2**256 - 1, {"from": account})
    world.market.registerVehicle(world.vehicle(), {"from": world.driver})
    return world
