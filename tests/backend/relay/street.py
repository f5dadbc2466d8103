"""A leased space with its lock: the market's tables, a chain that agrees with them, a signer with
real keys, and the lock's side of every message."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from berth.chain.abi import load_abi
from berth.chain.rpc import RpcError
from berth.chain.wire import Block
from berth.core.ids import lease_hex, parse_lease, space_hex
from berth.core.messages import occupancy, sign
from berth.core.slots import slot_start
from berth.core.words import SpaceWords
from berth.devices.credentials import Credentials
from berth.devices.keyring import KeyRing
from berth.devices.protocol import (
    Ack,
    AnyMessage,
    Availability,
    Hello,
    OccupancyRecord,
    Plate,
    State,
    encode,
    leaf_of,
)
from berth.devices.simulator.home import LockHome, enrol, open_home
from berth.devices.topics import topic
from berth.relay.command_states import OVER
from berth.relay.commands import Action
from berth.relay.inbox import Inbox, Reaction
from berth.relay.planner import Planner
from berth.relay.policy import Policy
from berth.relay.rows import every, first
from berth.relay.signer import Signer
from berth.store.clock import database_now
from berth.store.derived import leases, offers, spaces
from berth.store.incidents import Incident, list_incidents
from berth.store.kept import (
    commands,
    confirmations,
    evidence,
    grants,
    lock_states,
    presence,
    vehicles_private,
)
from eth_abi.abi import encode as abi_encode
from sqlalchemy import Table, delete, insert, select, update

from tests.backend.worlds import COMMITMENT, DEPLOYMENT, DINO, NOW, PLATE, SALT, Person, World

GROUP = "street"
_MARKET = load_abi("ParkingMarket")
_UNKNOWN = next(e for e in _MARKET.errors.values() if e.name == "Berth_LeaseUnknown")


class ChainNode:
    """The signer's node: says of each block what the tables say, until told to disagree."""

    where = "memory"

    def __init__(self, world: World) -> None:
        self._world = world
        self.height = 100
        self.timestamp: int | None = None
        self.plate: str | None = None
        self.lock: str | None = None
        self.state: int | None = None
        self.slots: dict[int, int] = {}  # from a block on the lease has so many
        self.longest = 1 << 20  # blocks that it lets one look for logs in
        self.more_logs: list[dict[str, str]] = []
        self.calls = 0
        self.trips = 0
        self.chain_id = DEPLOYMENT.chain_id
        self.batches = True  # some nodes refuse them

    async def block(self, which: int | str) -> Block:
        self.calls += 1
        now = self.timestamp or self._world.clock.now()
        return Block("0x" + "bb" * 32, "0x" + "aa" * 32, hex(self.height), hex(now))

    async def eth_call(
        self, to: str, data: bytes, *, sender: str | None = None, block: int | str = "latest"
    ) -> bytes:
        self.calls += 1
        entry = next(e for e in _MARKET.functions.values() if e.selector == data[:4])
        given = entry.decode_inputs(data[4:])
        at = self.height if block == "latest" else int(block)
        answer = getattr(self, f"_{entry.name}")(given, at)
        values = list(answer) if isinstance(answer, tuple) and entry.name != "leaseOf" else [answer]
        return abi_encode([p.canonical for p in entry.outputs], values)

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        trips = self.trips + 1
        if not self.batches:
            raise RpcError("eth_chainId", -32600, "batches are not allowed", None)
        answers = [await self.call(method, *params) for method, params in calls]
        self.trips = trips
        return answers

    async def call(self, method: str, *params: Any) -> Any:
        self.trips += 1
        if method == "eth_chainId":
            return hex(self.chain_id)
        if method == "eth_getBlockByNumber":
            if params[0] == "0x0":
                first = {"hash": DEPLOYMENT.genesis_hash, "parentHash": "0x" + "00" * 32}
                return first | {"number": "0x0", "timestamp": "0x0"}
            return msgspec.to_builtins(await self.block(params[0]))
        if method == "eth_call":
            data = bytes.fromhex(params[0]["data"][2:])
            block = params[1] if params[1] == "latest" else int(params[1], 16)
            return "0x" + (await self.eth_call(params[0]["to"], data, block=block)).hex()
        assert method == "eth_getLogs"
        self.calls += 1
        lease = self._lease(int(params[0]["topics"][1], 16))
        first, last = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
        if last - first >= self.longest:
            raise RpcError(method, -32005, "query returned more than 10000 results", None)
        if lease is None or not first <= lease["plate_block"] <= last:
            return []
        plate = self.plate or lease["plate_commitment"]
        log = {"blockNumber": hex(lease["plate_block"]), "logIndex": "0x1"}
        return [log | {"data": "0x" + "00" * 32 * 5 + plate[2:]}, *self.more_logs]

    def _lease(self, number: int) -> Any:
        with self._world.store.read() as conn:
            return first(conn, select(leases).where(leases.c.lease_id == lease_hex(number)))

    def _known(self, number: int, at: int) -> Any:
        lease = self._lease(number)
        if lease is None or lease["booked_block"] > at:
            data = _UNKNOWN.selector + abi_encode(["uint256"], [number])
            raise RpcError("eth_call", 3, "execution reverted", data)
        return lease

    def _leaseOf(self, given: dict[str, Any], at: int) -> tuple[Any, ...]:
        row = self._known(given["leaseId"], at)
        state = self.state or row["state"]
        slots = row["slots"]
        for block, then in sorted(self.slots.items()):
            slots = then if block <= at else slots
        view = (row["driver"], state, bool(row["disputed"]), slots, row["offer"], row["epoch"])
        return (*view, 0, 0, 0, 0, False)

    def _depositOf(self, given: dict[str, Any], at: int) -> int:
        return int(self._known(given["leaseId"], at)["deposit"])

    def _spaceOf(self, given: dict[str, Any], at: int) -> tuple[int, int, int]:
        with self._world.store.read() as conn:
            row = first(
                conn, select(spaces).where(spaces.c.space_id == space_hex(given["spaceId"]))
            )
        assert row is not None
        words = SpaceWords(
            row["owner"], 1, 1, 1, 20000, 1, self.lock or row["lock_key"], 0, 250, 500, 0, 0, 1
        )
        return (*words.encode(), 0)

    def _offerOf(self, given: dict[str, Any], at: int) -> tuple[int, int]:
        with self._world.store.read() as conn:
            query = select(offers.c.word_a, offers.c.word_b).where(
                offers.c.space_id == space_hex(given["spaceId"]),
                offers.c.number == given["number"],
            )
            words = conn.execute(query).first() or ("0x0", "0x0")
        return int(words[0], 16), int(words[1], 16)


