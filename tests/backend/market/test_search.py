"""Search against an oracle that looks at every space by itself."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from berth.core.errors import BerthError
from berth.core.geo import distance_m
from berth.core.slots import slot_at
from berth.core.tariff import Terms, deposit, objections
from berth.core.weekly import ALL_HOURS
from berth.market import ranking
from berth.market.search import free_spaces, search
from berth.market.stays import Stay
from berth.market.wanted import Charger, Vehicle, Wanted
from berth.store import derived, kept
from sqlalchemy import insert, select, update

from tests.backend.worlds import LOCK, MELBOURNE, NOW, OLGA, TOWN_HALL, Person, World, cell_centre

CURRENT = slot_at(NOW)
PLAIN = Wanted(stay=Stay(CURRENT + 4, 8), point=TOWN_HALL, radius=2000)


def found(world: World, wanted: Wanted) -> set[str]:
    with world.store.read() as conn:
        return {candidate.space_id for candidate in free_spaces(conn, wanted)}


def test_a_free_space_nearby_is_found_by_its_public_point(world: World) -> None:
    space = world.add_space()
    world.add_offer(space)
    with world.store.read() as conn:
        (hit,) = search(conn, PLAIN, 10, NOW).hits
    assert hit.candidate.space_id == space
    centre = cell_centre(TOWN_HALL)
    assert hit.candidate.walk_metres == pytest.approx(distance_m(*TOWN_HALL, *centre))


def test_a_space_without_an_offer_is_not_found(world: World) -> None:
    world.add_space()
    assert found(world, PLAIN) == set()


def test_the_cheapest_fitting_offer_of_a_space_counts(world: World) -> None:
    space = world.add_space()
    world.add_offer(space, 1, price_per_slot=500)
    world.add_offer(space, 2, price_per_slot=300)
    world.add_offer(space, 3, price_per_slot=100, min_slots=20)
    with world.store.read() as conn:
        (candidate,) = free_spaces(conn, PLAIN)
    assert (candidate.offer, candidate.expected_cost) == (2, 2400)


def test_the_maximum_cost_is_the_deposit_and_energy_is_in_it(world: World) -> None:
    space = world.add_space(connectors=1, power=110)
    terms = world.add_offer(space, price_per_kwh=7, reserve_minutes=60, overstay_pct=200)
    wanted = replace(PLAIN, charger=Charger(connector=1, power=70, energy_kwh=20))
    with world.store.read() as conn:
        (candidate,) = free_spaces(conn, wanted)
    assert candidate.maximum_cost == deposit(terms, 8, 20)
    assert candidate.expected_cost == 8 * 100_000 + 20 * 7


@pytest.mark.parametrize(
    ("charger", "fits"),
    [
        (Charger(connector=1, power=110, energy_kwh=22), True),
        (Charger(connector=2, power=110, energy_kwh=22), False),
        (Charger(connector=1, power=111, energy_kwh=22), False),
        # 11 kW for two hours is 22 kWh and not one more
        (Charger(connector=1, power=110, energy_kwh=23), False),
    ],
)
def test_a_charger_demand_is_connector_power_and_energy_within_the_stay(
    world: World, charger: Charger, fits: bool
) -> None:
    space = world.add_space(connectors=0b101, power=110)
    world.add_offer(space)
    assert bool(found(world, replace(PLAIN, charger=charger))) is fits


@pytest.mark.parametrize(
    ("vehicle", "fits"),
    [
        (Vehicle(height=210, width=250, length=500), True),
        (Vehicle(height=211, width=200, length=400), False),
        (Vehicle(height=150, width=251, length=400), False),
        (Vehicle(height=150, width=200, length=501), False),
    ],
)
def test_a_vehicle_must_fit_in_every_direction(world: World, vehicle: Vehicle, fits: bool) -> None:
    space = world.add_space()
    world.add_offer(space)
    assert bool(found(world, replace(PLAIN, vehicle=vehicle))) is fits


def test_open_air_has_no_height(world: World) -> None:
    space = world.add_space(height_cm=0)
    world.add_offer(space)
    high = Vehicle(height=400, width=200, length=450)
    with world.store.read() as conn:
        (candidate,) = free_spaces(conn, replace(PLAIN, vehicle=high))
    assert candidate.spare_cm == 50


@pytest.mark.parametrize(
    ("start", "slots", "free"),
    [
        (CURRENT + 12, 4, True),  # begins when the lease ends
        (CURRENT, 4, True),  # ends when the lease begins
        (CURRENT + 11, 4, False),
        (CURRENT + 1, 4, False),
        (CURRENT + 5, 2, False),
        (CURRENT + 2, 20, False),
    ],
)
def test_a_leased_time_is_not_free_and_its_neighbours_are(
    world: World, start: int, slots: int, free: bool
) -> None:
    space = world.add_space()
    world.add_offer(space)
    world.add_lease(space, CURRENT + 4, 8)
    assert bool(found(world, replace(PLAIN, stay=Stay(start, slots)))) is free


def test_a_lease_that_closed_early_gives_the_slots_back_that_had_not_begun(world: World) -> None:
    space = world.add_space()
    world.add_offer(space)
    lease = world.add_lease(space, CURRENT, 8)
    world.clock.at = NOW + 60 * 20  # in the second slot
    world.settle(lease, minutes=20)
    assert found(world, replace(PLAIN, stay=Stay(CURRENT + 1, 2))) == set()
    assert found(world, replace(PLAIN, stay=Stay(CURRENT + 2, 2))) == {space}


def test_a_space_whose_title_lapses_before_the_end_is_not_found(world: World) -> None:
    stay = Stay(CURRENT + 96, 96)
    last = world.add_space(1, valid_day=stay.end_day)
    lapsing = world.add_space(2, valid_day=stay.end_day - 1)
    world.add_offer(last)
    world.add_offer(lapsing)
    assert found(world, replace(PLAIN, stay=stay)) == {last}


def test_words_are_looked_for_in_the_owners_words_and_the_citys_name(world: World) -> None:
    world.add_edition()
    carlton, fitzroy = world.add_space(1), world.add_space(2)
    for space, area in ((carlton, "Carlton"), (fitzroy, "Fitzroy, Süd")):
        world.add_offer(space)
        keep_area(world, space, area)
    assert found(world, words("melbourne")) == {carlton, fitzroy}
    assert found(world, words("Melbourne CARLTON")) == {carlton}
    assert found(world, words("sud fitzroy")) == {fitzroy}
    assert found(world, words("aumel")) == {carlton, fitzroy}
    assert found(world, words("Secret Lane")) == set()
    assert found(world, words("100% c_rlton")) == set()


def test_words_and_a_point_must_both_hold(world: World) -> None:
    near, far = world.add_space(1), world.add_space(2, place=(-37.70, 144.96))
    for space in (near, far):
        world.add_offer(space)
        keep_area(world, space, "Carlton")
    assert found(world, words("carlton")) == {near, far}
    assert found(world, replace(PLAIN, words="carlton")) == {near}


def test_the_owners_public_point_takes_the_place_of_the_cells_centre(world: World) -> None:
    space = world.add_space()
    world.add_offer(space)
    with world.store.write() as conn:
        conn.execute(
            insert(kept.space_private).values(
                space_id=space,
                public_lat=TOWN_HALL[0],
                public_lon=TOWN_HALL[1],
                updated_at=NOW,
                by_owner=OLGA.address,
            )
        )
    assert found(world, replace(PLAIN, radius=10)) == {space}


def test_a_circle_over_the_date_line_finds_both_sides(world: World) -> None:
    west, east = (
        world.add_space(1, place=(-16.8, 179.995)),
        world.add_space(2, place=(-16.8, -179.995)),
    )
    for space in (west, east):
        world.add_offer(space)
    assert found(world, replace(PLAIN, point=(-16.8, 180.0), radius=3000)) == {west, east}


@pytest.mark.parametrize("text", [None, "", " %, "])
def test_a_request_without_a_place_is_refused(world: World, text: str | None) -> None:
    with world.store.read() as conn, pytest.raises(BerthError) as caught:
        search(conn, replace(PLAIN, point=None, words=text), 10, NOW)
    assert caught.value.field == "place"


@pytest.mark.parametrize("seed", range(3))
def test_search_agrees_with_an_oracle_that_looks_at_every_space(world: World, seed: int) -> None:
    rng = random.Random(seed)
    town = populate(world, rng, 110)
    for _ in range(40):
        wanted = random_request(rng)
        assert found(world, wanted) == by_looking_at_everything(world, town, wanted)


def test_pages_give_every_hit_once_in_the_order_of_one_long_page(world: World) -> None:
    plain_spaces(world, 40)
    wanted = replace(PLAIN, radius=5000)
    with world.store.read() as conn:
        whole = [hit.candidate.space_id for hit in search(conn, wanted, 500, NOW).hits]
        paged: list[str] = []
        after = None
        while True:
            page = search(conn, wanted, 7, NOW, after)
            assert page.among.total == len(whole)
            paged += [hit.candidate.space_id for hit in page.hits]
            after = page.next
            if after is None:
                break
    assert len(whole) == 40
    assert paged == whole


def test_the_best_comes_first(world: World) -> None:
    plain_spaces(world, 40)
    with world.store.read() as conn:
        hits = search(conn, replace(PLAIN, radius=5000), 500, NOW).hits
    scores = [hit.score.total for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_reliability_is_what_the_lock_recorded_lately(world: World) -> None:
    space = world.add_space()
    world.add_offer(space)
    # departed, departed, presumed, unused, and what its owner or another's car did to a driver
    for number, outcome in enumerate((1, 1, 4, 5, 6, 7, 8, 9, 10, 11, 12)):
        lease = world.add_lease(space, CURRENT - 200 + 10 * number, 8)
        world.settle(lease, outcome=outcome)
    old = world.add_lease(space, CURRENT - 96 * 91, 8)
    world.settle(old, outcome=4)
    world.set_lock()
    with world.store.read() as conn:
        (hit,) = search(conn, PLAIN, 10, NOW).hits
    assert hit.history == ranking.History(kept=3, stays=6, online=True)


def test_a_lock_that_is_offline_halves_reliability(world: World) -> None:
    space = world.add_space()
    world.add_offer(space)
    world.set_lock(online=0)
    with world.store.read() as conn:
        (hit,) = search(conn, PLAIN, 10, NOW).hits
    assert not hit.history.online
    assert ranking.reliability(hit.history) == pytest.approx(0.4)


def test_a_rollback_of_a_space_takes_it_out_of_the_search(world: World) -> None:
    space = world.add_space()
    world.add_offer(space)
    with world.store.write() as conn:
        conn.execute(derived.spaces.delete())
    assert found(world, PLAIN) == set()
    world.add_space()
    assert found(world, PLAIN) == {space}


def words(text: str) -> Wanted:
    return replace(PLAIN, point=None, words=text)


def keep_area(world: World, space: str, area: str) -> None:
    from berth.market.places import fold

    with world.store.write() as conn:
        lat, lon = cell_centre(TOWN_HALL)
        cell = conn.execute(
            select(derived.spaces.c.cell).where(derived.spaces.c.space_id == space)
        ).scalar_one()
        from berth.core.geo import decode_cell

        lat, lon = decode_cell(cell)
        conn.execute(
            insert(kept.space_private).values(
                space_id=space,
                public_lat=lat,
                public_lon=lon,
                public_area=area,
                public_words=fold(area),
                updated_at=NOW,
                by_owner=OLGA.address,
            )
        )


Town = list[tuple[str, dict[str, object], list[Terms]]]


def populate(world: World, rng: random.Random, count: int) -> Town:
    """Spaces around the town hall with random facts, offers and leases."""
    town: Town = []
    for index in range(count):
        place = (TOWN_HALL[0] + rng.uniform(-0.05, 0.05), TOWN_HALL[1] + rng.uniform(-0.06, 0.06))
        charger = rng.random() < 0.5
        facts: dict[str, object] = {
            "height_cm": rng.choice((0, 190, 210, 300)),
            "width_cm": rng.choice((200, 240, 280)),
            "length_cm": rng.choice((450, 500, 600)),
            "connectors": rng.choice((1, 2, 3, 8)) if charger else 0,
            "power": rng.choice((37, 110, 500)) if charger else 0,
            "valid_day": NOW // 86400 + rng.choice((1, 3, 400)),
        }
        lock = Person.called(f"lock {index}")
        space = world.add_space(index, place=place, lock=lock, **facts)
        offers = [
            world.add_offer(
                space,
                number,
                price_per_slot=rng.randint(50, 400) * 1000,
                price_per_kwh=rng.randint(0, 300) * 1000,
                hours_of_week=rng.choice((ALL_HOURS, rng.getrandbits(168) | 1)),
                utc_offset=rng.choice((0, 40, 44, -20)),
                first_day=NOW // 86400 + rng.choice((-10, 0, 2)),
                last_day=NOW // 86400 + rng.choice((2, 4, 300)),
                min_slots=rng.choice((1, 4)),
                max_slots=rng.choice((8, 96, 672)),
            )
            for number in range(1, rng.choice((1, 2, 2, 4)))
        ]
        town.append((space, facts | {"place": cell_centre(place)}, offers))
        at = CURRENT - 40
        while offers and rng.random() < 0.7:
            at += rng.randint(0, 30)
            slots = rng.randint(1, 40)
            lease = world.add_lease(space, at, slots)
            if at < CURRENT and rng.random() < 0.6:
                world.settle(lease, minutes=max(1, min(15 * slots, 15 * (CURRENT - at))))
            at += slots
    with world.store.write() as conn:
        conn.execute(update(derived.cursor).values(version=1))
    world.set_lock(LOCK)
    return town


def plain_spaces(world: World, count: int) -> None:
    """Free spaces around the town hall at different prices; some share price and cell."""
    rng = random.Random(7)
    for index in range(count):
        place = (TOWN_HALL[0] + rng.uniform(-0.02, 0.02), TOWN_HALL[1] + rng.uniform(-0.02, 0.02))
        space = world.add_space(index, place=place)
        world.add_offer(space, price_per_slot=rng.choice((100, 150, 400)) * 1000)


def random_request(rng: random.Random) -> Wanted:
    return Wanted(
        stay=Stay(CURRENT + rng.randint(0, 200), rng.choice((1, 2, 8, 30, 100))),
        point=(TOWN_HALL[0] + rng.uniform(-0.03, 0.03), TOWN_HALL[1] + rng.uniform(-0.03, 0.03)),
        radius=rng.choice((300, 1000, 5000)),
        vehicle=rng.choice((None, Vehicle(200, 230, 480), Vehicle(150, 180, 400))),
        charger=rng.choice((None, None, Charger(1, 100, 10), Charger(2, 0, 60), Charger(8, 37, 1))),
    )


def by_looking_at_everything(world: World, town: Town, wanted: Wanted) -> set[str]:
    fitting = set()
    with world.store.read() as conn:
        every = conn.execute(select(derived.leases)).all()
    for space, facts, offers in town:
        assert wanted.point is not None
        if distance_m(*wanted.point, *facts["place"]) > wanted.radius:  # type: ignore[misc]
            continue
        if any(
            overlaps(lease, wanted.stay) for lease in every if lease.space_id == space
        ) or not suits(facts, wanted):
            continue
        if any(
            not objections(terms, wanted.stay.start_slot, wanted.stay.slots) for terms in offers
        ):
            fitting.add(space)
    return fitting


def overlaps(lease: object, stay: Stay) -> bool:
    """Slot by slot, as the calendar's bits."""
    taken = set(range(lease.start_slot, lease.end_slot))  # type: ignore[attr-defined]
    if lease.closed_at is not None:  # type: ignore[attr-defined]
        taken = {slot for slot in taken if slot * 900 < lease.closed_at}  # type: ignore[attr-defined]
    return bool(taken & set(range(stay.start_slot, stay.end_slot)))


def suits(facts: dict[str, object], wanted: Wanted) -> bool:
    height, width, length = facts["height_cm"], facts["width_cm"], facts["length_cm"]
    vehicle, charger = wanted.vehicle, wanted.charger
    if vehicle is not None:
        if height and vehicle.height > height:  # type: ignore[operator]
            return False
        if vehicle.width > width or vehicle.length > length:  # type: ignore[operator]
            return False
    if charger is not None:
        if not facts["connectors"] & charger.connector or facts["power"] < charger.power:  # type: ignore[operator]
            return False
        if facts["power"] * 100 * wanted.stay.slots / 4 < charger.energy_kwh * 1000:  # type: ignore[operator]
            return False
    return (wanted.stay.end - 1) // 86400 <= facts["valid_day"]  # type: ignore[operator]


def test_the_city_of_an_id_is_the_run_that_words_search(world: World) -> None:
    world.add_edition()
    elsewhere = world.add_space(5, city=MELBOURNE + 1)
    world.add_offer(elsewhere)
    assert found(world, words("melbourne")) == set()
