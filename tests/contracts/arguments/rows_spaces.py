"""Arguments of the verbs of an owner: locks, managers, offers, blocks, the end of sharing."""

from berth.core.tariff import decode_words
from support.forms import TERMS
from support.keys import key
from support.storage import set_last_offer
from support.world import TODAY

from arguments.cases import (
    MAX,
    NOBODY,
    TOP_ADDRESS,
    Case,
    accepted,
    each_refused,
    out_of_range,
    refused,
    unsound,
    within,
)
from arguments.compliance import ATTESTATION, LOCK_EXPIRED, POSSESSION, makers, not_compliant
from arguments.rows import lease_ids, row, space_ids, start_slots
from arguments.stage import SLOTS, Call, Stage

# ---- a registered space
space_ids("rotateLock")
for _verb in ("setManager", "delist", "release", "publishOffer", "withdrawOffers", "blockSlots"):
    space_ids(_verb)


@row("rotateLock.lock.key")
def _(stage: Stage, call: Call) -> list[Case]:
    new, old = key("a new lock").address, stage.world.lock.address
    return [
        *not_compliant([NOBODY, TOP_ADDRESS], POSSESSION),
        refused(old, "BadAccount", b"key".ljust(32, b"\0"), old.lower()),
        accepted(new, lambda: stage.words(stage.space).lock_key, told=new.lower()),
    ]


@row("rotateLock.lock.maker")
def _(stage: Stage, call: Call) -> list[Case]:
    return makers(stage, lambda: stage.words(stage.space).maker)


@row("rotateLock.lock.validDay")
def _(stage: Stage, call: Call) -> list[Case]:
    call.facts["space"] = stage.space
    known = stage.words(stage.space).valid_day

    def read() -> int:
        return stage.words(stage.space).valid_day

    return [
        *not_compliant([0, TODAY - 1], LOCK_EXPIRED),
        accepted(TODAY, read),
        accepted(65_535, read, told=known),
        *not_compliant([65_536, MAX], ATTESTATION),
    ]


@row("rotateLock.lock.makerSignature")
def _(stage: Stage, call: Call) -> list[Case]:
    return unsound(call.arguments[1][3], "NotCompliant", ATTESTATION)


@row("rotateLock.lock.possession")
def _(stage: Stage, call: Call) -> list[Case]:
    return unsound(call.arguments[1][4], "NotCompliant", POSSESSION)


@row("setManager.manager")
def _(stage: Stage, call: Call) -> list[Case]:
    def read() -> str:
        return stage.market.managerOf(stage.space).lower()

    def had_one() -> None:
        stage.market.setManager(stage.space, stage.driver, {"from": stage.owner})

    return [accepted(NOBODY, read, first=had_one), accepted(TOP_ADDRESS, read)]


# ---- offers
_TERMS = [
    ("pricePerSlot", 1, 2**80 - 1),
    ("pricePerKwh", 0, 2**80 - 1),
    ("overstayPct", 100, 1000),
    ("reserveMinutes", 0, 1440),
    ("minimumPct", 0, 100),
    ("freeCancelHours", 0, 65_535),
    ("noShowPct", TERMS.cancel_pct, 100),
    ("cancelPct", 0, TERMS.no_show_pct),
    ("hoursOfWeek", 1, 2**168 - 1),
    ("utcOffset", -48, 56),
    ("firstDay", 0, 65_535),
    ("lastDay", 0, 65_535),
    ("minSlots", 1, 672),
    ("maxSlots", 1, 672),
    ("flags", 0, 65_535),
]


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def term(name: str, low: int, high: int):
    @row(f"publishOffer.terms.{name}")
    def cases(stage: Stage, call: Call) -> list[Case]:
        def read() -> int:
            return getattr(decode_words(*stage.market.offerOf(stage.space, 4)), _snake(name))

        if name == "utcOffset":
            # told as the contract sees it: shifted, so that one unsigned range covers it
            outside = each_refused(
                [-(2**255), -49, 57, 2**255 - 1],
                lambda value: out_of_range(name, (value + 48) % 2**256, 0, 104),
            )
            return [*outside, *(accepted(value, read) for value in (low, -1, 0, 1, high))]
        if name == "noShowPct":
            # below the price of cancelling late it is that price which is out of range
            return [
                *each_refused(
                    [0, low - 1],
                    lambda value: out_of_range("cancelPct", TERMS.cancel_pct, 0, value),
                ),
                *each_refused([high + 1, MAX], lambda value: out_of_range(name, value, 0, high)),
                accepted(low, read),
                accepted(high, read),
            ]
        return within(name, low, high, read)

    return cases


for _term in _TERMS:
    term(*_term)


@row("publishOffer.terms.lastDay")
def _(stage: Stage, call: Call) -> list[Case]:
    def read() -> int:
        return decode_words(*stage.market.offerOf(stage.space, 4)).last_day

    def from_tomorrow() -> None:
        call.arguments[1][10] = TODAY + 1

    return [
        *within("lastDay", 0, 65_535, read),
        refused(TODAY, "DaysReversed", TODAY + 1, TODAY, first=from_tomorrow),
        accepted(TODAY + 1, read, first=from_tomorrow),
    ]


@row("withdrawOffers.firstLive")
def _(stage: Stage, call: Call) -> list[Case]:
    return [
        *within("firstLive", 2, 4, stage.first_live),
        Case(
            65_535,
            None,
            stage.first_live,
            first=lambda: set_last_offer(stage.world, stage.space, 65_534),
            name="the number after the last offer that there can be",
        ),
    ]


# ---- blocks
start_slots("blockSlots.startSlot")
lease_ids("unblock")


@row("blockSlots.slots")
def _(stage: Stage, call: Call) -> list[Case]:
    return within("slots", 1, 672, lambda: stage.view(call.facts["lease"], "slots"), also=[SLOTS])
