"""Each verb as it is accepted: who calls it, on what, with which arguments, signed by whom."""

from collections.abc import Callable

from berth.core import messages
from berth.core.ids import lease_id
from berth.core.signing import sign_digest
from brownie import web3
from support.clock import DAY, now
from support.forms import Edition, terms_form
from support.keys import key
from support.world import CITY, MAKER, START, TODAY, VALID_DAY, VEHICLES, title

from arguments.cases import MAX
from arguments.stage import END, FROM, KWH, NEW_PLATE, PLATE, SLOTS, Call, Stage

VERBS: dict[str, Callable[[Stage], Call]] = {}

VEHICLE = "VehicleAttestation(address driver,bytes32 plateCommitment,uint8 size,uint32 untilSlot)"
HOLDER = "HolderAttestation(address wallet,bytes32 saltedHolder,uint16 validDay,uint256 nonce)"
LOCK = "LockAttestation(address lock,uint16 validDay)"
POSSESSION = "LockPossession(address lock,uint64 spaceId,address owner)"


def verb(function):
    """Registers a verb under its Solidity name. Unless it says when, its call is a minute later: a
    case may do something before."""

    def arrange(stage: Stage) -> Call:
        call = function(stage)
        call.at = call.at or now() + 60
        call.sign(call.arguments)
        return call

    VERBS[function.__name__] = arrange
    return function


# ---- spaces
def sign_lock(stage: Stage, lock: list, space: int, owner: str) -> None:
    """Maker's word and possession; for a key that nobody has, by the lock that there is."""
    world = stage.world
    holder = key("a new lock") if lock[0] == key("a new lock").address else world.lock
    lock[3] = stage.signed(world.maker, LOCK, lock[0], lock[2])
    lock[4] = stage.signed(holder, POSSESSION, lock[0], space, owner)


def sign_registration(stage: Stage, owner: str):
    def sign(arguments: list) -> None:
        given, _, holder, lock, *_ = arguments[0]
        space = given[0] << 32 | given[1]
        holder[3] = stage.signed(stage.world.verifier, HOLDER, owner, given[2], *holder[1:3])
        sign_lock(stage, lock, space % 2**256, owner)

    return sign


def registration(stage: Stage, verb_: str, index: int, owner) -> Call:
    made = stage.world.registration(index, owner=owner, nonce=7)
    made.connectors, made.power = 1, 1
    given, proof, holder, lock, connectors, power = made.form()
    form = [list(given), list(proof), list(holder), list(lock), connectors, power]
    sign = sign_registration(stage, owner.address)
    return Call(verb_, owner, [form], sign, facts={"space": CITY << 32 | index, "owner": owner})


@verb
def registerSpace(stage: Stage) -> Call:
    return registration(stage, "registerSpace", 2, stage.owner)


@verb
def takeOver(stage: Stage) -> Call:
    """The holder in the next edition."""
    stage.world.publish(Edition.of(*(title(index) for index in range(8))))
    return registration(stage, "takeOver", 1, stage.driver)


@verb
def rotateLock(stage: Stage) -> Call:
    lock = [key("a new lock").address, MAKER, VALID_DAY, b"", b""]

    def sign(arguments: list) -> None:
        sign_lock(stage, arguments[1], arguments[0] % 2**256, stage.owner.address)

    return Call("rotateLock", stage.owner, [stage.space, lock], sign)


@verb
def setManager(stage: Stage) -> Call:
    return Call("setManager", stage.owner, [stage.space, stage.driver.address])


@verb
def delist(stage: Stage) -> Call:
    return Call("delist", stage.owner, [stage.space])


@verb
def release(stage: Stage) -> Call:
    stage.market.delist(stage.space, {"from": stage.owner})
    return Call("release", stage.world.stranger, [stage.space], at=(TODAY + 99) * DAY)


@verb
def publishOffer(stage: Stage) -> Call:
    return Call("publishOffer", stage.owner, [stage.space, list(terms_form())])


