"""Where the matrix plays: a space with a past, its people, and each state reached by verbs."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

from berth.core import model as facts
from berth.core.model import Market, Registry, Token
from berth.core.states import RecordKind
from brownie import accounts
from lifecycle.calls import LAST_UNTIL, OTHER_PLATE, PLATE, VEHICLE_UNTIL, Call, Calls
from lifecycle.cells import AHEAD, TIMES, Cell, Situation
from lifecycle.twin import Answer, Books, Twin
from support.clock import HOUR, now
from support.forms import TERMS, Edition, terms_form
from support.keys import key
from support.world import (
    CITY,
    FEE_BPS,
    MAKER,
    VALID_DAY,
    VEHICLES,
    VERIFIER,
    World,
    holder_of,
    title,
)

BOOKED_AT = AHEAD + HOUR
PAYEES_CREDIT = 10**9
WITH_MONEY = ("driver", "payee", "former", "successor", "stranger")


@dataclass(frozen=True)
class Observation:
    """One cell: the books before, what the model foretold, what the contract did."""

    before: Books
    foretold: Answer
    seen: Answer


class Stage:
    """`former` published offer 1 and has lost the space to `payee`, who published offer 2, under
    which everything here is leased. `successor` holds the title of a still newer edition."""

    def __init__(self, world: World, space: int) -> None:
        self.world, self.space = world, space
        arbiter = world.account("arbiter of the matrix")
        world.market.grantRole(world.market.ARBITER_ROLE(), arbiter, {"from": world.admin})
        named = ("driver", "payee", "manager", "successor")
        for name in named:
            world.account(f"{name} of the matrix")
        self.people = {
            **{name: key(f"{name} of the matrix") for name in named},
            "owner": key("payee of the matrix"),
            "former": world.owner,
            "arbiter": arbiter,
            "admin": world.admin,
            "guardian": world.guardian,
            "stranger": world.stranger,
        }
        addresses = {name: one.address.lower() for name, one in self.people.items()}
        moneyed = {name: addresses[name] for name in WITH_MONEY}
        self.twin = Twin(world, self._mirrored(addresses), space, moneyed)
        self._past(addresses)
        self.calls = Calls(world, space, 2, self.people)
        self._unlock(world.forwarder.address)
        self._base, self._base_model = self.node.snapshot(), deepcopy(self.twin.model)
        self._there: tuple[Situation | None, bool, int] = (None, False, 0)
        self._snapshot, self._before = self._base, self.twin.books()

    @property
    def node(self):
        return self.twin.node

    def observe(self, cell: Cell, then: Callable[[], None] = lambda: None) -> Observation:
        """Tries one cell and leaves no trace; `then` looks at what became of it."""
        at = cell.instant.at
        self.go(cell.situation, at)
        return self.attempt(self.calls.of(cell.verb, self.twin.lease, at), then)

    def attempt(self, call: Call, then: Callable[[], None] = lambda: None) -> Observation:
        """Tries a call in the state and at the time that it is here."""
        return Observation(self._before, *self.twin.attempt(call, self._there[2], then))

    def owed(self, books: Books) -> int:
        """What the market owes by these books: nobody else has anything here."""
        return sum(books.credits.values()) + books.deposit + books.fees

    def go(self, situation: Situation, at: int, succeeded: bool = False) -> None:
        """The space in this state, the clock at this time. `succeeded`: by then the successor has
        taken the space over, and has the same manager."""
        if self._there == (situation, succeeded, at):
            return
        if self._there[:2] == (situation, succeeded):
            self.node.revert(self._snapshot)
        else:
            self._there = None, False, 0
            self._reset()
            latest = BOOKED_AT
            for call, latest in self._story(situation):
                self.twin.do(call, latest)
            if succeeded:
                self._take_over("successor", self._newest, latest + 1)
                self._name_manager("successor", latest + 2)
            self._before = self.twin.books()
        self._snapshot = self.node.snapshot()
        self.node.wind(at)
        self._there = situation, succeeded, at

    def _reset(self) -> None:
        """The state None, as it was at first."""
        self.node.revert(self._base)
        self._base = self.node.snapshot()
        self.twin.model = deepcopy(self._base_model)

    def _story(self, situation: Situation) -> list[tuple[Call, int]]:
        """How a space comes into a state. Each call is made when the one before has happened: the
        lease's number is that of the story's first."""
        calls, lease = self.calls, self.twin.lease

        def booked(*then: tuple[Call, int]) -> list[tuple[Call, int]]:
            return [(calls.lease(), BOOKED_AT), *then]

        arrived = calls.record(RecordKind.ARRIVED, lease, TIMES.early), TIMES.early
        left = calls.record(RecordKind.LEFT, lease, LAST_UNTIL, overstay=True), LAST_UNTIL
        nobody = calls.record(RecordKind.NOSHOW, lease, TIMES.end), TIMES.end
        dispute = calls.dispute(lease)
        return {
            "None": [],
            "Booked": booked(),
            "Booked disputed": booked((dispute, TIMES.start)),
            "Booked disputed no-show": booked((dispute, TIMES.start), nobody),
            "Parked": booked(arrived),
            "Parked disputed": booked(arrived, (dispute, TIMES.start)),
            "Claimed": booked(left),
            "Claimed disputed": booked(left, (dispute, LAST_UNTIL + 1)),
            "Settled": booked((calls.agree(lease), BOOKED_AT + HOUR)),
            "Settled by the arbiter": booked(
                (dispute, TIMES.start), (calls.resolve(lease), TIMES.start + 450)
            ),
            "Cancelled": booked((calls.cancel(lease), BOOKED_AT + HOUR)),
            "Blocked": [(calls.blockSlots(), BOOKED_AT)],
        }[situation.name]

    def _mirrored(self, people: dict[str, str]) -> Market:
        """The model of what the world has been so far."""
        world, token = self.world, Token()
        registry = Registry()
        registry.publish(CITY, world.edition.titles)
        registry.set_market(world.market.address)
        for account in set(people.values()):
            token.mint(account, world.asset.balanceOf(account))
            token.approve(account, world.market.address, 2**256 - 1)
        model = Market(
            address=world.market.address,
            forwarder=world.forwarder.address,
            token=token,
            registry=registry,
            admin=people["admin"],
            guardian=people["guardian"],
            arbiter=people["arbiter"],
            fee_bps=FEE_BPS,
            now=now(),
        )
        for number, attester, roles in (
            (VERIFIER, world.verifier, facts.VERIFIES_HOLDERS),
            (VEHICLES, world.vehicle_verifier, facts.VERIFIES_VEHICLES),
            (MAKER, world.maker, facts.MAKES_LOCKS),
        ):
            model.set_attester(people["admin"], number, attester.address, roles)
        model.register_space(people["former"], self._registration(world.edition)[1])
        model.publish_offer(people["former"], self.space, TERMS)
        return model

    def _past(self, people: dict[str, str]) -> None:
        """All that happens before the first lease."""
        self._take_over("payee", self._publish("payee"), now() + 1)
        self._newest = self._publish("successor")
        offer = (self.space, terms_form()), (self.space, TERMS)
        credit = (PAYEES_CREDIT,)
        for who, function, arguments, given in (
            ("payee", "publishOffer", *offer),
            ("payee", "deposit", credit, credit),
            *(
                ("driver", "registerVehicle", *self._vehicle(plate))
                for plate in (PLATE, OTHER_PLATE)
            ),
        ):
            self.twin.do(Call(people[who], function, arguments, given), now() + 1)
        self._name_manager("payee", now() + 1)

    def _name_manager(self, who: str, at: int) -> None:
        given = self.space, self.people["manager"].address
        self.twin.do(Call(self.people[who].address, "setManager", given, given), at)

    def _unlock(self, account: str) -> None:
        """A contract as a sender."""
        accounts.at(account, force=True)
        self.node.rpc("evm_setAccountBalance", account, hex(10**20))

    def _vehicle(self, plate: bytes) -> tuple[tuple, tuple]:
        form = self.world.vehicle(self.people["driver"].address, plate, until=VEHICLE_UNTIL)
        fact = facts.VehicleProof(
            plate, form[1], VEHICLE_UNTIL, VEHICLES, self.world.vehicle_verifier.address
        )
        return (form,), (fact,)

    def _publish(self, who: str) -> Edition:
        """A newer edition names this one as the holder."""
        held = title(0, salted_holder=holder_of(40 + len(who)))
        edition = Edition.of(held, *self.world.edition.titles[1:])
        self.world.publish(edition)
        self.twin.model.registry.publish(CITY, edition.titles)
        return edition

    def _take_over(self, who: str, edition: Edition, at: int) -> None:
        owner = self.people[who].address
        form, fact = self._registration(edition, owner)
        self.twin.do(Call(owner, "takeOver", (form,), (fact,)), at)

    def _registration(self, edition: Edition, owner: str | None = None) -> tuple[tuple, object]:
        """A registration of title 0 as form and as fact."""
        world, made = self.world, self.world.registration(0, owner, edition=edition)
        holder = facts.HolderProof(*made.holder[:3], world.verifier.address)
        lock = facts.LockProof(
            made.lock[0], made.lock[1], made.lock[2], world.maker.address, made.lock[0]
        )
        assert made.lock[2] == VALID_DAY
        return made.form(), facts.Registration(made.title, holder, lock)
