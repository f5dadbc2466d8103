"""A quote says at once all that the market would say one by one."""

import random
from dataclasses import replace

import pytest
from berth.core import tariff
from berth.core.ids import lease_id
from berth.core.weekly import daily_mask, touched_hours
from brownie import accounts
from support.calls import refusal
from support.clock import DAY, HOUR, MONDAY, at, now, reach, slot
from support.forms import TERMS
from support.lens import REASONS, Lens, names
from support.storage import set_lease_word
from support.world import CITY, ENOUGH, START, TODAY, VEHICLES

DEPOSIT = tariff.deposit(TERMS, 8, 0)
MAX = 2**256 - 1
NOBODY = "0x" + "00" * 20

#: What the market says first when this is its first reason.
ERRORS = {
    "PAUSED": "Paused",
    "SPACE_UNKNOWN": "SpaceUnknown",
    "SLOTS_OUT_OF_RANGE": "OutOfRange",
    "KWH_OUT_OF_RANGE": "OutOfRange",
    "START_IN_PAST": "StartInPast",
    "START_TOO_FAR": "StartTooFar",
    "SPACE_LAPSES": "SpaceLapses",
    "OFFER_NOT_LIVE": "OfferNotLive",
    "STAY_TOO_SHORT": "StayOutOfOffer",
    "STAY_TOO_LONG": "StayOutOfOffer",
    "HOURS_NOT_SHARED": "HoursNotShared",
    "DAYS_NOT_SHARED": "DaysNotShared",
    "VEHICLE_NOT_DRIVERS": "VehicleNotDrivers",
    "VEHICLE_LAPSES": "VehicleLapses",
    "VERIFIER_REVOKED": "AttesterRevoked",
    "COST_ABOVE_MAXIMUM": "CostAboveMaximum",
    "CALENDAR_TAKEN": "CalendarTaken",
    "EPOCH_EXHAUSTED": "EpochExhausted",
    "ALLOWANCE_TOO_LOW": "ERC20InsufficientAllowance",
    "BALANCE_TOO_LOW": "ERC20InsufficientBalance",
}


@pytest.fixture
def lens(world) -> Lens:
    return Lens(world.deployment["contracts"]["lens"])


def first_error(reasons: int) -> str | None:
    """What the market must say for these reasons: the error of the lowest bit."""
    if not reasons:
        return None
    return ERRORS[next(name for name, bit in REASONS.items() if bit == reasons & -reasons)]


def low(address) -> str:
    return str(getattr(address, "address", address)).lower()


CASES = []


def case(*reasons: str):
    """All reasons against the request that the function makes; it answers with the driver, the
    request and the market's error."""

    def add(function):
        CASES.append(pytest.param(function, set(reasons), id=function.__name__))
        return function

    return add


@case("PAUSED")
def paused(world, space):
    world.market.pause({"from": world.guardian})
    until = world.market.config()[1]
    return world.driver, world.request(space), ("Paused", until)


@case("SPACE_UNKNOWN")
def space_unknown(world, space):
    other = CITY << 32 | 1
    return world.driver, world.request(other), ("SpaceUnknown", other)


@case("SLOTS_OUT_OF_RANGE", "STAY_TOO_SHORT")
def no_slots(world, space):
    error = ("OutOfRange", b"slots".ljust(32, b"\0"), 0, 1, 672)
    return world.driver, world.request(space, slots=0), error


@case("SLOTS_OUT_OF_RANGE", "STAY_TOO_LONG")
def too_many_slots(world, space):
    error = ("OutOfRange", b"slots".ljust(32, b"\0"), 673, 1, 672)
    return world.driver, world.request(space, slots=673), error


@case("KWH_OUT_OF_RANGE")
def too_much_energy(world, space):
    error = ("OutOfRange", b"kwhCap".ljust(32, b"\0"), 256, 0, 255)
    return world.driver, world.request(space, kwh=256), error


