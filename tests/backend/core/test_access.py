"""The access policy, over every combination of its facts."""

import json
import re
from dataclasses import replace
from itertools import product

import pytest
from berth.core import access, access_texts
from berth.core.access import (
    Facts,
    Need,
    PlateReading,
    Policy,
    Position,
    ReasonCode,
    decide_camera,
    decide_unlock,
    required_confirmations,
)
from berth.core.errors import BerthError
from berth.core.states import LeaseState
from berth.core.tariff import FLAG_CONFIRM, FLAG_NEAR, FLAG_PLATE

NOW = 1_800_000_000
LEASE = 77
GOOD_PLATE = PlateReading(LEASE, match=True, confidence=0.97, at=NOW - 5)

SOUND = Facts(
    now=NOW,
    lease_id=LEASE,
    state=LeaseState.BOOKED,
    start=NOW,
    end=NOW + 3600,
    requester_is_lessee=True,
    confirmations=3,
    required=3,
    index_caught_up=True,
    clock_skew=0,
    lock_online=True,
    position=Position.LOCKED,
    fault=None,
    bay_occupied=False,
    entered=True,
    here=False,
    plate=GOOD_PLATE,
    confirmed_at=NOW - 10,
)

# Each obstacle: what spoils the sound facts, and the one code that must appear for it.
OBSTACLES = {
    "requester_is_lessee": (False, ReasonCode.NOT_LESSEE),
    "state": (LeaseState.CANCELLED, ReasonCode.LEASE_NOT_OPEN),
    "now": (None, ReasonCode.WINDOW_EARLY),  # set below: the window moves instead of the clock
    "confirmations": (2, ReasonCode.LEASE_SHALLOW),
    "index_caught_up": (False, ReasonCode.INDEX_BEHIND),
    "clock_skew": (-31, ReasonCode.CLOCK_SKEW),
    "lock_online": (False, ReasonCode.LOCK_OFFLINE),
    "position": (Position.JAMMED, ReasonCode.LOCK_JAMMED),
    "fault": ("motor", ReasonCode.LOCK_FAULT),
    "bay_occupied": (True, ReasonCode.BAY_OCCUPIED),
}
FACTORS = {
    FLAG_NEAR: ({"entered": False}, ReasonCode.NEAR_MISSING),
    FLAG_CONFIRM: ({"confirmed_at": None}, ReasonCode.CONFIRM_MISSING),
    FLAG_PLATE: ({"plate": None}, ReasonCode.PLATE_MISSING),
}


def spoiled(facts, name):
    if name == "now":
        return replace(facts, start=NOW + 901, end=NOW + 4501)
    return replace(facts, **{name: OBSTACLES[name][0]})


def every_combination():
    """All 2^10 sets of obstacles × 2^3 factors present × 2^3 flags."""
    for bad in product((False, True), repeat=len(OBSTACLES)):
        names = [name for name, is_bad in zip(OBSTACLES, bad, strict=True) if is_bad]
        base = SOUND
        for name in names:
            base = spoiled(base, name)
        for present in range(8):
            facts = base
            for flag, (absence, _) in FACTORS.items():
                if not present & flag:
                    facts = replace(facts, **absence)
            for flags in range(8):
                yield names, present, flags, replace(facts, flags=flags)


