"""An account's statement: what moved and why, page by page, and what is still to come."""

from __future__ import annotations

from typing import Any

import pytest
from berth.store import derived
from sqlalchemy import insert, update

from tests.backend.web.people import Api, fields
from tests.backend.worlds import DINO, EVE, NOW, OLGA, World

SLOT = NOW // 900


def move(world: World, block: int, kind: str, amount: int, index: int = 0, **more: Any) -> None:
    with world.store.write() as conn:
        conn.execute(
            insert(derived.movements).values(
                {
                    "block_number": block, "log_index": index, "account": DINO.address,
                    "kind": kind, "amount": str(amount), "other": EVE.address,
                    "at": NOW - 1000 + block, "tx_hash": f"0x{block:064x}",
                } | more
            )
        )  # fmt: skip


def of(world: World, table: Any, **values: Any) -> None:
    with world.store.write() as conn:
        conn.execute(update(table).values(**values))


@pytest.fixture
def space(world: World) -> str:
    made = world.add_space()
    world.add_offer(made)
    return made


def told(answer: Any) -> list[tuple[str, str]]:
    return [(one["kind"], one["amount"]) for one in answer["items"]]


def test_a_drivers_money_in_and_out_and_through_a_lease(api: Api, world: World, space: str) -> None:
    move(world, 50, "in", 2_000_000)
    lease = world.add_lease(space, SLOT - 20, booked_block=60)
    of(world, derived.leases, pulled="100000")
    world.settle(lease)  # in block 100: rent of 90 minutes
    move(world, 110, "out", 300_000)
    answer = api.get("/v1/me/statement", DINO)
    assert told(answer) == [
        ("withdrawal", "-300000"),
        ("refund", "1000000"),
        ("escrow", "-1600000"),
        ("deposit", "2000000"),
    ]
    withdrawal, refund, escrow, deposit = answer["items"]
    assert refund["leaseId"] == escrow["leaseId"] == lease
    assert (escrow["fromTokens"], escrow["other"]) == ("100000", OLGA.shown)
    assert (deposit["other"], deposit["transaction"]) == (EVE.shown, f"0x{50:064x}")
    assert withdrawal["leaseId"] is None
    totals = answer["totals"]
    assert (totals["deposited"], totals["withdrawn"], totals["escrowed"]) == (
        "2000000", "300000", "1600000",
    )  # fmt: skip
    assert (totals["refunded"], totals["held"], totals["earned"]) == ("1000000", "0", "0")
    assert answer["next"] is None


def test_an_owners_earnings_what_is_booked_and_what_waits(
    api: Api, world: World, space: str
) -> None:
    world.settle(world.add_lease(space, SLOT - 40))
    world.add_lease(space, SLOT + 4)
    world.add_lease(space, SLOT - 8)  # over, not settled
    world.add_lease(space, SLOT + 40, disputed=1, disputed_by=DINO.address, disputed_at=NOW)
    with world.store.write() as conn:
        row = {"account": OLGA.address, "credit": "585000", "auto_payout": 0}
        conn.execute(insert(derived.accounts).values(row))
    answer = api.get("/v1/me/statement", OLGA)
    assert told(answer) == [("earning", "585000")]
    (earning,) = answer["items"]
    assert (earning["fee"], earning["other"]) == ("15000", DINO.shown)
    totals = answer["totals"]
    assert (totals["credit"], totals["earned"], totals["fees"]) == ("585000", "585000", "15000")
    assert totals["booked"] == {"leases": 1, "escrow": "1600000", "expected": "780000"}
    assert totals["pending"] == {"leases": 2, "escrow": "3200000", "expected": "1560000"}
    assert api.get("/v1/me/statement", DINO)["totals"]["held"] == "4800000"


def test_a_compensation_is_on_both_sides(api: Api, world: World, space: str) -> None:
    lease = world.add_lease(space, SLOT + 40)
    world.settle(lease, outcome=7, rent=0, fee=0, refund=1_600_000)
    of(world, derived.leases, compensation="40000")
    assert told(api.get("/v1/me/statement", OLGA)) == [("compensation_paid", "-40000")]
    driver = api.get("/v1/me/statement", DINO)
    assert told(driver) == [
        ("compensation_received", "40000"),
        ("refund", "1600000"),
        ("escrow", "-1600000"),
    ]
    assert driver["totals"]["compensationReceived"] == "40000"
    assert api.get("/v1/me/statement", EVE)["items"] == []


def test_pages_follow_one_another_without_gap_or_repetition(
    api: Api, world: World, space: str
) -> None:
    for number in range(3):
        move(world, 100, "in", 1 + number, number)
        move(world, 40 + number, "out", 1 + number)
    # in one block: movements, a booking, a settlement
    world.settle(world.add_lease(space, SLOT - 20, booked_block=100))
    whole = told(api.get("/v1/me/statement", DINO))
    assert len(whole) == 8
    for size in (1, 2, 3, 7):
        found, cursor, first = [], None, True
        while cursor is not None or first:
            query = f"?limit={size}" + (f"&cursor={cursor}" if cursor else "")
            page = api.get(f"/v1/me/statement{query}", DINO)
            assert (page["totals"] is None) == (not first)
            found += told(page)
            cursor, first = page["next"], False
        assert found == whole


@pytest.mark.parametrize("cursor", ["x", "WzFd", "WzEsMCwieCJd", "WzEsMCwiLTEiXQ"])
def test_a_bad_cursor_is_named(api: Api, cursor: str) -> None:
    problem = api.get(f"/v1/me/statement?cursor={cursor}", DINO, expect=422)
    assert fields(problem) == ["cursor"]


def test_nobody_sees_it_without_a_session(api: Api) -> None:
    api.get("/v1/me/statement", expect=401)


def test_what_may_still_be_replaced_is_not_final(api: Api, world: World, space: str) -> None:
    world.settle(world.add_lease(space, SLOT - 20, booked_block=60))  # settled in block 100
    for block, kinds in ((105, {"escrow"}), (110, {"escrow", "refund"})):
        world.at_block(block)
        answer = api.get("/v1/me/statement", DINO)
        assert {one["kind"] for one in answer["items"] if one["final"]} == kinds
