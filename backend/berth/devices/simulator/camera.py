"""The camera on a lock: compares the plate in front of it with a lease's commitment, on board."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from berth.core.errors import BerthError
from berth.core.plate import commitment, normalise
from berth.devices.protocol import World
from berth.devices.tickets import Grant

#: Below this the reading says nothing about the vehicle.
MIN_CONFIDENCE = 0.8


@dataclass(frozen=True)
class Reading:
    """One look. `evidence_hash` commits to what was seen; `secret` (32 bytes hex) opens it."""

    match: bool
    confidence: float
    reason: Literal["other_vehicle", "unreadable"] | None
    evidence_hash: str
    secret: str


class Camera:
    """On for one lease at a time, and off by itself after a while."""

    def __init__(self, monotonic: Callable[[], float], seconds: float, every: float) -> None:
        self._monotonic = monotonic
        self._seconds = seconds
        self._every = every
        self._until = self._next_look = 0.0
        self.lease: str | None = None

    @property
    def on(self) -> bool:
        """Is it looking?"""
        return self.lease is not None

    def switch_on(self, lease: str) -> None:
        """Look for the vehicle of this lease."""
        self.lease, self._until = lease, self._monotonic() + self._seconds
        self.looked()

    def switch_off(self) -> None:
        """Stop looking."""
        self.lease = None

    def looked(self) -> None:
        """It has just looked."""
        self._next_look = self._monotonic() + self._every

    def due(self) -> bool:
        """Is it on, and time to look again?"""
        return self.on and self._monotonic() >= self._next_look

    def timed_out(self) -> bool:
        """Switches off when its time is over; True when it did."""
        if self.lease is None or self._monotonic() < self._until:
            return False
        self.switch_off()
        return True


def look(world: World, grant: Grant) -> Reading | None:
    """Compare the plate in view with the grant's commitment; None when there is none in view.

    The comparison takes the same time whether it matches or not.
    """
    if world.plate is None:
        return None
    secret = secrets.token_bytes(32)
    try:
        plate = normalise(world.plate)
        seen = commitment(bytes.fromhex(grant.salt[2:]), plate)
    except BerthError:
        plate, seen = "", b"\x00" * 32
    evidence = hashlib.sha256(secret + plate.encode("utf-8")).hexdigest()
    readable = bool(plate) and world.confidence >= MIN_CONFIDENCE
    same = hmac.compare_digest(seen, bytes.fromhex(grant.plate[2:]))
    return Reading(
        match=readable and same,
        confidence=world.confidence,
        reason=None if readable and same else "other_vehicle" if readable else "unreadable",
        evidence_hash="0x" + evidence,
        secret="0x" + secret.hex(),
    )
