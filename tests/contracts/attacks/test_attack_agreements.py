"""Attacks on agreements: missing, late, old or bent consent, and wallets that lie (ERC-1271)."""

import pytest
from berth.core import tariff
from brownie import ScriptedWallet
from brownie.exceptions import VirtualMachineError
from support.attacks import (
    agreed,
    attack,
    deal,
    equip,
    name_arbiter,
    nothing_gained,
    person,
    sender_of,
    take,
)
from support.clock import HOUR, MONDAY, reach
from support.errors import reverts
from support.forms import TERMS
from support.keys import bent, compact, key
from support.world import START

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR
DEPOSIT = tariff.deposit(TERMS, 8, 0)
RENT = 8 * TERMS.price_per_slot
FOREVER = 2**256 - 1
HONEST, YES, NO, REVERTS, BURNS, BOMBS, SHORT = range(7)  # ScriptedWallet.Answer
SOMEBODY = key("somebody")


@attack(12)
class TestAgreements:
    """Two signatures under one sum. What is missing, late, old or about something else fails."""

    @pytest.fixture
    def driver(self, world):
        return person(world, "driver with a key")

    @pytest.fixture
    def lease(self, world, space, driver):
        return take(world, space, sender=driver[0])

    def test_without_the_other_partys_word_no_party_ends_anything(
        self, world, market, lease, driver
    ):
        account, driver_key = driver
        agreement = deal(world, lease, 0)
        mine = agreed(world, agreement, driver_key)
        with nothing_gained(world, account, world.stranger, losses={world.owner: 0}):
            for signature in (b"", mine, agreed(world, agreement, SOMEBODY), bytes(65)):
                with reverts("BadSignature", "payee", world.owner):
                    market.agree(agreement, b"", signature, {"from": account})
                with reverts("BadSignature", "payee", world.owner):
                    market.agree(agreement, mine, signature, {"from": world.stranger})
        with nothing_gained(world, world.owner, losses={account: 0}):
            dear = deal(world, lease, DEPOSIT)
            for signature in (b"", mine, agreed(world, dear, SOMEBODY)):
                with reverts("BadSignature", "driver", account):
                    market.agree(dear, signature, b"", {"from": world.owner})

    def test_an_agreement_counts_to_its_last_second_and_not_longer(
        self, world, market, lease, driver
    ):
        account, driver_key = driver
        agreement = deal(world, lease, RENT, TEN)
        consent = agreed(world, agreement, driver_key)
        reach(TEN)
        with (
            nothing_gained(world, world.owner, losses={account: 0}),
            reverts("AgreementExpired", TEN, TEN + 1),
        ):
            market.agree(agreement, consent, b"", {"from": world.owner})

    def test_an_agreement_about_the_cancelled_lease_is_none_about_the_next(
        self, world, market, space, lease, driver
    ):
        """The same driver, start and slots: only the epoch differs."""
        account, driver_key = driver
        dear = deal(world, lease, DEPOSIT)
        consent = agreed(world, dear, driver_key)
        market.cancel(lease, {"from": account})
        again = take(world, space, sender=account)
        with nothing_gained(world, world.owner, losses={account: 0}):
            with reverts("LeaseUnknown", lease):
                market.agree(dear, consent, b"", {"from": world.owner})
            with reverts("BadSignature", "driver", account):
                market.agree((again, *dear[1:]), consent, b"", {"from": world.owner})

    def test_an_agreement_does_not_outlive_an_extension(self, world, market, asset, space, driver):
        """The payee agrees to the price of two slots of two; the driver takes twenty more under the
        live offer and brings the old agreement."""
        account, _ = driver
        owner, owner_key = person(world, "owner with a key")
        home = world.register(1, owner=owner)
        world.offer(home, sender=owner)
        lease = take(world, home, sender=account, slots=2)
        cheap = deal(world, lease, 2 * TERMS.price_per_slot)
        consent = agreed(world, cheap, owner_key)
        longer = tariff.deposit(TERMS, 22, 0)
        with nothing_gained(world, account, losses={owner: 0}):
            plate = equip(world, account)
            market.extend((lease, 20, 0, plate, FOREVER), {"from": account})
            with reverts("DepositChanged", longer, cheap[1]):
                market.agree(cheap, b"", consent, {"from": account})
            with reverts("BadSignature", "payee", owner):
                market.agree((lease, longer, *cheap[2:]), b"", consent, {"from": account})

    def test_it_settles_once_and_for_the_sum_that_was_signed(self, world, market, lease, driver):
        account, driver_key = driver
        agreement = deal(world, lease, RENT)
        consent = agreed(world, agreement, driver_key)
        with nothing_gained(world, world.owner, world.stranger, account):
            for cost in (0, RENT - 1, RENT + 1, DEPOSIT):
                with reverts("BadSignature", "driver", account):
                    market.agree((lease, DEPOSIT, cost, 2**40), consent, b"", {"from": world.owner})
            market.agree(agreement, consent, b"", {"from": world.owner})
            with reverts("WrongState", lease, 4):
                market.agree(agreement, consent, b"", {"from": world.owner})
        assert market.creditOf(account) == DEPOSIT - RENT

    def test_a_bent_consent_is_none(self, world, market, lease, driver):
        agreement = deal(world, lease, RENT)
        consent = agreed(world, agreement, driver[1])
        for other in (bent(consent), compact(consent)):
            with reverts("BadSignature", "driver", driver[0]):
                market.agree(agreement, other, b"", {"from": world.owner})

    def test_driver_and_owner_in_league_take_no_more_than_the_deposit(
        self, world, market, lease, driver
    ):
        """Nor does an agreed sum go unseen: it bears the fee. (A sum agreed at nothing bears none;
        what is paid outside of the market is outside of it.)"""
        account, driver_key = driver
        with nothing_gained(world, account, world.owner):
            greedy = deal(world, lease, DEPOSIT + 1)
            with reverts("CostAboveDeposit", DEPOSIT + 1, DEPOSIT):
                market.agree(greedy, agreed(world, greedy, driver_key), b"", {"from": world.owner})
            agreement = deal(world, lease, DEPOSIT)
            market.agree(
                agreement, agreed(world, agreement, driver_key), b"", {"from": world.owner}
            )
        assert market.ledger()[2] == DEPOSIT * 250 // 10_000


