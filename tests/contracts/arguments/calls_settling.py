"""The verbs that settle, move money and govern, as they are accepted."""

from berth.core import messages
from berth.core.hashing import keccak
from support.clock import at
from support.forms import Seen
from support.keys import key
from support.world import VEHICLES

from arguments.calls import verb
from arguments.cases import MAX
from arguments.stage import END, FROM, Call, Stage

ARBITER = keccak(b"ARBITER_ROLE")
OCCUPANCY = "Occupancy(uint256 leaseId,uint8 kind,uint40 from,uint40 until,uint32 energyWh)"
AGREEMENT = "Agreement(uint256 leaseId,uint256 deposit,uint256 cost,uint256 validUntil)"


# ---- evidence
def sign_records(stage: Stage, records: list, signatures: list) -> None:
    signatures[:] = [stage.signed(stage.world.lock, OCCUPANCY, *seen) for seen in records]


@verb
def record(stage: Stage) -> Call:
    seen = [stage.lease(), messages.LEFT, FROM, END - 600, 1_000]

    def sign(arguments: list) -> None:
        arguments[1] = stage.signed(stage.world.lock, OCCUPANCY, *arguments[0])

    return Call("record", stage.world.stranger, [seen, b""], sign, at=END + 60)


@verb
def recordBatch(stage: Stage) -> Call:
    seen = [stage.lease(), messages.LEFT, FROM, END - 600, 1_000]
    return Call(
        "recordBatch",
        stage.world.stranger,
        [[seen], []],
        lambda arguments: sign_records(stage, *arguments),
        at=END + 60,
    )


# ---- disputes
@verb
def resolve(stage: Stage) -> Call:
    number = stage.lease()
    at(FROM)
    stage.market.dispute(number, {"from": stage.owner})
    return Call("resolve", stage.arbiter, [number, 1])


@verb
def agree(stage: Stage) -> Call:
    number = stage.lease()
    form = [[number, stage.market.depositOf(number), 1, MAX], b"", b""]

    def sign(arguments: list) -> None:
        arguments[1:] = [
            stage.signed(by, AGREEMENT, *arguments[0]) for by in (stage.driver_key, stage.owner_key)
        ]

    return Call("agree", stage.world.stranger, form, sign, at=FROM)


# ---- money
@verb
def deposit(stage: Stage) -> Call:
    return Call("deposit", stage.world.driver, [1_000_000])


@verb
def depositFor(stage: Stage) -> Call:
    account = key("a third person").address
    return Call("depositFor", stage.world.driver, [account, 1_000_000])


@verb
def withdraw(stage: Stage) -> Call:
    return Call("withdraw", stage.driver, [key("a third person").address, 1_000_000])


@verb
def setAutoPayout(stage: Stage) -> Call:
    return Call("setAutoPayout", stage.driver, [True])


@verb
def payout(stage: Stage) -> Call:
    stage.market.setAutoPayout(True, {"from": stage.driver})
    return Call("payout", stage.world.stranger, [stage.driver.address])


@verb
def payoutBatch(stage: Stage) -> Call:
    stage.market.setAutoPayout(True, {"from": stage.driver})
    return Call("payoutBatch", stage.world.stranger, [[stage.driver.address]])


# ---- governance
def of_admin(verb_: str, *arguments, sender: str = "admin"):
    def arrange(stage: Stage) -> Call:
        return Call(verb_, getattr(stage.world, sender), list(arguments))

    arrange.__name__ = verb_
    verb(arrange)


of_admin("setFee", 300)
of_admin("setAttester", 9, key("a ninth attester").address, 1)
of_admin("revokeAttester", VEHICLES)
of_admin("grantRole", b"\x77" * 32, key("a third person").address)
of_admin("pause", sender="guardian")


@verb
def unpause(stage: Stage) -> Call:
    stage.market.pause({"from": stage.world.guardian})
    return Call("unpause", stage.world.guardian, [])


@verb
def revokeRole(stage: Stage) -> Call:
    return Call("revokeRole", stage.world.admin, [ARBITER, stage.arbiter.address])


@verb
def renounceRole(stage: Stage) -> Call:
    return Call("renounceRole", stage.arbiter, [ARBITER, stage.arbiter.address])


@verb
def revokeAttestation(stage: Stage) -> Call:
    account = stage.world.account("a ninth attester")
    stage.attester(9, key("a ninth attester"), 1)
    return Call("revokeAttestation", account, [9, 5])


@verb
def withdrawFees(stage: Stage) -> Call:
    """Of one lease that was used."""
    number = stage.lease()
    at(END + 60)
    stage.world.record(Seen(number, messages.LEFT, FROM, END))
    return Call("withdrawFees", stage.world.admin, [key("a third person").address, 1_000])
