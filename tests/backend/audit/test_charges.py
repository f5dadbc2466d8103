"""What each settlement must charge by its terms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from berth.audit import Verdict, verify
from berth.audit.charges import RULES, Booking, bill_of, booking_of, compensation_of, objection
from berth.core.errors import BerthError
from berth.core.ids import lease_id
from berth.core.ledger import Record
from berth.core.slots import slot_at, slot_start
from berth.core.states import Outcome
from berth.core.tariff import Bill, Terms, deposit

from tests.backend.worlds import NOW, World

SLOT, SLOTS, CAP = slot_at(NOW), 8, 10
START = slot_start(SLOT)
TERMS = Terms(
    price_per_slot=1_001,
    price_per_kwh=33,
    overstay_pct=150,
    reserve_minutes=60,
    minimum_pct=50,
    free_cancel_hours=2,
    no_show_pct=70,
    cancel_pct=30,
    fee_bps=250,
)
DEPOSIT = deposit(TERMS, SLOTS, CAP)
BOOKING = Booking("0xd1", "0x0e", SLOT, SLOTS, CAP, DEPOSIT, None, TERMS)
RENT = 1_001 * SLOTS


def record(outcome: Outcome, **changes: Any) -> Record:
    """A record of the booking with these amounts; fee and refund follow from the cost."""
    amounts = {"rent": 0, "overstay": 0, "energy": 0} | {
        name: changes.pop(name) for name in ("rent", "overstay", "energy") if name in changes
    }
    cost = sum(amounts.values())
    plain: dict[str, Any] = {
        "lease_id": lease_id(1 << 32, SLOT, 1),
        "outcome": int(outcome),
        "owner": "0x0e",
        "driver": "0xd1",
        "offer": 1,
        **amounts,
        "fee": cost * 250 // 10_000,
        "refund": DEPOSIT - cost,
        "arrived": 0,
        "until": 0,
        "energy_wh": 0,
        "closed_at": START + 200_000,
    }
    return Record(**(plain | changes))


STAYED = {"arrived": 1, "until": 60, "energy_wh": 1_100, "rent": 1_001 * 60 // 15, "energy": 36}
OVERSTAYED = {"arrived": 1, "until": 120 + 5 + 60, "rent": RENT}
OVERSTAY = 1_001 * 150 * 60 // 1500

GOOD = [
    record(Outcome.DEPARTED, **STAYED),
    record(Outcome.ACCEPTED, **OVERSTAYED, overstay=OVERSTAY),
    record(Outcome.MATURED, **OVERSTAYED, overstay=OVERSTAY),
    record(Outcome.PRESUMED, arrived=7, rent=RENT),
    record(Outcome.UNUSED),
    record(Outcome.CANCELLED, closed_at=START - 7200),
    record(Outcome.CANCELLED, closed_at=START - 7199, rent=RENT * 30 // 100),
    record(Outcome.OBSTRUCTED),
    record(Outcome.NO_SHOW, rent=RENT * 70 // 100),
    record(Outcome.RESOLVED, rent=DEPOSIT),
    record(Outcome.AGREED, rent=0),
    record(Outcome.LAPSED, **OVERSTAYED, overstay=OVERSTAY // 2),
]


@pytest.mark.parametrize("good", GOOD, ids=lambda r: Outcome(r.outcome).name)
def test_a_settlement_by_its_terms_raises_no_objection(good: Record) -> None:
    assert objection(good, BOOKING) is None


@pytest.mark.parametrize("good", GOOD, ids=lambda r: Outcome(r.outcome).name)
@pytest.mark.parametrize("name", ["rent", "overstay", "energy", "fee", "refund"])
def test_one_minor_unit_more_or_less_is_an_objection(good: Record, name: str) -> None:
    for change in (1, -1):
        wrong = replace(good, **{name: getattr(good, name) + change})
        said = objection(wrong, BOOKING)
        assert said is not None
        # an award may be any sum: then what follows from it is wrong
        assert f"its {name} is" in said or wrong.outcome in (10, 11) or "no rule allows" in said


@pytest.mark.parametrize(
    ("closed_at", "compensation"),
    [
        (START - 7200, 0),
        (START - 7199, RENT * 30 // 100),
        (START - 1, RENT * 30 // 100),
        (START, RENT * 70 // 100),
        (START + 90_000, RENT * 70 // 100),
    ],
)
def test_an_owner_who_cancels_pays_beside_the_record(closed_at: int, compensation: int) -> None:
    cancelled = record(Outcome.CANCELLED_BY_OWNER, closed_at=closed_at)
    assert compensation_of(cancelled, BOOKING) == compensation
    assert objection(cancelled, replace(BOOKING, compensation=compensation or None)) is None
    said = objection(cancelled, replace(BOOKING, compensation=compensation + 1))
    assert said == f"its compensation is {compensation + 1}, by its terms {compensation}"


def test_nobody_else_pays_a_compensation() -> None:
    said = objection(
        record(Outcome.NO_SHOW, rent=RENT * 70 // 100), replace(BOOKING, compensation=1)
    )
    assert said == "its compensation is 1, by its terms 0"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (record(Outcome.RESOLVED, rent=DEPOSIT + 1), "no rule allows it"),
        (record(Outcome.DEPARTED, arrived=0, until=60), "no rule allows it"),
        (record(Outcome.CANCELLED, closed_at=START), "after its start"),
        (replace(GOOD[0], driver="0xee"), "its driver is 0xee"),
        (replace(GOOD[0], owner="0xee"), "its owner is 0xee"),
    ],
)
def test_what_no_rule_allows_is_said(wrong: Record, words: str) -> None:
    assert words in str(objection(wrong, BOOKING))


def test_another_deposit_than_the_terms_give_is_an_objection() -> None:
    said = objection(GOOD[0], replace(BOOKING, deposit=DEPOSIT + 1))
    assert said == f"its deposit is {DEPOSIT + 1}, by its terms {DEPOSIT}"


def test_every_outcome_but_none_has_a_rule() -> None:
    assert set(RULES) == set(Outcome) - {Outcome.NONE}
    for outcome in RULES:
        assert isinstance(bill_of(record(outcome, arrived=1), BOOKING), Bill)
    with pytest.raises(BerthError, match="is no end of a lease"):
        bill_of(record(Outcome.NONE), BOOKING)


async def test_a_wrong_charge_that_the_chain_has_too_is_found_at_its_number(world: World) -> None:
    space = world.add_space()
    world.add_offer(space, no_show_pct=50)
    rent = 100_000 * 8 // 2
    for number in range(3):
        lease = world.add_lease(space, SLOT - 100 + 10 * number, 8)
        charged = rent + (number == 1)
        fee = charged * 250 // 10_000
        row = {"rent": charged, "fee": fee, "refund": deposit_of(world, space) - charged}
        world.settle(lease, outcome=9, arrived=0, until=0, **row)
    world.node.answers["ledger"] = lambda call: (world.head, world.count, 0)
    report = await verify(world.store, world.services.rpc, world.services.contracts)
    assert (report.verdict, report.at, report.ok) == (Verdict.MISBILLED, 2, False)
    assert f"its rent is {rent + 1}, by its terms {rent}" in report.sentence()
    with world.store.read() as conn:
        assert booking_of(conn, 2).slots == 8
        with pytest.raises(BerthError, match="there is no settlement 9"):
            booking_of(conn, 9)


def deposit_of(world: World, space: str) -> int:
    with world.store.read() as conn:
        return deposit(world.terms(conn, space, 1), 8, 0)
