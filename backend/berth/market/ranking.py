"""Which space to recommend first, and why: pure, with its weights in the open.

Four marks from 0 to 1 make a score, each weighed:

- cost, 0.50: 1 for the cheapest of the candidates, ½ at twice its price;
- walk, 0.30: 1 at the wanted place, ½ at 400 m as the crow flies;
- fit, 0.05: 1 with half a metre or more to spare, ½ with 25 cm;
- reliability, 0.15: 1 when every earlier stay was recorded to its end by the lock, ½ when every
  second one was; halved while the lock is not heard of.

A mark that has no meaning for a request (walk without a place, fit without a vehicle) is left out
and the others share its weight. Cost is what the stay is expected to cost, not the deposit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from berth.core.money import Currency
from berth.core.slots import SLOT_MINUTES, SLOTS_PER_DAY

WEIGHTS = {"cost": 0.50, "walk": 0.30, "fit": 0.05, "reliability": 0.15}
HALF_WALK_METRES = 400.0
ROOMY_CM = 50
# Streets are not straight, and 4.5 km/h is an ordinary pace.
DETOUR = 1.3
METRES_PER_MINUTE = 75.0
# A space nobody has used yet counts as four recorded stays of five.
PRIOR_KEPT, PRIOR_STAYS = 4, 5


class Rankable(Protocol):
    """What a space is ranked by. Amounts are minor units, distances metres, spare room cm."""

    @property
    def space_id(self) -> str: ...
    @property
    def expected_cost(self) -> int: ...
    @property
    def walk_metres(self) -> float | None: ...
    @property
    def spare_cm(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class History:
    """How a space behaved: of `stays` that began, or failed through the space or its owner, `kept`
    ended by the lock's own record."""

    kept: int = 0
    stays: int = 0
    online: bool = True


@dataclass(frozen=True, slots=True)
class Mark:
    """One part of a score: `value` 0 to 1, `weight` after sharing, both as they entered it."""

    name: str
    value: float
    weight: float


@dataclass(frozen=True, slots=True)
class Score:
    """The weighed sum, 0 to 1, and its parts."""

    total: float
    marks: tuple[Mark, ...]


def score(candidate: Rankable, cheapest: int, history: History | None) -> Score:
    """The score of one candidate; without a history the score of its other marks alone."""
    values: dict[str, float] = {"cost": cheapest / max(candidate.expected_cost, 1)}
    if candidate.walk_metres is not None:
        values["walk"] = HALF_WALK_METRES / (HALF_WALK_METRES + candidate.walk_metres)
    if candidate.spare_cm is not None:
        values["fit"] = min(1.0, max(0, candidate.spare_cm) / ROOMY_CM)
    if history is not None:
        values["reliability"] = reliability(history)
    whole = sum(WEIGHTS[name] for name in values)
    marks = tuple(Mark(name, value, WEIGHTS[name] / whole) for name, value in values.items())
    return Score(round(sum(mark.value * mark.weight for mark in marks), 9), marks)


def reliability(history: History) -> float:
    """Share of stays that ended by the lock's own record, 0 to 1."""
    share = (history.kept + PRIOR_KEPT) / (history.stays + PRIOR_STAYS)
    return share if history.online else share / 2


def order(candidate: Rankable, total: float) -> tuple[float, int, float, str]:
    """Sort key: best score first, ties by cost, walk and id: an order is always the same."""
    return (-total, candidate.expected_cost, candidate.walk_metres or 0.0, candidate.space_id)


def walk_minutes(metres: float) -> int:
    """Minutes on foot, rounded up, at least 1."""
    return max(1, -int(-(metres * DETOUR) // METRES_PER_MINUTE))


@dataclass(frozen=True, slots=True)
class Among:
    """What a candidate is told against: all that were found, `total` of them. `cheapest` in minor
    units, `nearest` in metres, None without a wanted point."""

    total: int
    cheapest: int
    nearest: float | None


def explain(
    candidate: Rankable,
    history: History,
    among: Among,
    *,
    open_slots: int,
    currency: Currency,
    language: str = "en",
) -> str:
    """Why a candidate stands where it stands, and what else speaks for it, in one sentence: what
    its figures alone do not say. It is free for `open_slots` after the stay; of a day and more,
    as usual, nothing is said."""
    chinese = language.startswith("zh")
    words = _CHINESE if chinese else _ENGLISH
    parts = []
    if among.total > 1:
        more = candidate.expected_cost - among.cheapest
        parts.append(
            words["dearer"].format(more=currency.label(more)) if more > 0 else words["cheapest"]
        )
        if among.nearest is not None and candidate.walk_metres == among.nearest:
            parts.append(words["nearest"])
    if candidate.spare_cm is not None and candidate.spare_cm >= ROOMY_CM:
        parts.append(words["roomy"])
    if open_slots <= 0:
        parts.append(words["shut"])
    elif open_slots < SLOTS_PER_DAY:
        parts.append(words["open"].format(length=_length(open_slots * SLOT_MINUTES, words)))
    parts.append(_behaviour(history, words))
    if not history.online:
        parts.append(words["offline"])
    sentence = words["join"].join(parts) + words["stop"]
    return sentence[0].upper() + sentence[1:]


def _behaviour(history: History, words: Mapping[str, str]) -> str:
    if history.stays == 0:
        return words["new"]
    if history.stays == 1:
        return words["one_kept" if history.kept else "one_lost"]
    return words["history"].format(kept=history.kept, stays=history.stays)


def _length(minutes: int, words: Mapping[str, str]) -> str:
    hours, rest = divmod(minutes, 60)
    told = [words["hours"].format(n=hours)] if hours else []
    return " ".join([*told, words["minutes"].format(n=rest)] if rest else told)


_ENGLISH = {
    "cheapest": "the lowest price",
    "dearer": "{more} more than the cheapest",
    "nearest": "the shortest walk",
    "roomy": "plenty of room for your vehicle",
    "open": "free for another {length} after your stay",
    "shut": "not free any longer than your stay",
    "hours": "{n} h",
    "minutes": "{n} min",
    "history": "{kept} of its last {stays} bookings were kept and recorded to the end by its lock",
    "one_kept": "its latest booking was kept and recorded to the end by its lock",
    "one_lost": "its latest booking was not kept, or not recorded to the end by its lock",
    "new": "nobody has stayed here yet",
    "offline": "its lock has not been heard of lately",
    "join": "; ",
    "stop": ".",
}
_CHINESE = {
    "cheapest": "价格最低",
    "dearer": "比最便宜的多 {more}",
    "nearest": "步行最近",
    "roomy": "车位宽敞",
    "open": "您的时段之后还空闲 {length}",
    "shut": "您的时段之后不再空闲",
    "hours": "{n} 小时",
    "minutes": "{n} 分钟",
    "history": "最近 {stays} 次预订中有 {kept} 次履约并由地锁完整记录",
    "one_kept": "最近一次预订已履约并由地锁完整记录",
    "one_lost": "最近一次预订未履约，或未由地锁完整记录",
    "new": "尚无停车记录",
    "offline": "其地锁近期无信号",
    "join": "；",
    "stop": "。",
}
