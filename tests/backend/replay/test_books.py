"""The books: a unit that is missing anywhere is found and named."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from berth.chain import events
from berth.cli.replay import books as books_module
from berth.cli.replay.books import Books, Check, broken
from berth.cli.replay.play import Played
from berth.cli.replay.schedule import CALENDAR_TAKEN, TOO_LONG, Ask, plan
from berth.cli.replay.sessions import Stay
from berth.cli.replay.world import PRICES, deposit_of
from berth.core import tariff
from berth.core.states import Outcome
from berth.core.tariff import Terms

NOON = 1_550_016_000
TERMS = Terms(**PRICES, fee_bps=250)
OWNER, DRIVER = "0x" + "0a" * 20, "0x" + "0d" * 20
LEASE = 7


@pytest.fixture
def ask() -> Ask:
    return plan([Stay(2, "s", "u", NOON + 100, NOON + 5000, 7890)], 1, 1)[0]


@pytest.fixture
def right(ask: Ask) -> Books:
    """Books of one stay in which everything is as the tariff says."""
    bill = tariff.bill(TERMS, ask.start_slot, ask.slots, ask.kwh_cap, NOON + 100, NOON + 5000, 7890)
    deposit = deposit_of(TERMS, ask)
    assert bill.owner + bill.fee + bill.refund == deposit
    leased = events.Leased(LEASE, DRIVER, 0, ask.slots, 1, ask.kwh_cap, deposit, deposit, "0x")
    settled = events.Settled(
        *(LEASE, DRIVER, OWNER, 1, Outcome.DEPARTED, 1),
        *(bill.rent, bill.overstay, bill.energy, bill.fee, bill.refund),
        *(bill.arrived, bill.until_minute, bill.energy_wh, NOON + 5000),
    )
    return Books(leased={LEASE: leased}, settled=[settled], bills={LEASE: bill})


def names_of_broken(books: Books) -> list[str]:
    return [check.name for check in books.checks if not check.holds]


def test_right_books_break_no_check(right: Books) -> None:
    books_module._compare_settlements(right, Played(granted={0: LEASE}))
    assert len(right.checks) == 3
    assert broken(right.checks) == []


@pytest.mark.parametrize("figure", ["rent", "overstay", "energy", "fee", "refund"])
def test_one_unit_too_much_in_a_settlement_is_found(right: Books, figure: str) -> None:
    one = right.settled[0]
    right.settled[0] = msgspec.structs.replace(one, **{figure: getattr(one, figure) + 1})
    books_module._compare_settlements(right, Played(granted={0: LEASE}))
    assert "settlements unlike the tariff's bill" in names_of_broken(right)


def test_a_deposit_that_the_shares_do_not_add_up_to_is_found(right: Books) -> None:
    one = right.leased[LEASE]
    right.leased[LEASE] = msgspec.structs.replace(one, deposit=one.deposit - 1)
    books_module._compare_settlements(right, Played(granted={0: LEASE}))
    assert "deposits = owners' shares + fees + refunds" in names_of_broken(right)


def test_a_lease_without_settlement_is_found(right: Books) -> None:
    right.settled.clear()
    books_module._compare_settlements(right, Played(granted={0: LEASE}))
    assert "settlements = leases" in names_of_broken(right)


def test_credits_follow_from_shares_refunds_and_what_deposits_took_from_credit(
    right: Books,
) -> None:
    leased, settled = right.leased[LEASE], right.settled[0]
    right.leased[LEASE] = msgspec.structs.replace(leased, pulled=leased.deposit - 3)
    assert books_module._credits(right) == {
        OWNER: settled.rent + settled.overstay + settled.energy - settled.fee,
        DRIVER: settled.refund - 3,
    }


def test_a_stay_refused_for_another_reason_than_foreseen_is_named_by_its_line(ask: Ask) -> None:
    books = Books()
    clash = replace(ask, number=1, stay=replace(ask.stay, line=3))
    played = Played(granted={0: LEASE}, refused={1: TOO_LONG})
    books_module._compare_refusals(books, [ask, clash], played)
    assert "stays refused for another reason than counted: expected none, found 3" in broken(
        books.checks
    )
    books = Books(leased={LEASE: events.Leased(LEASE, DRIVER, 0, 1, 1, 0, 0, 0, "0x")})
    played = Played(granted={0: LEASE}, refused={1: CALENDAR_TAKEN})
    books_module._compare_refusals(books, [ask, clash], played)
    assert broken(books.checks) == []


def test_a_broken_check_says_what_was_expected_and_found() -> None:
    checks = [Check("fees", 5, 5), Check("open deposits", 0, 7)]
    assert broken(checks) == ["open deposits: expected 0, found 7"]
