"""What happens in a made-up market, hour by hour, as blocks of transactions.

Every hour brings the same mix: people join, offers change, a hundred spaces are leased for the hour
that follows, the leases of this hour are used. Nine of ten leases go as planned; the others are
cancelled, extended, overstayed, disputed, not used or obstructed. So the tables grow with the
history while its composition stays the same from the first ten thousand events to the last.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterator

from berth.chain.abi import load_abi
from berth.core.deployment import Deployment
from berth.core.hashing import keccak
from berth.core.ids import lease_id, space_id
from berth.core.merkle import build
from berth.core.messages import ARRIVED, BLOCKED, LEFT, NOSHOW
from berth.core.title import Title, leaf, pack_attributes

from history.blocks import Block, Transaction
from history.calls import (
    Evidence,
    call,
    close_batch,
    publish_offer,
    record,
    record_batch,
    register_vehicle,
    revoke,
)
from history.cast import (
    ARBITER,
    ATTESTER,
    AUTHORITY,
    CITY,
    FAR_DAY,
    KEEPERS,
    PLANS,
    RICH,
    SLOTS_OF,
    TYPICAL,
    Driver,
    Lease,
    Space,
)
from history.keys import Key, Signing, account

HOUR = 3600
SLOTS_PER_HOUR = 4
#: Leases that are booked each hour, once there are enough spaces.
LEASES_PER_HOUR = 100
SPACES_AT_FIRST = 120
SPACES_PER_HOUR = 6
DRIVERS_PER_HOUR = 8
#: Spaces that one owner brings.
SPACES_OF_AN_OWNER = 3
#: Events of an hour, roughly: to plan how many hours a history takes.
EVENTS_PER_HOUR = 385
#: A market that grows begins to after this hour: its first ten thousand events are everybody's.
QUIET_HOURS = 30
#: Each hour it is so many times as large as the hour before, until it has the size it is to have.
HOURLY_GROWTH = 1.1
#: A lease whose lock said nothing is closed this long after its hour; evidence would be welcome
#: for its reserve and a day.
CLOSE_AFTER_HOURS = 27


class Story:
    """The same seed, the same story."""

    def __init__(
        self,
        deployment: Deployment,
        start: int,
        events: int,
        *,
        growth: int = 1,
        seed: int = 23864,
    ) -> None:
        """`start` is the first hour, Unix seconds; about so many `events` are planned for, and no
        more. After its quiet hours the market grows, hour by hour, to `growth` times its size: more
        of everything in an hour, for the node's work on a block grows with all that it holds."""
        self._chance = random.Random(seed)
        self._growth, self._size = float(growth), 1.0
        self._market, self._asset = deployment.market, deployment.asset
        self._titles = deployment.titles
        self._signing = Signing(deployment)
        self._first = -(-start // HOUR)
        self._spaces: list[Space] = []
        self._drivers: list[Driver] = []
        self._owner = ""
        self._block = Block(0)
        self._now = 0
        growing = math.ceil(math.log(growth, HOURLY_GROWTH))
        hours = QUIET_HOURS + growing + events // (EVENTS_PER_HOUR * growth) + 20
        count = growth * (SPACES_AT_FIRST + SPACES_PER_HOUR * hours)
        attributes = pack_attributes(5, True, 0, 250, 520)
        self._all = [
            Title(
                CITY,
                index,
                keccak(b"holder %d" % index),
                keccak(b"address %d" % index),
                self._chance.getrandbits(30),
                attributes,
                FAR_DAY,
            )
            for index in range(2 * count)  # the second half is never registered
        ]
        self._tree = build([leaf(title) for title in self._all])
        self._register = load_abi("ParkingMarket").function("registerSpace")
        self._rotate = load_abi("ParkingMarket").function("rotateLock")
        # leases by how far they are
        self._booked: list[Lease] = []
        self._staying: list[Lease] = []
        self._late: list[Lease] = []
        self._claimed: list[Lease] = []
        self._resolvable: list[Lease] = []
        self._silent: deque[tuple[int, Lease]] = deque()
        self._paid: list[Driver] = []
        self._wanting: list[Driver] = []
        self._blocked: deque[tuple[int, str, int]] = deque()

    def blocks(self) -> Iterator[Block]:
        """Blocks without end, some of them empty."""
        yield from self._opening(self._first * HOUR - 1800)
        hour = self._first
        while True:
            if hour >= self._first + QUIET_HOURS and self._size < self._growth:
                yield self._grow(hour * HOUR)
            yield from self._hour(hour)
            hour += 1

    # ---- hours

    def _opening(self, at: int) -> Iterator[Block]:
        """The city's titles, the first spaces and drivers."""
        self._begin(at)
        publish = load_abi("TitleRegistry").encode_call(
            "publishEdition", CITY, 1, self._tree.root, b"\x05" * 32, len(self._all), []
        )
        self._send(AUTHORITY, "0x" + publish.hex(), 1, to=self._titles)
        yield self._block
        self._begin(at + 300)
        self._join(SPACES_AT_FIRST, 2 * LEASES_PER_HOUR)
        yield self._block

    def _grow(self, at: int) -> Block:
        self._begin(at + 15)
        size = min(self._growth, self._size * HOURLY_GROWTH)
        more = size - self._size
        self._join(round(more * SPACES_AT_FIRST), round(more * 2 * LEASES_PER_HOUR))
        self._size = size
        return self._block

    def _hour(self, hour: int) -> Iterator[Block]:
        begin = hour * HOUR
        self._begin(begin + 30)
        self._leave()
        self._close_silent(hour)
        yield self._block
        self._begin(begin + 300)
        self._join(round(self._size * SPACES_PER_HOUR), round(self._size * DRIVERS_PER_HOUR))
        self._want_payouts()
        yield self._block
        self._begin(begin + 480)
        self._arrive()
        self._pay_out()
        yield self._block
        self._begin(begin + 660)
        chosen = self._choose()
        half = len(chosen) // 2
        self._book(hour + 1, chosen[:half])
        self._accept()
        yield self._block
        yield Block(begin + 900)
        self._begin(begin + 1200)
        self._book(hour + 1, chosen[half:])
        self._resolve()
        yield self._block
        self._begin(begin + 1500)
        self._leave_late()
        self._change()
        yield self._block
        yield Block(begin + 1800)
        self._begin(begin + 2400)
        self._leave_early()
        self._cancel()
        yield self._block
        self._begin(begin + 3000)
        self._manage(hour)
        yield self._block
        yield Block(begin + 3300)

    # ---- people and spaces

    def _join(self, spaces: int, drivers: int) -> None:
        for _ in range(spaces):
            self._add_space()
        for _ in range(drivers):
            self._add_driver()

    def _add_space(self) -> None:
        index = len(self._spaces)
        if index % SPACES_OF_AN_OWNER == 0:
            self._owner = account(f"bench owner {index}")
            self._fund(self._owner)
            self._send(self._owner, call("deposit", 100_000_000), 1)
        owner, title = self._owner, self._all[index]
        space = Space(space_id(CITY, index), owner, Key(f"bench lock {index}"))
        self._spaces.append(space)
        registration = {
            "title": (
                title.city,
                title.index,
                title.salted_holder,
                title.address_hash,
                title.cell,
                title.attributes,
                title.valid_day,
            ),
            "proof": self._tree.proof(leaf(title)),
            "holder": (1, FAR_DAY, index, self._holder(owner, title, index)),
            "lock": self._lock_proof(space),
            "connectors": 1,
            "power": 110,
        }
        # two logs: the registry's claim and the market's registration
        self._send(owner, "0x" + self._register.encode(registration).hex(), 2, gas=900_000)
        self._send(owner, publish_offer(space.number, TYPICAL), 1)

    def _add_driver(self) -> None:
        number = len(self._drivers)
        address = account(f"bench driver {number}")
        second = number % 4 == 0
        driver = Driver(
            address, tuple(keccak(b"plate %d %d" % (number, n)) for n in range(1 + second))
        )
        self._drivers.append(driver)
        self._fund(address)
        until = (1 << 32) - 1
        for plate in driver.plates:
            signature = self._signing.vehicle(ATTESTER, address, plate, 2, until)
            self._send(address, register_vehicle(plate, 2, until, 1, signature), 1)
        if number % 3 == 0:
            self._send(address, call("deposit", 20_000_000), 1)

    def _fund(self, address: str) -> None:
        self._send(address, call("mint", address, RICH, contract="TestToken"), 0, to=self._asset)
        approve = call("approve", self._market, RICH, contract="TestToken")
        self._send(address, approve, 0, to=self._asset)

    def _holder(self, owner: str, title: Title, nonce: int) -> bytes:
        return self._signing.holder(ATTESTER, owner, title.salted_holder, FAR_DAY, nonce)

    def _lock_proof(self, space: Space) -> dict[str, object]:
        return {
            "key": space.lock.address,
            "maker": 1,
            "validDay": FAR_DAY,
            "makerSignature": self._signing.lock(ATTESTER, space.lock.address, FAR_DAY),
            "possession": self._signing.possession(space.lock, space.number, space.owner),
        }

    # ---- leases

    def _choose(self) -> list[Space]:
        wanted = round(self._size * LEASES_PER_HOUR)
        return self._chance.sample(self._spaces, min(wanted, len(self._spaces)))

    def _book(self, hour: int, spaces: list[Space]) -> None:
        start = hour * SLOTS_PER_HOUR
        plans = self._chance.choices(
            [name for name, _ in PLANS], [share for _, share in PLANS], k=len(spaces)
        )
        for space, drawn in zip(spaces, plans, strict=True):
            driver = self._chance.choice(self._drivers)
            plan = "usual" if drawn == "changed" and len(driver.plates) < 2 else drawn
            # what is extended must last until then, and end within the hour afterwards
            shortest, longest = SLOTS_OF.get(plan, (4, 4))
            slots = self._chance.randint(shortest, longest)
            data = call(
                "lease", space.number, start, slots, space.offers, 10, driver.plates[0], 10**12
            )
            self._send(driver.address, data, 1)
            begin = hour * HOUR
            lease = Lease(
                lease_id(space.number, start, 1), space, driver, begin, begin + 900 * slots, plan
            )
            self._booked.append(lease)

    def _cancel(self) -> None:
        """The next hour's leases that come to nothing, late enough to cost something."""
        left = []
        for lease in self._booked:
            if lease.plan == "cancelled":
                self._send(lease.driver.address, call("cancel", lease.number), 1)
            elif lease.plan == "owner_cancels":
                # the record and the compensation
                self._send(lease.space.owner, call("ownerCancel", lease.number), 2)
            else:
                left.append(lease)
        self._booked = left

    def _arrive(self) -> None:
        """Locks tell of those who came."""
        items = []
        for lease in self._booked:
            if lease.plan in ("no_show", "obstructed"):
                self._staying.append(lease)
            elif lease.plan == "unused":
                self._silent.append((lease.begin // HOUR + CLOSE_AFTER_HOURS, lease))
            else:
                lease.arrived = lease.begin + self._chance.randint(-600, 420)
                items.append(self._evidence(lease, ARRIVED, lease.arrived, lease.arrived))
                if lease.plan == "presumed":
                    self._silent.append((lease.begin // HOUR + CLOSE_AFTER_HOURS, lease))
                else:
                    self._staying.append(lease)
        self._booked = []
        self._bring(items, 1)

    def _change(self) -> None:
        """Leases under way: longer, another vehicle, disputed."""
        for lease in self._staying:
            driver = lease.driver
            if lease.plan == "extended":
                data = call("extend", lease.number, 2, 3, driver.plates[0], 10**12)
                self._send(driver.address, data, 1)
                lease.end += 1800
            elif lease.plan == "changed":
                self._send(driver.address, call("changeVehicle", lease.number, driver.plates[1]), 1)
            elif lease.plan == "disputed":
                self._send(driver.address, call("dispute", lease.number), 1)

    def _leave_early(self) -> None:
        """Within the hour; and who found somebody else in the space says so."""
        items, staying = [], []
        for lease in self._staying:
            if lease.plan == "early":
                until = lease.begin + self._chance.randint(700, 2300)
                items.append(self._departure(lease, min(until, lease.end + 250)))
                self._paid.append(lease.driver)
            elif lease.plan == "obstructed":
                begin = lease.begin
                items.append(self._evidence(lease, BLOCKED, begin - 100, begin + 600))
            else:
                staying.append(lease)
        self._staying = staying
        self._bring(items, 1)

    def _leave(self) -> None:
        """The leases of the hour that has just ended."""
        items = []
        for lease in self._staying:
            if lease.plan == "overstay":
                self._late.append(lease)
            elif lease.plan == "no_show":
                items.append(self._evidence(lease, NOSHOW, lease.begin - 600, lease.end))
            else:
                until = lease.end - self._chance.randint(0, 400)
                items.append(self._departure(lease, until))
                if lease.plan == "disputed":
                    self._resolvable.append(lease)
                else:
                    self._paid.append(lease.driver)
        self._staying = []
        self._bring(items, 1)

    def _leave_late(self) -> None:
        """After grace: their locks claim overstay."""
        items = [
            self._departure(lease, lease.end + self._chance.randint(500, 1400))
            for lease in self._late
        ]
        self._claimed, self._late = self._late, []
        self._bring(items, 1)

    def _accept(self) -> None:
        """Drivers accept the overstay of the hour before."""
        for lease in self._claimed:
            self._send(lease.driver.address, call("close", lease.number), 1)
        self._claimed = []

    def _resolve(self) -> None:
        for lease in self._resolvable:
            self._send(ARBITER, call("resolve", lease.number, TYPICAL.price_per_slot), 1)
        self._resolvable = []

    def _close_silent(self, hour: int) -> None:
        due = []
        while self._silent and self._silent[0][0] <= hour:
            due.append(self._silent.popleft()[1].number)
        if due:
            self._send(self._keeper(), close_batch(due), len(due), gas=300_000 * len(due))

    def _departure(self, lease: Lease, until: int) -> Evidence:
        energy = self._chance.randrange(0, 9000)
        return self._evidence(lease, LEFT, lease.arrived, max(until, lease.arrived), energy)

    def _evidence(
        self, lease: Lease, kind: int, from_: int, until: int, energy: int = 0
    ) -> Evidence:
        signature = self._signing.occupancy(
            lease.space.lock, lease.number, kind, from_, until, energy
        )
        return (lease.number, kind, from_, until, energy), signature

    def _bring(self, items: list[Evidence], logs: int) -> None:
        """Half of the evidence alone, half ten at a time."""
        half = len(items) // 2
        for item in items[:half]:
            self._send(self._keeper(), record(item), logs)
        for first in range(half, len(items), 10):
            part = items[first : first + 10]
            self._send(
                self._keeper(), record_batch(part), logs * len(part), gas=300_000 * len(part)
            )

    # ---- money and management

    def _want_payouts(self) -> None:
        paid = list({driver.address: driver for driver in self._paid}.values())
        self._wanting = self._chance.sample(paid, min(2, len(paid)))
        self._paid = []
        for driver in self._wanting:
            self._send(driver.address, call("setAutoPayout", 1), 1)

    def _pay_out(self) -> None:
        for driver in self._wanting:
            self._send(self._keeper(), call("payout", driver.address), 1)
        self._wanting = []

    def _manage(self, hour: int) -> None:
        """What owners do with spaces that nobody uses or has booked, and cities with titles."""
        taken = {lease.space.number for lease in (*self._booked, *self._staying)}
        free = [space for space in self._some(12) if space.number not in taken]
        for space in free[:2]:
            # the offers before it can still be leased; the new one will be
            self._send(space.owner, publish_offer(space.number, TYPICAL), 1)
            space.offers += 1
            self._send(space.owner, call("withdraw", space.owner, 10_000), 1)
        for space in free[2:4]:
            start = (hour + 2000) * SLOTS_PER_HOUR
            self._send(space.owner, call("blockSlots", space.number, start, 4), 1)
            block = lease_id(space.number, start, 1)
            self._blocked.append((hour + 3, space.owner, block))
        while self._blocked and self._blocked[0][0] <= hour:
            _, owner, block = self._blocked.popleft()
            self._send(owner, call("unblock", block), 1)
        for space in free[4:5]:
            manager = account(f"bench manager {self._chance.randrange(50)}")
            self._send(space.owner, call("setManager", space.number, manager), 1)
        for space in free[5:6]:
            self._send(space.owner, publish_offer(space.number, TYPICAL), 1)
            space.offers += 1
            self._send(space.owner, call("withdrawOffers", space.number, space.offers), 1)
        for space in free[6:7]:
            space.lock = Key(f"bench lock {space.number} {hour}")
            data = self._rotate.encode(space.number, self._lock_proof(space))
            self._send(space.owner, "0x" + data.hex(), 1)
        count = len(self._all)
        index = self._chance.randrange(count // 2 + 256, count) // 256 if count > 1024 else None
        if index is not None:
            bits = 1 << (hour % 256)
            for verb in ("revoke", "reinstate"):
                self._send(AUTHORITY, revoke(verb, CITY, index, bits), 1, to=self._titles)

    def _some(self, count: int) -> list[Space]:
        return self._chance.sample(self._spaces, min(count, len(self._spaces)))

    # ---- the block that is being filled

    def _begin(self, timestamp: int) -> None:
        self._now = timestamp
        self._block = Block(timestamp)

    def _send(
        self, sender: str, data: str, logs: int, *, to: str | None = None, gas: int = 500_000
    ) -> None:
        self._block.transactions.append(Transaction(sender, to or self._market, data, gas))
        self._block.logs += logs

    def _keeper(self) -> str:
        return KEEPERS[len(self._block.transactions) % len(KEEPERS)]
