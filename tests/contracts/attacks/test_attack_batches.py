"""Attacks on batches: one bad item, one brought first, too many of them."""

import pytest
from berth.core import tariff
from brownie import ScriptedWallet
from support.attacks import (
    attack,
    nothing_gained,
    occupancy,
    plate_of,
    take,
    undone,
)
from support.clock import HOUR, MONDAY, now, reach
from support.errors import reverts
from support.forms import TERMS
from support.keys import key
from support.world import START

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR
T1 = NOON + 60 * TERMS.reserve_minutes + 24 * HOUR
DEPOSIT = tariff.deposit(TERMS, 8, 0)
RENT = 8 * TERMS.price_per_slot
ARRIVED, LEFT, BLOCKED, NOSHOW = 1, 2, 3, 4
FOREVER = 2**256 - 1


@attack(17)
class TestBatches:
    @pytest.fixture
    def wallet(self, world, market, space):
        """A driver that leases a hundred stays in one transaction."""
        wallet = ScriptedWallet.deploy(world.stranger, {"from": world.stranger})
        market.depositFor(wallet, 101 * DEPOSIT, {"from": world.stranger})
        return wallet

    def hundred(self, world, market, space, wallet) -> list[int]:
        plate = plate_of(wallet)
        register = market.registerVehicle.encode_input(world.vehicle(wallet, plate))
        stays = [
            market.lease.encode_input(
                world.request(space, START + 2 * number, plate=plate, slots=2).form()
            )
            for number in range(100)
        ]
        wallet.act(market, [register, *stays], {"from": world.stranger})
        return [(space << 32 | START + 2 * number) << 16 | 1 for number in range(100)]

    def test_a_hundred_records_and_a_hundred_closes_fit_a_block_with_room(
        self, world, market, space, wallet
    ):
        leases = self.hundred(world, market, space, wallet)
        reach((START + 2 * 100) * 900)
        young = [lease for lease in leases if (lease >> 16 & 0xFFFFFFFF) > START + 100]
        seen = [
            occupancy(world, lease, LEFT, begin, begin + 1800)
            for lease in young
            for begin in ((lease >> 16 & 0xFFFFFFFF) * 900,)
        ]
        with nothing_gained(world, world.stranger, losses={world.owner: 0}):
            with undone():
                reach((START + 2 * 100) * 900 + 60 * TERMS.reserve_minutes + 25 * HOUR)
                tx = market.closeBatch(leases, {"from": world.stranger})
                assert tx.gas_used < 10_000_000
                assert market.ledger()[1] == 100
            tx = market.recordBatch(*map(list, zip(*seen, strict=True)), {"from": world.stranger})
            assert tx.gas_used / len(seen) < 100_000
            assert market.ledger()[1] == len(seen) == 49

    @pytest.mark.parametrize("count", [0, 101])
    def test_no_batch_is_empty_or_beyond_a_hundred(self, world, market, space, count):
        items, signatures = [(1, 1, 0, 0, 0)] * count, [b""] * count
        with reverts("OutOfRange", "occupancies", count, 1, 100):
            market.recordBatch(items, signatures, {"from": world.stranger})
        with reverts("OutOfRange", "leaseIds", count, 1, 100):
            market.closeBatch([1] * count, {"from": world.stranger})
        with reverts("OutOfRange", "accounts", count, 1, 100):
            market.payoutBatch([world.driver] * count, {"from": world.stranger})

    def test_lists_of_unequal_length_are_refused(self, world, market):
        with reverts("LengthMismatch", 2, 1):
            market.recordBatch([(1, 1, 0, 0, 0)] * 2, [b""], {"from": world.stranger})

    @pytest.mark.parametrize("kind", ["arrived", "left", "claimed", "blocked", "no-show"])
    def test_an_item_brought_alone_before_does_not_stop_the_others(
        self, world, market, space, kind
    ):
        """A stranger reads the relay's batch and brings one of its items first, alone."""
        victim = take(world, space, START - 2, slots=2)
        other = take(world, space, START)
        begin = TEN - 1800
        reach(NOON)
        if kind == "no-show":
            market.dispute(victim, {"from": world.driver})
        first = {
            "arrived": (ARRIVED, begin, begin),
            "left": (LEFT, begin, begin + 1800),
            "claimed": (LEFT, begin, begin + 3600),
            "blocked": (BLOCKED, begin, begin),
            "no-show": (NOSHOW, begin, begin + 1800),
        }[kind]
        items = [occupancy(world, victim, *first), occupancy(world, other, LEFT, TEN, NOON)]
        market.record(*items[0], {"from": world.stranger})
        state = market.leaseOf(victim)
        with nothing_gained(world, world.stranger, losses={world.owner: 0}):
            tx = market.recordBatch(*map(list, zip(*items, strict=True)), {"from": world.guardian})
            assert tx.events["Skipped"]["leaseId"] == victim
            assert market.leaseOf(victim) == state
            assert market.leaseOf(other)[1] == 4

    def test_the_same_item_twice_in_a_batch_counts_once(self, world, market, space):
        lease = take(world, space)
        reach(NOON)
        seen, signature = occupancy(world, lease, LEFT, TEN, NOON)
        with nothing_gained(world, world.stranger, losses={world.driver: RENT}):
            market.recordBatch([seen] * 3, [signature] * 3, {"from": world.stranger})
            assert market.ledger()[1] == 1

    def test_any_other_bad_item_reverts_them_all_by_its_own_name(self, world, market, space):
        """A batch that is half done would hide the bad half."""
        good = take(world, space)
        other = take(world, space, START + 8)
        reach(NOON)
        seen, signature = occupancy(world, good, LEFT, TEN, NOON)
        forged = occupancy(world, other, LEFT, NOON, NOON, by=key("no lock"))
        unknown = occupancy(world, other + 1, LEFT, NOON, NOON)
        with nothing_gained(world, world.stranger, losses={world.driver: 0, world.owner: 0}):
            with reverts("BadSignature", "lock", world.lock.address):
                market.recordBatch(
                    [seen, forged[0]], [signature, forged[1]], {"from": world.stranger}
                )
            with reverts("LeaseUnknown", other + 1):
                market.recordBatch(
                    [seen, unknown[0]], [signature, unknown[1]], {"from": world.stranger}
                )
            with reverts("KindUnknown", 5):
                market.recordBatch(
                    [seen, (other, 5, NOON, NOON, 0)], [signature, b""], {"from": world.stranger}
                )
            assert market.leaseOf(good)[1] == 1

    def test_a_lease_closed_or_cancelled_alone_before_does_not_stop_the_others(
        self, world, market, space
    ):
        """And one whose time has not come stops them all."""
        leases = [take(world, space, START + 8 * number) for number in range(3)]
        market.cancel(leases[0], {"from": world.driver})
        again = take(world, space)
        reach(T1 + 2 * HOUR)
        with nothing_gained(world, world.stranger, losses={world.owner: 0, world.driver: 0}):
            late = T1 + 4 * HOUR
            with reverts("OutOfTime", leases[2], late, FOREVER, now() + 1):
                market.closeBatch([again, leases[1], leases[2]], {"from": world.stranger})
            market.close(again, {"from": world.stranger})
            tx = market.closeBatch([leases[0], again, leases[1]], {"from": world.stranger})
            assert [each["leaseId"] for each in tx.events["Skipped"]] == [leases[0], again]
            assert market.leaseOf(leases[1])[1] == 5
