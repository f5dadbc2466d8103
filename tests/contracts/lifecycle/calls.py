"""Each verb as it is called: on the chain with bytes and signatures, in the model with facts.

The evidence of a record is what a lock can have seen by then: it fits the moment at which it is
brought, so that every refusal is the doing of state or time.
"""

import re
from dataclasses import dataclass, replace
from functools import cache

from berth.core import messages, tariff
from berth.core import model as facts
from berth.core.addresses import ZERO
from berth.core.states import RecordKind
from lifecycle.cells import KWH, OVER, SLOTS, START_SLOT, TIMES, Verb
from support.clock import DAY, MONDAY, slot
from support.forms import TERMS, Seen
from support.keys import Key
from support.world import ENOUGH, VEHICLES, World

PLATE, OTHER_PLATE = b"\x61" * 32, b"\x62" * 32
VEHICLE_UNTIL = slot(MONDAY + 300 * DAY)
DEPOSIT = tariff.deposit(TERMS, SLOTS, KWH)
AWARD, AGREED = 1_000_003, 777_777
FOREVER, ALWAYS = 2**256 - 1, 2**255
MORE_SLOTS, MORE_KWH = 2, 5
#: Arrived within the third minute; bought 12.3 kWh.
FROM, ENERGY = TIMES.start + 125, 12_345
LAST_UNTIL = OVER + 44 * 60 + 13


@dataclass(frozen=True)
class Call:
    """`function(*arguments)` of the contract, `method(sender, *facts)` of the model. `raw`: the
    market looks at who sends it, not at whom a forwarder speaks for. `relayed`: the trusted
    forwarder sends it for the sender."""

    sender: str
    function: str
    arguments: tuple
    facts: tuple
    raw: bool = False
    relayed: bool = False

    @property
    def method(self) -> str:
        return re.sub(r"(?<!^)([A-Z])", lambda capital: "_" + capital[0].lower(), self.function)

    def by(self, sender: str, relayed: bool = False) -> "Call":
        """The same call by somebody else: a vehicle's attestation names its driver, so it is
        nobody's word then."""
        given = tuple(
            replace(fact, signed_by=ZERO)
            if isinstance(fact, facts.VehicleProof) and sender != self.sender
            else fact
            for fact in self.facts
        )
        return replace(self, sender=sender, facts=given, relayed=relayed)


def evidence(kind: RecordKind, at: int, overstay: bool = False) -> tuple[int, int]:
    """From when until when a lock can have seen something at `at`, at the latest; if that makes no
    sense yet, as early as it does."""
    first, last = {
        RecordKind.ARRIVED: (TIMES.early, TIMES.early),
        RecordKind.LEFT: (OVER, LAST_UNTIL) if overstay else (TIMES.early, OVER - 1),
        RecordKind.BLOCKED: (TIMES.start, TIMES.end),
        RecordKind.NOSHOW: (TIMES.end, TIMES.end + DAY),
    }[kind]
    until = min(max(at, first), last)
    return min(FROM, until) if kind is RecordKind.LEFT else TIMES.early, until


