"""Who invents the sequences: from a seed and what the model knows, mostly what is legal now."""

import random
from collections import deque
from collections.abc import Callable

from berth.core.ids import lease_id as id_of
from berth.core.model import Market
from berth.core.states import LeaseState
from berth.core.words import LeaseWord

from differential.cast import CITY, PEOPLE, address, by_address
from differential.steps import RAW, Step

DAY = 86_400
OPEN = (LeaseState.BOOKED, LeaseState.PARKED, LeaseState.CLAIMED)

#: A move: the step it wants now, or None where the market does not let it.
Move = Callable[["Teller"], Step | None]

#: Before anything can be leased.
OPENING = [
    "register_space",
    "register_space",
    "publish_offer",
    "publish_offer",
    "register_vehicle",
    "register_vehicle",
    "deposit",
    "lease",
    "lease",
]
#: A market winding up, and beginning again.
ENDING = [
    "close_batch",
    "close_batch",
    "delist",
    "release",
    "register_space",
    "publish_offer",
    "lease",
    "withdraw",
    "withdraw_fees",
]
#: Moves that are no verbs of their own.
PARTS = frozenset(
    ["record_blocked", "record_noshow", "record_overstay", "accept_claim", "aside", "titles"]
)
#: What a pause stops.
STOPPED = frozenset(
    [
        "register_space",
        "take_over",
        "publish_offer",
        "lease",
        "lease_with_vehicle",
        "lease_with_permit",
    ]
)
#: How often what happens, beside every verb's one turn in each sequence.
WEIGHTS = {
    "lease": 14,
    "lease_with_vehicle": 4,
    "lease_with_permit": 4,
    "record": 22,
    "record_batch": 4,
    "close": 6,
    "close_batch": 3,
    "extend": 5,
    "change_vehicle": 2,
    "cancel": 4,
    "owner_cancel": 4,
    "dispute": 8,
    "resolve": 3,
    "agree": 3,
    "block_slots": 2,
    "unblock": 2,
    "publish_offer": 4,
    "take_over": 2,
    "rotate_lock": 1,
    "withdraw": 2,
    "deposit": 2,
    "payout": 1,
    "aside": 3,
    "titles": 2,
    "record_overstay": 2,
    "accept_claim": 1,
}


class Teller:
    """Tells one sequence. The next step depends on the seed and on the model's state alone."""

    def __init__(
        self,
        seed: int,
        model: Market,
        moves: dict[str, Move],
        spoil: Callable[["Teller", Step], Step],
        steps: int = 64,
    ) -> None:
        self.lot = random.Random(seed)
        self.model, self._moves, self._spoil = model, moves, spoil
        self._opening = deque(OPENING)
        self._musts = deque(self.lot.sample(list(moves), len(moves)))
        self._patience = dict.fromkeys(moves, 1)
        self._left = steps
        self._ending = deque(ENDING)
        #: Permits by their accounts that were brought, to be brought again.
        self.permits: list[tuple[str, object]] = []

    def next(self) -> Step | None:
        """The next step; None: the sequence is over."""
        for _ in range(200):
            verb = self._verb()
            if verb is None:
                return None
            step = self.turn(verb)
            if step is not None:
                return step
            # its time may come
            self._musts.append(verb)
        raise AssertionError("nothing can be done any more")

    def turn(self, verb: str) -> Step | None:
        """This move, or what must come before it; None where nothing helps. Some are sent by a
        sponsor, some are made wrong."""
        step = self._moves[verb](self)
        if step is None or step.sender not in by_address():
            return None
        if step.verb != verb and (verb not in PARTS or step.verb == "lease"):
            # first what it needs, then itself
            self._again(verb)
        return self._spoilt(self._relay(self._unpaused(step)))

    def _verb(self) -> str | None:
        if self._opening:
            return self._opening.popleft()
        if self._left <= 0:
            return self._ending.popleft() if self._ending else None
        self._left -= 1
        if self._musts and self.lot.random() < 0.65:
            return self._musts.popleft()
        return self.lot.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]

    def _again(self, verb: str) -> None:
        if self._patience[verb]:
            self._patience[verb] -= 1
            self._musts.appendleft(verb)

    def _unpaused(self, step: Step) -> Step:
        """What a pause stops is tried now and then; mostly the pause ends first."""
        paused = self.now < self.model.paused_until
        if paused and step.verb in STOPPED and self.lot.random() < 0.8:
            return Step(self.soon(), address("guardian"), "unpause", ())
        return step

    def _relay(self, step: Step) -> Step:
        if step.verb in RAW or "." in step.verb or self.lot.random() > 0.12:
            return step
        return Step(step.at, step.sender, step.verb, step.args, relayed=True)

    def _spoilt(self, step: Step) -> Step:
        return self._spoil(self, step) if self.lot.random() < 0.18 else step

    # ---- time
    @property
    def now(self) -> int:
        return self.model.now

    @property
    def day(self) -> int:
        return self.now // DAY

    def soon(self) -> int:
        """A moment that changes little."""
        return self.now + self.lot.choice((1, 1, 2, 7, 60, 300))

    def within(self, opens: int, closes: int) -> int:
        """A moment of [opens, closes), often at its borders, now and then just outside."""
        first, chance = max(self.now + 1, opens), self.lot.random()
        if first >= closes:
            return self.now + 1
        if chance < 0.05:
            return max(self.now + 1, opens - 1)
        if chance < 0.35:
            return first
        if chance < 0.40:
            return closes - 1
        if chance < 0.42:
            return closes
        return first + self.lot.randrange(min(closes - first, 1500))

    # ---- people
    def person(self) -> str:
        return address(self.lot.choice(PEOPLE))

    def attester(self, role: int) -> int | None:
        """One in force with this role."""
        model = self.model
        found = [
            id_
            for id_, attester in model.attesters.items()
            if attester.roles & role
            and id_ not in model.revoked_attesters
            and attester.account in by_address()
        ]
        return self.lot.choice(found) if found else None

    def steward(self, space_id: int) -> str:
        """Owner or manager."""
        owner, manager = self.model.spaces[space_id].owner, self.model.managers.get(space_id)
        return manager if manager and self.lot.random() < 0.5 else owner

    # ---- spaces and leases
    def listed(self) -> list[int]:
        """Spaces that can be leased today as far as they are concerned."""
        return [
            space_id for space_id, space in self.model.spaces.items() if space.valid_day >= self.day
        ]

    def leases(self, *states: LeaseState, disputed: bool | None = None) -> list[int]:
        """Leases in one of these states."""
        return [
            id_of(key >> 32, key & 0xFFFFFFFF, lease.epoch)
            for key, lease in self.model.leases.items()
            if lease.state in states and disputed in (None, lease.disputed)
        ]

    def ended(self) -> list[int]:
        return self.leases(LeaseState.SETTLED, LeaseState.CANCELLED)

    def lease(self, lease_id: int) -> LeaseWord:
        return self.model.lease_of(lease_id)

    def pick(self, lease_ids: list[int]) -> int | None:
        """One of them, rather one whose time is near."""
        if not lease_ids:
            return None
        if self.lot.random() < 0.5:
            return self.lot.choice(lease_ids)
        return min(lease_ids, key=lambda each: abs((each >> 16 & 0xFFFFFFFF) * 900 - self.now))

    def space_ids(self) -> list[int]:
        return [CITY << 32 | index for index in range(6)]
