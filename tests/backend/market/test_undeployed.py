"""Signing in by an account that is not deployed yet (ERC-6492), on a chain with real code: who is
believed, and what liars get."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from berth.chain.abi import Abi
from berth.chain.local import LocalChain, LocalChainOptions
from berth.chain.rpc import Rpc
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.signing import sign_digest, text_digest
from berth.market.signin import check_signature
from eth_abi.abi import encode

from tests.absent import absent
from tests.backend.worlds import DINO, EVE, Person

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
BUILD = Path(__file__).parents[3] / "build" / "contracts"
MESSAGE = "127.0.0.1:8000 wants you to sign in"
WRAPPER = bytes.fromhex("6492") * 16
SALT = b"\x07" * 32
HONEST, YES, NO, REVERTS, BURNS, BOMBS, SHORT = range(7)


def artifact(name: str) -> tuple[Abi, bytes]:
    """Interface and creation code of a contract for tests, as the build has it."""
    path = BUILD / f"{name}.json"
    if not path.is_file():
        absent(f"{name} is not built: run `make build`")
    document = json.loads(path.read_text("utf-8"))
    return Abi(name, document["abi"]), bytes.fromhex(document["bytecode"].removeprefix("0x"))


class Town:
    """A factory of wallets on a chain of its own."""

    def __init__(self, rpc: Rpc, factory: str, abi: Abi, payer: str) -> None:
        self.rpc, self.factory, self.abi, self._payer = rpc, factory, abi, payer

    def making(self, key: Person, answer: int = HONEST) -> bytes:
        return self.abi.encode_call("make", key.address, answer, SALT)

    async def wallet(self, key: Person, answer: int = HONEST) -> str:
        """The address that a wallet will have."""
        told = await self.rpc.eth_call(self.factory, self.making(key, answer))
        return "0x" + told[-20:].hex()

    async def send(self, to: str | None, data: bytes) -> str | None:
        """Mines a transaction; the contract that it made."""
        call = {"from": self._payer, "data": "0x" + data.hex(), "gas": hex(5_000_000)}
        tx_hash = await self.rpc.call(
            "eth_sendTransaction", call if to is None else {**call, "to": to}
        )
        receipt = await self.rpc.receipt(str(tx_hash))
        assert receipt is not None
        assert receipt.succeeded
        return receipt.contract_address

    def wrapped(self, by: Person, making: bytes, factory: str | None = None) -> bytes:
        inner = sign_digest(text_digest(MESSAGE.encode()), by.key)
        given = (factory or self.factory, making, inner)
        return encode(("address", "bytes", "bytes"), given) + WRAPPER

    async def believes(self, account: str, signature: bytes) -> bool:
        try:
            await check_signature(self.rpc, account, MESSAGE, signature)
        except BerthError as error:
            if error.code != "session.signature":
                raise
            return False
        return True


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    abi, code = artifact("WalletFactory")
    chain = await LocalChain.start(LocalChainOptions(tmp_path / "chain", port=0, block_time=0))
    try:
        async with Rpc(chain.url) as rpc:
            payer = str((await rpc.call("eth_accounts"))[0])
            made = Town(rpc, "", abi, payer)
            made.factory = str(await made.send(None, code)).lower()
            yield made
    finally:
        await chain.stop()


async def test_who_is_not_deployed_yet_is_believed_by_what_will_stand_there(town: Town) -> None:
    wallet = await town.wallet(DINO)
    good = town.wrapped(DINO, town.making(DINO))
    assert await town.believes(wallet, good)
    assert await town.rpc.code(wallet) == b"", "asking must leave nothing behind"
    # somebody else's key, another account, another message
    assert not await town.believes(wallet, town.wrapped(EVE, town.making(DINO)))
    assert not await town.believes(await town.wallet(EVE), good)
    with pytest.raises(BerthError):
        await check_signature(town.rpc, wallet, MESSAGE + ".", good)
    # what is no wrapper
    for bad in (WRAPPER, b"\x00" + WRAPPER, b"\xff" * 96 + WRAPPER, good[:-1], good + b"\x00"):
        assert not await town.believes(wallet, bad)

    # once it is there it is asked itself, with and without the wrapper
    await town.send(town.factory, town.making(DINO))
    assert await town.rpc.code(wallet)
    assert await town.believes(wallet, good)
    assert await town.believes(wallet, sign_digest(text_digest(MESSAGE.encode()), DINO.key))
    assert not await town.believes(wallet, town.wrapped(EVE, town.making(DINO)))
    # and nobody talks it over by a call before the question
    persuade = artifact("ScriptedWallet")[0].encode_call("setAnswer", YES)
    assert not await town.believes(wallet, town.wrapped(EVE, persuade, wallet))


async def test_a_factory_that_lies_convinces_nobody(town: Town) -> None:
    wallet, victim = await town.wallet(DINO), Person.called("victim").address
    for account in (wallet, victim, EVE.address):
        # it makes another wallet, nothing, answers itself, refuses, burns, answers a megabyte
        assert not await town.believes(account, town.wrapped(EVE, town.making(EVE)))
        for name in ("refuse", "burn", "bomb"):
            lie = town.wrapped(EVE, town.abi.encode_call(name))
            assert not await town.believes(account, lie), name
        asked = keccak(b"isValidSignature(bytes32,bytes)")[:4] + encode(
            ("bytes32", "bytes"), (b"\x00" * 32, b"")
        )
        assert not await town.believes(account, town.wrapped(EVE, asked))
        # no code at all where the factory should be, or the account itself
        for factory in (account, "0x" + "00" * 20, "0x" + "00" * 19 + "01"):
            assert not await town.believes(account, town.wrapped(EVE, asked, factory))
    # a plain key inside a wrapper proves nothing about a contract
    assert not await town.believes(EVE.address, town.wrapped(EVE, b""))


@pytest.mark.parametrize("answer", [NO, REVERTS, BURNS, SHORT])
async def test_an_account_that_does_not_say_yes_is_not_believed(town: Town, answer: int) -> None:
    wallet = await town.wallet(DINO, answer)
    assert not await town.believes(wallet, town.wrapped(DINO, town.making(DINO, answer)))


async def test_an_account_that_says_more_than_yes_costs_a_word(town: Town) -> None:
    wallet = await town.wallet(DINO, BOMBS)
    assert await town.believes(wallet, town.wrapped(DINO, town.making(DINO, BOMBS)))
