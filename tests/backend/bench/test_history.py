"""The made-up market of the benchmarks: its call data, its signatures, its mix."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from berth.chain.abi import load_abi
from berth.core.messages import occupancy, recover
from berth.core.tariff import Terms

from tests.backend.worlds import DEPLOYMENT

MARKET, TITLES = load_abi("ParkingMarket"), load_abi("TitleRegistry")
START = 1_796_083_200
SIGNATURE = bytes(range(65))


def encoded(verb: str, *values: Any, contract: Any = MARKET) -> str:
    return "0x" + contract.encode_call(verb, *values).hex()


def test_call_data_is_what_the_real_encoder_makes() -> None:
    from history import calls

    plate, terms = b"\x11" * 32, Terms(price_per_slot=7, utc_offset=-20, flags=6)
    lease = (5, 6, 7, 8, 9, plate, 10)
    items = [((n, 2, 30, 40, 50), SIGNATURE) for n in range(3)]
    values = {
        "pricePerSlot": 7, "pricePerKwh": 0, "overstayPct": 200, "reserveMinutes": 60,
        "minimumPct": 0, "freeCancelHours": 0, "noShowPct": 0, "cancelPct": 0,
        "hoursOfWeek": terms.hours_of_week, "utcOffset": -20, "firstDay": 0, "lastDay": 65535,
        "minSlots": 1, "maxSlots": 672, "flags": 6,
    }  # fmt: skip
    assert calls.call("lease", *lease) == encoded("lease", lease)
    assert calls.record(items[1]) == encoded("record", *items[1])
    assert calls.record_batch(items) == encoded(
        "recordBatch", [item[0] for item in items], [item[1] for item in items]
    )
    assert calls.close_batch([1, 2, 3]) == encoded("closeBatch", [1, 2, 3])
    assert calls.publish_offer(5, terms) == encoded("publishOffer", 5, values)
    assert calls.register_vehicle(plate, 2, 3, 1, SIGNATURE) == encoded(
        "registerVehicle", (plate, 2, 3, 1, SIGNATURE)
    )
    assert calls.revoke("revoke", 1, 2, 3) == encoded("revoke", 1, [(2, 3)], contract=TITLES)


def test_signatures_of_the_worthless_keys_count_for_the_contracts() -> None:
    from history.keys import Key, Signing

    key = Key("a lock")
    signature = Signing(DEPLOYMENT).occupancy(key, 77, 2, 1000, 2000, 30)
    assert recover(occupancy(DEPLOYMENT.domain, 77, 2, 1000, 2000, 30), signature) == key.address


def hours(count: int) -> list[Any]:
    from history.story import Story

    return list(itertools.islice(Story(DEPLOYMENT, START, count).blocks(), 2 + 12 * count))


def test_the_same_seed_tells_the_same_story() -> None:
    assert hours(3) == hours(3)


def test_every_hour_brings_about_as_many_events_most_of_them_of_leases() -> None:
    from history.calls import selector
    from history.story import EVENTS_PER_HOUR

    blocks = hours(40)
    later = blocks[2 + 12 * 30 :]
    assert sum(block.logs for block in later) / 10 == pytest.approx(EVENTS_PER_HOUR, rel=0.1)
    times = [block.timestamp for block in blocks]
    assert times == sorted(set(times))
    verbs = Counter(tx.data[:10] for block in later for tx in block.transactions)
    of_leases = {selector("ParkingMarket", name) for name in ("lease", "record", "recordBatch")}
    assert sum(verbs[verb] for verb in of_leases) > sum(verbs.values()) / 2


def test_a_market_that_grows_does_so_hour_by_hour_and_ends_at_its_size() -> None:
    from history.story import EVENTS_PER_HOUR, HOURLY_GROWTH, QUIET_HOURS, Story

    growing = 13  # the hours in which 1.1 becomes more than 3
    blocks: Counter[int] = Counter()
    for block in Story(DEPLOYMENT, START, 40_000, growth=3).blocks():
        blocks[(block.timestamp - START) // 3600] += block.logs
        if block.timestamp - START >= 3600 * (QUIET_HOURS + growing + 5):
            break
    logs = [blocks[hour] for hour in range(QUIET_HOURS - 10, QUIET_HOURS + growing + 5)]
    steps = [later / before for before, later in itertools.pairwise(logs)]
    assert max(steps) < 1.5
    assert HOURLY_GROWTH < 1.2
    assert logs[0] == pytest.approx(EVENTS_PER_HOUR, rel=0.15)
    assert logs[-1] == pytest.approx(3 * EVENTS_PER_HOUR, rel=0.15)
