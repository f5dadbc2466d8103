"""The rarer verbs of the random market: what becomes of leases, spaces and accounts meanwhile."""

from __future__ import annotations

import random
from typing import Any

from berth.chain.abi import load_abi
from berth.core.ids import lease_id
from berth.core.tariff import Terms, deposit
from eth_abi import encode
from market_history import DEPLOYMENT, PEOPLE, LogEntry, World, encode_log

ZERO = "0x" + "00" * 20


def _market(name: str, **values: Any) -> LogEntry:
    return encode_log("ParkingMarket", DEPLOYMENT.market, name, **values)


def _lease(w: World, rng: random.Random, *states: int) -> int | None:
    fitting = [number for number, lease in w.leases.items() if lease["state"] in states]
    return rng.choice(fitting) if fitting else None


def _space(w: World, rng: random.Random) -> tuple[int, dict[str, Any]] | None:
    if not w.spaces:
        return None
    number = rng.choice(w.spaces)[0]
    return number, w.facts[number]


def _terms(w: World, lease: dict[str, Any]) -> Terms:
    return next(o[3] for o in w.offers if o[:2] == (lease["space"], lease["offer"]))


def extend(w: World, rng: random.Random) -> list[LogEntry]:
    number = _lease(w, rng, 1, 2)
    if number is None:
        return []
    lease = w.leases[number]
    lease["slots"] += rng.randint(0, 4)
    lease["cap"] = min(255, lease["cap"] + rng.randint(0, 9))
    lease["commitment"] = rng.choice([lease["commitment"], rng.randbytes(32)])
    amount = deposit(_terms(w, lease), lease["slots"], lease["cap"])
    more, driver = amount - lease["deposit"], lease["driver"]
    used = min(w.credits.get(driver, 0), more)
    w.credits[driver] = w.credits.get(driver, 0) - used
    lease["deposit"], lease["pulled"] = amount, lease["pulled"] + more - used
    return [
        _market(
            "Extended",
            leaseId=number, driver=driver, slots=lease["slots"], kwhCap=lease["cap"],
            deposit=amount, pulled=more - used, plateCommitment=lease["commitment"],
        )
    ]  # fmt: skip


def change_vehicle(w: World, rng: random.Random) -> list[LogEntry]:
    number = _lease(w, rng, 1, 2)
    if number is None:
        return []
    lease = w.leases[number]
    lease["commitment"] = rng.randbytes(32)
    return [
        _market(
            "VehicleChanged",
            leaseId=number, driver=lease["driver"], plateCommitment=lease["commitment"],
        )
    ]  # fmt: skip


def dispute(w: World, rng: random.Random) -> list[LogEntry]:
    number = _lease(w, rng, 1, 2, 3)
    if number is None or w.leases[number]["disputed"]:
        return []
    w.leases[number]["disputed"] = True
    by = rng.choice([w.leases[number]["driver"], w.leases[number]["owner"]])
    return [_market("Disputed", leaseId=number, by=by)]


def no_show(w: World, rng: random.Random) -> list[LogEntry]:
    """Of a disputed lease; one is disputed for it when there is none."""
    number = _lease(w, rng, 1)
    if number is None or w.leases[number]["noShow"]:
        return []
    lease, logs = w.leases[number], []
    if not lease["disputed"]:
        lease["disputed"] = True
        logs.append(_market("Disputed", leaseId=number, by=lease["owner"]))
    lease["noShow"] = True
    return [*logs, _market("NoShowRecorded", leaseId=number, until=w.timestamp)]


def block(w: World, rng: random.Random) -> list[LogEntry]:
    found = _space(w, rng)
    if found is None:
        return []
    start, slots = w.timestamp // 900 + rng.randrange(100), rng.randint(1, 8)
    epoch = w.epochs.get((found[0], start), 0) + 1
    w.epochs[found[0], start] = epoch
    number = lease_id(found[0], start, epoch)
    w.blockings[number] = None
    return [_market("Blocked", leaseId=number, by=rng.choice(PEOPLE), slots=slots)]


def unblock(w: World, rng: random.Random) -> list[LogEntry]:
    blocked = [number for number, ended in w.blockings.items() if ended is None]
    if not blocked:
        return []
    number = rng.choice(blocked)
    w.blockings[number] = w.timestamp
    return [_market("Unblocked", leaseId=number, by=rng.choice(PEOPLE))]


