"""Arguments of the verbs that move money, and of the admin's, the guardian's and the attesters'."""

from berth.core.hashing import keccak
from support.keys import key

from arguments.cases import (
    MAX,
    NOBODY,
    ONES,
    TOP_ADDRESS,
    ZEROS,
    Case,
    accepted,
    each_refused,
    name32,
    out_of_range,
    refused,
    within,
)
from arguments.rows import row, rows
from arguments.stage import CREDIT, Call, Stage

TOP = 2**128 - 1


def rich(stage: Stage, account):
    """All the tokens that a credit can hold, and one more."""

    def mint() -> None:
        have = stage.asset.balanceOf(account)
        stage.asset.mint(account, TOP + 1 - have, {"from": account})

    return mint


@row("deposit.amount")
def _(stage: Stage, call: Call) -> list[Case]:
    sender = stage.world.driver

    def read() -> int:
        return stage.market.creditOf(sender)

    def has_some() -> None:
        rich(stage, sender)()
        stage.market.deposit(1, {"from": sender})

    return [
        *within("amount", 1, TOP, read, first=rich(stage, sender)),
        # a credit never overflows into its neighbour's bits
        refused(TOP, *out_of_range("credit", TOP + 1, 0, TOP), first=has_some),
        accepted(TOP - 1, read, told=TOP, first=has_some),
    ]


@row("depositFor.amount")
def _(stage: Stage, call: Call) -> list[Case]:
    account = call.arguments[0]
    return within(
        "amount",
        1,
        TOP,
        lambda: stage.market.creditOf(account),
        first=rich(stage, stage.world.driver),
    )


@row("depositFor.account")
def _(stage: Stage, call: Call) -> list[Case]:
    bad = [NOBODY, stage.market.address, stage.world.forwarder.address]
    return [
        *each_refused(bad, lambda value: ("BadAccount", name32("account"), value.lower())),
        accepted(TOP_ADDRESS, lambda: stage.market.creditOf(TOP_ADDRESS), told=1_000_000),
    ]


@row("depositWithPermit.amount")
def _(stage: Stage, call: Call) -> list[Case]:
    top = 10**12  # all that is permitted
    market = stage.market.address.lower()
    return [
        *each_refused([0, 2**128, MAX], lambda value: out_of_range("amount", value, 1, TOP)),
        accepted(1),
        accepted(top, lambda: stage.market.creditOf(stage.driver), told=CREDIT + top),
        refused(top + 1, "ERC20InsufficientAllowance", market, top, top + 1),
    ]


@row("withdraw.amount")
def _(stage: Stage, call: Call) -> list[Case]:
    driver = stage.driver.address.lower()
    return [
        *each_refused([0, 2**128, MAX], lambda value: out_of_range("amount", value, 1, TOP)),
        *each_refused([CREDIT + 1, TOP], lambda value: ("CreditTooLow", driver, CREDIT, value)),
        accepted(1, lambda: CREDIT - stage.market.creditOf(stage.driver)),
        accepted(CREDIT, lambda: stage.asset.balanceOf(call.arguments[0])),
    ]


@rows("withdraw.to", "withdrawFees.to")
def _(stage: Stage, call: Call) -> list[Case]:
    amount = call.arguments[1]
    return [
        *each_refused(
            [NOBODY, stage.market.address],
            lambda value: ("BadAccount", name32("to"), value.lower()),
        ),
        accepted(TOP_ADDRESS, lambda: stage.asset.balanceOf(TOP_ADDRESS), told=amount),
    ]


@row("withdrawFees.amount")
def _(stage: Stage, call: Call) -> list[Case]:
    fees = stage.market.ledger()[2]
    return [
        *each_refused([0, 2**128, MAX], lambda value: out_of_range("amount", value, 1, TOP)),
        *each_refused([fees + 1, TOP], lambda value: ("FeesTooLow", fees, value)),
        accepted(1, lambda: fees - stage.market.ledger()[2]),
        accepted(fees, lambda: fees - stage.market.ledger()[2]),
    ]


@row("setAutoPayout.enabled")
def _(stage: Stage, call: Call) -> list[Case]:
    def read() -> bool:
        return stage.market.autoPayoutOf(stage.driver)

    def was_on() -> None:
        stage.market.setAutoPayout(True, {"from": stage.driver})

    return [accepted(True, read), accepted(False, read, first=was_on)]


def _unwilling(stage: Stage) -> list[str]:
    return [NOBODY, TOP_ADDRESS, stage.market.address, stage.owner.address]


@row("payout.account")
def _(stage: Stage, call: Call) -> list[Case]:
    def spent() -> None:
        stage.market.withdraw(stage.owner, CREDIT, {"from": stage.driver})

    return [
        *each_refused(_unwilling(stage), lambda value: ("PayoutNotWanted", value.lower())),
        accepted(stage.driver.address, lambda: stage.market.creditOf(stage.driver), told=0),
        refused(stage.driver.address, *out_of_range("credit", 0, 1, TOP), first=spent),
    ]


