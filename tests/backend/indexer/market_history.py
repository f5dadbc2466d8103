"""A market that makes valid logs at random, and knows what an index of them must hold.

It is a model of the contract's bookkeeping, not of its prices: settlements share out the deposit
at random, as the index has no say in that.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from typing import Any

from berth.chain.abi import load_abi
from berth.core.deployment import Deployment
from berth.core.ids import lease_id, space_id
from berth.core.ledger import EMPTY_HEAD, Record, next_head, record_hash
from berth.core.tariff import Terms, deposit, encode_words
from berth.core.title import pack_attributes
from eth_abi import encode

DEPLOYMENT = Deployment(
    chain_id=1337,
    genesis_hash="0x" + "00" * 32,  # replaced by the fake node's
    block=2,
    titles="0x" + "a1" * 20,
    market="0x" + "b2" * 20,
    forwarder="0x" + "c3" * 20,
    timelock="0x" + "d4" * 20,
    asset="0x" + "e5" * 20,
    asset_symbol="tEUR",
    asset_decimals=6,
    fee_bps=250,
)
CITY = 777
PEOPLE = ["0x" + f"{n:040x}" for n in range(0x1001, 0x1009)]

LogEntry = tuple[str, list[str], bytes]


def encode_log(contract: str, address: str, name: str, **values: Any) -> LogEntry:
    """A log as the contract would write it, by eth_abi."""
    entry = load_abi(contract).events[name]
    topics = ["0x" + entry.topic.hex()]
    plain = [p for p in entry.inputs if not p.indexed]
    topics += ["0x" + encode([p.type], [values[p.name]]).hex() for p in entry.inputs if p.indexed]
    return address, topics, encode([p.type for p in plain], [values[p.name] for p in plain])


@dataclass
class World:
    """The market's true state."""

    timestamp: int
    credits: dict[str, int] = field(default_factory=dict)
    spaces: list[tuple[int, str]] = field(default_factory=list)
    offers: list[tuple[int, int, str, Terms]] = field(default_factory=list)
    leases: dict[int, dict[str, Any]] = field(default_factory=dict)
    epochs: dict[tuple[int, int], int] = field(default_factory=dict)
    revoked: dict[int, int] = field(default_factory=dict)
    vehicles: list[tuple[str, bytes]] = field(default_factory=list)
    edition: int = 0
    settled: int = 0
    head: bytes = EMPTY_HEAD
    fees: int = 0
    facts: dict[int, dict[str, Any]] = field(default_factory=dict)  # of spaces
    blockings: dict[int, int | None] = field(default_factory=dict)  # id -> when unblocked
    payouts: dict[str, bool] = field(default_factory=dict)
    compensations: dict[int, int] = field(default_factory=dict)

    def copy(self) -> World:
        return copy.deepcopy(self)


def deploy_logs() -> list[LogEntry]:
    """The logs of the deployment itself."""
    market, titles = DEPLOYMENT.market, DEPLOYMENT.titles
    return [
        encode_log("ParkingMarket", market, "FeeSet", feeBps=250),
        encode_log("TitleRegistry", titles, "MarketSet", market=market, allowed=True),
        encode_log("TitleRegistry", titles, "AuthoritySet", city=CITY, authority=PEOPLE[0]),
        encode_log("ParkingMarket", market, "AttesterSet", id=1, account=PEOPLE[1], roles=3),
    ]


def random_logs(world: World, rng: random.Random, actions: int) -> list[LogEntry]:
    """The logs of a few random verbs, applied to the world."""
    from market_changes import CHANGES

    logs: list[LogEntry] = []
    for _ in range(actions):
        verb = rng.choices(
            [_edition, _revoke, register, publish, enrol, top_up, _withdraw, book, arrive,
             _claim, settle, _fees, *CHANGES],
            [1, 1, 3, 3, 3, 4, 2, 10, 7, 2, 8, 1] + [1] * len(CHANGES),
        )[0]  # fmt: skip
        logs += verb(world, rng)
    return logs


def _market(name: str, **values: Any) -> LogEntry:
    return encode_log("ParkingMarket", DEPLOYMENT.market, name, **values)


def _titles(name: str, **values: Any) -> LogEntry:
    return encode_log("TitleRegistry", DEPLOYMENT.titles, name, **values)


