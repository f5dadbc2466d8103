"""The ledger: one running hash over every record, computed again in Python from the events
alone."""

import pytest
from berth.core.ledger import EMPTY_HEAD, Record, next_head, record_hash
from support.clock import HOUR, MONDAY, reach
from support.conservation import assert_conserved
from support.errors import reverts, reverts_with
from support.world import START

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR


class TestLedger:
    def test_is_empty_before_the_first_settlement(self, market):
        assert market.ledger() == ("0x" + EMPTY_HEAD.hex(), 0, 0)

    def test_folds_every_kind_of_ending_into_one_head(self, world, market, space):
        leases = [world.lease(space, START + 4 * number, slots=4, kwh=3) for number in range(5)]
        departed, accepted, matured, presumed, unused = leases
        hour = [TEN + number * HOUR for number in range(6)]
        reach(hour[5] + 2 * HOUR)
        transactions = [world.leave(departed, hour[0] + 61, hour[0] + 1800, 1_234)]
        world.leave(accepted, hour[1], hour[2] + 1800)
        transactions.append(market.close(accepted, {"from": world.driver}))
        world.leave(matured, hour[2], hour[3] + 1800, 9_999)
        world.arrive(presumed, hour[3] - 100)
        reach(hour[5] + 80 * HOUR)
        transactions += [
            market.close(lease, {"from": world.stranger}) for lease in (matured, presumed, unused)
        ]

        head, fees = EMPTY_HEAD, 0
        for number, tx in enumerate(transactions, 1):
            event = tx.events["Settled"]
            assert event["number"] == number
            assert event["closedAt"] == tx.timestamp
            record = Record.told(event)
            head = next_head(head, record_hash(record))
            fees += record.fee
        assert [tx.events["Settled"]["outcome"] for tx in transactions] == [1, 2, 3, 4, 5]
        assert market.ledger() == ("0x" + head.hex(), 5, fees)
        assert_conserved(world)

    def test_a_record_adds_up_to_the_deposit(self, world, market, space):
        lease = world.lease(space, kwh=20)
        deposit = market.depositOf(lease)
        reach(NOON + HOUR)
        event = world.leave(lease, TEN + 77, NOON + 1777, 4_321, sender=world.driver).events[
            "Settled"
        ]
        record = Record.told(event)
        assert record.owner_share + record.fee + record.refund == deposit == record.deposit
        assert market.creditOf(world.owner) == record.owner_share
        assert market.creditOf(world.driver) == record.refund


class TestWithdrawFees:
    @pytest.fixture
    def fees(self, world, market, space) -> int:
        lease = world.lease(space)
        reach(NOON)
        return world.leave(lease, TEN, NOON).events["Settled"]["fee"]

    def test_admin_takes_what_was_earned(self, world, market, asset, fees):
        tx = market.withdrawFees(world.guardian, fees - 1, {"from": world.admin})
        assert asset.balanceOf(world.guardian) == fees - 1
        assert market.ledger()[2] == 1
        assert tx.events["FeesWithdrawn"] == {"to": world.guardian, "amount": fees - 1}
        assert_conserved(world)

    def test_reverts_for_one_unit_more(self, world, market, fees):
        market.deposit(10**9, {"from": world.driver})
        with reverts("FeesTooLow", fees, fees + 1):
            market.withdrawFees(world.guardian, fees + 1, {"from": world.admin})

    @pytest.mark.parametrize("amount", [0, 2**128])
    def test_reverts_for_nothing_and_for_more_than_128_bits(self, world, market, fees, amount):
        with reverts("OutOfRange", "amount", amount, 1, 2**128 - 1):
            market.withdrawFees(world.guardian, amount, {"from": world.admin})

    def test_reverts_towards_the_market_itself(self, world, market, fees):
        with reverts("BadAccount", "to", market):
            market.withdrawFees(market, fees, {"from": world.admin})

    @pytest.mark.parametrize("who", ["deployer", "guardian", "owner"])
    def test_reverts_for_anybody_else(self, world, market, fees, who):
        sender = getattr(world, who)
        with reverts_with(
            f"AccessControlUnauthorizedAccount: {sender.address.lower()}, {bytes(32)}"
        ):
            market.withdrawFees(sender, 1, {"from": sender})