def test_over_every_combination_the_rule_holds():
    opened = 0
    seen = 0
    for names, present, flags, facts in every_combination():
        seen += 1
        decision = decide_unlock(facts)
        codes = decision.codes
        enough = flags & ~present == 0 and present.bit_count() >= 2
        # it opens exactly when nothing stands against it and enough speaks for it
        assert decision.allowed == (not names and enough), facts
        # every obstacle is named, to the lessee; a stranger learns nothing else
        if "requester_is_lessee" in names:
            assert codes == [ReasonCode.NOT_LESSEE]
            continue
        expected = {OBSTACLES[name][1] for name in names}
        if "state" in names:
            expected.discard(ReasonCode.WINDOW_EARLY)  # an ended lease has no window
        assert expected <= set(codes)
        factors = set(codes) - expected
        assert bool(factors) == (not enough)
        # what is asked for is never there already, and always what the flags require
        asked = {flag for flag, (_, code) in FACTORS.items() if code in factors}
        assert factors == {FACTORS[flag][1] for flag in asked}
        assert all(not present & flag for flag in asked)
        assert all(flag in asked for flag in FACTORS if flags & flag and not present & flag)
        # once what is asked for is there, it is enough
        if asked:
            assert flags & ~(present | sum(asked)) == 0
            assert (present | sum(asked)).bit_count() >= 2
        assert len(codes) == len(set(codes))
        assert bool(decision.needs) == (not decision.allowed)
        opened += decision.allowed
    assert seen == 2**10 * 8 * 8
    # all three factors: 8 flag sets; each pair: the 4 flag sets it covers
    assert opened == 8 + 3 * 4


@pytest.mark.parametrize("flags", range(8))
def test_nearness_alone_never_opens_and_a_plate_alone_never_opens(flags):
    near_only = replace(SOUND, flags=flags, plate=None, confirmed_at=None, here=True)
    plate_only = replace(SOUND, flags=flags, entered=False, confirmed_at=None)
    confirm_only = replace(SOUND, flags=flags, entered=False, plate=None)
    for facts in (near_only, plate_only, confirm_only):
        assert not decide_unlock(facts).allowed


def test_an_offer_that_asks_for_nothing_opens_by_nearness_and_a_confirmation():
    facts = replace(SOUND, flags=0, plate=None)
    assert decide_unlock(facts).allowed
    alone = decide_unlock(replace(facts, confirmed_at=None))
    assert alone.needs == [Need.CONFIRM]
    nothing = decide_unlock(replace(facts, confirmed_at=None, entered=False))
    assert nothing.needs == [Need.COME_NEAR, Need.CONFIRM]


def test_by_default_an_offer_requires_all_three():
    assert SOUND.flags == FLAG_PLATE | FLAG_CONFIRM | FLAG_NEAR
    bare = decide_unlock(replace(SOUND, plate=None, confirmed_at=None, entered=False))
    assert bare.needs == [Need.COME_NEAR, Need.CONFIRM, Need.SHOW_PLATE]


def test_flags_that_are_not_about_unlocking_change_nothing():
    assert decide_unlock(replace(SOUND, flags=0xFFF8 | FLAG_PLATE)).allowed


@pytest.mark.parametrize(
    ("state", "opens"),
    [
        (LeaseState.NONE, False),
        (LeaseState.BOOKED, True),
        (LeaseState.PARKED, True),
        (LeaseState.CLAIMED, False),
        (LeaseState.SETTLED, False),
        (LeaseState.CANCELLED, False),
        (LeaseState.BLOCKED, False),
    ],
)
def test_only_a_booked_or_parked_lease_opens(state, opens):
    assert decide_unlock(replace(SOUND, state=state)).allowed == opens


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (NOW - 901, ReasonCode.WINDOW_EARLY),
        (NOW - 900, None),
        (NOW, None),
        (NOW + 3599, None),
        (NOW + 3600, ReasonCode.WINDOW_OVER),
    ],
)
def test_the_window_is_open_from_a_quarter_before_the_start_until_the_end(now, code):
    shift = now - NOW
    plate = replace(GOOD_PLATE, at=GOOD_PLATE.at + shift)
    facts = replace(SOUND, now=now, plate=plate, confirmed_at=SOUND.confirmed_at + shift)
    assert decide_unlock(facts).codes == ([code] if code else [])


@pytest.mark.parametrize(
    ("position", "code"),
    [
        (Position.LOCKED, None),
        (Position.UNLOCKED, ReasonCode.LOCK_OPEN),
        (Position.LOCKING, ReasonCode.LOCK_MOVING),
        (Position.UNLOCKING, ReasonCode.LOCK_MOVING),
        (Position.JAMMED, ReasonCode.LOCK_JAMMED),
        (None, ReasonCode.LOCK_UNKNOWN),
    ],
)
def test_only_a_bar_that_is_up_goes_down(position, code):
    assert decide_unlock(replace(SOUND, position=position)).codes == ([code] if code else [])