@case("START_IN_PAST")
def start_in_past(world, space):
    reach(MONDAY + 10 * HOUR + 900)
    return world.driver, world.request(space), ("StartInPast", START, START + 1)


@case("START_TOO_FAR")
def start_too_far(world, space):
    current = slot(MONDAY + DAY)
    reach(MONDAY + DAY)
    request = world.request(space, current + 8641)
    error = ("StartTooFar", current + 8641, current + 8640)
    return world.driver, request, error


@case("SPACE_LAPSES")
def space_lapses(world, space):
    made = world.registration(1)
    made.lock[2] = TODAY + 1
    made.lock[3] = world.maker_word(made.lock[0], TODAY + 1)
    world.market.registerSpace(made.form(), {"from": world.owner})
    short = CITY << 32 | 1
    world.offer(short)
    request = world.request(short, slot(MONDAY + 2 * DAY) - 8, slots=9)
    error = ("SpaceLapses", short, TODAY + 2, TODAY + 1)
    return world.driver, request, error


@case("OFFER_NOT_LIVE")
def offer_not_published(world, space):
    error = ("OfferNotLive", space, 2, 1, 1)
    return world.driver, world.request(space, offer=2), error


@case("OFFER_NOT_LIVE")
def offer_withdrawn(world, space):
    world.market.withdrawOffers(space, 2, {"from": world.owner})
    error = ("OfferNotLive", space, 1, 2, 1)
    return world.driver, world.request(space), error


@case("SPACE_LAPSES", "OFFER_NOT_LIVE")
def delisted(world, space):
    world.market.delist(space, {"from": world.owner})
    return world.driver, world.request(space), ("SpaceLapses", space, TODAY, 0)


@case("STAY_TOO_SHORT")
def stay_too_short(world, space):
    world.offer(space, replace(TERMS, min_slots=4, max_slots=8))
    request = world.request(space, offer=2, slots=3)
    return world.driver, request, ("StayOutOfOffer", 3, 4, 8)


@case("STAY_TOO_LONG")
def stay_too_long(world, space):
    world.offer(space, replace(TERMS, min_slots=4, max_slots=8))
    request = world.request(space, offer=2, slots=9)
    return world.driver, request, ("StayOutOfOffer", 9, 4, 8)


@case("HOURS_NOT_SHARED")
def hours_not_shared(world, space):
    shared = daily_mask(range(5), 9, 12)
    world.offer(space, replace(TERMS, hours_of_week=shared))
    request = world.request(space, offer=2, slots=9)
    error = ("HoursNotShared", touched_hours(START, 9), shared)
    return world.driver, request, error


@case("DAYS_NOT_SHARED")
def days_not_shared(world, space):
    world.offer(space, replace(TERMS, utc_offset=-48, first_day=TODAY, last_day=TODAY + 9))
    error = ("DaysNotShared", TODAY - 1, TODAY - 1, TODAY, TODAY + 9)
    return world.driver, world.request(space, offer=2), error


@case("VEHICLE_NOT_DRIVERS")
def vehicle_unknown(world, space):
    plate = b"\x99" * 32
    error = ("VehicleNotDrivers", plate, NOBODY, low(world.driver))
    return world.driver, world.request(space, plate=plate), error


@case("VEHICLE_NOT_DRIVERS")
def vehicle_of_another(world, space):
    error = ("VehicleNotDrivers", world.plate, low(world.driver), low(world.stranger))
    return world.stranger, world.request(space), error


@case("VEHICLE_LAPSES")
def vehicle_lapses(world, space):
    proof = world.vehicle(plate=b"\x41" * 32, until=START + 7)
    world.market.registerVehicle(proof, {"from": world.driver})
    request = world.request(space, plate=proof[0])
    error = ("VehicleLapses", proof[0], START + 7, START + 8)
    return world.driver, request, error


