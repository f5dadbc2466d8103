"""Arguments of the verbs that settle: evidence, closing, disputes, agreements."""

from berth.core.tariff import deposit
from support.clock import at
from support.forms import TERMS

from arguments.cases import (
    MAX,
    Case,
    accepted,
    each_refused,
    name32,
    out_of_range,
    refused,
    unsound,
)
from arguments.rows import lease_ids, row, rows
from arguments.stage import END, FROM, KWH, SLOTS, Call, Stage

DEPOSIT = deposit(TERMS, SLOTS, KWH)
ARRIVED, LEFT, BLOCKED, NOSHOW = 1, 2, 3, 4

for _verb in ("close", "ownerCancel", "dispute", "resolve"):
    lease_ids(_verb)
lease_ids("closeBatch", "leaseIds[]")
lease_ids("agree", "agreement.leaseId")
lease_ids("record", "o.leaseId")
lease_ids("recordBatch", "occupancies[].leaseId")


def seen(name: str):
    return rows(f"record.o.{name}", f"recordBatch.occupancies[].{name}")


def occupancy(call: Call) -> list:
    """The one record of a call, in a batch or not."""
    first = call.arguments[0]
    return first[0] if call.verb == "recordBatch" else first


def as_kind(call: Call, kind: int, **members) -> None:
    """Another record than the usual departure, sound by itself."""
    sound = {
        ARRIVED: (ARRIVED, FROM, FROM, 0),
        LEFT: (LEFT, FROM, END - 600, 1_000),
        BLOCKED: (BLOCKED, FROM, FROM, 0),
        NOSHOW: (NOSHOW, FROM, END, 0),
    }[kind]
    occupancy(call)[1:] = list(sound)
    for name, value in members.items():
        occupancy(call)[["kind", "from_", "until", "energy"].index(name) + 1] = value


def of_kind(call: Call, kind: int, **members):
    return lambda: as_kind(call, kind, **members)


def evidence_time(field: str, earliest: int, latest: int):
    return lambda value: ("EvidenceTime", name32(field), value, earliest, latest)


@seen("kind")
def _(stage: Stage, call: Call) -> list[Case]:
    def sound(kind: int, **members) -> Case:
        return accepted(kind, first=of_kind(call, kind, **members))

    return [
        *each_refused([0, 5, 256 + LEFT, MAX], lambda value: ("KindUnknown", value)),
        sound(LEFT),
        sound(ARRIVED),
        sound(BLOCKED),
        sound(NOSHOW, until=call.at),
    ]


@seen("from")
def _(stage: Stage, call: Call) -> list[Case]:
    early, last = FROM - 900, END - 1
    wide = [END, 2**40, 2**40 + FROM, MAX]
    # of a departure; what was seen last is at the end here, so that any arrival fits
    late = {"until": END}
    return [
        *each_refused(
            [0, early - 1, *wide],
            evidence_time("from", early, last),
            first=of_kind(call, LEFT, **late),
        ),
        *(accepted(value, first=of_kind(call, LEFT, **late)) for value in (early, last)),
        # somebody else's car may have come at any time
        *(accepted(value, first=of_kind(call, BLOCKED, until=END)) for value in (0, last)),
        *each_refused(
            wide, evidence_time("from", 0, last), first=of_kind(call, BLOCKED, until=END)
        ),
        # for a no-show the lock watched from the start at the latest
        *(accepted(value, first=of_kind(call, NOSHOW)) for value in (0, FROM)),
        *each_refused(
            [FROM + 1, *wide], evidence_time("from", 0, FROM), first=of_kind(call, NOSHOW)
        ),
        refused(
            FROM + 1,
            "EvidenceTime",
            name32("until"),
            FROM,
            FROM + 1,
            call.at,
            first=of_kind(call, ARRIVED),
        ),
    ]


@seen("until")
def _(stage: Stage, call: Call) -> list[Case]:
    latest, wide = call.at, [call.at + 1, 2**40, 2**40 + END, MAX]
    return [
        *each_refused([0, FROM - 1, *wide], evidence_time("until", FROM, latest)),
        accepted(FROM, lambda: stage.view(occupancy(call)[0], "state"), told=4),
        accepted(latest),
        *each_refused(
            [0, FROM - 1, *wide],
            evidence_time("until", FROM, latest),
            first=of_kind(call, BLOCKED, from_=0),
        ),
        *each_refused(
            [0, END - 1, *wide], evidence_time("until", END, latest), first=of_kind(call, NOSHOW)
        ),
        *each_refused(
            [FROM + 1, latest], evidence_time("until", FROM, FROM), first=of_kind(call, ARRIVED)
        ),
    ]


