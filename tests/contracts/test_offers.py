"""Offers: published once, immutable, checked term by term."""

from dataclasses import replace

import pytest
from berth.core.tariff import decode_words, encode_words
from support.errors import reverts
from support.forms import TERMS, terms_form
from support.storage import set_last_offer
from support.world import CITY, FEE_BPS

EDGES = [
    replace(
        TERMS, price_per_slot=1, price_per_kwh=0, overstay_pct=100, reserve_minutes=0, minimum_pct=0
    ),
    replace(
        TERMS,
        price_per_slot=2**80 - 1,
        price_per_kwh=2**80 - 1,
        overstay_pct=1000,
        reserve_minutes=1440,
        minimum_pct=100,
        free_cancel_hours=65_535,
        no_show_pct=100,
        cancel_pct=100,
    ),
    replace(
        TERMS,
        utc_offset=-48,
        first_day=0,
        last_day=0,
        min_slots=1,
        max_slots=1,
        flags=0,
        hours_of_week=1,
    ),
    replace(
        TERMS, utc_offset=56, first_day=65_535, min_slots=672, flags=65_535, hours_of_week=1 << 167
    ),
]

OUT_OF_RANGE = [
    ("price_per_slot", "pricePerSlot", 0, 1, 2**80 - 1),
    ("price_per_slot", "pricePerSlot", 2**80, 1, 2**80 - 1),
    ("price_per_kwh", "pricePerKwh", 2**80, 0, 2**80 - 1),
    ("overstay_pct", "overstayPct", 99, 100, 1000),
    ("overstay_pct", "overstayPct", 1001, 100, 1000),
    ("reserve_minutes", "reserveMinutes", 1441, 0, 1440),
    ("minimum_pct", "minimumPct", 101, 0, 100),
    ("free_cancel_hours", "freeCancelHours", 65_536, 0, 65_535),
    ("no_show_pct", "noShowPct", 101, 0, 100),
    ("cancel_pct", "cancelPct", 81, 0, 80),
    ("hours_of_week", "hoursOfWeek", 0, 1, 2**168 - 1),
    ("hours_of_week", "hoursOfWeek", 2**168, 1, 2**168 - 1),
    ("first_day", "firstDay", 65_536, 0, 65_535),
    ("last_day", "lastDay", 65_536, 0, 65_535),
    ("min_slots", "minSlots", 0, 1, 672),
    ("min_slots", "minSlots", 673, 1, 672),
    ("max_slots", "maxSlots", 0, 1, 672),
    ("max_slots", "maxSlots", 673, 1, 672),
    ("flags", "flags", 65_536, 0, 65_535),
    ("flags", "flags", 2**256 - 1, 0, 65_535),
]


class TestPublishOffer:
    def test_numbers_offers_from_one_and_broadcasts_account_space_cell_and_words(
        self, world, market
    ):
        space = world.register(1)
        for number in (1, 2, 3):
            tx = market.publishOffer(space, terms_form(), {"from": world.owner})
            word_a, word_b = encode_words(TERMS)
            assert tx.return_value == number
            assert tx.events["OfferPublished"] == {
                "spaceId": space,
                "owner": world.owner,
                "cell": world.edition.titles[1].cell,
                "number": number,
                "wordA": word_a,
                "wordB": word_b,
            }
            assert market.offerOf(space, number) == (word_a, word_b)

    @pytest.mark.parametrize("terms", EDGES)
    def test_packs_every_term_at_its_edges_as_the_backend_does(self, world, market, space, terms):
        market.publishOffer(space, terms_form(terms), {"from": world.owner})
        assert decode_words(*market.offerOf(space, 2)) == terms

    @pytest.mark.parametrize("number", [0, 65_536, 2**256 - 1])
    def test_no_number_out_of_range_reads_another_spaces_offer(self, market, space, number):
        with reverts("OutOfRange", "number", number, 1, 65_535):
            market.offerOf(space, number)

    def test_keeps_the_fee_of_its_moment(self, world, market, space):
        market.setFee(1000, {"from": world.admin})
        world.offer(space)
        assert decode_words(*market.offerOf(space, 1)).fee_bps == FEE_BPS
        assert decode_words(*market.offerOf(space, 2)).fee_bps == 1000

    @pytest.mark.parametrize(("term", "field", "value", "low", "high"), OUT_OF_RANGE)
    def test_reverts_for_a_term_out_of_its_range(
        self, world, market, space, term, field, value, low, high
    ):
        with reverts("OutOfRange", field, value, low, high):
            market.publishOffer(space, terms_form(**{term: value}), {"from": world.owner})

    @pytest.mark.parametrize("offset", [-49, 57, -(2**255), 2**255 - 1])
    def test_reverts_for_an_offset_that_no_place_has(self, world, market, space, offset):
        with reverts("OutOfRange", "utcOffset", (offset + 48) % 2**256, 0, 104):
            market.publishOffer(space, terms_form(utc_offset=offset), {"from": world.owner})

    def test_reverts_when_the_shortest_stay_is_longer_than_the_longest(self, world, market, space):
        with reverts("OutOfRange", "maxSlots", 7, 8, 672):
            market.publishOffer(space, terms_form(min_slots=8, max_slots=7), {"from": world.owner})

    def test_reverts_when_the_days_are_reversed(self, world, market, space):
        with reverts("DaysReversed", 20_001, 20_000):
            market.publishOffer(
                space, terms_form(first_day=20_001, last_day=20_000), {"from": world.owner}
            )

    @pytest.mark.parametrize("who", ["driver", "admin", "authority", "guardian"])
    def test_reverts_for_anybody_but_the_owner(self, world, market, space, who):
        sender = getattr(world, who)
        with reverts("NotOwner", space, sender):
            market.publishOffer(space, terms_form(), {"from": sender})

    @pytest.mark.parametrize("unknown", [CITY << 32 | 1, 0, 2**256 - 1])
    def test_reverts_for_a_space_that_is_not_registered(self, world, market, unknown):
        with reverts("SpaceUnknown", unknown):
            market.publishOffer(unknown, terms_form(), {"from": world.owner})

    def test_reverts_while_paused(self, world, market, space):
        market.pause({"from": world.guardian})
        with reverts("Paused", market.config()[1]):
            market.publishOffer(space, terms_form(), {"from": world.owner})

    def test_reverts_after_65534_offers_and_not_one_earlier(self, world, market, space):
        set_last_offer(world, space, 65_533)
        assert world.offer(space) == 65_534
        with reverts("TooManyOffers", space):
            market.publishOffer(space, terms_form(), {"from": world.owner})


class TestOfferOf:
    def test_is_empty_for_an_offer_that_does_not_exist(self, market, space):
        assert market.offerOf(space, 2) == (0, 0)
