"""What verbs are called on: two people who sign for themselves, a space with offers, a lease."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from berth.core.hashing import keccak
from berth.core.signing import sign_digest
from berth.core.words import SpaceWords
from brownie import web3
from eth_abi import encode
from support.calls import refusal
from support.clock import HOUR, MONDAY, now
from support.forms import TERMS
from support.keys import Key, key
from support.storage import set_last_offer
from support.world import CITY, START, World

SLOTS, KWH = 8, 20
FROM, END = MONDAY + 10 * HOUR, MONDAY + 12 * HOUR
CREDIT = 10**9
PLATE, NEW_PLATE = b"\x61" * 32, b"\x62" * 32
#: LeaseView
VIEW = (
    "driver",
    "state",
    "disputed",
    "slots",
    "offer",
    "epoch",
    "kwh",
    "arrived",
    "until",
    "energy",
    "no_show",
)
UNKNOWN_SPACE = CITY << 32 | 7

_DOMAIN = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)


@dataclass
class Call:
    """A verb with arguments that are accepted as they are. `sign` brings all signatures in line
    with the arguments; `at` is the time of its block; `facts` is what a row may want to know
    besides."""

    verb: str
    sender: Any
    arguments: list
    sign: Callable[[list], None] = lambda arguments: None
    at: int = 0
    facts: dict = field(default_factory=dict)

    def with_value(self, keys: tuple[int, ...], value, signed: bool) -> list:
        """The arguments, with one value in its place."""
        arguments = copy.deepcopy(self.arguments)
        place = arguments
        for step in keys[:-1]:
            place = place[step]
        place[keys[-1]] = value
        if signed:
            self.sign(arguments)
        return arguments


class Stage:
    def __init__(self, world: World) -> None:
        self.world, self.market, self.asset = world, world.market, world.asset
        self.owner_key, self.driver_key = key("an owner who signs"), key("a driver who signs")
        self.owner = world.account("an owner who signs")
        self.driver = world.account("a driver who signs")
        self.space = world.register(1, owner=self.owner)
        self.offer(), self.offer(), self.offer()
        for person in (self.owner, self.driver):
            self.market.deposit(CREDIT, {"from": person})
        self.market.registerVehicle(world.vehicle(self.driver, PLATE), {"from": self.driver})
        self.arbiter = world.guardian
        self.market.grantRole(self.market.ARBITER_ROLE(), self.arbiter, {"from": world.admin})

    def offer(self) -> None:
        self.world.offer(self.space, TERMS, sender=self.owner)

    def lease(self) -> int:
        """A lease at START."""
        return self.world.lease(self.space, START, sender=self.driver, plate=PLATE, kwh=KWH)

    def at_offer(self, number: int) -> None:
        """Publishes the offer of this number, as if there had been all before it."""
        set_last_offer(self.world, self.space, number - 1)
        self.offer()

    def attester(self, number: int, by: Key, roles: int) -> None:
        self.market.setAttester(number, by.address, roles, {"from": self.world.admin})

    # ---- what the market holds
    def words(self, space: int) -> SpaceWords:
        return SpaceWords.decode(*self.market.spaceOf(space)[:2])

    def first_live(self) -> int:
        return self.words(self.space).first_live

    def view(self, lease: int, member: str):
        """A member of the lease's word, unpacked."""
        return self.market.leaseOf(lease)[VIEW.index(member)]

    def digest(self) -> tuple:
        """Every storage word of the market, of the registry and of the token: the roots of their
        storage."""
        return tuple(
            web3.provider.make_request("eth_getProof", [contract.address, [], "latest"])["result"][
                "storageHash"
            ]
            for contract in (self.market, self.world.titles, self.asset)
        )

    # ---- signing what no wallet would sign
    def signed(self, by: Key, kind: str, *values) -> bytes:
        """EIP-712 as the contract hashes it, whatever the values: words of 256 bits each."""
        domain = keccak(
            encode(
                ["bytes32", "bytes32", "bytes32", "uint256", "address"],
                [
                    _DOMAIN,
                    keccak(b"Berth Parking Market"),
                    keccak(b"1"),
                    web3.chain_id,
                    self.market.address,
                ],
            )
        )
        body = keccak(keccak(kind.encode()) + b"".join(map(word, values)))
        return sign_digest(keccak(b"\x19\x01" + domain + body), by.private)

    # ---- sending
    def send(self, call: Call, arguments: list) -> tuple | None:
        """A transaction in a block of the call's time: why it was refused, or None."""
        data = getattr(self.market, call.verb).encode_input(*arguments)
        web3.provider.make_request("evm_setTime", [(call.at - 1) * 1000])
        said = refusal(self.market, data, call.sender, self.asset, send=True)
        assert now() == call.at
        return said


def word(value) -> bytes:
    """32 bytes, of a number cut to 256 bits."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        value = int(value, 16)
    return (value % 2**256).to_bytes(32, "big")
