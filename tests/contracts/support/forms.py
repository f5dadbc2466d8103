"""The contracts' structs as Brownie takes them: tuples in declaration order, from named values with
sane defaults."""

from dataclasses import asdict, astuple, dataclass, field, replace

from berth.core import title as titles
from berth.core.merkle import Tree, build
from berth.core.offer import STRUCT
from berth.core.tariff import Terms
from berth.core.title import Title, pack_attributes

BAY = pack_attributes(1, True, 0, 250, 550)

#: An offer whose prices divide by nothing, so that every rounding shows.
TERMS = Terms(
    price_per_slot=700_001,
    price_per_kwh=350_003,
    overstay_pct=250,
    reserve_minutes=60,
    minimum_pct=20,
    free_cancel_hours=2,
    no_show_pct=80,
    cancel_pct=50,
    fee_bps=250,
)


def terms_form(terms: Terms = TERMS, **changes) -> tuple:
    """OfferTerms; changes are not checked, so that a test may go out of range."""
    values = {**asdict(terms), **changes}
    return tuple(values[name] for name in STRUCT)


def title_form(title: Title) -> tuple:
    return astuple(title)


@dataclass(frozen=True)
class Edition:
    """All titles of one city's edition, with their proofs."""

    titles: tuple[Title, ...]
    tree: Tree

    @classmethod
    def of(cls, *given: Title) -> "Edition":
        return cls(given, build([titles.leaf(title) for title in given]))

    @property
    def count(self) -> int:
        return max(title.index for title in self.titles) + 1

    def proof(self, title: Title) -> list[bytes]:
        return self.tree.proof(titles.leaf(title))


@dataclass(frozen=True)
class Request:
    """A lease asked for; `form()` is LeaseRequest."""

    space: int
    start: int
    slots: int = 8
    offer: int = 1
    kwh: int = 0
    plate: bytes = bytes(32)
    most: int = 2**256 - 1

    def form(self, **changes) -> tuple:
        return astuple(replace(self, **changes))


@dataclass(frozen=True)
class Seen:
    """What a lock saw; `form()` is Occupancy."""

    lease: int
    kind: int
    from_: int
    until: int
    energy: int = 0

    def form(self) -> tuple:
        return astuple(self)


@dataclass
class Registration:
    """A registration in the making: change what you want wrong, then `form()`."""

    title: Title
    proof: list[bytes]
    holder: list = field(default_factory=list)  # verifier id, valid day, nonce, signature
    lock: list = field(
        default_factory=list
    )  # key, maker id, valid day, maker's signature, possession
    connectors: int = 0
    power: int = 0

    def form(self) -> tuple:
        return (
            title_form(self.title),
            self.proof,
            tuple(self.holder),
            tuple(self.lock),
            self.connectors,
            self.power,
        )
