"""Storage words of leases, spaces and vehicles, unpacked for readers."""

from __future__ import annotations

from dataclasses import dataclass

from berth.core.addresses import ZERO, parse_address
from berth.core.bits import Field, Layout
from berth.core.errors import BerthError
from berth.core.states import LeaseState

_LEASE = Layout(
    Field("driver", 160),
    Field("state", 3),
    Field("disputed", 1),
    Field("slots", 10),
    Field("offer", 16),
    Field("epoch", 16),
    Field("kwh_cap", 8),
    Field("arrived", 14),
    Field("until", 14),
    Field("energy_used", 12),
    Field("no_show", 1),
)
_SPACE_0 = Layout(
    Field("owner", 160),
    Field("first_live", 16),
    Field("last_offer", 16),
    Field("since", 16),
    Field("valid_day", 16),
    Field("cell", 32),
)
_SPACE_1 = Layout(
    Field("lock_key", 160),
    Field("height_cm", 16),
    Field("width_cm", 16),
    Field("length_cm", 16),
    Field("connectors", 8),
    Field("power", 16),
    Field("maker", 8),
    Field("edition", 16),
)
_SPACE_2 = Layout(
    Field("previous_key", 160),
    Field("rotated_at", 40),
    Field("delisted_day", 16),
)
_VEHICLE = Layout(
    Field("driver", 160), Field("until_slot", 32), Field("verifier", 8), Field("size", 8)
)


@dataclass(frozen=True)
class LeaseWord:
    """A lease. `arrived` = minute from the start + 1, 0 none; `until` minute from the start;
    `energy_used` in units of 100 Wh."""

    driver: str
    state: LeaseState
    disputed: bool
    slots: int
    offer: int
    epoch: int
    kwh_cap: int
    arrived: int
    until: int
    energy_used: int
    no_show: bool = False

    def encode(self) -> int:
        values = {
            **vars(self),
            "driver": _number(self.driver),
            "disputed": int(self.disputed),
            "no_show": int(self.no_show),
        }
        return _LEASE.pack(values)

    @classmethod
    def decode(cls, word: int) -> LeaseWord:
        """Raises BerthError for bits that no field owns, or state 7."""
        values = _LEASE.unpack(word)
        return cls(
            driver=_address(values.pop("driver")),
            state=_state(values.pop("state")),
            disputed=bool(values.pop("disputed")),
            no_show=bool(values.pop("no_show")),
            **values,
        )


@dataclass(frozen=True)
class SpaceWords:
    """A registered space. Offers `first_live` to `last_offer` are live; `since` is the first offer
    of the present owner; `power` in units of 100 W; `valid_day` in days since 1970 UTC;
    `edition` of the title it was registered or renewed with."""

    owner: str
    first_live: int
    last_offer: int
    since: int
    valid_day: int
    cell: int
    lock_key: str
    height_cm: int
    width_cm: int
    length_cm: int
    connectors: int
    power: int
    maker: int
    edition: int = 0

    def encode(self) -> tuple[int, int]:
        values = {**vars(self), "owner": _number(self.owner), "lock_key": _number(self.lock_key)}
        return _SPACE_0.pack(values), _SPACE_1.pack(values)

    @classmethod
    def decode(cls, word0: int, word1: int) -> SpaceWords:
        values = {**_SPACE_0.unpack(word0), **_SPACE_1.unpack(word1)}
        return cls(
            owner=_address(values.pop("owner")),
            lock_key=_address(values.pop("lock_key")),
            **values,
        )


@dataclass(frozen=True)
class RotationWord:
    """What a space keeps of its past: the lock key before the present one and when it was replaced
    (Unix seconds; its word still counts for leases that began before), and the day it was delisted
    (days since 1970 UTC, 0 listed)."""

    previous_key: str = ZERO
    rotated_at: int = 0
    delisted_day: int = 0

    def encode(self) -> int:
        return _SPACE_2.pack({**vars(self), "previous_key": _number(self.previous_key)})

    @classmethod
    def decode(cls, word: int) -> RotationWord:
        values = _SPACE_2.unpack(word)
        return cls(previous_key=_address(values.pop("previous_key")), **values)


@dataclass(frozen=True)
class VehicleWord:
    """A verified vehicle; `until_slot` is the first slot no longer covered."""

    driver: str
    until_slot: int
    verifier: int
    size: int

    def encode(self) -> int:
        return _VEHICLE.pack({**vars(self), "driver": _number(self.driver)})

    @classmethod
    def decode(cls, word: int) -> VehicleWord:
        values = _VEHICLE.unpack(word)
        return cls(driver=_address(values.pop("driver")), **values)


def _state(number: int) -> LeaseState:
    try:
        return LeaseState(number)
    except ValueError as error:
        raise BerthError("lease.state", f"{number} is no state", field="state") from error


def _address(number: int) -> str:
    return f"0x{number:040x}"


def _number(address: str) -> int:
    return int(parse_address(address), 16)