def _edition(w: World, rng: random.Random) -> list[LogEntry]:
    w.edition += 1
    root, content = rng.randbytes(32), rng.randbytes(32)
    return [
        _titles(
            "EditionPublished",
            city=CITY, edition=w.edition, root=root, contentHash=content, count=rng.randrange(9999),
        )
    ]  # fmt: skip


def _revoke(w: World, rng: random.Random) -> list[LogEntry]:
    word, bits = rng.randrange(3), 1 << rng.randrange(256)
    if w.revoked.get(word) and rng.random() < 0.5:
        bits = w.revoked.pop(word)
        return [_titles("TitlesReinstated", city=CITY, word=word, bits=bits)]
    w.revoked[word] = w.revoked.get(word, 0) | bits
    return [_titles("TitlesRevoked", city=CITY, word=word, bits=bits)]


def register(w: World, rng: random.Random) -> list[LogEntry]:
    space, owner = space_id(CITY, len(w.spaces)), rng.choice(PEOPLE)
    w.spaces.append((space, owner))
    lock = "0x" + rng.randbytes(20).hex()
    w.facts[space] = {
        "firstLive": 1, "last": 0, "since": 1, "manager": None, "lock": lock, "previous": None,
        "rotatedAt": None, "delisted": 0, "released": False, "validDay": 30000,
    }  # fmt: skip
    return [
        _titles("SpaceClaimed", spaceId=space, market=DEPLOYMENT.market),
        _market(
            "SpaceRegistered",
            spaceId=space, owner=owner, lockKey=lock,
            cell=rng.randrange(1 << 30), addressHash=rng.randbytes(32),
            attributes=pack_attributes(rng.randint(1, 5), True, 0, 230, 510),
            connectors=rng.randrange(256), power=rng.randrange(4000), maker=1, validDay=30000,
        ),
    ]  # fmt: skip


def publish(w: World, rng: random.Random) -> list[LogEntry]:
    if not w.spaces:
        return []
    space, owner = rng.choice(w.spaces)
    number = 1 + sum(1 for other in w.offers if other[0] == space)
    terms = Terms(
        price_per_slot=rng.randrange(1, 1 << rng.randrange(2, 80)),
        price_per_kwh=rng.randrange(1 << 40),
        utc_offset=rng.randrange(-48, 57),
        reserve_minutes=rng.randrange(1441),
        fee_bps=rng.randrange(1001),
    )
    word_a, word_b = encode_words(terms)
    w.offers.append((space, number, owner, terms))
    w.facts[space]["last"] = number
    return [
        _market(
            "OfferPublished",
            spaceId=space, owner=owner, cell=5, number=number, wordA=word_a, wordB=word_b,
        )
    ]  # fmt: skip


def enrol(w: World, rng: random.Random) -> list[LogEntry]:
    driver, commitment = rng.choice(PEOPLE), rng.randbytes(32)
    w.vehicles.append((driver, commitment))
    return [
        _market(
            "VehicleRegistered",
            plateCommitment=commitment, driver=driver, untilSlot=(1 << 32) - 1, verifier=1, size=2,
        )
    ]  # fmt: skip


def top_up(w: World, rng: random.Random) -> list[LogEntry]:
    account, amount = rng.choice(PEOPLE), rng.randrange(1, 1 << rng.randrange(4, 90))
    w.credits[account] = w.credits.get(account, 0) + amount
    return [_market("Deposited", account=account, **{"from": PEOPLE[0]}, amount=amount)]


def _withdraw(w: World, rng: random.Random) -> list[LogEntry]:
    rich = [account for account, credit in w.credits.items() if credit]
    if not rich:
        return []
    account = rng.choice(rich)
    amount = rng.randint(1, w.credits[account])
    w.credits[account] -= amount
    return [_market("Withdrawn", account=account, to=account, amount=amount)]


