"""Whose verb it is: every row of the state table, tried by everybody, directly and through the
trusted forwarder."""

from dataclasses import dataclass, replace

import pytest
from berth.core.model.table import TRANSITIONS, Transition, Who
from berth.core.states import Outcome
from brownie import chain
from lifecycle.calls import Call
from lifecycle.cells import CELLS, Cell, judge
from support.keys import Key
from test_sender import relay

CALLERS = (
    "driver",
    "payee",
    "successor",  # owns the space now
    "former",  # owned it before the payee
    "manager",
    "arbiter",
    "admin",
    "guardian",
    "stranger",
)
STEWARDS = {False: ("payee", "manager"), True: ("successor", "manager")}
REFUSALS = {
    Who.DRIVER: "NotDriver",
    Who.PAYEE: "NotPayee",
    Who.PARTY: "NotParty",
    Who.STEWARD: "NotOwner",
    Who.ARBITER: "AccessControlUnauthorizedAccount",
    Who.BOTH: "BadSignature",
}
#: A vehicle is its driver's; its attestation too.
VEHICLE_REFUSALS = {
    "lease": "VehicleNotDrivers",
    "leaseWithVehicle": "BadSignature",
    "leaseWithPermit": "BadSignature",
}


@dataclass(frozen=True)
class Case:
    """A cell in which a row is legal. `signers`: of an agreement, who signed it."""

    cell: Cell
    row: Transition
    signers: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Leasing and extending need an offer of the owner's; all else outlives him."""
        return self.row.verb not in ("lease", "extend")

    def __str__(self) -> str:
        signed = f" signed by {' and '.join(self.signers)}" if self.signers else ""
        return f"{self.cell}{signed}"


def _cases() -> tuple[Case, ...]:
    """For every row and verb, the first cell in which the row is legal."""
    first: dict[tuple, Case] = {}
    for cell in CELLS:
        row = judge(cell).row
        if row is not None and not cell.verb.by_driver:
            first.setdefault((cell.verb, row), Case(cell, row))
    plain = [case for case in first.values() if case.row.verb != "agree"]
    agreed = [
        replace(case, signers=signers)
        for case in first.values()
        if case.row.verb == "agree"
        for signers in (("driver", "payee"), ("driver",), ("payee",), ("nobody",))
    ]
    return (*plain, *agreed)


CASES = _cases()


def expected(case: Case, caller: str, relayed: bool) -> str | None:
    """The name of the error, or None, by the table and by who they are."""
    who = case.row.who
    by_driver = caller == "driver"
    verdict = judge(replace(case.cell, verb=replace(case.cell.verb, by_driver=by_driver)))
    allowed = {
        Who.ANYBODY: True,
        Who.LOCK: True,
        Who.DRIVER: by_driver,
        Who.PAYEE: caller == "payee",
        Who.PARTY: caller in ("driver", "payee"),
        Who.STEWARD: caller in STEWARDS[case.succeeded],
        Who.ARBITER: caller == "arbiter" and not relayed,
        Who.BOTH: {"driver", "payee"} <= {caller, *case.signers},
    }[who]
    if allowed:
        return verdict.error
    return VEHICLE_REFUSALS.get(case.cell.verb.function) or REFUSALS[who]


def call_of(stage, case: Case, lease: int) -> Call:
    if case.row.verb == "agree":
        return stage.calls.agree(lease, *case.signers)
    return stage.calls.of(case.cell.verb, lease, case.cell.instant.at)


def go(stage, case: Case) -> Call:
    stage.go(case.cell.situation, case.cell.instant.at, case.succeeded)
    return call_of(stage, case, stage.twin.lease)


@pytest.mark.parametrize("relayed", [False, True], ids=["directly", "through the forwarder"])
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_verb_is_for_whom_the_table_says(stage, case, caller, relayed):
    call = go(stage, case).by(stage.people[caller].address, relayed)
    observed = stage.attempt(call)
    assert observed.foretold.says == expected(case, caller, relayed)
    assert observed.seen == observed.foretold


RELAYED = tuple(
    case for case in CASES if case.row.who in (Who.DRIVER, Who.PAYEE, Who.PARTY, Who.STEWARD)
)


@pytest.mark.parametrize("case", RELAYED, ids=str)
def test_a_signed_request_through_the_forwarder_does_the_same(stage, case):
    """The forwarder as it is, with its own signature and nonce."""
    call, at = go(stage, case), case.cell.instant.at
    if case.row.who is Who.STEWARD:
        call = call.by(stage.people[STEWARDS[case.succeeded][0]].address)
    keys = {one.address: one for one in stage.people.values() if isinstance(one, Key)}
    foretold = stage.twin.foretell(call, at)
    chain.snapshot()
    try:
        stage.node.aim(at)
        relay(stage.world, keys[call.sender], stage.twin.data(call))
        assert stage.twin.books(foretold.books.lease["epoch"]) == foretold.books
    finally:
        chain.revert()


def test_every_row_of_the_table_is_tried_by_everybody():
    """But the driver's own: they are tried where others bring the same."""
    own = {judge(cell).row for cell in CELLS if cell.verb.by_driver} - {None}
    others = {case.row for case in CASES}
    assert others | own == set(TRANSITIONS)
    assert {row.outcome for row in own - others} == {Outcome.ACCEPTED}