def test_a_position_may_come_as_the_plain_text_of_the_wire():
    assert decide_unlock(replace(SOUND, position="UNLOCKED")).codes == [ReasonCode.LOCK_OPEN]


def test_nobody_is_asked_to_drive_over_a_bar_that_is_down_for_another() -> None:
    mine = replace(SOUND, position=Position.UNLOCKED)
    assert decide_unlock(mine).needs == [Need.DRIVE_IN]
    others = decide_unlock(replace(mine, down_for_another=True))
    assert others.codes == [ReasonCode.LOCK_OPEN]
    assert others.needs == [Need.WAIT_LOCK]
    assert others.as_json()["reasons"][0]["need"] == "wait_lock"


def test_a_low_battery_opens_and_other_faults_do_not():
    assert decide_unlock(replace(SOUND, fault="low_battery")).allowed
    for fault in ("motor", "coil", "bar_position", "shell_opened", "car_detected", "unheard of"):
        assert decide_unlock(replace(SOUND, fault=fault)).codes == [ReasonCode.LOCK_FAULT]


def test_a_strangers_car_is_said_once_and_is_no_fault_to_be_serviced():
    strangers = replace(SOUND, fault="car_detected", bay_occupied=True)
    assert decide_unlock(strangers).codes == [ReasonCode.BAY_OCCUPIED]
    broken = replace(SOUND, fault="motor", bay_occupied=True)
    assert decide_unlock(broken).codes == [ReasonCode.LOCK_FAULT, ReasonCode.BAY_OCCUPIED]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"at": NOW - 120}, None),
        ({"at": NOW - 121}, ReasonCode.PLATE_STALE),
        ({"at": NOW + 30}, None),
        ({"at": NOW + 31}, ReasonCode.PLATE_STALE),
        ({"lease_id": LEASE + 1}, ReasonCode.PLATE_MISSING),
        ({"match": False}, ReasonCode.PLATE_MISMATCH),
        ({"confidence": 0.79}, ReasonCode.PLATE_UNSURE),
        ({"confidence": 0.79, "match": False}, ReasonCode.PLATE_UNSURE),
        ({"confidence": float("nan")}, ReasonCode.PLATE_UNSURE),
    ],
)
def test_a_plate_counts_when_it_is_fresh_sure_matching_and_read_for_this_lease(change, code):
    facts = replace(SOUND, plate=replace(GOOD_PLATE, **change))
    assert decide_unlock(facts).codes == ([code] if code else [])


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (NOW - 120, None),
        (NOW - 121, ReasonCode.CONFIRM_STALE),
        (NOW + 31, ReasonCode.CONFIRM_STALE),
        (None, ReasonCode.CONFIRM_MISSING),
    ],
)
def test_a_confirmation_counts_when_it_is_fresh(at, code):
    assert decide_unlock(replace(SOUND, confirmed_at=at)).codes == ([code] if code else [])


def test_either_presence_event_is_nearness():
    assert decide_unlock(replace(SOUND, entered=False, here=True)).allowed


@pytest.mark.parametrize("skew", [-30, 0, 30])
def test_a_small_difference_of_clocks_is_tolerated(skew):
    assert decide_unlock(replace(SOUND, clock_skew=skew)).allowed


def test_limits_are_those_of_the_policy():
    strict = Policy(fresh_seconds=4, min_confidence=0.99)
    assert set(decide_unlock(SOUND, strict).codes) == {
        ReasonCode.CONFIRM_STALE,
        ReasonCode.PLATE_STALE,
    }


