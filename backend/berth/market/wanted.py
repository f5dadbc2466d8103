"""A parking request."""

from __future__ import annotations

from dataclasses import dataclass

from berth.market.stays import Stay


@dataclass(frozen=True, slots=True)
class Charger:
    """What a vehicle needs: connector bit, least power in units of 100 W, energy in kWh."""

    connector: int
    power: int
    energy_kwh: int


@dataclass(frozen=True, slots=True)
class Vehicle:
    """Outer measures in cm."""

    height: int
    width: int
    length: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A parking request. A place is a point with a radius in metres, words, or both."""

    stay: Stay
    point: tuple[float, float] | None = None
    radius: int = 800
    words: str | None = None
    vehicle: Vehicle | None = None
    charger: Charger | None = None

    @property
    def energy_kwh(self) -> int:
        """The cap the lease would carry."""
        return self.charger.energy_kwh if self.charger else 0
