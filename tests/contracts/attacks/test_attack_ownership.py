"""Attacks around spaces that change hands, are delisted, or let go."""

from dataclasses import replace

import pytest
from berth.core import tariff
from brownie import ZERO_ADDRESS
from brownie.exceptions import VirtualMachineError
from support.attacks import (
    attack,
    equip,
    net,
    nothing_gained,
    person,
    take,
)
from support.clock import DAY, HOUR, MONDAY, at, reach
from support.errors import reverts
from support.forms import TERMS
from support.keys import key
from support.owners import HEIR, hand_over, next_edition
from support.storage import set_last_offer
from support.world import START, title

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR
DEPOSIT = tariff.deposit(TERMS, 8, 0)
RENT = 8 * TERMS.price_per_slot
FOREVER = 2**256 - 1
ALREADY, NOT_ALLOWED, NOT_NEWER, NOT_HERE = 1 << 7, 1 << 8, 1 << 10, 1 << 11


@attack(23)
class TestChangeOfOwner:
    """Whoever owned the space when an offer was published is paid for it; power goes with the
    title."""

    @pytest.fixture
    def heir(self, world):
        return person(world, "heir")[0]

    def test_the_payee_is_pinned_and_the_successor_can_neither_cancel_nor_dispute(
        self, world, market, space, heir
    ):
        lease = take(world, space)
        hand_over(world, space, heir)
        market.depositFor(heir, DEPOSIT, {"from": world.stranger})
        with nothing_gained(world, heir, losses={world.owner: 0, world.driver: RENT}):
            with reverts("NotPayee", lease, world.owner, heir):
                market.ownerCancel(lease, {"from": heir})
            reach(TEN)
            with reverts("NotParty", lease, heir):
                market.dispute(lease, {"from": heir})
            with reverts("BadSignature", "driver", world.driver):
                market.agree((lease, DEPOSIT, 0, 2**40), b"", b"", {"from": heir})
            reach(NOON)
            world.leave(lease, TEN, NOON)
            assert market.creditOf(world.owner) == net(RENT)

    def test_the_former_owner_and_his_manager_have_no_power_left(self, world, market, space, heir):
        lease = take(world, space)
        market.setManager(space, world.stranger, {"from": world.owner})
        block = market.blockSlots(space, START + 20, 4, {"from": world.stranger})
        hand_over(world, space, heir)
        assert market.managerOf(space) == ZERO_ADDRESS
        with nothing_gained(world, world.owner, world.stranger, losses={heir: 0}):
            for who in (world.owner, world.stranger):
                for verb, arguments in (
                    (market.blockSlots, (space, START + 40, 4)),
                    (market.unblock, (block.events["Blocked"]["leaseId"],)),
                    (market.withdrawOffers, (space, 2)),
                    (market.setManager, (space, who)),
                    (market.rotateLock, (space, world.lock_proof(space, key("x"), owner=who))),
                    (market.delist, (space,)),
                ):
                    with reverts("NotOwner", space, who):
                        verb(*arguments, {"from": who})
            # under the old offer nothing new is sold, and nothing is prolonged
            with reverts("OfferNotLive", space, 1, 2, 1):
                take(world, space, START + 8)
            with reverts("OfferNotLive", space, 1, 2, 1):
                market.extend((lease, 1, 0, world.plate, FOREVER), {"from": world.driver})
        market.unblock(block.events["Blocked"]["leaseId"], {"from": heir})

    def test_over_four_owners_each_lease_pays_whose_offer_it_was(self, world, market, space):
        """The third published nothing, the first comes back as the fifth."""
        owners = [world.owner, *(person(world, f"owner {number}")[0] for number in range(2, 5))]
        leases, expected = [take(world, space)], [owners[0]]
        for number, owner in enumerate(owners[1:], 2):
            hand_over(world, space, owner, holder=bytes([0xB0 + number]) * 32)
            if number != 3:
                offer = world.offer(space, sender=owner)
                start = START + 8 * len(leases)
                leases.append(take(world, space, start, offer=offer))
                expected.append(owner)
        hand_over(world, space, world.owner, holder=b"\x01" * 32)
        offer = world.offer(space, sender=world.owner)
        leases.append(take(world, space, START + 8 * len(leases), offer=offer))
        expected.append(world.owner)
        assert [market.leaseOf(lease)[4] for lease in leases] == [1, 2, 3, 4]
        with nothing_gained(world, owners[2], world.stranger):
            for number, (lease, payee) in enumerate(zip(leases, expected, strict=True)):
                assert market.payeeOf(space, number + 1) == payee
                begin = TEN + number * 2 * HOUR
                reach(begin + 2 * HOUR)
                before = market.creditOf(payee)
                world.leave(lease, begin, begin + 2 * HOUR)
                assert market.creditOf(payee) - before == net(RENT)

    def test_a_former_owner_who_sold_the_calendar_to_himself_holds_it_97_days_at_most(
        self, world, market, space, heir
    ):
        """Before he must hand over he leases all that he can at a price of one. The leases are
        honoured, for their time: from then on he can neither renew nor prolong them."""
        dust = replace(TERMS, price_per_slot=1, price_per_kwh=0, min_slots=1)
        offer = world.offer(space, dust)
        last = MONDAY // 900 + 8640
        plate = equip(world, world.owner)
        lease = take(world, space, last, world.owner, offer=offer, slots=672)
        end = last + 672
        assert end * 900 <= MONDAY + 97 * DAY
        hand_over(world, space, heir)
        with nothing_gained(world, world.owner, losses={heir: 0}):
            with reverts("OfferNotLive", space, offer, 3, 2):
                take(world, space, START, world.owner, offer=offer)
            with reverts("OutOfRange", "slots", 1, 0, 0):
                market.extend((lease, 1, 1, plate, FOREVER), {"from": world.owner})

    def test_taking_over_and_back_loses_no_offer_number_and_no_payee(
        self, world, market, space, heir
    ):
        lease = take(world, space)
        hand_over(world, space, heir)
        hand_over(world, space, world.owner, holder=b"\x01" * 32)
        with nothing_gained(world, heir, world.stranger, losses={world.owner: 0}):
            assert market.payeeOf(space, 1) == world.owner
            assert world.offer(space) == 2
            reach(NOON)
            world.leave(lease, TEN, NOON)
            assert market.creditOf(world.owner) == net(RENT)

    def test_at_the_last_offer_number_the_space_can_still_change_hands(
        self, world, market, space, heir
    ):
        lease = take(world, space)
        set_last_offer(world, space, 65_534)
        hand_over(world, space, heir)
        with nothing_gained(world, heir, losses={world.owner: 0}):
            assert market.payeeOf(space, 65_534) == world.owner
            with reverts("TooManyOffers", space):
                world.offer(space, sender=heir)
            reach(NOON)
            world.leave(lease, TEN, NOON)
            assert market.creditOf(world.owner) == net(RENT)


