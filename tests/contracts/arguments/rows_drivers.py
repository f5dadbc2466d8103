"""Arguments of the verbs of a driver: vehicles, leases, extensions."""

from berth.core.tariff import deposit
from support.forms import TERMS
from support.keys import key
from support.world import MAKER, START, VERIFIER

from arguments.cases import (
    MAX,
    NOBODY,
    ONES,
    ZEROS,
    Case,
    accepted,
    each_refused,
    name32,
    out_of_range,
    refused,
    unsound,
    within,
)
from arguments.rows import lease_ids, row, rows, space_ids, start_slots
from arguments.stage import KWH, NEW_PLATE, PLATE, SLOTS, Call, Stage

DEPOSIT = deposit(TERMS, SLOTS, KWH)
LEASING = ("lease", "leaseWithVehicle", "leaseWithPermit")
#: Verbs that take a vehicle's proof, and where in their arguments.
PROVING = {"registerVehicle": 0, "leaseWithVehicle": 1, "leaseWithPermit": 1}

for _verb in LEASING:
    space_ids(f"{_verb}.request")
    start_slots(f"{_verb}.request.startSlot")


def requested(name: str):
    return rows(*(f"{verb}.request.{name}" for verb in LEASING))


def proven(name: str):
    return rows(*(f"{verb}.vehicle.{name}" for verb in PROVING))


def not_drivers(stage: Stage, values) -> list[Case]:
    """Plates that nobody has registered."""
    driver = stage.driver.address.lower()
    return each_refused(values, lambda value: ("VehicleNotDrivers", value, NOBODY, driver))


# ---- what is leased
@requested("slots")
def _(stage: Stage, call: Call) -> list[Case]:
    return within("slots", 1, 672, lambda: stage.view(call.facts["lease"], "slots"))


@requested("offer")
def _(stage: Stage, call: Call) -> list[Case]:
    return [
        *each_refused(
            [0, 4, 65_535, 65_536, 65_537, MAX],
            lambda value: ("OfferNotLive", stage.space, value, 1, 3),
        ),
        accepted(1),
        accepted(3),
        accepted(
            65_534,
            lambda: stage.view(call.facts["lease"], "offer"),
            first=lambda: stage.at_offer(65_534),
        ),
    ]


@requested("kwhCap")
def _(stage: Stage, call: Call) -> list[Case]:
    return within("kwhCap", 0, 255, lambda: stage.view(call.facts["lease"], "kwh"))


@requested("plateCommitment")
def _(stage: Stage, call: Call) -> list[Case]:
    return [*not_drivers(stage, [ZEROS, ONES]), accepted(call.facts["request"][5])]


@requested("maxCost")
def _(stage: Stage, call: Call) -> list[Case]:
    return [
        *each_refused([0, DEPOSIT - 1], lambda value: ("CostAboveMaximum", DEPOSIT, value)),
        accepted(DEPOSIT, lambda: stage.market.depositOf(call.facts["lease"])),
        accepted(MAX),
    ]


# ---- a vehicle's proof
def registered(stage: Stage, place: int, plate: bytes = NEW_PLATE):
    """Reads one member of a registered vehicle: driver, until, verifier, size."""
    return lambda: stage.market.vehicleOf(plate)[place]


@row("registerVehicle.vehicle.plateCommitment")
def _(stage: Stage, call: Call) -> list[Case]:
    driver = stage.driver.address
    world = stage.world
    taken = ("VehicleNotDrivers", world.plate, world.driver.address.lower(), driver.lower())
    return [
        *(accepted(value, registered(stage, 0, value), told=driver) for value in (ZEROS, ONES)),
        accepted(PLATE, registered(stage, 0, PLATE), told=driver),
        refused(world.plate, *taken),
    ]


@rows("leaseWithVehicle.vehicle.plateCommitment", "leaseWithPermit.vehicle.plateCommitment")
def _(stage: Stage, call: Call) -> list[Case]:
    """Another vehicle than the one that leases: that one is not registered by it."""
    driver = stage.driver.address.lower()
    error = ("VehicleNotDrivers", NEW_PLATE, NOBODY, driver)
    return [*(refused(value, *error) for value in (ZEROS, ONES)), accepted(NEW_PLATE)]


@proven("size")
def _(stage: Stage, call: Call) -> list[Case]:
    return within("size", 1, 4, registered(stage, 3))


@proven("untilSlot")
def _(stage: Stage, call: Call) -> list[Case]:
    read, top = registered(stage, 1), 2**32 - 1
    if call.verb == "registerVehicle":
        return within("untilSlot", 1, top, read)
    end = START + SLOTS
    return [
        *each_refused([0, 2**32, MAX], lambda value: out_of_range("untilSlot", value, 1, top)),
        *each_refused([1, end - 1], lambda value: ("VehicleLapses", NEW_PLATE, value, end)),
        accepted(end, read),
        accepted(top, read),
    ]


@proven("verifier")
def _(stage: Stage, call: Call) -> list[Case]:
    unknown = [0, VERIFIER, MAKER, 127, 128, 256, MAX]
    return [
        *each_refused(unknown, lambda value: ("AttesterUnknown", value)),
        accepted(
            127,
            registered(stage, 2),
            first=lambda: stage.attester(127, stage.world.vehicle_verifier, 2),
        ),
    ]