@case("VERIFIER_REVOKED")
def verifier_revoked(world, space):
    world.market.revokeAttester(VEHICLES, {"from": world.guardian})
    return world.driver, world.request(space), ("AttesterRevoked", VEHICLES)


@case("COST_ABOVE_MAXIMUM")
def cost_above_maximum(world, space):
    request = world.request(space, most=DEPOSIT - 1)
    error = ("CostAboveMaximum", DEPOSIT, DEPOSIT - 1)
    return world.driver, request, error


@case("CALENDAR_TAKEN")
def calendar_taken(world, space):
    world.lease(space, START + 7)
    error = ("CalendarTaken", space, START, 8)
    return world.driver, world.request(space), error


@case("CALENDAR_TAKEN")
def calendar_taken_at_the_end_of_a_week(world, space):
    world.lease(space, START + 671, slots=1)
    error = ("CalendarTaken", space, START, 672)
    return world.driver, world.request(space, slots=672), error


@case("EPOCH_EXHAUSTED")
def epoch_exhausted(world, space):
    lease = world.lease(space)
    world.market.cancel(lease, {"from": world.driver})
    place_taken = 1 << 190
    word = _word(world, lease)
    set_lease_word(world, space, START, word, word - place_taken + (65_535 << 190))
    error = ("EpochExhausted", space, START)
    return world.driver, world.request(space), error


def _word(world, lease) -> int:
    """The storage word of a lease that saw no evidence."""
    driver, state, disputed, slots, offer, epoch, kwh, *_ = world.market.leaseOf(lease)
    fields = (int(str(driver), 16), 0), (state, 160), (disputed, 163), (slots, 164), (offer, 174)
    return sum(int(value) << at for value, at in (*fields, (epoch, 190), (kwh, 206)))


@case("ALLOWANCE_TOO_LOW")
def allowance_too_low(world, space):
    world.asset.approve(world.market, DEPOSIT - 1, {"from": world.driver})
    error = ("ERC20InsufficientAllowance", low(world.market), DEPOSIT - 1, DEPOSIT)
    return world.driver, world.request(space), error


@case("BALANCE_TOO_LOW")
def balance_too_low(world, space):
    world.asset.transfer(world.stranger, ENOUGH - DEPOSIT + 1, {"from": world.driver})
    error = ("ERC20InsufficientBalance", low(world.driver), DEPOSIT - 1, DEPOSIT)
    return world.driver, world.request(space), error


class TestReasons:
    @pytest.mark.parametrize(("made", "reasons"), CASES)
    def test_each_reason_is_the_error_that_the_market_reverts_with(
        self, world, lens, space, made, reasons
    ):
        driver, request, error = made(world, space)
        quoted = lens.quote(driver, request.form())
        assert names(quoted.reasons, REASONS) == reasons
        data = world.market.lease.encode_input(request.form())
        assert refusal(world.market, data, driver, world.asset) == error
        assert error[0] == first_error(quoted.reasons)

    def test_no_reason_goes_untested(self):
        assert set().union(*(case.values[1] for case in CASES)) == set(REASONS) == set(ERRORS)

    def test_all_are_told_at_once(self, world, lens, space):
        """A driver without anything asks, in a pause, for what nobody offers."""
        world.lease(space)
        world.offer(space, replace(TERMS, min_slots=20, hours_of_week=1, last_day=TODAY - 1))
        world.market.withdrawOffers(space, 3, {"from": world.owner})
        world.market.pause({"from": world.guardian})
        request = world.request(space, offer=2, most=1, plate=b"\x98" * 32)
        quoted = lens.quote(accounts[9], request.form())
        assert names(quoted.reasons, REASONS) == {
            "PAUSED",
            "OFFER_NOT_LIVE",
            "STAY_TOO_SHORT",
            "HOURS_NOT_SHARED",
            "DAYS_NOT_SHARED",
            "VEHICLE_NOT_DRIVERS",
            "COST_ABOVE_MAXIMUM",
            "CALENDAR_TAKEN",
            "ALLOWANCE_TOO_LOW",
            "BALANCE_TOO_LOW",
        }
        assert quoted.deposit.total == DEPOSIT

    @pytest.mark.parametrize("member", range(7))
    @pytest.mark.parametrize("value", [0, 1, 2**32 - 1, 2**32, 2**64, 2**255, MAX])
    def test_no_number_makes_it_revert(self, world, lens, space, member, value):
        request = list(world.request(space).form())
        request[member] = value.to_bytes(32, "big") if member == 5 else value
        quoted = lens.quote(world.driver, tuple(request))
        data = world.market.lease.encode_input(tuple(request))
        said = refusal(world.market, data, world.driver, world.asset)
        assert (said and said[0]) == first_error(quoted.reasons)

    def test_the_zero_account_is_no_driver(self, world, lens, space):
        quoted = lens.quote(NOBODY, world.request(space, plate=b"\x98" * 32).form())
        assert "VEHICLE_NOT_DRIVERS" in names(quoted.reasons, REASONS)

    def test_hundreds_of_requests_are_judged_as_the_market_judges_them(self, world, lens, space):
        crowd = Crowd(world, space)
        told = set()
        for _ in range(700):
            driver, request = crowd.any()
            quoted = lens.quote(driver, request)
            data = world.market.lease.encode_input(request)
            said = refusal(world.market, data, driver, world.asset)
            assert (said and said[0]) == first_error(quoted.reasons), (driver, request)
            told.add(said and said[0])
        # the pause and the last epoch have their own tests
        assert told >= {None, *ERRORS.values()} - {"Paused", "EpochExhausted"}


