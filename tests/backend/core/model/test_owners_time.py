"""Blocks, and cancelling by whom the lease pays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from berth.core.addresses import ZERO
from berth.core.states import LeaseState, Outcome

from tests.backend.core.model.scene import (
    DRIVER,
    GUARDIAN,
    HOUR,
    MANAGER,
    MONDAY,
    OWNER,
    START,
    STRANGER,
    TERMS,
    Scene,
)

BEGIN = START * 900
END = BEGIN + 8 * 900
T1 = END + 25 * HOUR
RENT = 8 * TERMS.price_per_slot


class TestBlock:
    def test_takes_slots_without_money_and_gives_the_rest_back(self, scene: Scene):
        m = scene.market
        m.set_manager(OWNER, scene.space, MANAGER)
        block = m.block_slots(MANAGER, scene.space, START, 8)
        assert m.events == [("Blocked", {"leaseId": block, "by": MANAGER, "slots": 8})]
        word = m.lease_of(block)
        assert (word.driver, word.state, word.offer) == (MANAGER, LeaseState.BLOCKED, 0)
        with scene.refused("CalendarTaken", scene.space, START, 1):
            scene.lease(START, 1)
        scene.at(BEGIN + 901).market.unblock(OWNER, block)
        assert m.events == [("Unblocked", {"leaseId": block, "by": OWNER})]
        assert m.lease_of(block).state is LeaseState.CANCELLED
        assert m.calendar[scene.space] == {START, START + 1}
        assert m.count == 0

    def test_is_not_stopped_by_a_pause(self, scene: Scene):
        scene.market.pause(GUARDIAN)
        block = scene.market.block_slots(OWNER, scene.space, START, 8)
        scene.market.unblock(OWNER, block)

    def test_numbers_its_start_as_leases_do(self, scene: Scene):
        lease = scene.lease()
        scene.market.cancel(DRIVER, lease)
        block = scene.market.block_slots(OWNER, scene.space, START, 1)
        assert block == lease + 1
        scene.market.unblock(OWNER, block)
        assert scene.lease() == lease + 2

    def test_names_every_refusal(self, scene: Scene):
        block, now_slot = scene.market.block_slots, MONDAY // 900
        for arguments, error, *expected in (
            ((STRANGER, 7, START, 1), "SpaceUnknown", 7),
            ((STRANGER, scene.space, START, 1), "NotOwner", scene.space, STRANGER),
            ((OWNER, scene.space, START, 0), "OutOfRange", "slots", 0, 1, 672),
            ((OWNER, scene.space, START, 673), "OutOfRange", "slots", 673, 1, 672),
            ((OWNER, scene.space, now_slot - 1, 1), "StartInPast", now_slot - 1, now_slot),
            (
                (OWNER, scene.space, now_slot + 8641, 1),
                "StartTooFar",
                now_slot + 8641,
                now_slot + 8640,
            ),
        ):
            with scene.refused(error, *expected):
                block(*arguments)

    def test_unblock_names_every_refusal(self, scene: Scene):
        m = scene.market
        lease, block = scene.lease(START + 8), m.block_slots(OWNER, scene.space, START, 8)
        with scene.refused("LeaseUnknown", block + 1):
            m.unblock(OWNER, block + 1)
        with scene.refused("NotOwner", scene.space, DRIVER):
            m.unblock(DRIVER, block)
        with scene.refused("WrongState", lease, LeaseState.BOOKED):
            m.unblock(OWNER, lease)
        scene.at(END)
        with scene.refused("OutOfTime", block, 0, END, END):
            m.unblock(OWNER, block)

    def test_no_verb_of_leases_touches_a_block(self, scene: Scene):
        m = scene.market
        block = m.block_slots(OWNER, scene.space, START, 8)
        for attempt in (
            lambda: m.close(OWNER, block),
            lambda: m.cancel(OWNER, block),
            lambda: m.dispute(OWNER, block),
            lambda: m.owner_cancel(OWNER, block),
            lambda: scene.arrive(block, BEGIN),
            lambda: scene.at(m.now).market.change_vehicle(OWNER, block, bytes(32)),
        ):
            with scene.refused("WrongState", block, LeaseState.BLOCKED):
                attempt()


class TestOwnerCancel:
    @pytest.mark.parametrize(
        ("moment", "amount"),
        [
            (BEGIN - 2 * HOUR, 0),
            (BEGIN - 2 * HOUR + 1, RENT // 2),
            (BEGIN - 1, RENT // 2),
            (BEGIN, RENT * 80 // 100),
            (T1 - 1, RENT * 80 // 100),
        ],
    )
    def test_refunds_and_compensates_from_the_payee_s_credit(self, scene, moment, amount):
        lease = scene.lease()
        deposit = scene.market.deposit_of(lease)
        scene.market.deposit(OWNER, 10**7)
        scene.at(moment).market.owner_cancel(OWNER, lease)
        settled = scene.event("Settled")
        assert (settled["outcome"], settled["rent"], settled["fee"]) == (
            Outcome.CANCELLED_BY_OWNER,
            0,
            0,
        )
        paid = [each for name, each in scene.market.events if name == "Compensated"]
        expected = {"leaseId": lease, "from": OWNER, "to": DRIVER, "amount": amount}
        assert paid == ([expected] if amount else [])
        assert scene.market.credit_of(DRIVER) == deposit + amount
        assert scene.market.credit_of(OWNER) == 10**7 - amount
        scene.conserved()

    def test_is_refused_when_the_credit_is_short(self, scene: Scene):
        lease = scene.lease()
        scene.market.deposit(OWNER, RENT // 2 - 1)
        scene.at(BEGIN - 1)
        with scene.refused("CreditTooLow", OWNER, RENT // 2 - 1, RENT // 2):
            scene.market.owner_cancel(OWNER, lease)

    def test_an_owner_who_parks_at_home_pays_from_the_refund(self, scene: Scene):
        scene.market.register_vehicle(OWNER, scene.vehicle(DRIVER, plate_commitment=b"\x55" * 32))
        lease = scene.market.lease(OWNER, scene.request(plate_commitment=b"\x55" * 32))
        deposit = scene.market.deposit_of(lease)
        scene.at(BEGIN).market.owner_cancel(OWNER, lease)
        assert scene.event("Compensated")["amount"] == RENT * 80 // 100
        assert scene.market.credit_of(OWNER) == deposit

    def test_names_every_refusal(self, scene: Scene):
        m, lease = scene.market, scene.lease()
        m.set_manager(OWNER, scene.space, MANAGER)
        for caller in (MANAGER, DRIVER):
            with scene.refused("NotPayee", lease, OWNER, caller):
                m.owner_cancel(caller, lease)
        scene.at(T1)
        with scene.refused("OutOfTime", lease, 0, T1, T1):
            m.owner_cancel(OWNER, lease)
        scene = Scene()
        lease = scene.lease()
        scene.at(BEGIN).arrive(lease, BEGIN)
        with scene.refused("WrongState", lease, LeaseState.PARKED):
            scene.market.owner_cancel(OWNER, lease)
        scene.market.dispute(OWNER, lease)
        with scene.refused("Disputed", lease):
            scene.market.owner_cancel(OWNER, lease)


def test_a_manager_publishes_and_withdraws_but_moves_no_money(scene: Scene):
    m, space = scene.market, scene.space
    m.set_manager(OWNER, space, MANAGER)
    assert m.events == [("ManagerSet", {"spaceId": space, "manager": MANAGER})]
    assert m.publish_offer(MANAGER, space, replace(TERMS, price_per_slot=1)) == 2
    m.withdraw_offers(MANAGER, space, 3)
    for attempt in (
        lambda: m.set_manager(MANAGER, space, STRANGER),
        lambda: m.rotate_lock(MANAGER, space, scene.lock()),
        lambda: m.delist(MANAGER, space),
    ):
        with scene.refused("NotOwner", space, MANAGER):
            attempt()
    m.set_manager(OWNER, space, ZERO)
    with scene.refused("NotOwner", space, MANAGER):
        m.publish_offer(MANAGER, space, TERMS)