@seen("energyWh")
def _(stage: Stage, call: Call) -> list[Case]:
    lease, top = occupancy(call)[0], 2**32 - 1

    def read() -> int:
        return 100 * stage.view(lease, "energy")

    def after(kind: int):
        return of_kind(call, kind)

    return [
        *each_refused([2**32, MAX], lambda value: out_of_range("energyWh", value, 0, top)),
        accepted(0),
        Case(99, None, read, told=0, first=_disputed(stage, lease)),
        Case(KWH * 1000, None, read, first=_disputed(stage, lease)),
        # more than was bought is not billed
        Case(top, None, read, told=KWH * 1000, first=_disputed(stage, lease)),
        *(
            case
            for kind in (ARRIVED, BLOCKED, NOSHOW)
            for case in each_refused(
                [1, top, MAX],
                lambda value: out_of_range("energyWh", value, 0, 0),
                first=after(kind),
            )
        ),
    ]


def _disputed(stage: Stage, lease: int):
    """Of a disputed lease the evidence stays on file, where it can be read."""

    def dispute() -> None:
        at(FROM)
        stage.market.dispute(lease, {"from": stage.owner})

    return dispute


@row("record.signature")
def _(stage: Stage, call: Call) -> list[Case]:
    return unsound(call.arguments[1], *_bad_lock(stage))


@row("recordBatch.signatures[]")
def _(stage: Stage, call: Call) -> list[Case]:
    return unsound(call.arguments[1][0], *_bad_lock(stage))


def _bad_lock(stage: Stage) -> tuple:
    return "BadSignature", name32("lock"), stage.world.lock.address.lower()


@row("recordBatch.occupancies")
def _(stage: Stage, call: Call) -> list[Case]:
    one = call.arguments[0][0]
    return [
        *each_refused(
            [[], [one] * 101],
            lambda value: out_of_range("occupancies", len(value), 1, 100),
        ),
        refused([one] * 2, "LengthMismatch", 2, 1, signed=False),
        accepted([one]),
        # brought twice: passed over from the second on
        accepted([one] * 100, name="100 records"),
    ]


@row("recordBatch.signatures")
def _(stage: Stage, call: Call) -> list[Case]:
    one = call.arguments[1][0]
    return [
        *(
            refused([one] * count, "LengthMismatch", 1, count, signed=False)
            for count in (0, 2, 100, 101)
        ),
        accepted([one], signed=False),
    ]


@row("closeBatch.leaseIds")
def _(stage: Stage, call: Call) -> list[Case]:
    (one,) = call.arguments[0]
    return [
        *each_refused(
            [[], [one] * 101], lambda value: out_of_range("leaseIds", len(value), 1, 100)
        ),
        accepted([one]),
        accepted([one] * 100, name="100 leases"),
    ]


# ---- decisions and agreements
def ledger_fees(stage: Stage):
    return lambda: stage.market.ledger()[2]


def costs(stage: Stage) -> list[Case]:
    fee = DEPOSIT * 250 // 10_000
    return [
        accepted(0, ledger_fees(stage)),
        accepted(DEPOSIT, ledger_fees(stage), told=fee),
        *each_refused(
            [DEPOSIT + 1, 2**128, 2**255, MAX], lambda value: ("CostAboveDeposit", value, DEPOSIT)
        ),
    ]


@row("resolve.cost")
def _(stage: Stage, call: Call) -> list[Case]:
    return costs(stage)


@row("agree.agreement.cost")
def _(stage: Stage, call: Call) -> list[Case]:
    return costs(stage)


@row("agree.agreement.deposit")
def _(stage: Stage, call: Call) -> list[Case]:
    return [
        *each_refused(
            [0, DEPOSIT - 1, DEPOSIT + 1, MAX], lambda value: ("DepositChanged", DEPOSIT, value)
        ),
        accepted(DEPOSIT),
    ]


@row("agree.agreement.validUntil")
def _(stage: Stage, call: Call) -> list[Case]:
    return [
        *each_refused([0, call.at - 1], lambda value: ("AgreementExpired", value, call.at)),
        accepted(call.at),
        accepted(MAX),
    ]


@row("agree.driverSignature")
def _(stage: Stage, call: Call) -> list[Case]:
    driver = stage.driver.address.lower()
    return unsound(call.arguments[1], "BadSignature", name32("driver"), driver)


@row("agree.payeeSignature")
def _(stage: Stage, call: Call) -> list[Case]:
    owner = stage.owner.address.lower()
    return unsound(call.arguments[2], "BadSignature", name32("payee"), owner)