@attack(12)
class TestWallets:
    """Parties that are contracts (ERC-1271): they may be honest, lie, burn, bomb, or not answer."""

    @pytest.fixture
    def wallet(self, world, market):
        wallet = ScriptedWallet.deploy(SOMEBODY.address, {"from": world.deployer})
        market.depositFor(wallet, 3 * DEPOSIT, {"from": world.stranger})
        return wallet

    @pytest.fixture
    def lease(self, world, market, space, wallet):
        """Of the wallet as driver."""
        return take(world, space, sender=sender_of(wallet))

    def test_an_honest_wallet_answers_for_its_key(self, world, market, lease, wallet):
        agreement = deal(world, lease, RENT)
        consent = agreed(world, agreement, SOMEBODY)
        with nothing_gained(world, world.owner, wallet):
            with reverts("BadSignature", "driver", wallet):
                market.agree(
                    agreement, agreed(world, agreement, key("nobody")), b"", {"from": world.owner}
                )
            market.agree(agreement, consent, b"", {"from": world.owner})
        assert market.creditOf(wallet) == 3 * DEPOSIT - RENT

    @pytest.mark.parametrize("answer", [NO, REVERTS, SHORT])
    def test_a_wallet_that_does_not_say_yes_has_not_agreed(
        self, world, market, lease, wallet, answer
    ):
        wallet.setAnswer(answer, {"from": world.stranger})
        agreement = deal(world, lease, RENT)
        consent = agreed(world, agreement, SOMEBODY)
        with (
            nothing_gained(world, world.owner, losses={wallet: 0}),
            reverts("BadSignature", "driver", wallet),
        ):
            market.agree(agreement, consent, b"", {"from": world.owner})

    @pytest.mark.parametrize("answer", [BURNS, BOMBS])
    def test_a_wallet_that_burns_or_bombs_costs_the_caller_gas_and_nobody_money(
        self, world, market, lease, wallet, answer
    ):
        """Nothing but an agreement asks a wallet: every other end of the lease is open."""
        wallet.setAnswer(answer, {"from": world.stranger})
        agreement = deal(world, lease, RENT)
        with nothing_gained(world, world.stranger, losses={wallet: RENT, world.owner: 0}):
            with pytest.raises(VirtualMachineError):
                market.agree(
                    agreement,
                    b"",
                    b"",
                    {"from": world.owner, "gas_limit": 1_000_000},
                )
            reach(NOON)
            world.leave(lease, TEN, NOON)
            assert market.leaseOf(lease)[1] == 4

    def test_a_wallet_that_says_yes_to_everything_gives_away_its_own_alone(
        self, world, market, space, lease, wallet
    ):
        """Its lease, at most its deposit; nobody else's lease, and not its credit."""
        wallet.setAnswer(YES, {"from": world.stranger})
        theirs = take(world, space, START + 8)
        with nothing_gained(world, world.stranger, losses={wallet: DEPOSIT, world.driver: 0}):
            with reverts("BadSignature", "driver", world.driver):
                market.agree(deal(world, theirs, DEPOSIT), b"", b"", {"from": world.owner})
            with reverts("CostAboveDeposit", DEPOSIT + 1, DEPOSIT):
                market.agree(deal(world, lease, DEPOSIT + 1), b"", b"", {"from": world.owner})
            market.agree(deal(world, lease, DEPOSIT), b"", b"", {"from": world.owner})
            assert market.creditOf(wallet) == 2 * DEPOSIT

    def test_a_lying_wallet_as_payee_takes_nothing_from_the_driver(self, world, market):
        """It says yes for itself only; the driver's word is still the driver's."""
        wallet = ScriptedWallet.deploy(SOMEBODY.address, {"from": world.deployer})
        wallet.setAnswer(YES, {"from": world.stranger})
        payee = sender_of(wallet)
        space = world.register(1, owner=payee)
        world.offer(space, sender=payee)
        lease = take(world, space)
        agreement = deal(world, lease, DEPOSIT)
        with nothing_gained(world, wallet, world.stranger, losses={world.driver: 0}):
            for signature in (b"", bytes(65), agreed(world, agreement, SOMEBODY)):
                with reverts("BadSignature", "driver", world.driver):
                    market.agree(agreement, signature, b"", {"from": payee})
                with reverts("BadSignature", "driver", world.driver):
                    market.agree(agreement, signature, signature, {"from": world.stranger})

    def test_a_wallet_that_changes_its_mind_cannot_undo_what_it_agreed_to(
        self, world, market, lease, wallet
    ):
        agreement = deal(world, lease, RENT)
        consent = agreed(world, agreement, SOMEBODY)
        market.agree(agreement, consent, b"", {"from": world.owner})
        wallet.setAnswer(NO, {"from": world.stranger})
        arbiter = name_arbiter(world)
        with nothing_gained(world, wallet, losses={world.owner: 0}):
            for verb, arguments, sender in (
                (market.dispute, (lease,), sender_of(wallet)),
                (market.cancel, (lease,), sender_of(wallet)),
                (market.resolve, (lease, 0), arbiter),
            ):
                with pytest.raises(VirtualMachineError, match="Berth_WrongState"):
                    verb(*arguments, {"from": sender})