class Crowd:
    """Drivers, vehicles, offers, hours: mostly fit, now and then not, always the same."""

    def __init__(self, world, space: int) -> None:
        self.world, self.space, self.random = world, space, random.Random(20_261_130)
        market, driver = world.market, world.driver
        reach(MONDAY + 8 * HOUR)
        for terms in (
            replace(TERMS, min_slots=4, max_slots=12),
            replace(TERMS, hours_of_week=daily_mask(range(5), 9, 18), utc_offset=4),
            replace(TERMS, first_day=TODAY, last_day=TODAY + 1, utc_offset=-20),
            replace(TERMS, price_per_slot=2**60),
        ):
            world.offer(space, terms)
        market.withdrawOffers(space, 2, {"from": world.owner})
        self.short = space + 1
        made = world.registration(1)
        made.lock[2] = TODAY + 1
        made.lock[3] = world.maker_word(made.lock[0], TODAY + 1)
        market.registerSpace(made.form(), {"from": world.owner})
        for _ in range(4):
            world.offer(self.short)
        market.setAttester(9, world.vehicle_verifier.address, 2, {"from": world.admin})
        self.plates = {"good": world.plate, "short": b"\x41" * 32, "revoked": b"\x42" * 32}
        market.registerVehicle(
            world.vehicle(plate=self.plates["short"], until=START + 20), {"from": driver}
        )
        proof = list(world.vehicle(plate=self.plates["revoked"]))
        proof[3] = 9
        market.registerVehicle(tuple(proof), {"from": driver})
        market.revokeAttester(9, {"from": world.guardian})
        self.poor, self.shy = accounts[7], accounts[8]
        for number, account in enumerate((self.poor, self.shy)):
            plate = self.plates[account.address] = bytes([0x43 + number]) * 32
            market.registerVehicle(world.vehicle(account, plate), {"from": account})
        world.asset.approve(market, MAX, {"from": self.poor})
        world.asset.mint(self.shy, ENOUGH, {"from": self.shy})
        market.deposit(DEPOSIT // 2, {"from": driver})
        for start in (START + 40, START + 300):
            world.lease(space, start, offer=2)

    def any(self) -> tuple:
        """A driver and a request."""
        driver = self._pick(self.world.driver, self.poor, self.shy, self.world.stranger)
        plate = self.plates.get(driver.address, self.world.plate)
        return driver, (
            self._pick(
                self.space, self.short, self.short, self.short, CITY << 32 | 5, 2**64 + 1, MAX
            ),
            self._start(),
            self._pick(self.random.randint(1, 12), 0, 3, 13, 60, 300, 672, 673, MAX),
            self._pick(self.random.randint(2, 4), 0, 1, 5, 6, 2**16 + 2, MAX),
            self._pick(0, 255, 256, MAX),
            self._pick(plate, *self.plates.values(), b"\x99" * 32),
            self._pick(MAX, 0, DEPOSIT - 1, DEPOSIT),
        )

    def _pick(self, usual, *others):
        return self.random.choice(others) if self.random.random() < 0.13 else usual

    def _start(self) -> int:
        current = now() // 900
        near = START + self.random.randint(0, 60)
        far = current + self.random.randint(0, 8640)
        days = START + self.random.randint(60, 400)
        edges = (0, 1, 95, 96, current - 1, current, current + 8640, current + 8641)
        return self._pick(
            near, days, days, days, far, *edges, 2**32 - 673, 2**32 - 672, 2**32 - 1, 2**32, MAX
        )


class TestDeposit:
    @pytest.mark.parametrize("kwh", [0, 1, 255])
    @pytest.mark.parametrize("slots", [1, 8, 672])
    def test_its_parts_are_those_that_a_driver_is_shown(self, world, lens, space, slots, kwh):
        parts = lens.quote(world.driver, world.request(space, slots=slots, kwh=kwh).form()).deposit
        shown = tariff.price_preview(TERMS, slots, kwh)
        assert parts.rent == shown.rent
        assert parts.reserve == shown.overstay_reserve
        assert parts.energy == shown.energy_reserve
        assert parts.total == shown.deposit == parts.rent + parts.reserve + parts.energy
        assert parts.total == world.market.quote(space, 1, slots, kwh)

    @pytest.mark.parametrize("credit", [0, 1, DEPOSIT - 1, DEPOSIT, DEPOSIT + 1])
    def test_without_a_reason_the_lease_takes_exactly_that(self, world, lens, space, credit):
        if credit:
            world.market.deposit(credit, {"from": world.driver})
        request = world.request(space)
        world.asset.approve(world.market, max(0, DEPOSIT - credit), {"from": world.driver})
        quoted = lens.quote(world.driver, request.form())
        assert (quoted.reasons, quoted.credit) == (0, credit)
        tx = world.market.lease(request.form(), {"from": world.driver})
        assert tx.return_value == lease_id(space, START, 1)
        assert tx.events["Leased"]["deposit"] == quoted.deposit.total == DEPOSIT
        assert tx.events["Leased"]["pulled"] == quoted.pulled == max(0, DEPOSIT - credit)

    def test_of_a_withdrawn_offer_it_is_still_told(self, world, lens, space):
        world.market.withdrawOffers(space, 2, {"from": world.owner})
        assert lens.quote(world.driver, world.request(space).form()).deposit.total == DEPOSIT

    def test_nothing_is_told_where_there_is_nothing_to_compute(self, world, lens, space):
        for request in (
            world.request(space, offer=2),
            world.request(space + 1),
            world.request(space, slots=673),
            world.request(space, kwh=256),
        ):
            quoted = lens.quote(world.driver, request.form())
            assert (quoted.deposit.rent, quoted.deposit.total, quoted.pulled) == (0, 0, 0)

    def test_the_last_second_of_a_slot_counts_as_the_market_counts_it(self, world, lens, space):
        request = world.request(space).form()
        reach(MONDAY + 10 * HOUR + 899)
        assert lens.quote(world.driver, request).reasons == 0
        at(MONDAY + 10 * HOUR + 900)
        world.asset.mint(world.driver, 1, {"from": world.driver})
        assert names(lens.quote(world.driver, request).reasons, REASONS) == {"START_IN_PAST"}