@proven("signature")
def _(stage: Stage, call: Call) -> list[Case]:
    sound = call.arguments[PROVING[call.verb]][4]
    verifier = stage.world.vehicle_verifier.address.lower()
    cases = unsound(sound, "BadSignature", name32("vehicle"), verifier)
    if call.verb != "leaseWithPermit":
        return cases
    # there an empty one says that the vehicle is registered already
    (empty,) = (case for case in cases if case.value == b"")
    cases.remove(empty)
    return [
        *cases,
        refused(
            b"", "VehicleNotDrivers", NEW_PLATE, NOBODY, stage.driver.address.lower(), signed=False
        ),
        accepted(b"", first=lambda: _register(stage, call), signed=False),
    ]


def _register(stage: Stage, call: Call) -> None:
    stage.market.registerVehicle(call.arguments[1], {"from": stage.driver})


# ---- a permit: whatever is wrong with it, the allowance decides
def no_allowance(stage: Stage):
    return lambda: stage.asset.approve(stage.market, 0, {"from": stage.driver})


def wanted(stage: Stage, call: Call) -> int:
    """What the token is asked for; the driver's credit is spent first."""
    return 1_000_000 if call.verb == "depositWithPermit" else DEPOSIT


def not_allowed(stage: Stage, call: Call, allowance: int = 0) -> tuple:
    market = stage.market.address.lower()
    return "ERC20InsufficientAllowance", market, allowance, wanted(stage, call)


def permitted(name: str):
    return rows(f"leaseWithPermit.permit.{name}", f"depositWithPermit.permit.{name}")


def without_credit(stage: Stage, call: Call) -> None:
    if call.verb == "leaseWithPermit":
        credit = stage.market.creditOf(stage.driver)
        stage.market.withdraw(key("a third person").address, credit, {"from": stage.driver})


@permitted("amount")
def _(stage: Stage, call: Call) -> list[Case]:
    without_credit(stage, call)
    amount = wanted(stage, call)
    return [
        # a sound permit replaces the allowance that there was, also by less
        refused(0, *not_allowed(stage, call)),
        refused(amount - 1, *not_allowed(stage, call, amount - 1)),
        accepted(amount, lambda: stage.asset.allowance(stage.driver, stage.market), told=0),
        accepted(MAX, lambda: stage.asset.allowance(stage.driver, stage.market)),
    ]


@permitted("deadline")
def _(stage: Stage, call: Call) -> list[Case]:
    without_credit(stage, call)
    over = [0, call.at - 1]
    return [
        *(accepted(value) for value in (*over, call.at, MAX)),
        *(refused(value, *not_allowed(stage, call), first=no_allowance(stage)) for value in over),
        *(accepted(value, first=no_allowance(stage)) for value in (call.at, MAX)),
    ]


@permitted("v")
def _(stage: Stage, call: Call) -> list[Case]:
    without_credit(stage, call)
    return [
        *each_refused(
            [256, 256 + 27, 256 + 28, MAX],
            lambda value: out_of_range("permit.v", value, 0, 255),
            signed=False,
        ),
        *(accepted(value, signed=False) for value in (0, 255)),
        *(
            refused(value, *not_allowed(stage, call), first=no_allowance(stage), signed=False)
            for value in (0, 26, 29, 255)
        ),
    ]


@rows(
    *(f"{verb}.permit.{part}" for verb in ("leaseWithPermit", "depositWithPermit") for part in "rs")
)
def _(stage: Stage, call: Call) -> list[Case]:
    without_credit(stage, call)
    return [
        *(accepted(value, signed=False) for value in (ZEROS, ONES)),
        *(
            refused(value, *not_allowed(stage, call), first=no_allowance(stage), signed=False)
            for value in (ZEROS, ONES)
        ),
    ]


# ---- a lease that runs
lease_ids("cancel")
lease_ids("changeVehicle", changes=False)
lease_ids("extend", "r.leaseId")


@row("changeVehicle.plateCommitment")
def _(stage: Stage, call: Call) -> list[Case]:
    return [*not_drivers(stage, [ZEROS, ONES]), accepted(PLATE, changes=False)]


@row("extend.r.slots")
def _(stage: Stage, call: Call) -> list[Case]:
    lease, top = call.arguments[0][0], 672 - SLOTS

    def nothing_else() -> None:
        call.arguments[0][2] = 0

    return [
        *within("slots", 0, top, lambda: stage.view(lease, "slots") - SLOTS),
        refused(0, *out_of_range("slots", 0, 1, top), first=nothing_else),
    ]


@row("extend.r.kwh")
def _(stage: Stage, call: Call) -> list[Case]:
    lease = call.arguments[0][0]
    return within("kwh", 0, 255 - KWH, lambda: stage.view(lease, "kwh") - KWH)


@row("extend.r.plateCommitment")
def _(stage: Stage, call: Call) -> list[Case]:
    return [*not_drivers(stage, [ZEROS, ONES]), accepted(PLATE)]


@row("extend.r.maxCost")
def _(stage: Stage, call: Call) -> list[Case]:
    total = deposit(TERMS, SLOTS + 2, KWH + 3)
    return [
        *each_refused([0, total - 1], lambda value: ("CostAboveMaximum", total, value)),
        accepted(total, lambda: stage.market.depositOf(call.arguments[0][0])),
        accepted(MAX),
    ]