@verb
def withdrawOffers(stage: Stage) -> Call:
    return Call("withdrawOffers", stage.owner, [stage.space, 2])


@verb
def blockSlots(stage: Stage) -> Call:
    lease = lease_id(stage.space, START, 1)
    return Call("blockSlots", stage.owner, [stage.space, START, SLOTS], facts={"lease": lease})


@verb
def unblock(stage: Stage) -> Call:
    stage.market.blockSlots(stage.space, START, SLOTS, {"from": stage.owner})
    return Call("unblock", stage.owner, [lease_id(stage.space, START, 1)])


# ---- drivers
def vehicle(plate: bytes) -> list:
    return [plate, 2, START + 10_000, VEHICLES, b""]


def sign_vehicle(stage: Stage, proof: list) -> None:
    plate, size, until = proof[:3]
    driver = stage.driver.address
    proof[4] = stage.signed(stage.world.vehicle_verifier, VEHICLE, driver, plate, size, until)


@verb
def registerVehicle(stage: Stage) -> Call:
    return Call(
        "registerVehicle",
        stage.driver,
        [vehicle(NEW_PLATE)],
        lambda arguments: sign_vehicle(stage, arguments[0]),
    )


def request(stage: Stage, plate: bytes) -> list:
    return [stage.space, START, SLOTS, 1, KWH, plate, MAX]


def leasing(stage: Stage, verb_: str, arguments: list, sign=lambda arguments: None) -> Call:
    facts = {"lease": lease_id(stage.space, START, 1), "request": arguments[0]}
    return Call(verb_, stage.driver, arguments, sign, facts=facts)


@verb
def lease(stage: Stage) -> Call:
    return leasing(stage, "lease", [request(stage, PLATE)])


@verb
def leaseWithVehicle(stage: Stage) -> Call:
    return leasing(
        stage,
        "leaseWithVehicle",
        [request(stage, NEW_PLATE), vehicle(NEW_PLATE)],
        lambda arguments: sign_vehicle(stage, arguments[1]),
    )


def sign_permit(stage: Stage, permit: list) -> None:
    """For the token, whatever the numbers are."""
    token = messages.Domain(web3.chain_id, stage.asset.address, stage.asset.name(), "1")
    driver = stage.driver.address
    message = messages.permit(
        token, driver, stage.market.address, permit[0], stage.asset.nonces(driver), permit[1]
    )
    signature = sign_digest(message.digest, stage.driver_key.private)
    permit[2:] = [signature[64], signature[:32], signature[32:64]]


@verb
def leaseWithPermit(stage: Stage) -> Call:
    def sign(arguments: list) -> None:
        sign_vehicle(stage, arguments[1])
        sign_permit(stage, arguments[2])

    form = [request(stage, NEW_PLATE), vehicle(NEW_PLATE), [10**12, MAX, 0, b"", b""]]
    return leasing(stage, "leaseWithPermit", form, sign)


@verb
def depositWithPermit(stage: Stage) -> Call:
    form = [1_000_000, [10**12, MAX, 0, b"", b""]]
    return Call(
        "depositWithPermit", stage.driver, form, lambda arguments: sign_permit(stage, arguments[1])
    )


def of_lease(verb_: str, sender: str, *more, at_: int = 0):
    """A verb of a lease that is booked, with the lease as its first argument."""

    def arrange(stage: Stage) -> Call:
        return Call(verb_, getattr(stage, sender), [stage.lease(), *more], at=at_)

    arrange.__name__ = verb_
    verb(arrange)


of_lease("cancel", "driver")
of_lease("ownerCancel", "owner")
of_lease("changeVehicle", "driver", PLATE)
of_lease("dispute", "driver", at_=FROM)
of_lease("close", "owner", at_=END + 3600 + DAY)


@verb
def extend(stage: Stage) -> Call:
    return Call("extend", stage.driver, [[stage.lease(), 2, 3, PLATE, MAX]])


@verb
def closeBatch(stage: Stage) -> Call:
    return Call("closeBatch", stage.owner, [[stage.lease()]], at=END + 3600 + DAY)
