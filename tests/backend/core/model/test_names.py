"""The model speaks the contract's language: every error and event it knows is Solidity's, with the
same arguments."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
MODEL = ROOT / "backend" / "berth" / "core" / "model"
INTERFACES = ROOT / "contracts" / "interfaces"

_COMMENT = re.compile(r"//[^\n]*")
#: Of OpenZeppelin's AccessControl.
ROLE_EVENTS = {"RoleGranted", "RoleRevoked"}
#: What only the contract's constructor, or the registry for its authorities, can say.
NOT_A_MARKET_S = {
    "ExtensionMismatch",
    "NotAuthority",
    "EditionOutOfOrder",
    "EditionTooSoon",
}
#: The token of the model is an ordinary one.
NOT_AN_ORDINARY_TOKEN_S = {"TokenAmount"}


def declared(kind: str) -> dict[str, list[str]]:
    """Events or errors of the interfaces, with the names of their arguments."""
    found = {}
    for file in sorted(INTERFACES.glob("*.sol")):
        source = _COMMENT.sub("", file.read_text("utf-8"))
        for name, arguments in re.findall(rf"\b{kind}\s+(\w+)\(([^)]*)\)", source):
            found[name] = [each.split()[-1] for each in arguments.split(",") if each.strip()]
    return found


def calls(function: str) -> list[ast.Call]:
    """Every call of a function or method of this name in the model."""
    return [
        node
        for file in sorted(MODEL.glob("*.py"))
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) == function
    ]


def text(node: ast.expr) -> list[str]:
    """The texts that an expression can be: a constant, or either side of a condition."""
    if isinstance(node, ast.IfExp):
        return text(node.body) + text(node.orelse)
    assert isinstance(node, ast.Constant)
    return [node.value]


EVENTS = declared("event")
ERRORS = declared("error")


@pytest.mark.parametrize("call", calls("emit"), ids=lambda call: call.args[0].value)
def test_an_event_has_the_names_of_its_arguments_in_their_order(call: ast.Call):
    (name,) = text(call.args[0])
    if name not in ROLE_EVENTS:
        assert [keyword.arg.rstrip("_") for keyword in call.keywords] == EVENTS[name]


@pytest.mark.parametrize("call", calls("refuse"), ids=lambda call: f"line {call.lineno}")
def test_an_error_has_as_many_arguments(call: ast.Call):
    given = len(call.args) - 1 + sum(isinstance(arg, ast.Starred) for arg in call.args)
    for name in text(call.args[0]) if not isinstance(call.args[0], ast.Name) else []:
        assert given == len(ERRORS[f"Berth_{name}"]), name


def test_the_model_knows_every_event_and_every_error_of_the_market():
    emitted = {name for call in calls("emit") for name in text(call.args[0])}
    registry = {"AuthoritySet", "MarketSet", "EditionPublished", "TitlesRevoked"}
    registry |= {"TitlesReinstated", "SpaceClaimed", "SpaceReleased"}
    assert emitted - ROLE_EVENTS == set(EVENTS) - registry
    refused = {name for call in calls("refuse") for name in text(call.args[0])}
    known = {name.removeprefix("Berth_") for name in ERRORS}
    assert refused == known - NOT_A_MARKET_S - NOT_AN_ORDINARY_TOKEN_S
