"""The catalogue of errors: every one is provoked by a test, and every provoked one is in the
catalogue."""

import ast
from pathlib import Path

import pytest
from brownie import MarketExtension, ParkingMarket, TitleRegistry
from support.errors import CATALOGUE

HERE = Path(__file__).parent


def provoked() -> set[str]:
    """Names given to `reverts(...)` anywhere in these tests, read from their syntax trees."""
    names = set()
    for path in HERE.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.With):
                for item in node.items:
                    call = item.context_expr
                    if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "reverts":
                        names.add(call.args[0].value)
    return names


def test_every_custom_error_has_a_test_that_provokes_it():
    assert set(CATALOGUE) - provoked() == set()


def test_the_catalogue_was_read_whole():
    source = (HERE.parents[1] / "contracts" / "interfaces" / "BerthErrors.sol").read_text()
    assert len(CATALOGUE) == source.count("\nerror ") > 30


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_an_error_is_in_the_abi_of_a_contract_that_users_call(name):
    """Else a wallet could only show bytes."""
    errors = {
        item["name"]
        for contract in (ParkingMarket, MarketExtension, TitleRegistry)
        for item in contract.abi
        if item["type"] == "error"
    }
    assert f"Berth_{name}" in errors
