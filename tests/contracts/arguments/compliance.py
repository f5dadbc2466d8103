"""Why a registration does not comply: bits, and cases that several rows share."""

from support.world import VEHICLES

from arguments.cases import MAX, Case, accepted, each_refused
from arguments.stage import Stage

CITY_UNKNOWN, NOT_IN_EDITION, EXPIRED, SHARING = 1, 2, 8, 16
KIND, DIMENSIONS, CELL, EDITION_NOT_NEWER = 32, 64, 512, 1024
VERIFIER_UNKNOWN, HOLDER_SIGNATURE, HOLDER_EXPIRED = 1 << 16, 1 << 18, 1 << 19
MAKER_UNKNOWN, ATTESTATION, LOCK_EXPIRED, POSSESSION, CHARGER = (
    1 << bit for bit in (24, 26, 27, 28, 29)
)


def not_compliant(values, reasons: int, **more) -> list[Case]:
    return each_refused(values, lambda value: ("NotCompliant", reasons), **more)


def makers(stage: Stage, read) -> list[Case]:
    return [
        *not_compliant([0, VEHICLES, 127, 128, MAX], MAKER_UNKNOWN),
        accepted(127, read, first=lambda: stage.attester(127, stage.world.maker, 4)),
    ]