@attack(23)
class TestDelistAndRelease:
    def test_delisting_under_an_open_lease_changes_nothing_for_it(self, world, market, space):
        lease = take(world, space)
        with nothing_gained(world, world.stranger, losses={world.driver: RENT}):
            market.delist(space, {"from": world.owner})
            with reverts("Delisted", space):
                market.delist(space, {"from": world.owner})
            with reverts("SpaceLapses", space, MONDAY // DAY, 0):
                take(world, space, START + 8)
            with reverts("SpaceLapses", space, MONDAY // DAY, 0):
                market.extend((lease, 1, 0, world.plate, FOREVER), {"from": world.driver})
            reach(NOON)
            with reverts("CreditTooLow", world.owner, 0, RENT * TERMS.no_show_pct // 100):
                market.ownerCancel(lease, {"from": world.owner})
            world.leave(lease, TEN, NOON, sender=world.driver)

    def test_no_verb_brings_a_delisted_space_back_but_a_full_registration(
        self, world, market, space
    ):
        market.delist(space, {"from": world.owner})
        today = MONDAY // DAY
        with nothing_gained(world, world.owner):
            with reverts("SpaceLapses", space, today, 0):
                world.offer(space)
            market.rotateLock(
                space, world.lock_proof(space, key("new lock")), {"from": world.owner}
            )
            with reverts("SpaceLapses", space, today, 0):
                world.offer(space)
            with reverts("OutOfRange", "firstLive", 1, 3, 2):
                market.withdrawOffers(space, 1, {"from": world.owner})
        market.takeOver(world.registration(0).form(), {"from": world.owner})
        with reverts("OfferNotLive", space, 1, 2, 1):
            take(world, space)
        assert world.offer(space) == 2

    def test_a_space_cannot_be_let_go_before_its_last_lease_must_have_ended(
        self, world, market, titles, space
    ):
        """The latest and longest lease there can be, made in the last second before delisting."""
        reach(MONDAY + DAY - 10)
        last = (MONDAY + DAY - 10) // 900 + 8640
        lease = take(world, space, last, slots=672)
        market.delist(space, {"from": world.owner})
        free = (MONDAY // DAY + 99) * DAY
        end = (last + 672) * 900
        assert end <= free
        for moment in (NOON + 2 * DAY, end, free - 1):
            at(moment)
            with reverts("ReleaseTooSoon", space, free):
                market.release(space, {"from": world.stranger})
        at(free)
        market.release(space, {"from": world.stranger})
        assert titles.marketOf(space) == ZERO_ADDRESS
        with reverts("NotHolder", space, market):
            market.release(space, {"from": world.stranger})
        with nothing_gained(world, world.owner, losses={world.driver: 0}):
            reach(free + 26 * HOUR)
            market.close(lease, {"from": world.stranger})

    def test_a_listed_space_cannot_be_let_go_by_anybody(self, world, market, space):
        for who in (world.owner, world.stranger, world.admin):
            with reverts("ReleaseTooSoon", space, 0):
                market.release(space, {"from": who})

    def test_two_markets_never_lease_one_space(self, world, market, titles, space):
        other = world.second_market()
        with reverts("NotCompliant", ALREADY):
            other.register(0)
        with reverts("NotCompliant", NOT_HERE):
            other.market.takeOver(other.registration(0).form(), {"from": world.owner})
        market.delist(space, {"from": world.owner})
        with reverts("NotCompliant", ALREADY):
            other.register(0)
        reach(MONDAY + 99 * DAY)
        market.release(space, {"from": world.stranger})
        other.register(0)
        other.offer(space)
        later = (MONDAY + 100 * DAY) // 900
        take(other, space, later)
        with nothing_gained(world, world.owner, losses={world.driver: 0}):
            with reverts("NotCompliant", NOT_HERE):
                market.takeOver(world.registration(0).form(), {"from": world.owner})
            with reverts("NotCompliant", ALREADY):
                market.registerSpace(world.registration(0).form(), {"from": world.owner})
            with pytest.raises(VirtualMachineError, match="Berth_SpaceLapses"):
                world.offer(space)
            with pytest.raises(VirtualMachineError, match="Berth_SpaceLapses"):
                take(world, space, later)
            with reverts("NotHolder", space, market):
                market.release(space, {"from": world.owner})

    def test_after_its_release_the_numbers_of_offers_and_their_payees_go_on(
        self, world, market, space
    ):
        """Somebody else registers the space here again: the disputed lease of the last owner pays
        the last owner."""
        lease = take(world, space)
        market.delist(space, {"from": world.owner})
        reach(MONDAY + 99 * DAY)
        market.release(space, {"from": world.stranger})
        heir, _ = person(world, "heir")
        edition = next_edition(world, title(0, salted_holder=HEIR))
        form = world.registration(0, owner=heir.address, edition=edition).form()
        market.registerSpace(form, {"from": heir})
        with nothing_gained(world, heir, losses={world.owner: 0, world.driver: 0}):
            assert world.offer(space, sender=heir) == 2
            assert market.payeeOf(space, 1) == world.owner
            assert market.payeeOf(space, 2) == heir
            market.close(lease, {"from": world.stranger})
        assert market.leaseOf(lease)[1] == 5

    def test_nobody_but_the_owner_delists_a_space_in_good_order(self, world, market, space):
        market.setManager(space, world.stranger, {"from": world.owner})
        for who in (world.stranger, world.driver, world.guardian, world.authority):
            with reverts("NotOwner", space, who):
                market.delist(space, {"from": who})

    def test_an_owner_who_left_the_revoked_maker_is_not_delisted(self, world, market, space):
        proof = list(world.lock_proof(space, key("new lock")))
        maker = key("another maker")
        market.setAttester(60, maker.address, 4, {"from": world.admin})
        proof[1], proof[3] = 60, world.maker_word(proof[0], proof[2], by=maker)
        market.rotateLock(space, proof, {"from": world.owner})
        market.revokeAttester(3, {"from": world.guardian})
        with reverts("NotOwner", space, world.stranger):
            market.delist(space, {"from": world.stranger})
        market.revokeAttester(60, {"from": world.guardian})
        market.delist(space, {"from": world.stranger})
