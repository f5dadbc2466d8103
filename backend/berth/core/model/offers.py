"""Offers: immutable, numbered within their space, several live at once."""

from __future__ import annotations

from dataclasses import asdict

from berth.core.model.books import verb
from berth.core.model.facts import OfferTerms
from berth.core.model.refusal import MAX_16, NEVER, at_most, between, refuse
from berth.core.model.spaces import Spaces
from berth.core.offer import Terms, encode_words, hours_allow, within_days
from berth.core.slots import MAX_LEASE_SLOTS, SLOTS_PER_DAY, slot_at
from berth.core.weekly import ALL_HOURS, touched_hours
from berth.core.words import SpaceWords

# The number after the last must fit 16 bits too.
MAX_OFFERS = MAX_16 - 1
MAX_PRICE = (1 << 80) - 1


class Offers(Spaces):
    """Publishing, withdrawing, and which stays an offer allows."""

    @verb
    def publish_offer(self, sender: str, space_id: int, terms: OfferTerms | Terms) -> int:
        self._check_not_paused()
        space = self._managed(space_id, sender)
        self._check_valid(space_id, space, slot_at(self.now) + 1)
        if space.last_offer == MAX_OFFERS:
            refuse("TooManyOffers", space_id)
        given = OfferTerms.of(terms) if isinstance(terms, Terms) else terms
        _check_terms(given)
        number = space.last_offer + 1
        published = Terms(**asdict(given), fee_bps=self.fee_bps)
        self.offers[space_id, number] = published
        self._store_offers(space_id, last_offer=number)
        word_a, word_b = encode_words(published)
        self.emit(
            "OfferPublished",
            spaceId=space_id,
            owner=space.owner,
            cell=space.cell,
            number=number,
            wordA=word_a,
            wordB=word_b,
        )
        return number

    @verb
    def withdraw_offers(self, sender: str, space_id: int, first_live: int) -> None:
        space = self._managed(space_id, sender)
        between("firstLive", first_live, space.first_live + 1, space.last_offer + 1)
        self._store_offers(space_id, first_live=first_live)
        self.emit("OffersWithdrawn", spaceId=space_id, firstLive=first_live)

    def offer_of(self, space_id: int, number: int) -> tuple[int, int]:
        """The offer's two words; zeros when there is none."""
        between("number", number, 1, MAX_16)
        terms = self.offers.get((space_id, number))
        return encode_words(terms) if terms else (0, 0)

    def _offer_for(
        self, space_id: int, space: SpaceWords, number: int, start_slot: int, slots: int
    ) -> Terms:
        """The terms of a live offer, if it allows the stay."""
        if not space.first_live <= number <= space.last_offer:
            refuse("OfferNotLive", space_id, number, space.first_live, space.last_offer)
        terms = self.offers[space_id, number]
        if not terms.min_slots <= slots <= terms.max_slots:
            refuse("StayOutOfOffer", slots, terms.min_slots, terms.max_slots)
        local = start_slot + terms.utc_offset
        if not hours_allow(terms, start_slot, slots):
            refuse("HoursNotShared", touched_hours(local, slots), terms.hours_of_week)
        if not within_days(terms, start_slot, slots):
            days = local // SLOTS_PER_DAY, (local + slots - 1) // SLOTS_PER_DAY
            refuse("DaysNotShared", *days, terms.first_day, terms.last_day)
        return terms

    def _store_offers(self, space_id: int, **changes: int) -> None:
        words = self.spaces[space_id]
        self.spaces[space_id] = SpaceWords(**{**vars(words), **changes})


def _check_terms(t: OfferTerms) -> None:
    """The contract's ranges, in its order."""
    between("pricePerSlot", t.price_per_slot, 1, MAX_PRICE)
    at_most("pricePerKwh", t.price_per_kwh, MAX_PRICE)
    between("overstayPct", t.overstay_pct, 100, 1000)
    at_most("reserveMinutes", t.reserve_minutes, 1440)
    at_most("minimumPct", t.minimum_pct, 100)
    at_most("freeCancelHours", t.free_cancel_hours, MAX_16)
    at_most("noShowPct", t.no_show_pct, 100)
    at_most("cancelPct", t.cancel_pct, t.no_show_pct)
    between("hoursOfWeek", t.hours_of_week, 1, ALL_HOURS)
    at_most("utcOffset", t.utc_offset + 48 & NEVER, 104)
    at_most("firstDay", t.first_day, MAX_16)
    at_most("lastDay", t.last_day, MAX_16)
    if t.first_day > t.last_day:
        refuse("DaysReversed", t.first_day, t.last_day)
    between("minSlots", t.min_slots, 1, MAX_LEASE_SLOTS)
    between("maxSlots", t.max_slots, t.min_slots, MAX_LEASE_SLOTS)
    at_most("flags", t.flags, MAX_16)
