"""The states of a command: which follows which, enforced for every pair and every way to write."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from berth.core.errors import BerthError
from berth.relay import commands
from berth.relay.command_states import ALIVE, OVER, STATES, TRANSITIONS, UNDER_WAY, legal
from berth.store.kept import commands as table
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from tests.backend.relay.street import Street
from tests.backend.worlds import NOW

ROOT = Path(__file__).resolve().parents[3]

#: The path of the design, and the ends; written down once more, by hand, to be held against.
EXPECTED = {
    "observed": {
        "confirmed", "eligible", "acknowledged", "done", "expired", "cancelled", "dead",
    },
    "confirmed": {
        "observed", "eligible", "acknowledged", "done", "expired", "cancelled", "dead",
    },
    "eligible": {
        "observed", "confirmed", "claimed", "acknowledged", "done", "expired", "cancelled", "dead",
    },
    "claimed": {"eligible", "published", "acknowledged", "done", "expired", "cancelled", "dead"},
    "published": {"eligible", "acknowledged", "done", "expired", "dead"},
    "acknowledged": {"done", "dead"},
    "done": set(),
    "expired": set(),
    "cancelled": set(),
    "dead": set(),
}  # fmt: skip


def put(street: Street, state: str, **changes: object) -> str:
    values = {
        "id": f"{state}-1",
        "lock_id": street.home.lock_id,
        "lease_id": "0x011616ed0000002a001e6ecc0001",
        "epoch": 1,
        "cycle": 0,
        "action": "lower",
        "state": state,
        "created_at": NOW,
        "expires_at": NOW + 120,
        "updated_at": NOW,
    }
    with street.store.write() as conn:
        conn.execute(insert(table).values(values | changes))
    return str((values | changes)["id"])


def test_the_table_is_the_one_of_the_design() -> None:
    assert {state: set(after) for state, after in TRANSITIONS.items()} == EXPECTED
    assert set(STATES) == {*ALIVE, *OVER}
    assert not any(TRANSITIONS[state] for state in OVER)


@pytest.mark.parametrize(("former", "state"), list(product(STATES, STATES)))
def test_every_pair_is_a_step_of_the_table_or_impossible(
    street: Street, former: str, state: str
) -> None:
    command = put(street, former)
    with street.store.write() as conn:
        row = conn.execute(select(table)).mappings().one()
        if state in EXPECTED[former]:
            assert commands.move(conn, dict(row), state, NOW)
        else:
            with pytest.raises(BerthError, match=f"{former} does not become {state}") as caught:
                commands.move(conn, dict(row), state, NOW)
            assert caught.value.code == "command.transition"
    (after,) = street.rows(table)
    assert after["id"] == command
    assert after["state"] == (state if legal(former, state) else former)


def test_who_looked_at_another_state_changes_nothing(street: Street) -> None:
    put(street, "eligible")
    with street.store.write() as conn:
        row = dict(conn.execute(select(table)).mappings().one())
        assert commands.move(conn, row, "expired", NOW)
        assert not commands.move(conn, row, "claimed", NOW)
        assert not commands.move(conn, row | {"term": 7}, "claimed", NOW)
    assert street.rows(table)[0]["state"] == "expired"


@pytest.mark.parametrize(("one", "other"), list(product(UNDER_WAY, UNDER_WAY)))
def test_the_database_itself_holds_two_commands_of_a_lock_apart(
    street: Street, one: str, other: str
) -> None:
    put(street, one)
    with pytest.raises(IntegrityError):
        put(street, other, id="second", action="raise")
    put(street, other, id="second", lock_id="0x" + "99" * 20, cycle=1)  # another lock's


@pytest.mark.parametrize("one", ALIVE)
def test_the_database_itself_holds_two_of_a_lease_cycle_and_action_apart(
    street: Street, one: str
) -> None:
    put(street, one)
    with pytest.raises(IntegrityError):
        put(street, "observed", id="second")
    put(street, "dead", id="third")  # what is over stays on record beside it


def test_the_page_names_every_state_and_every_step() -> None:
    page = (ROOT / "docs" / "operators.md").read_text("utf-8")
    for state, after in TRANSITIONS.items():
        line = next(line for line in page.splitlines() if line.startswith(f"| `{state}` |"))
        named = line.rsplit("|", 2)[-2]
        assert {word.strip(" `") for word in named.split(",")} - {"", "-"} == set(after), state
