"""Every argument of every verb, at its bounds and beyond them.

What is out of range is refused by a named error with its exact arguments, and nothing at all has
changed; what is legal is accepted and comes back from storage as it was given.
"""

import copy

import pytest
from brownie import chain, history, web3
from support.calls import refusal

from arguments import (  # noqa: F401
    calls_settling,
    rows_drivers,
    rows_money,
    rows_registrations,
    rows_settling,
    rows_spaces,
)
from arguments.calls import VERBS
from arguments.cases import MAX, NOBODY, ONES, ZEROS
from arguments.leaves import Leaf, verbs
from arguments.rows import ROWS
from arguments.stage import Stage


@pytest.fixture(scope="module")
def stage(deployed, open_space):
    chain.snapshot()
    before = snapshot()
    yield Stage(deployed)
    revert(before)
    chain.revert()


@pytest.fixture(autouse=True)
def fn_isolation(stage):
    """Every row starts from the same stage; it undoes each of its values by itself."""
    before = snapshot()
    yield
    revert(before)


@pytest.fixture(scope="module")
def arguments(deployed) -> dict[str, list[Leaf]]:
    """Every argument of the market's verbs, from its ABI."""
    return verbs(deployed.market.abi)


def snapshot() -> str:
    return web3.provider.make_request("evm_snapshot", [])["result"]


def revert(before: str) -> None:
    assert web3.provider.make_request("evm_revert", [before])["result"] is True
    # or Brownie waits for the nonces that it has seen
    history.clear()


class TestTable:
    def test_every_verb_is_arranged(self, arguments):
        assert set(arguments) == set(VERBS)

    def test_every_argument_has_a_row_and_every_row_an_argument(self, arguments):
        assert {leaf.path for leaves in arguments.values() for leaf in leaves} == set(ROWS)

    @pytest.mark.parametrize("verb", VERBS)
    def test_a_verb_is_accepted_as_it_is_arranged(self, stage, verb):
        """So that what a row changes is the only thing that can be wrong."""
        call = VERBS[verb](stage)
        before = stage.digest()
        assert stage.send(call, call.arguments) is None
        assert stage.digest() != before or verb == "changeVehicle"  # which only tells of it


@pytest.mark.parametrize("path", ROWS)
def test_an_argument_is_refused_by_name_or_kept_whole(stage, arguments, path):
    verb = path.split(".")[0]
    (leaf,) = (leaf for leaf in arguments[verb] if leaf.path == path)
    call = VERBS[verb](stage)
    cases = ROWS[path](stage, call)
    assert_complete(leaf, cases)
    usual = call.arguments
    for case in cases:
        here, call.arguments = snapshot(), usual
        told = judge(stage, call, leaf, case)
        assert told is None, f"{path} = {case}: {told}"
        revert(here)


def judge(stage: Stage, call, leaf: Leaf, case) -> str | None:
    """What is wrong with the market's answer to one value."""
    call.arguments = copy.deepcopy(call.arguments)
    if case.first:
        case.first()
        call.sign(call.arguments)
    arguments = call.with_value(leaf.keys, case.value, case.signed)
    before = stage.digest()
    said = stage.send(call, arguments)
    if case.error is not None:
        if said != case.error:
            return f"{said}, not {case.error}"
        return None if stage.digest() == before else "refused, and yet something has changed"
    if said is not None:
        return f"{said}, not accepted"
    if (stage.digest() != before) != case.changes:
        return "nothing has changed" if case.changes else "something has changed"
    if case.read:
        kept, told = case.read(), case.value if case.told is None else case.told
        if kept != told:
            return f"{kept!r} is kept, not {told!r}"
    return None


def assert_complete(leaf: Leaf, cases: list) -> None:
    """A row tries what its kind of argument is most likely to be got wrong with."""
    values = [case.value for case in cases]
    kind = leaf.kind
    if kind == "uint256":
        assert {0, MAX} <= set(values)
    elif kind == "int256":
        assert {-(2**255), 2**255 - 1, 0} <= set(values)
    elif kind == "bytes32":
        assert {ZEROS, ONES} <= set(values)
    elif kind == "bool":
        assert set(values) == {True, False}
    elif kind == "address":
        assert NOBODY in values
    elif kind == "bytes":
        lengths = {len(value) for value in values}
        assert {0, 64, 65, 66} <= lengths
        assert len(set(values)) >= 14
    else:
        assert kind.endswith("[]")
        lengths = {len(value) for value in values}
        assert {0, 1, 100} <= lengths or (kind == "bytes32[]" and {0, 100} <= lengths)
    assert len(cases) >= 2, "one value shows no bound"


class TestWideWords:
    """Where Solidity itself reads a narrower word, a wider one is refused and not cut."""

    def test_addresses_and_booleans_are_not_cut(self, stage, arguments):
        tried = 0
        for verb, leaves in arguments.items():
            for leaf in leaves:
                if leaf.kind not in ("address", "bool") or len(leaf.keys) > 1:
                    continue  # members are read by the same code of the compiler
                here = snapshot()
                call = VERBS[verb](stage)
                data = getattr(stage.market, verb).encode_input(*call.arguments)
                at = 10 + 64 * leaf.keys[0]
                wide = data[:at] + f"{1 << 160 | 2:064x}" + data[at + 64 :]
                before = stage.digest()
                said = refusal(stage.market, wide, call.sender, send=True)
                assert said == ("?", b""), (verb, leaf.path)
                assert stage.digest() == before
                revert(here)
                tried += 1
        assert tried >= 10
