"""The titles of cities, as far as a market asks for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from berth.core.addresses import parse_address
from berth.core.compliance import Reason
from berth.core.model.refusal import refuse
from berth.core.title import HEIGHT_CM, LENGTH_CM, WIDTH_CM, Kind, Title


@dataclass(frozen=True)
class Edition:
    """All titles of a city, by index."""

    number: int
    titles: dict[int, Title]


@dataclass
class Registry:
    """Editions, revoked titles as (city, index), the markets allowed, and who holds a space.

    The authorities' and the admin's rights are not modelled: who drives the model has them.
    """

    editions: dict[int, Edition] = field(default_factory=dict)
    revoked: set[tuple[int, int]] = field(default_factory=set)
    markets: set[str] = field(default_factory=set)
    holders: dict[int, str] = field(default_factory=dict)

    def publish(self, city: int, titles: Iterable[Title], dropped: Iterable[int] = ()) -> int:
        """The next edition of a city; the indices dropped are revoked with it."""
        number = self.edition_of(city) + 1
        self.editions[city] = Edition(number, {title.index: title for title in titles})
        self.revoke(city, *dropped)
        return number

    def revoke(self, city: int, *indices: int) -> None:
        self.revoked.update((city, index) for index in indices)

    def reinstate(self, city: int, *indices: int) -> None:
        self.revoked.difference_update((city, index) for index in indices)

    def set_market(self, market: str, allowed: bool = True) -> None:
        change = self.markets.add if allowed else self.markets.discard
        change(parse_address(market))

    def edition_of(self, city: int) -> int:
        """The number of a city's current edition; 0 none."""
        return self.editions[city].number if city in self.editions else 0

    def is_revoked(self, city: int, index: int) -> bool:
        return (city, index) in self.revoked

    def market_of(self, space_id: int) -> str | None:
        """The market that holds a space."""
        return self.holders.get(space_id)

    def title_reasons(self, title: Title, proven: bool, day: int) -> set[Reason]:
        """Why a title may not be registered, whichever market asks."""
        return self._title(title, proven, day, holder=None)

    def claim(self, market: str, title: Title, proven: bool, day: int) -> tuple[set[Reason], int]:
        """The space becomes the market's unless there are reasons; and the edition."""
        reasons = self.title_reasons(title, proven, day) | self._market(market)
        if not reasons:
            self.holders[_space_id(title)] = market
        return reasons, self.edition_of(title.city)

    def reclaim(self, market: str, title: Title, proven: bool, day: int) -> tuple[set[Reason], int]:
        """As `claim`, for a space that the market holds already; changes nothing."""
        reasons = self._title(title, proven, day, holder=market) | self._market(market)
        return reasons, self.edition_of(title.city)

    def release(self, market: str, space_id: int) -> None:
        if self.market_of(space_id) != market:
            refuse("NotHolder", space_id, market)
        del self.holders[space_id]

    def _title(self, title: Title, proven: bool, day: int, holder: str | None) -> set[Reason]:
        """What is against a title that `holder` should hold; of one that is not in the edition
        nothing more is said."""
        edition = self.editions.get(title.city)
        if edition is None:
            return {Reason.CITY_UNKNOWN}
        if not proven or edition.titles.get(title.index) != title:
            return {Reason.NOT_IN_EDITION}
        reasons = _attribute_reasons(title.attributes)
        if self.is_revoked(title.city, title.index):
            reasons.add(Reason.TITLE_REVOKED)
        if day > title.valid_day:
            reasons.add(Reason.TITLE_EXPIRED)
        if title.cell >= 1 << 30:
            reasons.add(Reason.CELL_OUT_OF_RANGE)
        if self.market_of(_space_id(title)) != holder:
            reasons.add(Reason.NOT_REGISTERED_HERE if holder else Reason.ALREADY_REGISTERED)
        return reasons

    def _market(self, market: str) -> set[Reason]:
        return set() if market in self.markets else {Reason.MARKET_NOT_ALLOWED}


def dimensions(attributes: int) -> tuple[int, int, int]:
    """Height, width, length in centimetres, whatever else the word says."""
    return attributes >> 9 & 0xFFFF, attributes >> 25 & 0xFFFF, attributes >> 41 & 0xFFFF


def _attribute_reasons(attributes: int) -> set[Reason]:
    reasons = set()
    if attributes & 0xFF not in set(Kind):
        reasons.add(Reason.KIND_UNKNOWN)
    if not attributes >> 8 & 1:
        reasons.add(Reason.SHARING_NOT_ALLOWED)
    height, width, length = dimensions(attributes)
    sane = (
        (height == 0 or _within(height, HEIGHT_CM))
        and _within(width, WIDTH_CM)
        and _within(length, LENGTH_CM)
        and not attributes >> 57
    )
    return reasons if sane else reasons | {Reason.DIMENSIONS_OUT_OF_RANGE}


def _within(value: int, bounds: tuple[int, int]) -> bool:
    return bounds[0] <= value <= bounds[1]


def _space_id(title: Title) -> int:
    return title.city << 32 | title.index