def withdraw_offers(w: World, rng: random.Random) -> list[LogEntry]:
    found = _space(w, rng)
    if found is None or found[1]["firstLive"] > found[1]["last"]:
        return []
    facts = found[1]
    facts["firstLive"] = rng.randint(facts["firstLive"] + 1, facts["last"] + 1)
    return [_market("OffersWithdrawn", spaceId=found[0], firstLive=facts["firstLive"])]


def manage(w: World, rng: random.Random) -> list[LogEntry]:
    found = _space(w, rng)
    if found is None:
        return []
    found[1]["manager"] = rng.choice([None, *PEOPLE])
    return [_market("ManagerSet", spaceId=found[0], manager=found[1]["manager"] or ZERO)]


def rotate(w: World, rng: random.Random) -> list[LogEntry]:
    found = _space(w, rng)
    return [] if found is None else [_rotation(w, rng, *found)]


def _rotation(w: World, rng: random.Random, space: int, facts: dict[str, Any]) -> LogEntry:
    facts["previous"], facts["lock"] = facts["lock"], "0x" + rng.randbytes(20).hex()
    facts["rotatedAt"] = w.timestamp
    facts["validDay"] = min(facts["validDay"], rng.randrange(29000, 30000))
    return _market(
        "LockRotated",
        spaceId=space, previous=facts["previous"], current=facts["lock"], maker=2,
        validDay=facts["validDay"],
    )  # fmt: skip


def delist(w: World, rng: random.Random) -> list[LogEntry]:
    found = _space(w, rng)
    if found is None or found[1]["delisted"]:
        return []
    space, facts = found
    facts.update(delisted=w.timestamp // 86400, validDay=0, firstLive=facts["last"] + 1)
    logs = [_market("SpaceDelisted", spaceId=space, by=rng.choice(PEOPLE))]
    if rng.random() < 0.3:
        facts["released"] = True
        market = DEPLOYMENT.market
        logs.append(
            encode_log(
                "TitleRegistry", DEPLOYMENT.titles, "SpaceReleased", spaceId=space, market=market
            )
        )
    return logs


def take_over(w: World, rng: random.Random) -> list[LogEntry]:
    """A renewal, a change of owner, or a registration anew after a release: all logs of one call,
    in the order in which the contract writes them."""
    found = _space(w, rng)
    if found is None:
        return []
    space, facts = found
    place = next(n for n, (other, _) in enumerate(w.spaces) if other == space)
    owner, heir = w.spaces[place][1], rng.choice(PEOPLE)
    logs: list[LogEntry] = []
    if heir != owner:
        w.spaces[place] = (space, heir)
        facts["since"] = facts["firstLive"] = facts["last"] + 1
        if facts["manager"] is not None:
            facts["manager"] = None
            logs.append(_market("ManagerSet", spaceId=space, manager=ZERO))
        taken = {"from": owner, "to": heir, "since": facts["since"]}
        logs.append(_market("SpaceTakenOver", spaceId=space, **taken))
    facts.update(validDay=30001, delisted=0, released=False)
    if rng.random() < 0.5:
        logs.append(_rotation(w, rng, space, facts))
        facts["validDay"] = 30001
    entry = load_abi("ParkingMarket").events["SpaceRegistered"]
    plain = {"cell": 7, "addressHash": b"\7" * 32, "attributes": 2, "connectors": 0, "power": 0,
             "maker": 1, "validDay": 30001}  # fmt: skip
    topics = ["0x" + entry.topic.hex()]
    topics += ["0x" + encode(["uint256"], [space]).hex()]
    topics += ["0x" + encode(["address"], [one]).hex() for one in (heir, facts["lock"])]
    types = [p.type for p in entry.inputs if not p.indexed]
    logs.append((DEPLOYMENT.market, topics, encode(types, list(plain.values()))))
    return logs


def auto_payout(w: World, rng: random.Random) -> list[LogEntry]:
    account = rng.choice(PEOPLE)
    w.payouts[account] = not w.payouts.get(account, False)
    logs = [_market("AutoPayoutSet", account=account, enabled=w.payouts[account])]
    if rng.random() < 0.2:
        logs.append(_market("PayoutFailed", account=account))
    return logs


CHANGES = [extend, change_vehicle, dispute, no_show, block, unblock, withdraw_offers, manage,
           rotate, delist, take_over, auto_payout]  # fmt: skip
