"""Arguments of `registerSpace` and `takeOver`, which take the same."""

from dataclasses import astuple, replace
from types import SimpleNamespace

from berth.core.hashing import keccak
from berth.core.merkle import build
from berth.core.title import Title, pack_attributes
from support.keys import key
from support.world import CITY, MAKER, TODAY, VEHICLES, title

from arguments.cases import (
    MAX,
    NOBODY,
    ONES,
    TOP_ADDRESS,
    ZEROS,
    Case,
    accepted,
    unsound,
)
from arguments.compliance import (
    ATTESTATION,
    CELL,
    CHARGER,
    CITY_UNKNOWN,
    DIMENSIONS,
    EDITION_NOT_NEWER,
    EXPIRED,
    HOLDER_EXPIRED,
    HOLDER_SIGNATURE,
    KIND,
    LOCK_EXPIRED,
    NOT_IN_EDITION,
    POSSESSION,
    SHARING,
    VERIFIER_UNKNOWN,
    makers,
    not_compliant,
)
from arguments.rows import rows
from arguments.stage import Call, Stage, word


# ---- registrations: `registerSpace` and `takeOver` take the same
def member(name: str):
    """A row of both verbs."""
    return rows(f"registerSpace.r.{name}", f"takeOver.r.{name}")


def _leaf(of: Title) -> bytes:
    """As the contract hashes it, whatever the numbers: words of 256 bits each."""
    return keccak(keccak(b"".join(map(word, astuple(of)))))


def titled(stage: Stage, call: Call, value, reasons: int = 0, *, read=None, **changes) -> Case:
    """A title that really is in the city's edition, with this value in it."""
    given = replace(title(call.facts["space"] & 0xFFFFFFFF), **changes)
    tree = build([_leaf(title(0)), _leaf(given)])

    def publish() -> None:
        stage.world.publish(SimpleNamespace(tree=tree, count=given.index + 1))
        call.arguments[0][1] = tree.proof(_leaf(given))

    error = ("NotCompliant", reasons) if reasons else None
    return Case(value, error, read, first=publish)


@member("title.city")
def _(stage: Stage, call: Call) -> list[Case]:
    # in a city without an edition nothing is newer than nothing
    more = EDITION_NOT_NEWER if call.verb == "takeOver" else 0
    return not_compliant([0, CITY + 1, 2**32, MAX], CITY_UNKNOWN | more)


@member("title.index")
def _(stage: Stage, call: Call) -> list[Case]:
    return not_compliant([0, 3, 8, 2**32 - 1, 2**32, MAX], NOT_IN_EDITION)


@member("title.saltedHolder")
def _(stage: Stage, call: Call) -> list[Case]:
    return [
        *not_compliant([ZEROS, ONES], NOT_IN_EDITION),
        titled(stage, call, ZEROS, salted_holder=ZEROS),
        titled(stage, call, ONES, salted_holder=ONES),
    ]


@member("title.addressHash")
def _(stage: Stage, call: Call) -> list[Case]:
    return [
        *not_compliant([ZEROS, ONES], NOT_IN_EDITION),
        titled(stage, call, ZEROS, address_hash=ZEROS),
        titled(stage, call, ONES, address_hash=ONES),
    ]


@member("title.cell")
def _(stage: Stage, call: Call) -> list[Case]:
    def read() -> int:
        return stage.words(call.facts["space"]).cell

    return [
        *not_compliant([0, 2**30 - 1, MAX], NOT_IN_EDITION),
        titled(stage, call, 0, read=read, cell=0),
        titled(stage, call, 2**30 - 1, read=read, cell=2**30 - 1),
        titled(stage, call, 2**30, CELL, cell=2**30),
        titled(stage, call, MAX, CELL, cell=MAX),
    ]


@member("title.attributes")
def _(stage: Stage, call: Call) -> list[Case]:
    def read() -> int:
        words = stage.words(call.facts["space"])
        return words.height_cm << 9 | words.width_cm << 25 | words.length_cm << 41

    def told(kind, height, width, length, reasons=0) -> Case:
        packed = kind | 1 << 8 | height << 9 | width << 25 | length << 41
        made = titled(stage, call, packed, reasons, attributes=packed, read=read)
        return replace(made, told=packed & ~0x1FF)

    bay = pack_attributes(1, True, 0, 250, 550)
    return [
        *not_compliant([0, MAX], NOT_IN_EDITION),
        told(1, 150, 150, 300),
        told(5, 1000, 1000, 2500),
        told(0, 0, 250, 550, KIND),
        told(6, 0, 250, 550, KIND),
        told(255, 0, 250, 550, KIND),
        *(
            told(1, *sizes, DIMENSIONS)
            for sizes in (
                (149, 250, 550),
                (1001, 250, 550),
                (65_535, 250, 550),
                (0, 149, 550),
                (0, 1001, 550),
                (0, 250, 299),
                (0, 250, 2501),
                (0, 250, 65_535),
            )
        ),
        titled(stage, call, bay & ~(1 << 8), SHARING, attributes=bay & ~(1 << 8)),
        titled(stage, call, bay | 1 << 57, DIMENSIONS, attributes=bay | 1 << 57),
        titled(stage, call, bay | 1 << 255, DIMENSIONS, attributes=bay | 1 << 255),
        titled(stage, call, 0, KIND | SHARING | DIMENSIONS, attributes=0),
        titled(stage, call, MAX, KIND | DIMENSIONS, attributes=MAX),
    ]


