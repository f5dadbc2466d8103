"""What the access policy answers: a decision, its reasons, and what is needed next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from berth.core.access_texts import NAMES, NEEDS, SENTENCES


class ReasonCode(StrEnum):
    """Why not (yet)."""

    NOT_LESSEE = "request.not_lessee"
    LEASE_NOT_OPEN = "lease.not_open"
    LEASE_SHALLOW = "lease.shallow"
    WINDOW_EARLY = "window.early"
    WINDOW_OVER = "window.over"
    INDEX_BEHIND = "index.behind"
    CLOCK_SKEW = "clock.skew"
    LOCK_OFFLINE = "lock.offline"
    LOCK_UNKNOWN = "lock.unknown_position"
    LOCK_OPEN = "lock.open"
    LOCK_MOVING = "lock.moving"
    LOCK_JAMMED = "lock.jammed"
    LOCK_FAULT = "lock.fault"
    BAY_OCCUPIED = "bay.occupied"
    NEAR_MISSING = "near.missing"
    PLATE_MISSING = "plate.missing"
    PLATE_STALE = "plate.stale"
    PLATE_UNSURE = "plate.unsure"
    PLATE_MISMATCH = "plate.mismatch"
    CONFIRM_MISSING = "confirm.missing"
    CONFIRM_STALE = "confirm.stale"


class Need(StrEnum):
    """What has to happen next."""

    BOOK = "book"
    WAIT_CONFIRMATIONS = "wait_confirmations"
    WAIT_START = "wait_start"
    WAIT_SYSTEM = "wait_system"
    WAIT_LOCK = "wait_lock"
    DRIVE_IN = "drive_in"
    SERVICE_LOCK = "service_lock"
    CLEAR_BAY = "clear_bay"
    COME_NEAR = "come_near"
    SHOW_PLATE = "show_plate"
    CONFIRM = "confirm"


@dataclass(frozen=True)
class Refusal:
    """One reason, with the figures of its sentence. `wait` = seconds after which it has passed by
    itself, None when it does not pass by itself or nobody can tell. `mended_by` where that is not
    what usually mends it."""

    code: ReasonCode
    values: tuple[tuple[str, str | int], ...] = ()
    wait: int | None = None
    mended_by: Need | None = None

    @property
    def need(self) -> Need | None:
        """What mends it; None when nothing does."""
        return self.mended_by or _NEEDS.get(self.code)

    def sentence(self, language: str = "en") -> str:
        """In English ("en") or Chinese ("zh")."""
        place = 1 if language.startswith("zh") else 0
        figures = {name: _told(value, place) for name, value in self.values}
        return SENTENCES[self.code.value][place].format(**figures)


@dataclass(frozen=True)
class Decision:
    """Allowed when there is no reason against it; otherwise the reasons and what is needed."""

    reasons: tuple[Refusal, ...] = ()

    @property
    def allowed(self) -> bool:
        return not self.reasons

    @property
    def codes(self) -> list[ReasonCode]:
        return [refusal.code for refusal in self.reasons]

    @property
    def needs(self) -> list[Need]:
        """Without repetition, in the order of the reasons."""
        return list(dict.fromkeys(r.need for r in self.reasons if r.need is not None))

    @property
    def retry_after(self) -> int | None:
        """Seconds after which asking again succeeds if nothing else changes; None when it never
        does by itself."""
        waits = [refusal.wait for refusal in self.reasons]
        known = [wait for wait in waits if wait is not None]
        return max(known) if known and len(known) == len(waits) else None

    def as_json(self) -> dict[str, Any]:
        """For answers of the API and for the record beside a command."""
        return {
            "allowed": self.allowed,
            "reasons": [
                {
                    "code": refusal.code.value,
                    "need": refusal.need.value if refusal.need else None,
                    "en": refusal.sentence("en"),
                    "zh": refusal.sentence("zh"),
                }
                for refusal in self.reasons
            ],
            "needs": [
                {
                    "code": need.value,
                    "en": need_sentence(need, "en"),
                    "zh": need_sentence(need, "zh"),
                }
                for need in self.needs
            ],
            "retryAfter": self.retry_after,
        }


def _told(figure: str | int, place: int) -> str | int:
    """States and faults by their names in the language; numbers stay."""
    if isinstance(figure, str) and figure in NAMES:
        return NAMES[figure][place]
    return figure


def need_sentence(need: Need, language: str = "en") -> str:
    """What to do, in English ("en") or Chinese ("zh")."""
    english, chinese = NEEDS[need.value]
    return chinese if language.startswith("zh") else english


_NEEDS = {
    ReasonCode.LEASE_NOT_OPEN: Need.BOOK,
    ReasonCode.LEASE_SHALLOW: Need.WAIT_CONFIRMATIONS,
    ReasonCode.WINDOW_EARLY: Need.WAIT_START,
    ReasonCode.WINDOW_OVER: Need.BOOK,
    ReasonCode.INDEX_BEHIND: Need.WAIT_SYSTEM,
    ReasonCode.CLOCK_SKEW: Need.WAIT_SYSTEM,
    ReasonCode.LOCK_OFFLINE: Need.WAIT_LOCK,
    ReasonCode.LOCK_UNKNOWN: Need.WAIT_LOCK,
    ReasonCode.LOCK_OPEN: Need.DRIVE_IN,
    ReasonCode.LOCK_MOVING: Need.WAIT_LOCK,
    ReasonCode.LOCK_JAMMED: Need.SERVICE_LOCK,
    ReasonCode.LOCK_FAULT: Need.SERVICE_LOCK,
    ReasonCode.BAY_OCCUPIED: Need.CLEAR_BAY,
    ReasonCode.NEAR_MISSING: Need.COME_NEAR,
    ReasonCode.PLATE_MISSING: Need.SHOW_PLATE,
    ReasonCode.PLATE_STALE: Need.SHOW_PLATE,
    ReasonCode.PLATE_UNSURE: Need.SHOW_PLATE,
    ReasonCode.PLATE_MISMATCH: Need.SHOW_PLATE,
    ReasonCode.CONFIRM_MISSING: Need.CONFIRM,
    ReasonCode.CONFIRM_STALE: Need.CONFIRM,
}