def test_the_driver_learns_how_long_to_wait():
    shallow = decide_unlock(replace(SOUND, confirmations=1, required=6, block_seconds=2))
    assert shallow.retry_after == 10
    assert shallow.reasons[0].sentence() == (
        "Your lease has 1 of 6 confirmations, about 10 s to go."
    )
    early = decide_unlock(replace(SOUND, start=NOW + 1000, end=NOW + 2000, confirmations=2))
    assert early.retry_after == 100
    assert early.reasons[0].sentence("zh") == "时间未到：2 分钟后方可开锁。"
    assert decide_unlock(replace(SOUND, confirmations=1, bay_occupied=True)).retry_after is None
    assert decide_unlock(SOUND).retry_after is None


def test_a_decision_travels_as_json_in_both_languages():
    document = decide_unlock(replace(SOUND, plate=None, confirmations=0)).as_json()
    assert json.loads(json.dumps(document)) == document
    assert [reason["code"] for reason in document["reasons"]] == ["lease.shallow", "plate.missing"]
    assert [need["code"] for need in document["needs"]] == ["wait_confirmations", "show_plate"]
    assert decide_unlock(SOUND).as_json() == {
        "allowed": True,
        "reasons": [],
        "needs": [],
        "retryAfter": None,
    }


def test_every_reason_and_need_has_its_sentences_and_no_sentence_is_left_over():
    assert set(access_texts.SENTENCES) == {code.value for code in ReasonCode}
    assert set(access_texts.NEEDS) == {need.value for need in Need}
    for english, chinese in (*access_texts.SENTENCES.values(), *access_texts.NEEDS.values()):
        assert re.search("[\u4e00-\u9fff]", chinese)
        assert not re.search("[\u4e00-\u9fff]", english)
        assert sorted(re.findall(r"{(\w+)}", english)) == sorted(re.findall(r"{(\w+)}", chinese))


def test_every_sentence_can_be_said():
    for _, _, _, facts in every_combination():
        for refusal in decide_unlock(facts).reasons:
            for language in ("en", "zh"):
                assert "{" not in refusal.sentence(language)
        if facts.state is LeaseState.CANCELLED and not facts.index_caught_up:
            break
    assert access.need_sentence(Need.CONFIRM) == "Confirm on your phone."


# ---- the camera


def test_the_camera_needs_neither_plate_nor_confirmation_nor_full_depth():
    facts = replace(SOUND, plate=None, confirmed_at=None, confirmations=1, required=12)
    assert decide_camera(facts).allowed


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"requester_is_lessee": False}, ReasonCode.NOT_LESSEE),
        ({"state": LeaseState.SETTLED}, ReasonCode.LEASE_NOT_OPEN),
        ({"end": NOW}, ReasonCode.WINDOW_OVER),
        ({"confirmations": 0}, ReasonCode.LEASE_SHALLOW),
        ({"index_caught_up": False}, ReasonCode.INDEX_BEHIND),
        ({"clock_skew": 31}, ReasonCode.CLOCK_SKEW),
        ({"lock_online": False}, ReasonCode.LOCK_OFFLINE),
        ({"entered": False}, ReasonCode.NEAR_MISSING),
    ],
)
def test_the_camera_stays_off_without_a_reason_to_look(change, code):
    assert decide_camera(replace(SOUND, **change)).codes == [code]


# ---- depth


def test_the_required_depth_grows_with_the_deposit():
    depths = [
        required_confirmations(deposit * 10**6, decimals=6, local=False)
        for deposit in (0, 20, 21, 100, 101, 500, 501, 10**9)
    ]
    assert depths == [3, 3, 6, 6, 12, 12, 32, 32]


def test_the_depth_counts_whole_units_whatever_the_decimals():
    assert required_confirmations(20 * 10**18, decimals=18, local=False) == 3
    assert required_confirmations(21, decimals=0, local=False) == 6


def test_a_local_chain_needs_two():
    assert required_confirmations(10**30, decimals=6, local=True) == 2


def test_a_deposit_below_zero_has_no_depth():
    with pytest.raises(BerthError):
        required_confirmations(-1, decimals=6, local=True)