def book(w: World, rng: random.Random) -> list[LogEntry]:
    if not w.offers or not w.vehicles:
        return []
    space, number, owner, terms = rng.choice(w.offers)
    driver, commitment = rng.choice(w.vehicles)
    start, slots = w.timestamp // 900 + rng.randrange(3), rng.randint(1, 8)
    if any(
        lease["space"] == space and lease["start"] == start and lease["state"] < 4
        for lease in w.leases.values()
    ):
        return []
    epoch = w.epochs.get((space, start), 0) + 1
    w.epochs[space, start] = epoch
    cap = rng.randrange(256)
    amount = deposit(terms, slots, cap)
    used = min(w.credits.get(driver, 0), amount)
    w.credits[driver] = w.credits.get(driver, 0) - used
    lease = lease_id(space, start, epoch)
    w.leases[lease] = {
        "space": space, "start": start, "slots": slots, "driver": driver, "owner": owner,
        "offer": number, "deposit": amount, "state": 1, "arrived": 0, "commitment": commitment,
        "cap": cap, "pulled": amount - used, "disputed": False, "noShow": False,
    }  # fmt: skip
    return [
        _market(
            "Leased",
            leaseId=lease, driver=driver, cell=5, slots=slots, offer=number, kwhCap=cap,
            deposit=amount, pulled=amount - used, plateCommitment=commitment,
        )
    ]  # fmt: skip


def arrive(w: World, rng: random.Random) -> list[LogEntry]:
    booked = [number for number, lease in w.leases.items() if lease["state"] == 1]
    if not booked:
        return []
    number = rng.choice(booked)
    lease = w.leases[number]
    lease["state"], lease["arrived"] = 2, rng.randint(1, 15 * lease["slots"])
    moment = lease["start"] * 900 + 60 * (lease["arrived"] - 1)
    return [_market("Arrived", leaseId=number, **{"from": moment}, arrived=lease["arrived"])]


def _claim(w: World, rng: random.Random) -> list[LogEntry]:
    parked = [number for number, lease in w.leases.items() if lease["state"] == 2]
    if not parked:
        return []
    number = rng.choice(parked)
    w.leases[number]["state"] = 3
    return [
        _market(
            "OverstayClaimed",
            leaseId=number, arrived=w.leases[number]["arrived"], until=77, energyUsed=3, overstay=9,
        )
    ]  # fmt: skip


def settle(w: World, rng: random.Random) -> list[LogEntry]:
    open_ones = [number for number, lease in w.leases.items() if lease["state"] < 4]
    if not open_ones:
        return []
    number = rng.choice(open_ones)
    lease = w.leases[number]
    free = lease["state"] == 1 and rng.random() < 0.5
    outcome = rng.choice([5, 7, 8]) if free else rng.choice([1, 2, 3, 4, 6, 9, 10, 11, 12])
    cost = 0 if free else rng.randint(0, lease["deposit"])
    rent = rng.randint(0, cost)
    overstay = rng.randint(0, cost - rent)
    fee = cost * 250 // 10_000
    record = Record(
        lease_id=number, outcome=outcome, owner=lease["owner"], driver=lease["driver"],
        offer=lease["offer"], rent=rent, overstay=overstay, energy=cost - rent - overstay, fee=fee,
        refund=lease["deposit"] - cost, arrived=lease["arrived"], until=rng.randrange(200),
        energy_wh=100 * rng.randrange(50), closed_at=w.timestamp,
    )  # fmt: skip
    w.settled += 1
    w.head = next_head(w.head, record_hash(record))
    w.fees += fee
    for account, amount in ((record.owner, cost - fee), (record.driver, record.refund)):
        if amount:
            w.credits[account] = w.credits.get(account, 0) + amount
    lease["state"] = 5 if 5 <= outcome <= 8 else 4
    logs = [
        _market(
            "Settled",
            leaseId=number, driver=record.driver, owner=record.owner, number=w.settled,
            outcome=outcome, offer=record.offer, rent=rent, overstay=overstay, energy=record.energy,
            fee=fee, refund=record.refund, arrived=record.arrived, until=record.until,
            energyWh=record.energy_wh, closedAt=record.closed_at,
        )
    ]  # fmt: skip
    credit = w.credits.get(record.owner, 0)
    if outcome == 7 and credit:
        amount = w.compensations[number] = rng.randint(1, credit)
        w.credits[record.owner] -= amount
        w.credits[record.driver] = w.credits.get(record.driver, 0) + amount
        sides = {"from": record.owner, "to": record.driver}
        logs.append(_market("Compensated", leaseId=number, **sides, amount=amount))
    return logs


def _fees(w: World, rng: random.Random) -> list[LogEntry]:
    if not w.fees:
        return []
    amount = rng.randint(1, w.fees)
    w.fees -= amount
    return [_market("FeesWithdrawn", to=PEOPLE[0], amount=amount)]
