"""A street for the latency benchmark: spaces with locks on the chain, drivers at their bars, and
one program that speaks for all the locks."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import time
from dataclasses import dataclass, replace
from typing import Any

import aiomqtt
from anvil import Anvil
from berth.chain.abi import load_abi
from berth.core.deployment import Deployment
from berth.core.ids import lease_hex, lease_id, space_id
from berth.core.merkle import build
from berth.core.plate import commitment
from berth.core.sealed import Sealer
from berth.core.slots import SLOT_SECONDS
from berth.core.tariff import FLAG_CONFIRM, FLAG_NEAR
from berth.core.title import Title, leaf, pack_attributes
from berth.devices.protocol import (
    ASK_HELLO,
    Ack,
    AnyMessage,
    Availability,
    Hello,
    State,
    encode,
    leaf_of,
)
from berth.devices.topics import COMMAND, GRANT, all_locks, parse, topic
from berth.store import Store
from berth.store.kept import confirmations, presence, vehicles_private
from history.blocks import Block, Transaction
from history.calls import call, publish_offer, register_vehicle
from history.cast import ATTESTER, AUTHORITY, CITY, FAR_DAY, RICH, TYPICAL
from history.keys import Key, Signing, account
from history.make import Miner
from sqlalchemy import insert

SALT, PLATE = b"\x07" * 32, "BENCH1"
DRIVER = account("bench driver")
#: A day: no lease ends while the benchmark runs.
SLOTS = 96
_BLOCK_OF = 50


@dataclass(frozen=True)
class Place:
    """A space, its lock, and the lease that is booked there, 0 = none yet."""

    space: int
    lock: Key
    lease: int = 0

    @property
    def lease_hex(self) -> str:
        return lease_hex(self.lease)


class Street:
    """The chain's side: registered spaces, a driver with a vehicle, and bookings."""

    def __init__(self, node: Anvil, deployment: Deployment, store: Store, sealer: Sealer) -> None:
        self._node, self._deployment, self._store = node, deployment, store
        self._miner = Miner(node)
        self._signing = Signing(deployment)
        self._plate = commitment(SALT, PLATE)
        with store.write() as conn:
            sealed = sealer.seal({"plate": PLATE, "salt": "0x" + SALT.hex()})
            row = {"plate_commitment": "0x" + self._plate.hex(), "driver": DRIVER}
            conn.execute(insert(vehicles_private).values(**row, sealed=sealed, created_at=0))

    def open(self, count: int) -> list[Place]:
        """Registers so many spaces and publishes an offer for each. What the unlock requires is the
        driver's word and being near: a plate can only be read once the lock has the grant, which
        waits for the same block as the unlock."""
        attributes = pack_attributes(5, True, 0, 250, 520)
        titles = [
            Title(CITY, n, bytes([1]) * 32, bytes([2]) * 32, 12345, attributes, FAR_DAY)
            for n in range(count)
        ]
        tree = build([leaf(title) for title in titles])
        publish = load_abi("TitleRegistry").encode_call(
            "publishEdition", CITY, 1, tree.root, b"\x05" * 32, count, []
        )
        block = Block(0, [self._tx(AUTHORITY, "0x" + publish.hex(), to=self._deployment.titles)])
        mint = call("mint", DRIVER, RICH, contract="TestToken")
        approve = call("approve", self._deployment.market, RICH, contract="TestToken")
        for data in (mint, approve):
            block.transactions.append(self._tx(DRIVER, data, to=self._deployment.asset))
        until = (1 << 32) - 1
        signature = self._signing.vehicle(ATTESTER, DRIVER, self._plate, 2, until)
        vehicle = register_vehicle(self._plate, 2, until, 1, signature)
        block.transactions.append(self._tx(DRIVER, vehicle))
        self._miner.send(block)
        self.mine()
        terms = replace(TYPICAL, flags=FLAG_CONFIRM | FLAG_NEAR)
        self.mine()
        register = load_abi("ParkingMarket").function("registerSpace")
        places = []
        for index, title in enumerate(titles):
            owner = account(f"bench owner {index}")
            space, lock = space_id(CITY, index), Key(f"bench lock {index}")
            registration = {
                "title": tuple(getattr(title, name) for name in title.__slots__),
                "proof": tree.proof(leaf(title)),
                "holder": (1, FAR_DAY, index, self._holder(owner, title, index)),
                "lock": {
                    "key": lock.address,
                    "maker": 1,
                    "validDay": FAR_DAY,
                    "makerSignature": self._signing.lock(ATTESTER, lock.address, FAR_DAY),
                    "possession": self._signing.possession(lock, space, owner),
                },
                "connectors": 0,
                "power": 0,
            }
            self._miner.send(
                Block(
                    0,
                    [
                        self._tx(owner, "0x" + register.encode(registration).hex(), gas=900_000),
                        self._tx(owner, publish_offer(space, terms)),
                    ],
                )
            )
            places.append(Place(space, lock))
            if index % _BLOCK_OF == _BLOCK_OF - 1:
                self.mine()
        self.mine()
        return places

    def book(self, place: Place) -> Place:
        """Sends the lease; the next block holds it. It begins with the next quarter of an hour: its
        bar may be lowered as early as now, and it is not in the past should one begin meanwhile."""
        start_slot = self._now() // SLOT_SECONDS + 1
        data = call("lease", place.space, start_slot, SLOTS, 1, 0, self._plate, 10**14)
        self._miner.send(Block(0, [self._tx(DRIVER, data)]))
        return replace(place, lease=lease_id(place.space, start_slot, 1))

    def mine(self) -> int:
        """A block; its timestamp."""
        self._node.call("evm_mine")
        return self._now()

    def _now(self) -> int:
        return int(self._node.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def arrive(self, place: Place, at: int) -> None:
        """The driver is at the entrance and has signed that the bar may go down."""
        with self._store.write() as conn:
            for event in ("entered", "here"):
                row = {"lease_id": place.lease_hex, "party": "driver", "event": event, "at": at}
                conn.execute(insert(presence).values(row))
            word = {"lease_id": place.lease_hex, "cycle": 0, "at": at, "signature": "0x"}
            conn.execute(insert(confirmations).values(word))

    def _holder(self, owner: str, title: Title, nonce: int) -> bytes:
        return self._signing.holder(ATTESTER, owner, title.salted_holder, FAR_DAY, nonce)

    def _tx(
        self, sender: str, data: str, *, to: str | None = None, gas: int = 500_000
    ) -> Transaction:
        return Transaction(sender, to or self._deployment.market, data, gas)


class Locks:
    """Speaks for all locks on one connection, and notes the moment of every message to them."""

    def __init__(self, line: aiomqtt.Client, deployment: Deployment, bare_topic: str) -> None:
        self._line, self._deployment, self._bare_topic = line, deployment, bare_topic
        self._seq = itertools.count(1)
        self._boot = "00000001" + "be" * 8
        self._heard: asyncio.Queue[tuple[float, str, bytes]] = asyncio.Queue()
        self.clock = 0

    async def listen(self) -> None:
        """Until cancelled. Reading comes first: answers are given when nobody waits any more."""
        for name in (all_locks(COMMAND), all_locks(GRANT), self._bare_topic):
            await self._line.subscribe(name, qos=1)
        async for message in self._line.messages:
            moment = time.perf_counter()
            assert isinstance(message.payload, bytes)
            self._heard.put_nowait((moment, str(message.topic), message.payload))

    async def until_lowered(self, place: Place, seconds: float) -> tuple[float, list[bytes]]:
        """The moment at which a command to lower the bar arrives; the grants that came before."""
        grants: list[bytes] = []
        async with asyncio.timeout(seconds):
            while True:
                moment, name, payload = await self._heard.get()
                if name == self._bare_topic:
                    continue
                lock_id, leaf_name = parse(name)
                if lock_id != place.lock.address or payload == ASK_HELLO:
                    continue
                if leaf_name == GRANT:
                    grants.append(payload)
                    continue
                claims = claims_of(payload)
                if claims["action"] == "lower" and claims["lease"] == place.lease_hex:
                    return moment, grants

    async def until_told(self, block: int, seconds: float) -> float:
        """The moment at which the bare program's message of a block arrives."""
        async with asyncio.timeout(seconds):
            while True:
                moment, name, payload = await self._heard.get()
                if name == self._bare_topic and int(payload.split(b" ", 1)[0]) >= block:
                    return moment

    def take_waiting(self) -> list[tuple[float, str, bytes]]:
        """What has arrived and nobody has looked at."""
        found = []
        while not self._heard.empty():
            found.append(self._heard.get_nowait())
        return found

    async def hello(self, place: Place, nonce: int) -> None:
        """The lock is there, its bar up, its camera on, its nonce fresh."""
        await self.say(
            place,
            Hello,
            nonce=f"{nonce:032x}",
            connection=1,
            chain=self._deployment.chain_id,
            market=self._deployment.market,
            cycle=0,
            position="LOCKED",
            occupied=False,
            camera=True,
            firmware="bench",
        )
        await self.say(place, Availability, online=True, connection=1)

    async def settle(self, place: Place, command: str, grants: list[bytes]) -> None:
        """The lock did as it was told: holds the grant, lowered its bar, and the car is there."""
        common = {"cycle": 0, "position": "UNLOCKED"}
        await self.say(place, Ack, outcome="accepted", command=command, **common)
        await self.say(place, Ack, outcome="done", command=command, **common)
        state = {"occupied": True, "camera": False, "lease_id": place.lease_hex}
        await self.say(place, State, **common, **state)
        for payload in grants:
            version = claims_of(payload)["version"]
            await self.say(
                place, Ack, outcome="done", grant=place.lease_hex, version=version, **common
            )

    async def say(self, place: Place, kind: Any, **fields: Any) -> None:
        message: AnyMessage = kind(
            lock=place.lock.address, boot=self._boot, seq=next(self._seq), at=self.clock, **fields
        )
        payload = await asyncio.to_thread(encode, message, place.lock.secret.to_bytes(32))
        await self._line.publish(topic(place.lock.address, leaf_of(message)), payload, qos=1)


def claims_of(token: bytes) -> dict[str, Any]:
    """What a ticket or grant says; its signature is checked by whoever obeys it, not here."""
    body = token.split(b".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))
    return claims
