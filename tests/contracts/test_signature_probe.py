"""The probe of accounts that are not deployed yet: only the code at the account itself counts."""

import pytest
from berth.core.hashing import keccak
from berth.core.signing import sign_digest
from brownie import ScriptedWallet, SignatureProbe, WalletFactory, web3
from support.keys import key

SIGNER, STRANGER = key("probe signer"), key("probe stranger")
DIGEST = keccak(b"whatever is signed")
SALT = b"\x07" * 32
HONEST, YES, NO, REVERTS, BURNS, BOMBS, SHORT = range(7)  # ScriptedWallet.Answer
FAR_GAS = 8_000_000


class Factory:
    def __init__(self, world):
        self.sender = {"from": world.deployer, "gas_limit": FAR_GAS}
        self.contract = WalletFactory.deploy(self.sender)

    def making(self, answer=HONEST, owner=SIGNER):
        """(address, call) of a wallet that is not there yet."""
        call = self.contract.make.encode_input(owner.address, answer, SALT)
        return self.contract.make.call(owner.address, answer, SALT, self.sender), call

    def asked(self, account, call, signer=SIGNER, factory=None):
        """What the probe says, in a transaction: its answer is the code that stays."""
        signature = sign_digest(DIGEST, signer.private)
        probe = SignatureProbe.deploy(
            account, DIGEST, factory or self.contract.address, call, signature, self.sender
        )
        return bytes(web3.eth.get_code(probe.address)) == b"\x01"


@pytest.fixture
def factory(world):
    return Factory(world)


def test_it_believes_the_code_that_will_stand_at_the_account(factory):
    wallet, call = factory.making()
    assert factory.asked(wallet, call)


def test_a_stranger_is_not_the_wallets_signer(factory):
    wallet, call = factory.making()
    assert not factory.asked(wallet, call, STRANGER)


def test_an_account_that_is_there_is_not_its_business(factory):
    wallet = ScriptedWallet.deploy(SIGNER.address, factory.sender)
    assert not factory.asked(wallet.address, factory.contract.refuse.encode_input())


def test_factories_that_lie_refuse_or_answer_themselves_are_not_believed(factory):
    contract = factory.contract
    lies = (
        contract.refuse.encode_input(),
        contract.burn.encode_input(),
        contract.bomb.encode_input(),
        contract.isValidSignature.encode_input(DIGEST, b""),
        factory.making(owner=STRANGER)[1],
    )
    wallet = factory.making()[0]
    for call in lies:
        assert not factory.asked(wallet, call)
    assert not factory.asked(wallet, b"", factory=wallet)


@pytest.mark.parametrize("answer", [NO, REVERTS, BURNS, SHORT])
def test_a_wallet_must_say_the_whole_word(factory, answer):
    wallet, call = factory.making(answer)
    assert not factory.asked(wallet, call)


def test_a_wallet_that_says_a_megabyte_costs_a_word(factory):
    wallet, call = factory.making(BOMBS)
    assert factory.asked(wallet, call)
