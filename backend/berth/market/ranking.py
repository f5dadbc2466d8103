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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from berth.core.money import Currency

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


def explain(
    candidate: Rankable,
    marks: Sequence[Mark],
    history: History,
    *,
    cheapest: int,
    maximum_cost: int,
    currency: Currency,
    language: str = "en",
) -> str:
    """Why a candidate stands where it stands, in one sentence."""
    words = _CHINESE if language.startswith("zh") else _ENGLISH
    named = {mark.name for mark in marks}
    expected = candidate.expected_cost
    parts = [
        words["cheapest"].format(expected=currency.label(expected))
        if expected <= cheapest
        else words["dearer"].format(
            expected=currency.label(expected), more=currency.label(expected - cheapest)
        ),
        words["maximum"].format(maximum=currency.label(maximum_cost)),
    ]
    if candidate.walk_metres is not None:
        metres = candidate.walk_metres
        parts.append(words["walk"].format(minutes=walk_minutes(metres), metres=round(metres)))
    if "fit" in named and candidate.spare_cm is not None:
        parts.append(
            words["roomy"]
            if candidate.spare_cm >= ROOMY_CM
            else words["fit"].format(spare=candidate.spare_cm)
        )
    parts.append(
        words["history"].format(kept=history.kept, stays=history.stays)
        if history.stays
        else words["new"]
    )
    if not history.online:
        parts.append(words["offline"])
    return words["join"].join(parts) + words["stop"]


_ENGLISH = {
    "cheapest": "The cheapest: about {expected} for your stay",
    "dearer": "About {expected} for your stay, {more} more than the cheapest",
    "maximum": "never above {maximum}",
    "walk": "{minutes} min on foot ({metres} m)",
    "roomy": "plenty of room for your vehicle",
    "fit": "your vehicle fits with {spare} cm to spare",
    "history": "{kept} of its last {stays} bookings were kept and recorded to the end by its lock",
    "new": "nobody has stayed here yet",
    "offline": "its lock has not been heard of lately",
    "join": "; ",
    "stop": ".",
}
_CHINESE = {
    "cheapest": "最便宜：预计 {expected}",
    "dearer": "预计 {expected}，比最便宜的多 {more}",
    "maximum": "最多 {maximum}",
    "walk": "步行约 {minutes} 分钟（{metres} 米）",
    "roomy": "车位宽敞",
    "fit": "车位余量 {spare} 厘米",
    "history": "最近 {stays} 次预订中有 {kept} 次履约并由地锁完整记录",
    "new": "尚无停车记录",
    "offline": "其地锁近期无信号",
    "join": "；",
    "stop": "。",
}
