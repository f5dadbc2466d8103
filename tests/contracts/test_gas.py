"""Gas, to the unit. A change of any figure fails here; `make gas-accept` takes new figures over.

Figures repeat exactly: keys, addresses, times and signatures are the same in every run. The state
before each operation is an ordinary day's: accounts have been used before, the ledger is not empty,
the token is known.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from berth.core import messages
from berth.core.hashing import keccak
from berth.core.ids import space_id
from berth.core.title import leaf
from support.clock import DAY, HOUR, MONDAY, at, reach
from support.forms import TERMS, Registration, terms_form
from support.gas import floor
from support.keys import key
from support.world import CITY, MAKER, START, VALID_DAY, VERIFIER, title

HERE = Path(__file__).parent
SNAPSHOTS = HERE / "snapshots"
ROOT = HERE.parents[1]
ACCEPT = os.environ.get("BERTH_GAS_ACCEPT") == "1"

TEN = MONDAY + 10 * HOUR  # a lease of the past
TWO = TEN + 4 * HOUR  # the lease that is measured
FOUR = TWO + 2 * HOUR
T1 = FOUR + 60 * TERMS.reserve_minutes + 24 * HOUR
T2 = T1 + 48 * HOUR
SECOND = START + 16  # slot of TWO
FRESH = START + 256  # a calendar word that nobody has touched

OPERATIONS = {}


def operation(group: str, name: str):
    """Registers a measured operation: a function that ends in its one transaction."""

    def register(function):
        OPERATIONS[f"{group}/{name}"] = function
        return function

    return register


# ---- the day before
def used(world, space: int, credit: bool = False) -> None:
    """One lease has come and gone: credits, fees and ledger are not zero, the calendar word is not
    fresh."""
    lease = world.lease(space)
    reach(TEN + 2 * HOUR)
    world.leave(lease, TEN, TEN + 2 * HOUR)
    if not credit:
        world.market.withdraw(
            world.driver, world.market.creditOf(world.driver), {"from": world.driver}
        )
    else:
        world.market.deposit(10**9, {"from": world.driver})


def booked(world, space: int, kwh: int = 20) -> int:
    used(world, space, credit=True)
    return world.lease(space, SECOND, kwh=kwh)


def parked(world, space: int) -> int:
    lease = booked(world, space)
    reach(TWO + 301)
    world.arrive(lease, TWO + 301)
    return lease


def claimed(world, space: int) -> int:
    lease = parked(world, space)
    reach(FOUR + HOUR)
    world.leave(lease, TWO + 301, FOUR + 1800, 7_345)
    return lease


# ---- titles
@operation("titles", "publish a city's first edition")
def publish_first(world, space):
    world.titles.setAuthority(7, world.authority, {"from": world.admin})
    at(MONDAY + DAY)
    return world.titles.publishEdition(
        7, 1, b"\xaa" * 32, b"\xcc" * 32, 29_584, [], {"from": world.authority}
    )


@operation("titles", "publish the next edition")
def publish_next(world, space):
    at(MONDAY + DAY)
    return world.titles.publishEdition(
        CITY, 2, b"\xaa" * 32, b"\xcc" * 32, 29_584, [], {"from": world.authority}
    )


@operation("titles", "publish the next edition, 256 titles dropped")
def publish_dropping(world, space):
    at(MONDAY + DAY)
    dropped = [(5, 2**256 - 1)]
    return world.titles.publishEdition(
        CITY, 2, b"\xaa" * 32, b"\xcc" * 32, 29_584, dropped, {"from": world.authority}
    )


@operation("titles", "revoke one title")
def revoke(world, space):
    return world.titles.revoke(CITY, [(3, 1)], {"from": world.authority})


# ---- owners
@operation("market", "register, depth-18 proof")
def register(world, space):
    mine = title(9)
    node, proof = leaf(mine), [keccak(bytes([level])) for level in range(18)]
    for sibling in proof:
        node = keccak(node + sibling if node < sibling else sibling + node)
    world.titles.publishEdition(CITY, 2, node, b"\xcc" * 32, 200_000, [], {"from": world.authority})
    owner, lock, spot = world.owner.address, world.lock, space_id(CITY, 9)
    possession = messages.sign(
        messages.lock_possession(world.domain, lock.address, spot, owner), lock.private
    )
    made = Registration(
        mine,
        proof,
        [VERIFIER, VALID_DAY, 1, world.holder_word(owner, mine.salted_holder, VALID_DAY, 1)],
        [lock.address, MAKER, VALID_DAY, world.maker_word(lock.address, VALID_DAY), possession],
        0b11,
        110,
    )
    return world.market.registerSpace(made.form(), {"from": world.owner})


@operation("market", "publish offer")
def publish_offer(world, space):
    return world.market.publishOffer(space, terms_form(), {"from": world.owner})


# ---- drivers
@operation("market", "register vehicle")
def register_vehicle(world, space):
    return world.market.registerVehicle(
        world.vehicle(world.driver, b"\x52" * 32), {"from": world.driver}
    )


def lease(world, space, start):
    return world.market.lease(world.request(space, start, kwh=20).form(), {"from": world.driver})


@operation("market", "lease, ERC-20 pulled, dirty calendar word")
def lease_pulled_dirty(world, space):
    used(world, space)
    return lease(world, space, SECOND)


@operation("market", "lease, ERC-20 pulled, fresh calendar word")
def lease_pulled_fresh(world, space):
    used(world, space)
    return lease(world, space, FRESH)


@operation("market", "lease from credit, dirty calendar word")
def lease_credit_dirty(world, space):
    used(world, space, credit=True)
    return lease(world, space, SECOND)


@operation("market", "lease from credit, fresh calendar word")
def lease_credit_fresh(world, space):
    used(world, space, credit=True)
    return lease(world, space, FRESH)


@operation("market", "lease from credit, a week across four calendar words")
def lease_week(world, space):
    used(world, space, credit=True)
    request = world.request(space, FRESH - START % 256 + 255, slots=672).form()
    return world.market.lease(request, {"from": world.driver})


@operation("market", "lease with a new vehicle, ERC-20 pulled, fresh calendar word")
def lease_with_vehicle(world, space):
    used(world, space)
    plate = b"\x52" * 32
    return world.market.leaseWithVehicle(
        world.request(space, FRESH, kwh=20, plate=plate).form(),
        world.vehicle(world.driver, plate),
        {"from": world.driver},
    )


# ---- evidence and settlement
@operation("market", "arrive")
def arrive(world, space):
    booking = booked(world, space)
    at(TWO + 400)
    return world.arrive(booking, TWO + 301)


@operation("market", "depart and settle, without release of slots")
def settle(world, space):
    stay = parked(world, space)
    at(FOUR + 60)
    return world.leave(stay, TWO + 301, FOUR, 7_345)


@operation("market", "depart and settle, with release of slots")
def settle_releasing(world, space):
    stay = parked(world, space)
    at(TWO + HOUR + 60)
    return world.leave(stay, TWO + 301, TWO + HOUR, 7_345)


@operation("market", "depart and settle, arrival in the same record")
def settle_offline(world, space):
    stay = booked(world, space)
    at(FOUR + 60)
    return world.leave(stay, TWO + 301, FOUR, 7_345)


@operation("market", "depart and settle, a driver's first refund")
def settle_first(world, space):
    used(world, space)
    plate = b"\x52" * 32
    world.market.registerVehicle(world.vehicle(world.stranger, plate), {"from": world.stranger})
    stay = world.lease(space, SECOND, sender=world.stranger, plate=plate, kwh=20)
    reach(TWO + 301)
    world.arrive(stay, TWO + 301, sender=world.guardian)
    at(FOUR + 60)
    return world.leave(stay, TWO + 301, FOUR, 7_345, sender=world.guardian)


@operation("market", "depart with overstay, claimed")
def claim(world, space):
    stay = parked(world, space)
    at(FOUR + HOUR)
    return world.leave(stay, TWO + 301, FOUR + 1800, 7_345)


@operation("market", "close a claim, accepted by the driver")
def accept(world, space):
    stay = claimed(world, space)
    at(FOUR + 2 * HOUR)
    return world.market.close(stay, {"from": world.driver})


@operation("market", "close a claim that matured")
def mature(world, space):
    stay = claimed(world, space)
    at(T2)
    return world.market.close(stay, {"from": world.stranger})


@operation("market", "close after arrival and silence")
def presume(world, space):
    stay = parked(world, space)
    at(T1)
    return world.market.close(stay, {"from": world.stranger})


@operation("market", "close a lease nobody used")
def unused(world, space):
    stay = booked(world, space)
    at(T1)
    return world.market.close(stay, {"from": world.stranger})


# ---- money
@operation("market", "deposit, first")
def deposit_first(world, space):
    used(world, space)
    return world.market.deposit(5_000_000, {"from": world.stranger})


@operation("market", "deposit, again")
def deposit_again(world, space):
    used(world, space, credit=True)
    return world.market.deposit(5_000_000, {"from": world.driver})


@operation("market", "deposit for somebody new")
def deposit_for(world, space):
    used(world, space)
    return world.market.depositFor(key("a new driver").address, 5_000_000, {"from": world.stranger})


@operation("market", "withdraw a part")
def withdraw(world, space):
    used(world, space, credit=True)
    return world.market.withdraw(world.driver, 5_000_000, {"from": world.driver})


@operation("market", "withdraw everything")
def withdraw_all(world, space):
    used(world, space, credit=True)
    return world.market.withdraw(
        world.driver, world.market.creditOf(world.driver), {"from": world.driver}
    )


# ---- snapshots
def stored(group: str) -> dict:
    path = SNAPSHOTS / f"{group}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def store(group: str, name: str, figures: dict) -> None:
    """Rewrites one figure, keeping the order of OPERATIONS and dropping what is measured no
    longer."""
    known = stored(group) | {name: figures}
    order = [each.split("/", 1)[1] for each in OPERATIONS if each.startswith(f"{group}/")]
    text = json.dumps({each: known[each] for each in order if each in known}, indent=2)
    (SNAPSHOTS / f"{group}.json").write_text(text + "\n")


@pytest.mark.parametrize("measured", OPERATIONS)
def test_gas_is_what_the_snapshot_says(world, space, measured):
    group, name = measured.split("/", 1)
    tx = OPERATIONS[measured](world, space)
    figures = {"gas": tx.gas_used, "floor": floor(tx, world.asset.address)}
    if ACCEPT:
        store(group, name, figures)
    assert figures == stored(group).get(name), "run `make gas-accept` if this is meant"


def test_no_snapshot_is_left_of_an_operation_that_is_gone():
    kept = {
        f"{path.stem}/{name}" for path in SNAPSHOTS.glob("*.json") for name in stored(path.stem)
    }
    assert kept == set(OPERATIONS)


def test_the_gas_table_in_the_docs_is_the_one_of_these_snapshots():
    command = [sys.executable, str(ROOT / "bench" / "gas.py"), *([] if ACCEPT else ["--check"])]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
