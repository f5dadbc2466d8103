"""The contract and its model, side by side: whatever happens to one happens to the other, and both
are asked what became of it."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

from berth.core.ids import lease_id
from berth.core.model import Market, Refused
from berth.core.model.table import OPEN
from eth_abi import decode
from lifecycle.calls import MORE_SLOTS, Call
from lifecycle.cells import SLOTS, START_SLOT
from lifecycle.node import Node, Refusal
from support.world import World

_LEASE = [
    "driver",
    "state",
    "disputed",
    "slots",
    "offer",
    "epoch",
    "kwhCap",
    "arrived",
    "until",
    "energyUsed",
    "noShow",
]
_WORDS = sorted({slot >> 8 for slot in range(START_SLOT, START_SLOT + SLOTS + MORE_SLOTS)})


@dataclass(frozen=True)
class Books:
    """All that a verb of a lease can change. `lease` None: there is none at this start; `deposit`:
    what an open one has in escrow."""

    lease: dict | None
    deposit: int
    credits: dict[str, int]
    head: bytes
    count: int
    fees: int
    calendar: frozenset[int]
    market_tokens: int
    driver_tokens: int


@dataclass(frozen=True)
class Answer:
    """What one call came to: an error, or events and books."""

    error: Refusal | None = None
    events: tuple[tuple[str, dict], ...] = ()
    books: Books | None = None

    @property
    def says(self) -> str | None:
        return self.error and self.error.name.removeprefix("Berth_")

    def event(self, name: str) -> dict:
        """The one event of this name."""
        (arguments,) = (arguments for each, arguments in self.events if each == name)
        return arguments


class Twin:
    """One space's market twice. `people`: whose credits are looked at, by name."""

    def __init__(self, world: World, model: Market, space: int, people: dict[str, str]) -> None:
        self.world, self.model, self.space, self.people = world, model, space, people
        self.node = Node(world.market)
        self._data: dict[tuple, str] = {}

    @property
    def lease(self) -> int:
        """The lease or block that last had the start; the first one before there was any."""
        word = self.model.leases.get(self._key)
        return lease_id(self.space, START_SLOT, word.epoch if word else 1)

    @property
    def _key(self) -> int:
        return self.space << 32 | START_SLOT

    def data(self, call: Call) -> str:
        """Calldata; equal calls are encoded once."""
        known = call.function, repr(call.arguments)
        if known not in self._data:
            encoder = getattr(self.world.market, call.function)
            self._data[known] = encoder.encode_input(*call.arguments)
        return self._data[known]

    def _sent(self, call: Call) -> tuple[str, str]:
        """Who sends what: a forwarder hangs on whom it speaks for."""
        if call.relayed:
            return self.world.forwarder.address, self.data(call) + call.sender[2:]
        return call.sender, self.data(call)

    def do(self, call: Call, at: int) -> Answer:
        """Happens to both, for good, and must come to the same."""
        foretold = self.foretell(call, at, keep=True)
        seen = self._send(call, at, foretold)
        assert seen == foretold
        return seen

    def attempt(
        self, call: Call, at: int, then: Callable[[], None] = lambda: None
    ) -> tuple[Answer, Answer]:
        """What the model foretold and what the contract did. Leaves no trace; the chain's clock
        stands at `at`. What the model accepts is mined, and `then` looks at it; of what it refuses
        the contract is asked alone.
        """
        foretold = self.foretell(call, at)
        if foretold.error:
            answer = self.node.call(*self._sent(call))
            seen = Answer(answer if isinstance(answer, Refusal) else None)
            return foretold, seen
        snapshot = self.node.snapshot()
        try:
            seen = self._send(call, at, foretold)
            then()
            return foretold, seen
        finally:
            self.node.revert(snapshot)

    def foretell(self, call: Call, at: int, keep: bool = False) -> Answer:
        """The model's answer."""
        undo, self.model.now = self.model.save(), at
        try:
            sender = self.model.forwarder if call.raw and call.relayed else call.sender
            getattr(self.model, call.method)(sender, *call.facts)
            return Answer(None, _plain(self.model.events), self._model_books())
        except Refused as refusal:
            return Answer(Refusal(refusal.error_name, _arguments(refusal.arguments)))
        finally:
            if not keep:
                undo()

    def books(self, epoch: int | None = None) -> Books:
        """What the contract says of itself, of the lease that took the start as the `epoch`-th."""
        market, asset = self.world.market, self.world.asset
        lease = lease_id(self.space, START_SLOT, epoch) if epoch else self.lease
        asked = [
            (market, "leaseOf", (lease,)),
            (market, "depositOf", (lease,)),
            (market, "ledger", ()),
            (asset, "balanceOf", (market.address,)),
            (asset, "balanceOf", (self.people["driver"],)),
            *((market, "calendarOf", (self.space, word)) for word in _WORDS),
            *((market, "creditOf", (account,)) for account in self.people.values()),
        ]
        answers = iter(
            self.node.calls(
                [
                    (market.address, contract.address, getattr(contract, view).encode_input(*given))
                    for contract, view, given in asked
                ]
            )
        )
        word, deposit = next(answers), next(answers)
        unknown = isinstance(word, Refusal)
        assert not unknown or word.name == "Berth_LeaseUnknown", word
        view = None if unknown else _view(word)
        head, count, fees = decode(["bytes32", "uint64", "uint128"], next(answers))
        held, driver, *rest = (int.from_bytes(answer, "big") for answer in answers)
        return Books(
            lease=view,
            deposit=int.from_bytes(deposit, "big") if view and view["state"] in OPEN else 0,
            credits=dict(zip(self.people, rest[len(_WORDS) :], strict=True)),
            head=head,
            count=count,
            fees=fees,
            calendar=_taken(dict(zip(_WORDS, rest, strict=False))),
            market_tokens=held,
            driver_tokens=driver,
        )

    def _send(self, call: Call, at: int, foretold: Answer) -> Answer:
        events = self.node.send(*self._sent(call), at)
        if isinstance(events, Refusal):
            return Answer(events)
        lease = foretold.books.lease
        return Answer(None, _plain(events), self.books(lease and lease["epoch"]))

    def _model_books(self) -> Books:
        model, word = self.model, self.model.leases.get(self._key)
        return Books(
            lease=word and dict(zip(_LEASE, vars(word).values(), strict=True)),
            deposit=model.deposit_of(self.lease) if word and word.state in OPEN else 0,
            credits={who: model.credit_of(account) for who, account in self.people.items()},
            head=model.head,
            count=model.count,
            fees=model.fees,
            calendar=_taken({word: model.calendar_of(self.space, word) for word in _WORDS}),
            market_tokens=model.token.balance_of(model.address),
            driver_tokens=model.token.balance_of(self.people["driver"]),
        )


def _view(answer: bytes) -> dict:
    types = ["address", "uint8", "bool", *["uint16"] * 3, "uint8", *["uint16"] * 3, "bool"]
    return dict(zip(_LEASE, decode(types, answer), strict=True))


def _taken(words: dict[int, int]) -> frozenset[int]:
    return frozenset(
        chain.from_iterable(
            (word << 8 | bit for bit in range(256) if bits >> bit & 1)
            for word, bits in words.items()
        )
    )


def _plain(events: list[tuple[str, dict]]) -> tuple[tuple[str, dict], ...]:
    """Arguments as numbers, bytes and lower-case text, whoever names them."""
    return tuple(
        (name, {key: _value(each) for key, each in given.items()}) for name, given in events
    )


def _value(value):
    return value.lower() if isinstance(value, str) else value


def _arguments(arguments: tuple) -> tuple:
    """The model's, as the contract's error has them: names of fields are bytes32 there."""
    return tuple(
        each.encode().ljust(32, b"\0") if isinstance(each, str) and each[:2] != "0x" else each
        for each in arguments
    )