class Calls:
    """The verbs of one space and one start, by people who sign for themselves."""

    def __init__(self, world: World, space: int, offer: int, people: dict[str, Key]) -> None:
        self.world, self.space, self.offer, self.people = world, space, offer, people
        self.permit = world.permit(people["driver"])
        self.vehicle = world.vehicle(self.driver, PLATE, until=VEHICLE_UNTIL)

    @property
    def driver(self) -> str:
        return self.people["driver"].address

    def of(self, verb: Verb, lease: int, at: int) -> Call:
        """The call of a verb of the matrix, by the right caller."""
        if verb.kind:
            call = self.record(verb.kind, lease, at, verb.overstay, batch=verb.batch)
        elif verb.takes_slots:
            call = getattr(self, verb.function)()
        else:
            call = getattr(self, verb.function)(lease)
        return call.by(self.driver) if verb.by_driver else call

    # ---- a driver's
    def lease(self) -> Call:
        form, fact = self._request()
        return Call(self.driver, "lease", (form,), (fact,))

    def leaseWithVehicle(self) -> Call:
        form, fact = self._request()
        return Call(
            self.driver, "leaseWithVehicle", (form, self.vehicle), (fact, self.vehicle_fact())
        )

    def leaseWithPermit(self) -> Call:
        form, fact = self._request()
        permit = facts.Permit(ENOUGH, FOREVER, self.driver, 0)
        return Call(
            self.driver,
            "leaseWithPermit",
            (form, self.vehicle, self.permit),
            (fact, self.vehicle_fact(), permit),
        )

    def changeVehicle(self, lease: int) -> Call:
        return Call(self.driver, "changeVehicle", (lease, OTHER_PLATE), (lease, OTHER_PLATE))

    def extend(self, lease: int) -> Call:
        request = (lease, MORE_SLOTS, MORE_KWH, OTHER_PLATE, FOREVER)
        return Call(self.driver, "extend", (request,), (facts.ExtendRequest(*request),))

    def cancel(self, lease: int) -> Call:
        return Call(self.driver, "cancel", (lease,), (lease,))

    # ---- an owner's
    def blockSlots(self) -> Call:
        arguments = (self.space, START_SLOT, SLOTS)
        return Call(self.people["manager"].address, "blockSlots", arguments, arguments)

    def unblock(self, lease: int) -> Call:
        return Call(self.people["owner"].address, "unblock", (lease,), (lease,))

    def ownerCancel(self, lease: int) -> Call:
        return Call(self.people["payee"].address, "ownerCancel", (lease,), (lease,))

    # ---- anybody's, with the lock's word
    def record(
        self, kind: RecordKind, lease: int, at: int, overstay: bool = False, batch: bool = False
    ) -> Call:
        energy = ENERGY if kind is RecordKind.LEFT else 0
        seen = Seen(lease, kind, *evidence(kind, at, overstay), energy)
        fact, signature = facts.Occupancy(*seen.form()), self._seen(seen)
        key, stranger = self.world.lock.address, self.people["stranger"].address
        if batch:
            return Call(stranger, "recordBatch", ([seen.form()], [signature]), ((fact,), (key,)))
        return Call(stranger, "record", (seen.form(), signature), (fact, key))

    # ---- the end of it
    def close(self, lease: int) -> Call:
        return Call(self.people["stranger"].address, "close", (lease,), (lease,))

    def closeBatch(self, lease: int) -> Call:
        """Twice the same: the second is passed over."""
        leases = [lease, lease]
        return Call(self.people["stranger"].address, "closeBatch", (leases,), (leases,))

    def dispute(self, lease: int) -> Call:
        return Call(self.driver, "dispute", (lease,), (lease,))

    def resolve(self, lease: int) -> Call:
        return Call(
            self.people["arbiter"].address, "resolve", (lease, AWARD), (lease, AWARD), raw=True
        )

    def agree(self, lease: int, *signers: str) -> Call:
        """Brought by a stranger; signed by driver and payee unless others are named."""
        names = signers or ("driver", "payee")
        signed = self._agreement(lease)
        signatures = [signed[who] if who in names else b"" for who in ("driver", "payee")]
        signed_by = [
            self.people[who].address if who in names else ZERO for who in ("driver", "payee")
        ]
        terms = (lease, DEPOSIT, AGREED, ALWAYS)
        return Call(
            self.people["stranger"].address,
            "agree",
            (terms, *signatures),
            (facts.Agreement(*terms), *signed_by),
        )

    def _request(self) -> tuple[tuple, facts.LeaseRequest]:
        form = (self.space, START_SLOT, SLOTS, self.offer, KWH, PLATE, FOREVER)
        return form, facts.LeaseRequest(*form)

    def vehicle_fact(self, plate: bytes = PLATE) -> facts.VehicleProof:
        return facts.VehicleProof(
            plate, 2, VEHICLE_UNTIL, VEHICLES, self.world.vehicle_verifier.address
        )

    @cache  # noqa: B019  # signing is slow, and one object lives as long as its module
    def _seen(self, seen: Seen) -> bytes:
        return self.world.signed(seen)

    @cache  # noqa: B019
    def _agreement(self, lease: int) -> dict[str, bytes]:
        message = messages.agreement(self.world.domain, lease, DEPOSIT, AGREED, ALWAYS)
        parties = ("driver", "payee")
        return {who: messages.sign(message, self.people[who].private) for who in parties}
