"""A market of the model with one space, one offer and people around it; verbs in one line each."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from berth.core.hashing import keccak
from berth.core.ids import city_number
from berth.core.model import (
    MAKES_LOCKS,
    VERIFIES_HOLDERS,
    VERIFIES_VEHICLES,
    HolderProof,
    LeaseRequest,
    LockProof,
    Market,
    Occupancy,
    Refused,
    Registration,
    Registry,
    Token,
    VehicleProof,
)
from berth.core.tariff import Terms
from berth.core.title import Title, pack_attributes

MONDAY = 1_795_996_800
HOUR, DAY = 3600, 86_400
CITY = city_number("AUMEL")
START = (MONDAY + 10 * HOUR) // 900
MOST = 2**256 - 1
VALID_DAY = MONDAY // DAY + 400

#: Prices that divide by nothing, so that every rounding shows.
TERMS = Terms(
    price_per_slot=700_001,
    price_per_kwh=350_003,
    overstay_pct=250,
    reserve_minutes=60,
    minimum_pct=20,
    free_cancel_hours=2,
    no_show_pct=80,
    cancel_pct=50,
)


def who(name: str) -> str:
    """The address of a name."""
    return "0x" + keccak(name.encode())[:20].hex()


ADMIN, GUARDIAN, ARBITER = who("admin"), who("guardian"), who("arbiter")
OWNER, BUYER, MANAGER = who("owner"), who("buyer"), who("manager")
DRIVER, OTHER, STRANGER = who("driver"), who("other driver"), who("stranger")
VERIFIER, MAKER, GARAGE = who("verifier"), who("maker"), who("vehicle verifier")
LOCK, NEW_LOCK = who("lock"), who("new lock")
MARKET, FORWARDER = who("market"), who("forwarder")
PLATES = {DRIVER: b"\x11" * 32, OTHER: b"\x22" * 32}
HOLDER_ID, MAKER_ID, GARAGE_ID = 1, 2, 3


def title(index: int, edition: int = 1, **changes: Any) -> Title:
    """A title; another edition's differs by its holder."""
    made = Title(
        city=CITY,
        index=index,
        salted_holder=keccak(f"holder {index} {edition}".encode()),
        address_hash=keccak(f"address {index}".encode()),
        cell=0x12345,
        attributes=pack_attributes(1, True, 0, 250, 550),
        valid_day=VALID_DAY,
    )
    return replace(made, **changes)


@dataclass
class Scene:
    """The market, Monday 00:00, with space 0 of OWNER offered and two verified drivers."""

    market: Market = field(default_factory=lambda: _market())
    space: int = CITY << 32

    def __post_init__(self) -> None:
        m = self.market
        for id_, account, roles in (
            (HOLDER_ID, VERIFIER, VERIFIES_HOLDERS),
            (MAKER_ID, MAKER, MAKES_LOCKS),
            (GARAGE_ID, GARAGE, VERIFIES_VEHICLES),
        ):
            m.set_attester(ADMIN, id_, account, roles)
        m.registry.publish(CITY, [title(index) for index in range(4)])
        m.register_space(OWNER, self.registration())
        m.publish_offer(OWNER, self.space, TERMS)
        for driver in PLATES:
            m.register_vehicle(driver, self.vehicle(driver))
        for account in (DRIVER, OTHER, OWNER, STRANGER):
            m.token.mint(account, 10**12)
            m.token.approve(account, MARKET, MOST)

    def registration(self, given: Title | None = None, lock: str = LOCK, **changes: Any) -> Any:
        made = Registration(
            title=given or title(0),
            holder=HolderProof(HOLDER_ID, VALID_DAY, 1, VERIFIER),
            lock=self.lock(lock),
        )
        return replace(made, **changes)

    def lock(self, key: str = LOCK, valid_day: int = VALID_DAY) -> LockProof:
        return LockProof(key, MAKER_ID, valid_day, MAKER, key)

    def vehicle(self, driver: str, **changes: Any) -> VehicleProof:
        made = VehicleProof(PLATES[driver], 2, START + 20_000, GARAGE_ID, GARAGE)
        return replace(made, **changes)

    def request(self, start: int = START, slots: int = 8, **changes: Any) -> LeaseRequest:
        made = LeaseRequest(self.space, start, slots, 1, 10, PLATES[DRIVER], MOST)
        return replace(made, **changes)

    def lease(
        self, start: int = START, slots: int = 8, driver: str = DRIVER, **changes: Any
    ) -> int:
        changes.setdefault("plate_commitment", PLATES[driver])
        return self.market.lease(driver, self.request(start, slots, **changes))

    def at(self, moment: int) -> Scene:
        """The clock's new time; it never goes back."""
        assert moment >= self.market.now
        self.market.now = moment
        return self

    def arrive(self, lease: int, moment: int, sender: str = STRANGER, by: str = LOCK) -> None:
        self.market.record(sender, Occupancy(lease, 1, moment, moment), by)

    def leave(
        self,
        lease: int,
        from_: int,
        until: int,
        energy_wh: int = 0,
        sender: str = STRANGER,
        by: str = LOCK,
    ) -> None:
        self.market.record(sender, Occupancy(lease, 2, from_, until, energy_wh), by)

    def blocked(self, lease: int, from_: int, until: int, by: str = LOCK) -> None:
        self.market.record(STRANGER, Occupancy(lease, 3, from_, until), by)

    def no_show(self, lease: int, from_: int, until: int, by: str = LOCK) -> None:
        self.market.record(STRANGER, Occupancy(lease, 4, from_, until), by)

    def claimed(self, **changes: Any) -> int:
        """A lease with half an hour of overstay on file; the clock at its end plus one hour."""
        lease = self.lease(**changes)
        times = self.market.times_of(lease)
        self.at(times.end + HOUR).leave(lease, times.start, times.end + 35 * 60, 2_000)
        return lease

    def event(self, name: str) -> dict[str, Any]:
        """The one event of this name that the last verb emitted."""
        found = [arguments for event, arguments in self.market.events if event == name]
        assert len(found) == 1, self.market.events
        return found[0]

    def refused(self, error: str, *arguments: Any) -> _Refusal:
        """The verb inside must be refused with exactly this, and leave everything as it was."""
        return _Refusal(self.market, error, arguments)

    def conserved(self) -> None:
        assert self.market.token.balance_of(MARKET) == self.market.owed()


class _Refusal:
    def __init__(self, market: Market, error: str, arguments: tuple[Any, ...]) -> None:
        self.market, self.error, self.arguments = market, error, arguments

    def __enter__(self) -> None:
        self.before = deepcopy(self.market)

    def __exit__(self, kind: Any, refusal: Any, trace: Any) -> bool:
        assert kind is not None, f"was not refused; expected {self.error}"
        if not isinstance(refusal, Refused):
            return False
        name = self.error if self.error[:3] in ("ERC", "Acc") else f"Berth_{self.error}"
        assert (refusal.error_name, refusal.arguments) == (name, self.arguments)
        assert self.market == self.before
        assert self.market.events == []
        return True


def _market() -> Market:
    registry = Registry()
    registry.set_market(MARKET)
    return Market(
        address=MARKET,
        forwarder=FORWARDER,
        token=Token(),
        registry=registry,
        admin=ADMIN,
        guardian=GUARDIAN,
        arbiter=ARBITER,
        fee_bps=250,
        now=MONDAY,
    )
