"""Registering a space, changing hands, its lock, its end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from berth.core.addresses import ZERO
from berth.core.compliance import Reason, decode, encode
from berth.core.model import HolderProof, OfferTerms, Registration
from berth.core.states import Outcome
from berth.core.title import pack_attributes
from berth.core.weekly import ALL_HOURS
from berth.core.words import RotationWord

from tests.backend.core.model.scene import (
    BUYER,
    CITY,
    DAY,
    DRIVER,
    GUARDIAN,
    HOLDER_ID,
    LOCK,
    MAKER,
    MAKER_ID,
    MANAGER,
    MARKET,
    MONDAY,
    NEW_LOCK,
    OTHER,
    OWNER,
    START,
    STRANGER,
    TERMS,
    VALID_DAY,
    VERIFIER,
    Scene,
    title,
    who,
)

BEGIN = START * 900
TODAY = MONDAY // DAY


def faults(scene: Scene) -> dict[Reason, Registration]:
    """A registration of space 1 for every reason that a registration alone can have."""
    good = scene.registration(title(1))
    lock, holder = good.lock, good.holder

    return {
        Reason.CITY_UNKNOWN: replace(good, title=title(1, city=7)),
        Reason.NOT_IN_EDITION: replace(good, proven=False),
        Reason.HOLDER_VERIFIER_UNKNOWN: replace(good, holder=replace(holder, verifier=MAKER_ID)),
        Reason.HOLDER_SIGNATURE_INVALID: replace(good, holder=replace(holder, signed_by=MAKER)),
        Reason.HOLDER_EXPIRED: replace(good, holder=replace(holder, valid_day=TODAY - 1)),
        Reason.LOCK_MAKER_UNKNOWN: replace(good, lock=replace(lock, maker=HOLDER_ID)),
        Reason.LOCK_ATTESTATION_INVALID: replace(
            good, lock=replace(lock, maker_signed_by=VERIFIER)
        ),
        Reason.LOCK_EXPIRED: replace(good, lock=replace(lock, valid_day=TODAY - 1)),
        Reason.LOCK_POSSESSION_INVALID: replace(
            good, lock=replace(lock, possession_signed_by=NEW_LOCK)
        ),
        Reason.CHARGER_INCONSISTENT: replace(good, connectors=1),
    }


def sell(scene: Scene, buyer: str = BUYER, lock: str = LOCK) -> None:
    """The next edition names another holder, who takes space 0 over."""
    number = scene.market.registry.edition_of(CITY) + 1
    given = title(0, edition=number)
    scene.market.registry.publish(CITY, [given])
    scene.market.take_over(buyer, scene.registration(given, lock))


class TestRegister:
    def test_writes_the_space_and_tells_everything(self, scene: Scene):
        scene.market.register_space(OWNER, scene.registration(title(1), connectors=3, power=220))
        space = scene.market.spaces[CITY << 32 | 1]
        assert (space.owner, space.first_live, space.last_offer, space.since) == (OWNER, 1, 0, 1)
        assert (space.height_cm, space.width_cm, space.length_cm) == (0, 250, 550)
        assert (space.valid_day, space.edition, space.maker) == (VALID_DAY, 1, MAKER_ID)
        assert scene.market.events == [
            (
                "SpaceRegistered",
                {
                    "spaceId": CITY << 32 | 1,
                    "owner": OWNER,
                    "lockKey": LOCK,
                    "cell": 0x12345,
                    "addressHash": title(1).address_hash,
                    "attributes": title(1).attributes,
                    "connectors": 3,
                    "power": 220,
                    "maker": MAKER_ID,
                    "validDay": VALID_DAY,
                },
            )
        ]
        assert scene.market.registry.market_of(CITY << 32 | 1) == MARKET

    def test_every_reason_is_named_alone_and_before_as_after(self, scene: Scene):
        for reason, registration in faults(scene).items():
            assert decode(scene.market.compliance(OWNER, registration)) == [reason]
            with scene.refused("NotCompliant", reason.mask):
                scene.market.register_space(OWNER, registration)

    @pytest.mark.parametrize(
        ("attributes", "reasons"),
        [
            ((0, True, 0, 250, 550), [Reason.KIND_UNKNOWN]),
            ((6, True, 0, 250, 550), [Reason.KIND_UNKNOWN]),
            ((1, False, 0, 250, 550), [Reason.SHARING_NOT_ALLOWED]),
            ((1, True, 149, 250, 550), [Reason.DIMENSIONS_OUT_OF_RANGE]),
            ((1, True, 0, 1001, 550), [Reason.DIMENSIONS_OUT_OF_RANGE]),
            ((1, True, 0, 250, 299), [Reason.DIMENSIONS_OUT_OF_RANGE]),
            ((9, False, 1, 1, 1), [4, 5, 6]),
        ],
    )
    def test_attributes_must_be_those_of_a_shared_space(self, scene: Scene, attributes, reasons):
        given = title(1, attributes=pack_attributes(*attributes))
        scene.market.registry.publish(CITY, [given])
        found = decode(scene.market.compliance(OWNER, scene.registration(given)))
        assert found == [Reason(reason) for reason in reasons]

    def test_reasons_that_the_world_gives_add_up(self, scene: Scene):
        m = scene.market
        given = title(
            0, valid_day=TODAY - 1, cell=1 << 30, attributes=title(0).attributes | 1 << 57
        )
        m.registry.publish(CITY, [given], dropped=[0])
        m.registry.set_market(MARKET, False)
        m.revoke_attester(GUARDIAN, HOLDER_ID)
        m.revoke_attester(GUARDIAN, MAKER_ID)
        m.revoke_attestation(VERIFIER, HOLDER_ID, 1)
        expected = encode(
            [
                Reason.TITLE_REVOKED,
                Reason.TITLE_EXPIRED,
                Reason.DIMENSIONS_OUT_OF_RANGE,
                Reason.ALREADY_REGISTERED,
                Reason.MARKET_NOT_ALLOWED,
                Reason.CELL_OUT_OF_RANGE,
                Reason.HOLDER_VERIFIER_REVOKED,
                Reason.HOLDER_ATTESTATION_REVOKED,
                Reason.LOCK_MAKER_REVOKED,
            ]
        )
        registration = scene.registration(given)
        assert m.compliance(OWNER, registration) == expected
        with scene.refused("NotCompliant", expected):
            m.register_space(OWNER, registration)

    def test_of_a_title_outside_the_edition_nothing_more_is_said(self, scene: Scene):
        m, registered = scene.market, replace(scene.registration(), proven=False)
        elsewhere = replace(scene.registration(title(1)), proven=False)
        for answer in (
            m.compliance(OWNER, registered),
            m.take_over_compliance(OWNER, registered),
        ):
            assert decode(answer) == [Reason.NOT_IN_EDITION]
        assert decode(m.take_over_compliance(OWNER, elsewhere)) == [Reason.NOT_IN_EDITION]

    def test_days_beyond_sixteen_bits_are_no_attestation(self, scene: Scene):
        far = replace(
            scene.registration(title(1)),
            holder=HolderProof(HOLDER_ID, 65_536, 1, VERIFIER),
            lock=scene.lock(valid_day=65_536),
        )
        assert decode(scene.market.compliance(OWNER, far)) == [
            Reason.HOLDER_SIGNATURE_INVALID,
            Reason.LOCK_ATTESTATION_INVALID,
        ]

    def test_is_stopped_by_a_pause(self, scene: Scene):
        scene.market.pause(GUARDIAN)
        with scene.refused("Paused", MONDAY + 7 * DAY):
            scene.market.register_space(OWNER, scene.registration(title(1)))

    def test_an_edition_beyond_sixteen_bits_is_refused(self, scene: Scene):
        registry = scene.market.registry
        registry.editions[CITY] = replace(registry.editions[CITY], number=65_536)
        with scene.refused("OutOfRange", "edition", 65_536, 0, 65_535):
            scene.market.register_space(OWNER, scene.registration(title(1)))


class TestTakeOver:
    def test_the_former_owner_is_paid_for_offers_of_his_time(self, scene: Scene):
        m = scene.market
        old = scene.lease()
        m.set_manager(OWNER, scene.space, MANAGER)
        sell(scene)
        assert [name for name, _ in m.events] == [
            "ManagerSet",
            "SpaceTakenOver",
            "SpaceRegistered",
        ]
        taken = {"spaceId": scene.space, "from": OWNER, "to": BUYER, "since": 2}
        assert scene.event("SpaceTakenOver") == taken
        assert m.manager_of(scene.space) == ZERO
        with scene.refused("OfferNotLive", scene.space, 1, 2, 1):
            scene.lease(START + 8)
        assert m.publish_offer(BUYER, scene.space, TERMS) == 2
        new = scene.lease(START + 8, offer=2)
        scene.at(BEGIN + 5 * 3600)
        for lease, begin in ((old, BEGIN), (new, BEGIN + 7200)):
            scene.leave(lease, begin, begin + 7200)
        assert m.credit_of(OWNER) == m.credit_of(BUYER) > 0
        scene.conserved()

    def test_the_chain_of_owners_keeps_each_his_offers(self, scene: Scene):
        m, owners = scene.market, [OWNER, BUYER, OTHER, who("fourth")]
        for buyer in owners[1:]:
            sell(scene, buyer)
            if buyer != OTHER:
                m.publish_offer(buyer, scene.space, TERMS)
        assert [m.payee_of(scene.space, offer) for offer in (1, 2, 3)] == [
            OWNER,
            BUYER,
            owners[3],
        ]
        assert m.payee_of(scene.space, 0) == ZERO
        assert m.spaces[scene.space].since == 3
        with scene.refused("SpaceUnknown", 7):
            m.events = []
            m.payee_of(7, 1)

    def test_by_the_owner_is_a_renewal_that_keeps_offers_and_manager(self, scene: Scene):
        m = scene.market
        m.set_manager(OWNER, scene.space, MANAGER)
        later = scene.registration(lock=NEW_LOCK, connectors=1, power=70)
        m.take_over(OWNER, later)
        assert [name for name, _ in m.events] == ["LockRotated", "SpaceRegistered"]
        space = m.spaces[scene.space]
        assert (space.first_live, space.last_offer, space.since) == (1, 1, 1)
        assert (space.lock_key, space.connectors) == (NEW_LOCK, 1)
        assert m.rotation_of(scene.space) == RotationWord(LOCK, MONDAY, 0)
        assert m.manager_of(scene.space) == MANAGER
        scene.lease()

    def test_within_one_edition_belongs_to_the_owner_alone(self, scene: Scene):
        registration = scene.registration()
        mask = Reason.EDITION_NOT_NEWER.mask
        assert scene.market.take_over_compliance(BUYER, registration) == mask
        assert scene.market.take_over_compliance(OWNER, registration) == 0
        with scene.refused("NotCompliant", mask):
            scene.market.take_over(BUYER, registration)

    def test_needs_the_space_to_be_here_and_the_market_to_be_allowed(self, scene: Scene):
        m = scene.market
        mask = Reason.NOT_REGISTERED_HERE.mask
        assert m.take_over_compliance(OWNER, scene.registration(title(1))) == mask
        m.registry.set_market(MARKET, False)
        mask = Reason.MARKET_NOT_ALLOWED.mask
        with scene.refused("NotCompliant", mask):
            m.take_over(OWNER, scene.registration())

    def test_is_stopped_by_a_pause(self, scene: Scene):
        scene.market.pause(GUARDIAN)
        with scene.refused("Paused", MONDAY + 7 * DAY):
            scene.market.take_over(OWNER, scene.registration())

    def test_a_driver_s_lease_goes_on_under_the_new_lock(self, scene: Scene):
        lease = scene.lease()
        scene.at(BEGIN - 900)
        sell(scene, lock=NEW_LOCK)
        scene.at(BEGIN).arrive(lease, BEGIN, by=NEW_LOCK)
        scene.market.dispute(OWNER, lease)
        with scene.refused("NotParty", lease, BUYER):
            scene.market.dispute(BUYER, lease)


class TestRotateLock:
    def test_keeps_the_old_key_and_the_earlier_day(self, scene: Scene):
        m = scene.market
        m.rotate_lock(OWNER, scene.space, scene.lock(NEW_LOCK, VALID_DAY - 5))
        assert scene.event("LockRotated") == {
            "spaceId": scene.space,
            "previous": LOCK,
            "current": NEW_LOCK,
            "maker": MAKER_ID,
            "validDay": VALID_DAY - 5,
        }
        space = m.spaces[scene.space]
        assert (space.lock_key, space.valid_day) == (NEW_LOCK, VALID_DAY - 5)
        m.rotate_lock(OWNER, scene.space, scene.lock(LOCK, VALID_DAY + 5))
        assert m.spaces[scene.space].valid_day == VALID_DAY - 5

    def test_names_every_refusal(self, scene: Scene):
        m = scene.market
        with scene.refused("SpaceUnknown", 7):
            m.rotate_lock(OWNER, 7, scene.lock(NEW_LOCK))
        with scene.refused("NotOwner", scene.space, STRANGER):
            m.rotate_lock(STRANGER, scene.space, scene.lock(NEW_LOCK))
        with scene.refused("BadAccount", "key", LOCK):
            m.rotate_lock(OWNER, scene.space, scene.lock())
        bad = replace(scene.lock(NEW_LOCK), possession_signed_by=LOCK)
        with scene.refused("NotCompliant", Reason.LOCK_POSSESSION_INVALID.mask):
            m.rotate_lock(OWNER, scene.space, bad)


class TestDelist:
    def test_stops_new_leases_and_closes_none(self, scene: Scene):
        m, lease = scene.market, scene.lease()
        m.delist(OWNER, scene.space)
        assert m.events == [("SpaceDelisted", {"spaceId": scene.space, "by": OWNER})]
        with scene.refused("SpaceLapses", scene.space, BEGIN // DAY, 0):
            scene.lease(START + 8)
        with scene.refused("SpaceLapses", scene.space, TODAY, 0):
            m.publish_offer(OWNER, scene.space, TERMS)
        with scene.refused("Delisted", scene.space):
            m.delist(OWNER, scene.space)
        scene.at(BEGIN + 7200).leave(lease, BEGIN, BEGIN + 7200)
        assert scene.event("Settled")["outcome"] == Outcome.DEPARTED

    @pytest.mark.parametrize("cause", ["title", "maker"])
    def test_is_anybody_s_once_title_or_maker_is_revoked(self, scene: Scene, cause):
        with scene.refused("NotOwner", scene.space, STRANGER):
            scene.market.delist(STRANGER, scene.space)
        if cause == "title":
            scene.market.registry.revoke(CITY, 0)
        else:
            scene.market.revoke_attester(GUARDIAN, MAKER_ID)
        scene.market.delist(STRANGER, scene.space)

    def test_a_renewal_lists_the_space_again_without_its_old_offers(self, scene: Scene):
        m = scene.market
        m.delist(OWNER, scene.space)
        m.take_over(OWNER, scene.registration())
        assert m.rotation_of(scene.space).delisted_day == 0
        assert m.publish_offer(OWNER, scene.space, TERMS) == 2
        with scene.refused("OfferNotLive", scene.space, 1, 2, 2):
            scene.lease()


class TestRelease:
    def test_lets_go_on_the_99th_day_after_delisting(self, scene: Scene):
        m = scene.market
        with scene.refused("SpaceUnknown", 7):
            m.release(STRANGER, 7)
        with scene.refused("ReleaseTooSoon", scene.space, 0):
            m.release(STRANGER, scene.space)
        m.delist(OWNER, scene.space)
        free = (TODAY + 99) * DAY
        scene.at(free - 1)
        with scene.refused("ReleaseTooSoon", scene.space, free):
            m.release(STRANGER, scene.space)
        scene.at(free).market.release(STRANGER, scene.space)
        assert m.registry.market_of(scene.space) is None
        with scene.refused("NotHolder", scene.space, MARKET):
            m.release(STRANGER, scene.space)

    @pytest.mark.parametrize("buyer", [OWNER, BUYER])
    def test_registered_here_again_the_numbers_of_offers_go_on(self, scene: Scene, buyer):
        m = scene.market
        m.delist(OWNER, scene.space)
        scene.at((TODAY + 99) * DAY).market.release(STRANGER, scene.space)
        m.register_space(buyer, scene.registration())
        assert m.publish_offer(buyer, scene.space, TERMS) == 2
        assert [m.payee_of(scene.space, offer) for offer in (1, 2)] == [OWNER, buyer]


class TestOffers:
    def test_carries_the_fee_of_its_moment(self, scene: Scene):
        assert scene.market.offers[scene.space, 1].fee_bps == 250
        word_a, word_b = scene.market.offer_of(scene.space, 1)
        assert word_a >> 160 & 0xFFFF == 250
        assert word_b & ALL_HOURS == ALL_HOURS
        assert scene.market.offer_of(scene.space, 2) == (0, 0)

    def test_names_every_term_out_of_range(self, scene: Scene):
        good = OfferTerms.of(TERMS)
        for name, value, field, low, high in (
            ("price_per_slot", 0, "pricePerSlot", 1, (1 << 80) - 1),
            ("price_per_kwh", 1 << 80, "pricePerKwh", 0, (1 << 80) - 1),
            ("overstay_pct", 99, "overstayPct", 100, 1000),
            ("reserve_minutes", 1441, "reserveMinutes", 0, 1440),
            ("minimum_pct", 101, "minimumPct", 0, 100),
            ("free_cancel_hours", 65_536, "freeCancelHours", 0, 65_535),
            ("no_show_pct", 101, "noShowPct", 0, 100),
            ("cancel_pct", 81, "cancelPct", 0, 80),
            ("hours_of_week", 0, "hoursOfWeek", 1, ALL_HOURS),
            ("first_day", 65_536, "firstDay", 0, 65_535),
            ("last_day", 65_536, "lastDay", 0, 65_535),
            ("min_slots", 0, "minSlots", 1, 672),
            ("max_slots", 673, "maxSlots", 1, 672),
            ("flags", 65_536, "flags", 0, 65_535),
        ):
            with scene.refused("OutOfRange", field, value, low, high):
                scene.market.publish_offer(OWNER, scene.space, replace(good, **{name: value}))
        for offset, shifted in ((57, 105), (-49, 2**256 - 1)):
            with scene.refused("OutOfRange", "utcOffset", shifted, 0, 104):
                scene.market.publish_offer(OWNER, scene.space, replace(good, utc_offset=offset))
        with scene.refused("DaysReversed", 2, 1):
            scene.market.publish_offer(OWNER, scene.space, replace(good, first_day=2, last_day=1))

    def test_withdrawing_ends_all_below_a_number(self, scene: Scene):
        m = scene.market
        m.publish_offer(OWNER, scene.space, TERMS)
        for first in (1, 4):
            with scene.refused("OutOfRange", "firstLive", first, 2, 3):
                m.withdraw_offers(OWNER, scene.space, first)
        with scene.refused("NotOwner", scene.space, DRIVER):
            m.withdraw_offers(DRIVER, scene.space, 2)
        m.withdraw_offers(OWNER, scene.space, 2)
        assert m.events == [("OffersWithdrawn", {"spaceId": scene.space, "firstLive": 2})]
        scene.lease(offer=2)
        m.withdraw_offers(OWNER, scene.space, 3)
        with scene.refused("OutOfRange", "firstLive", 4, 4, 3):
            m.withdraw_offers(OWNER, scene.space, 4)

    def test_a_space_has_65534_offers(self, scene: Scene):
        m = scene.market
        m.spaces[scene.space] = replace(m.spaces[scene.space], last_offer=65_534)
        with scene.refused("TooManyOffers", scene.space):
            m.publish_offer(OWNER, scene.space, TERMS)

    def test_is_refused_to_strangers_in_a_pause_and_after_the_last_day(self, scene: Scene):
        m = scene.market
        with scene.refused("NotOwner", scene.space, STRANGER):
            m.publish_offer(STRANGER, scene.space, TERMS)
        scene.at((VALID_DAY + 1) * DAY - 1).market.publish_offer(OWNER, scene.space, TERMS)
        scene.at((VALID_DAY + 1) * DAY)
        with scene.refused("SpaceLapses", scene.space, VALID_DAY + 1, VALID_DAY):
            m.publish_offer(OWNER, scene.space, TERMS)
        m.pause(GUARDIAN)
        with scene.refused("Paused", m.now + 7 * DAY):
            m.publish_offer(OWNER, scene.space, TERMS)