@member("title.validDay")
def _(stage: Stage, call: Call) -> list[Case]:
    def read() -> int:
        return stage.words(call.facts["space"]).valid_day

    known = call.arguments[0][0][6]
    return [
        *not_compliant([0, known + 1, MAX], NOT_IN_EDITION),
        titled(stage, call, 0, EXPIRED, valid_day=0),
        titled(stage, call, TODAY - 1, EXPIRED, valid_day=TODAY - 1),
        titled(stage, call, TODAY, read=read, valid_day=TODAY),
        # the earliest of title, identity and lock counts, so that nothing is cut off
        *(
            replace(titled(stage, call, day, read=read, valid_day=day), told=known)
            for day in (known + 1, 65_535, 65_536, MAX)
        ),
    ]


@member("proof")
def _(stage: Stage, call: Call) -> list[Case]:
    path = call.arguments[0][1]
    others = [[], path[:-1], [*path, ZEROS], path[::-1], [ZEROS] * 100]
    return [*not_compliant(others, NOT_IN_EDITION), accepted(path)]


@member("proof[]")
def _(stage: Stage, call: Call) -> list[Case]:
    return not_compliant([ZEROS, ONES], NOT_IN_EDITION)


@member("holder.verifier")
def _(stage: Stage, call: Call) -> list[Case]:
    return [
        *not_compliant([0, VEHICLES, MAKER, 127, 128, MAX], VERIFIER_UNKNOWN),
        accepted(127, first=lambda: stage.attester(127, stage.world.verifier, 1)),
    ]


@member("holder.validDay")
def _(stage: Stage, call: Call) -> list[Case]:
    return valid_days(stage, call, HOLDER_EXPIRED, HOLDER_SIGNATURE)


@member("holder.nonce")
def _(stage: Stage, call: Call) -> list[Case]:
    return [accepted(0), accepted(MAX)]


@member("holder.signature")
def _(stage: Stage, call: Call) -> list[Case]:
    return unsound(call.arguments[0][2][3], "NotCompliant", HOLDER_SIGNATURE)


def valid_days(stage: Stage, call: Call, expired: int, too_large: int) -> list[Case]:
    def read() -> int:
        return stage.words(call.facts["space"]).valid_day

    known = call.arguments[0][0][6]
    return [
        *not_compliant([0, TODAY - 1], expired),
        accepted(TODAY, read),
        accepted(known - 1, read),
        accepted(65_535, read, told=known),
        *not_compliant([65_536, 2**16 + TODAY, MAX], too_large),
    ]


@member("lock.key")
def _(stage: Stage, call: Call) -> list[Case]:
    def read() -> str:
        return stage.words(call.facts["space"]).lock_key

    new = key("a new lock").address
    return [
        *not_compliant([NOBODY, TOP_ADDRESS, stage.owner.address], POSSESSION),
        accepted(new, read, told=new.lower()),
    ]


@member("lock.maker")
def _(stage: Stage, call: Call) -> list[Case]:
    def read() -> int:
        return stage.words(call.facts["space"]).maker

    return makers(stage, read)


@member("lock.validDay")
def _(stage: Stage, call: Call) -> list[Case]:
    return valid_days(stage, call, LOCK_EXPIRED, ATTESTATION)


@member("lock.makerSignature")
def _(stage: Stage, call: Call) -> list[Case]:
    return unsound(call.arguments[0][3][3], "NotCompliant", ATTESTATION)


@member("lock.possession")
def _(stage: Stage, call: Call) -> list[Case]:
    return unsound(call.arguments[0][3][4], "NotCompliant", POSSESSION)


@member("connectors")
def _(stage: Stage, call: Call) -> list[Case]:
    def read() -> int:
        return stage.words(call.facts["space"]).connectors

    fine = [accepted(1, read), accepted(255, read)]
    return [*not_compliant([0, 256, MAX], CHARGER), *fine]


@member("power")
def _(stage: Stage, call: Call) -> list[Case]:
    def read() -> int:
        return stage.words(call.facts["space"]).power

    fine = [accepted(1, read), accepted(10_000, read)]
    return [*not_compliant([0, 10_001, 65_536, 65_537, MAX], CHARGER), *fine]