class Street:
    """One space, one offer, one lock; `book()` leases it from now."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.world = World(folder, url)
        self.clock = self.world.clock
        self.store = self.world.store
        self.credentials = Credentials(folder / "broker.json")
        (folder / "tickets").mkdir()
        self.ring = KeyRing(folder / "tickets", "secret", GROUP, self.clock)
        self.ring.create_roots()
        self.home = self.new_lock(folder / "lock", index=42)
        self.space = self.world.add_space(42, lock=self.person(self.home))
        self.world.add_offer(self.space)
        self.world.add_vehicle()
        with self.store.write() as conn:
            conn.execute(
                insert(vehicles_private).values(
                    plate_commitment=COMMITMENT,
                    driver=DINO.address,
                    sealed=self.world.sealer.seal({"plate": PLATE, "salt": "0x" + SALT.hex()}),
                    created_at=NOW,
                )
            )
        self.policy = Policy(DEPLOYMENT, self.clock)
        self.planner = Planner(self.policy)
        self.node = ChainNode(self.world)
        self.signer = Signer(self.ring, self.node, self.policy)  # type: ignore[arg-type]
        self.inbox = Inbox(self.store, DEPLOYMENT, self.clock)
        self.boot = "00000001" + "ab" * 8
        self._seq = itertools.count(1)
        self._nonces = itertools.count(1)

    def new_lock(self, folder: Path, index: int) -> LockHome:
        """Another enrolled lock."""
        enrol(
            folder,
            domain=DEPLOYMENT.domain,
            space=(1 << 32) | index,
            owner="0x" + "0e" * 20,
            group=GROUP,
            roots=self.ring.roots(),
            admit=self.credentials.add,
        )
        return open_home(folder)

    @staticmethod
    def person(home: LockHome) -> Person:
        return Person("a lock", home.private_key)

    # ---- the market's side

    def book(self, **changes: Any) -> str:
        """A lease of the space for two hours from now, its grant wanted."""
        from berth.relay.grants import give

        lease = self.world.add_lease(self.space, **changes)
        with self.store.write() as conn:
            give(conn, lease, self.clock.now())
        return lease

    def remove(self, lease: str) -> None:
        """A reorg took the lease away."""
        with self.store.write() as conn:
            conn.execute(delete(leases).where(leases.c.lease_id == lease))

    def set_lease(self, lease: str, **values: Any) -> None:
        with self.store.write() as conn:
            conn.execute(update(leases).where(leases.c.lease_id == lease).values(values))

    # ---- the driver's side

    def tell(self, lease: str, event: str = "entered") -> None:
        with self.store.write() as conn:
            row = {"lease_id": lease, "party": "driver", "event": event, "at": self.clock.now()}
            conn.execute(insert(presence).values(row))

    def confirm(self, lease: str, cycle: int = 0) -> None:
        with self.store.write() as conn:
            key = (confirmations.c.lease_id == lease) & (confirmations.c.cycle == cycle)
            conn.execute(delete(confirmations).where(key))
            row = {"lease_id": lease, "cycle": cycle, "at": self.clock.now(), "signature": "0x"}
            conn.execute(insert(confirmations).values(row))

    def sent(self, action: Action) -> str:
        """A ticket of the command has left for the lock; the command's id."""
        row = self.command(action)
        with self.store.write() as conn:
            now = database_now(conn)
            news = {"state": "published", "published_at": now, "claimed_until": now + 15}
            conn.execute(update(commands).where(commands.c.id == row["id"]).values(news))
        return str(row["id"])

    def plan(self) -> None:
        with self.store.write() as conn:
            self.planner.plan(conn)

    # ---- the lock's side

    def say(
        self, kind: Callable[..., AnyMessage], home: LockHome | None = None, /, **fields: Any
    ) -> Reaction:
        """The lock says something, in order, signed with its own key."""
        speaker = home or self.home
        common = {
            "lock": speaker.lock_id,
            "boot": self.boot,
            "seq": next(self._seq),
            "at": self.clock.now(),
        }
        message = kind(**{**common, **fields})
        name = topic(message.lock, leaf_of(message))
        return self.inbox.take(name, encode(message, speaker.private_key))

    def hello(self, home: LockHome | None = None, **fields: Any) -> Reaction:
        base: dict[str, Any] = {
            "nonce": f"{next(self._nonces):032x}",
            "connection": 1,
            "chain": DEPLOYMENT.chain_id,
            "market": DEPLOYMENT.market,
            "cycle": 0,
            "position": "LOCKED",
            "occupied": False,
            "camera": False,
            "firmware": "test",
        }
        return self.say(Hello, home, **{**base, **fields})

    def state(self, **fields: Any) -> Reaction:
        base: dict[str, Any] = {
            "cycle": 0, "position": "LOCKED", "occupied": False, "camera": False,
        }  # fmt: skip
        return self.say(State, **{**base, **fields})

    def plate(self, lease: str, match: bool = True, **fields: Any) -> Reaction:
        base: dict[str, Any] = {
            "lease_id": lease,
            "match": match,
            "confidence": 0.97,
            "evidence_hash": f"0x{next(self._nonces):064x}",
            "reason": None if match else "other_vehicle",
        }
        return self.say(Plate, **{**base, **fields})

    def ack(self, outcome: str, **fields: Any) -> Reaction:
        return self.say(Ack, **{"outcome": outcome, "cycle": 0, "position": "LOCKED", **fields})

    def available(self, online: bool, connection: int = 1) -> Reaction:
        return self.say(Availability, online=online, connection=connection)

    def occupancy(
        self, lease: str, kind: int = 1, *, key: bytes | None = None, **fields: Any
    ) -> Reaction:
        """Evidence, signed for the chain by the lock (or by another key)."""
        from_ = fields.pop("from_", slot_start(parse_lease(lease) >> 16 & 0xFFFFFFFF))
        until = fields.pop("until", from_)
        typed = occupancy(DEPLOYMENT.domain, parse_lease(lease), kind, from_, until, 0)
        signature = "0x" + sign(typed, key or self.home.private_key).hex()
        return self.say(
            OccupancyRecord,
            lease_id=lease,
            kind=kind,
            from_=from_,
            until=until,
            energy_wh=0,
            signature=signature,
            **fields,
        )

    # ---- what is so

    def rows(self, table: Table) -> list[Any]:
        with self.store.read() as conn:
            return every(conn, select(table))

    def command(self, action: Action) -> Any:
        """The command that is not over, else the newest one."""
        found = [row for row in self.rows(commands) if row["action"] == action]
        key = lambda row: (row["state"] not in OVER, row["created_at"], row["updated_at"])  # noqa: E731
        return max(found, key=key, default=None)

    def incidents(self) -> list[Incident]:
        """Those that are open, newest first."""
        with self.store.read() as conn:
            return list_incidents(conn)

    def lock(self) -> Any:
        return next(row for row in self.rows(lock_states) if row["lock_id"] == self.home.lock_id)

    def grant(self) -> Any:
        return self.rows(grants)[0]

    def evidence(self) -> list[Any]:
        return self.rows(evidence)

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [event["payload"] for event in self.world.events() if event["topic"] == kind]