@row("payoutBatch.accounts")
def _(stage: Stage, call: Call) -> list[Case]:
    one = stage.driver.address
    return [
        *each_refused(
            [[], [one] * 101], lambda value: out_of_range("accounts", len(value), 1, 100)
        ),
        accepted([one], lambda: stage.market.creditOf(one), told=0),
        # the first is paid, the others have nothing left and are passed over
        accepted([one] * 100, lambda: stage.market.creditOf(one), told=0, name="100 accounts"),
    ]


@row("payoutBatch.accounts[]")
def _(stage: Stage, call: Call) -> list[Case]:
    """Who does not want it gets nothing, and stops nobody."""
    return [
        *(accepted(account, changes=False) for account in _unwilling(stage)),
        accepted(stage.driver.address, lambda: stage.market.creditOf(stage.driver), told=0),
    ]


# ---- governance
@row("setFee.feeBps")
def _(stage: Stage, call: Call) -> list[Case]:
    return within("feeBps", 0, 1000, lambda: stage.market.config()[0])


@row("setAttester.id")
def _(stage: Stage, call: Call) -> list[Case]:
    account = call.arguments[1]
    taken = stage.world.verifier.address.lower()
    return [
        *each_refused([0, 128, 256 + 9, MAX], lambda value: out_of_range("id", value, 1, 127)),
        refused(1, "AttesterTaken", 1, taken),
        accepted(4, lambda: stage.market.attesterOf(4)[0], told=account),
        accepted(127, lambda: stage.market.attesterOf(127)[0], told=account),
    ]


@row("setAttester.account")
def _(stage: Stage, call: Call) -> list[Case]:
    return [
        refused(NOBODY, "BadAccount", name32("account"), NOBODY),
        accepted(TOP_ADDRESS, lambda: stage.market.attesterOf(9)[0].lower()),
    ]


@row("setAttester.roles")
def _(stage: Stage, call: Call) -> list[Case]:
    return within("roles", 1, 7, lambda: stage.market.attesterOf(9)[1])


@row("revokeAttester.id")
def _(stage: Stage, call: Call) -> list[Case]:
    def last() -> None:
        stage.attester(127, key("a ninth attester"), 7)

    return [
        *each_refused([0, 4, 127, 128, 256 + 1, MAX], lambda value: ("AttesterUnknown", value)),
        accepted(1, lambda: stage.market.config()[2], told=1 << 1),
        accepted(127, lambda: stage.market.config()[2], told=1 << 127, first=last),
    ]


@row("revokeAttestation.id")
def _(stage: Stage, call: Call) -> list[Case]:
    sender = call.sender.address.lower()
    return [
        *each_refused([0, 1, 10, 128, 256 + 9, MAX], lambda value: ("NotAttester", value, sender)),
        accepted(9, lambda: stage.market.attestationRevoked(9, 5), told=True),
    ]


@row("revokeAttestation.nonce")
def _(stage: Stage, call: Call) -> list[Case]:
    return [
        accepted(0, lambda: stage.market.attestationRevoked(9, 0), told=True),
        accepted(MAX, lambda: stage.market.attestationRevoked(9, MAX), told=True),
    ]


# ---- roles: OpenZeppelin takes any role and any account
@rows("grantRole.role", "revokeRole.role", "renounceRole.role")
def _(stage: Stage, call: Call) -> list[Case]:
    account = call.arguments[1]

    def has(role: bytes):
        return lambda: stage.market.hasRole(role, account)

    granted = call.verb == "grantRole"
    arbiter = keccak(b"ARBITER_ROLE")
    return [
        accepted(ZEROS, has(ZEROS), told=granted, changes=granted),
        accepted(ONES, has(ONES), told=granted, changes=granted),
        accepted(arbiter, has(arbiter), told=granted),
    ]


@rows("grantRole.account", "revokeRole.account")
def _(stage: Stage, call: Call) -> list[Case]:
    role, granted = call.arguments[0], call.verb == "grantRole"

    def has(account: str):
        return lambda: stage.market.hasRole(role, account)

    return [
        accepted(NOBODY, has(NOBODY), told=granted, changes=granted),
        accepted(TOP_ADDRESS, has(TOP_ADDRESS), told=granted, changes=granted),
    ]


@row("renounceRole.callerConfirmation")
def _(stage: Stage, call: Call) -> list[Case]:
    return [
        *each_refused(
            [NOBODY, TOP_ADDRESS, stage.owner.address],
            lambda value: ("AccessControlBadConfirmation",),
        ),
        accepted(stage.arbiter.address),
    ]
