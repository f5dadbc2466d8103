"""The contracts deployed and the model beside them, both in the same first state."""

import json
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from berth.core.model import ARBITER_ROLE, Attester, Market, Registry, Token, VehicleProof
from berth.core.title import Title
from support.forms import BAY

from differential.abi import Abi
from differential.cast import (
    CITY,
    FIRST_ATTESTERS,
    INDICES,
    OTHER_MARKET,
    PEOPLE,
    UNAPPROVED,
    address,
    plate,
)
from differential.engines import Engine
from differential.signing import word
from differential.steps import Step
from differential.wire import Addresses, Wire

ROOT = Path(__file__).resolve().parents[4]
PARTS = ("TestToken", "BerthForwarder", "TitleRegistry", "MarketExtension", "ParkingMarket")

#: 2026-11-30 00:00 UTC, a Monday.
MONDAY = 1_795_996_800
FEE_BPS = 333
WEALTH = 10**12
NEVER = (1 << 256) - 1
LONG = MONDAY // 86_400 + 3000
SLOTS = MONDAY // 900 + 96 * 3000


@dataclass(frozen=True)
class Build:
    """What the compiler made."""

    code: dict[str, bytes]
    abi: Abi

    @classmethod
    def read(cls, folder: Path = ROOT / "build" / "contracts") -> "Build":
        files = {name: json.loads((folder / f"{name}.json").read_text()) for name in PARTS}
        entries = [entry for file in files.values() for entry in file["abi"]]
        code = {name: bytes.fromhex(file["bytecode"]) for name, file in files.items()}
        return cls(code, Abi(entries))


@dataclass
class Ground:
    """Both sides before the first step."""

    engine: Engine
    wire: Wire
    model: Market

    def copy_for(self, engine: Engine) -> "Ground":
        """The same once more, on a chain in the same state."""
        wire = Wire(self.wire.abi, self.wire.at, engine.chain_id)
        wire.edition, wire.edition_number = self.wire.edition, self.wire.edition_number
        wire.forwarded = dict(self.wire.forwarded)
        return Ground(engine, wire, deepcopy(self.model))


def first_titles() -> tuple[Title, ...]:
    """One of each; the last may not be shared."""
    return tuple(
        Title(
            city=CITY,
            index=index,
            salted_holder=bytes([index + 1]) * 32,
            address_hash=bytes([0x80 + index]) * 32,
            cell=0x2A1B3C4D & ((1 << 30) - 1),
            attributes=BAY & ~(1 << 8) if index == INDICES[-1] else BAY,
            valid_day=LONG,
        )
        for index in INDICES
    )


def prepare(engine: Engine, build: Build) -> Ground:
    """Deploys, names everybody, publishes the first edition, gives everybody money."""
    admin, authority = address("admin"), address("authority")
    at = _deploy(engine, build, admin)
    wire = Wire(build.abi, at, engine.chain_id)
    model = Market(
        address=at.market,
        forwarder=at.forwarder,
        token=Token(),
        registry=Registry(),
        admin=admin,
        guardian=address("guardian"),
        arbiter=address("arbiter"),
        fee_bps=FEE_BPS,
        now=MONDAY,
    )
    call = build.abi.functions
    todo = [
        (admin, at.titles, call["setMarket"].call(at.market, 1)),
        (admin, at.titles, call["setMarket"].call(address(OTHER_MARKET), 1)),
        (admin, at.titles, call["setAuthority"].call(CITY, authority)),
        (admin, at.market, call["grantRole"].call(ARBITER_ROLE, address("arbiter"))),
    ]
    model.registry.set_market(at.market)
    model.registry.set_market(address(OTHER_MARKET))
    for id_, (name, roles) in FIRST_ATTESTERS.items():
        todo.append((admin, at.market, call["setAttester"].call(id_, address(name), roles)))
        model.attesters[id_] = Attester(address(name), roles)
    for name in PEOPLE:
        todo.append((address(name), at.token, call["mint"].call(address(name), WEALTH)))
        model.token.mint(address(name), WEALTH)
        if name not in UNAPPROVED:
            todo.append((address(name), at.token, call["approve"].call(at.market, NEVER)))
            model.token.approve(address(name), at.market, NEVER)

    for name in PEOPLE:
        vehicle = VehicleProof(plate(name, 0), 2, SLOTS, 2, address("attester 2"))
        step = Step(MONDAY, address(name), "register_vehicle", (vehicle,))
        todo.append((step.sender, *wire.call(step)))
        model.register_vehicle(step.sender, vehicle)
    publish = Step(MONDAY, authority, "titles.publish", (CITY, first_titles(), ()))
    todo.append((authority, *wire.call(publish)))
    wire.done(publish)
    model.registry.publish(*publish.args)
    for moment, (sender, to, data) in enumerate(todo, MONDAY + 1000):
        receipt = engine.send(sender, to, data, moment)
        if not receipt.ok:
            raise RuntimeError(f"the first state could not be made: {receipt.output!r}")
        model.now = moment
    return Ground(engine, wire, model)


def _deploy(engine: Engine, build: Build, admin: str) -> Addresses:
    def deploy(name: str, *arguments: int | str) -> str:
        return engine.deploy(admin, build.code[name] + b"".join(map(word, arguments)))

    token, forwarder = deploy("TestToken"), deploy("BerthForwarder")
    titles = deploy("TitleRegistry", admin)
    extension = deploy("MarketExtension", titles, token, forwarder)
    market = deploy(
        "ParkingMarket",
        titles,
        token,
        forwarder,
        extension,
        admin,
        address("guardian"),
        FEE_BPS,
    )
    return Addresses(token, forwarder, titles, market)
