"""Signing in, by people who mean ill: floods, replays, forgeries, contracts that never end."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Coroutine
from typing import Any, cast

import pytest
from berth.chain.rpc import Rpc, RpcError
from berth.core.errors import BerthError
from berth.core.sealed import Sealer
from berth.core.signing import sign_digest, text_digest
from berth.market.nonces import NONCE_SECONDS, NonceOffice
from berth.market.signin import Asking, check_signature
from berth.store import kept
from cryptography.fernet import Fernet
from eth_abi.abi import encode
from sqlalchemy import func, select

from tests.backend.web.people import Api, personal_sign, siwe_message
from tests.backend.worlds import DINO, EVE, WALL, World

MESSAGE = "a message"
MARKER = bytes.fromhex("6492") * 16


def used(world: World) -> int:
    with world.store.read() as conn:
        return conn.execute(select(func.count()).select_from(kept.nonces)).scalar_one()


def sign_in(api: Api, message: str, expect: int, signer: Any = DINO) -> Any:
    body = {"message": message, "signature": personal_sign(message, signer)}
    return api.post("/v1/session", body, expect=expect)


# ---- nonces


def test_a_flood_of_nonces_keeps_nothing_and_takes_nobodys_away(api: Api, world: World) -> None:
    message = siwe_message(api.nonce(), DINO)
    given = {api.nonce()["nonce"] for _ in range(200)}
    assert len(given) == 200
    assert used(world) == 0
    sign_in(api, message, 201)
    assert used(world) == 1


def test_what_was_used_is_forgotten_when_it_is_too_old_anyhow(api: Api, world: World) -> None:
    sign_in(api, siwe_message(api.nonce(), DINO), 201)
    world.wall.at += NONCE_SECONDS + 61
    sign_in(api, siwe_message(api.nonce(), DINO), 201)
    assert used(world) == 1


def later(nonce: str) -> str:
    """Its moment moved on, so that it would be good for longer."""
    return f"{int(nonce[:10], 16) + 300:010x}{nonce[10:]}"


@pytest.mark.parametrize(
    "forged",
    [
        later,
        lambda nonce: nonce[:-1] + ("0" if nonce[-1] != "0" else "1"),
        lambda nonce: nonce[:-32] + "0" * 32,
        lambda nonce: nonce.upper(),
        lambda nonce: nonce + "00",
        lambda nonce: nonce[:-2],
        lambda nonce: NonceOffice((os.urandom(32),)).issue(WALL),
    ],
    ids=["later", "another MAC", "no MAC", "another spelling", "longer", "shorter", "another key"],
)
def test_a_nonce_that_was_not_handed_out_opens_nothing(api: Api, world: World, forged: Any) -> None:
    given = api.nonce()
    message = siwe_message({**given, "nonce": forged(given["nonce"])}, DINO)
    assert sign_in(api, message, 401)["code"] == "session.nonce"
    assert used(world) == 0


def test_of_two_requests_with_one_nonce_one_opens_a_session(world: World) -> None:
    """Both have passed every check when the first one writes."""
    office = world.services.nonces
    nonce = office.issue(WALL)
    with world.store.read() as conn:
        office.check(conn, nonce, WALL)
        office.check(conn, nonce, WALL)
    with world.store.write() as conn:
        office.use(conn, nonce, WALL)
    with pytest.raises(BerthError) as refusal, world.store.write() as conn:
        office.use(conn, nonce, WALL)
    assert (refusal.value.code, refusal.value.status) == ("session.nonce", 401)


def test_a_nonce_is_known_by_every_process_and_after_a_change_of_keys() -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    nonce = NonceOffice.of(Sealer([old])).issue(WALL)
    for keys in ([old], [new, old]):
        assert NonceOffice.of(Sealer(keys))._issued(nonce) == WALL
    assert NonceOffice.of(Sealer([new]))._issued(nonce) is None


def test_the_nonce_in_a_message_for_another_account_is_that_accounts(api: Api) -> None:
    """Who is signed in is whom the message names: Eve's signature under Dino's message opens
    nothing, and her own message with Dino's nonce makes her Eve."""
    given = api.nonce()
    assert sign_in(api, siwe_message(given, DINO), 401, EVE)["code"] == "session.signature"
    assert sign_in(api, siwe_message(given, EVE), 201, EVE)["address"] == EVE.shown


# ---- accounts that are contracts


class Slow:
    """A node before which a contract computes until it is stopped."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.at_once = self.most = 0

    async def code(self, _address: str) -> bytes:
        return b"\x60"

    async def eth_call(self, to: str, _data: bytes, *, gas: int | None = None) -> bytes:
        return await self._compute({"to": to, "gas": gas})

    async def call(self, _method: str, call: dict[str, Any], _block: str) -> Any:
        return await self._compute(call)

    async def _compute(self, call: dict[str, Any]) -> Any:
        self.asked.append(call)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.Event().wait()
        finally:
            self.at_once -= 1


def wrapped(factory: str, making: bytes, signature: bytes) -> bytes:
    return encode(["address", "bytes", "bytes"], [factory, making, signature]) + MARKER


def ask(node: Slow, asking: Asking, signature: bytes = b"\x01") -> Coroutine[Any, Any, None]:
    return check_signature(cast("Rpc", node), EVE.address, MESSAGE, signature, asking)


async def test_contracts_that_compute_for_ever_are_few_at_once_and_not_asked_for_long() -> None:
    node, asking = Slow(), Asking(at_once=2, within=1.0)
    found = await asyncio.gather(*(ask(node, asking) for _ in range(20)), return_exceptions=True)
    assert {getattr(one, "code", one) for one in found} == {"session.busy"}
    assert node.most == 2
    assert node.at_once == 0
    assert len(node.asked) == 2  # the others gave up before it was their turn


async def test_people_with_plain_keys_do_not_wait_for_them() -> None:
    node, asking = Slow(), Asking(at_once=1, within=60.0)
    hanging = asyncio.create_task(ask(node, asking))
    while not node.at_once:
        await asyncio.sleep(0)
    good = sign_digest(text_digest(MESSAGE.encode()), DINO.key)
    async with asyncio.timeout(30):
        await check_signature(cast("Rpc", node), DINO.address, MESSAGE, good, asking)
    assert not hanging.done()
    hanging.cancel()


@pytest.mark.parametrize("signature", [b"\x01", wrapped(EVE.address, b"", b"\x01")])
async def test_a_contract_may_use_a_bounded_amount_of_gas(signature: bytes) -> None:
    node = Slow()
    with pytest.raises(BerthError):
        await ask(node, Asking(within=0.5), signature)
    (call,) = node.asked
    assert call["gas"] <= 8_000_000


async def test_a_factorys_call_may_use_a_bounded_amount_of_gas_and_goes_to_nobody() -> None:
    node = Slow()
    node.code = lambda _address: asyncio.sleep(0, b"")  # type: ignore[method-assign,assignment]
    with pytest.raises(BerthError):
        await ask(node, Asking(within=0.5), wrapped(EVE.address, b"\xde\xad", b"\x01"))
    (call,) = node.asked
    assert int(call["gas"], 16) <= 8_000_000
    assert "to" not in call
    assert "value" not in call


async def test_no_wrapper_however_mangled_is_more_than_a_no() -> None:
    """Lengths and offsets are the sender's: whatever they are, it is a refusal."""

    class No(Slow):
        async def _compute(self, call: dict[str, Any]) -> Any:
            raise RpcError("eth_call", 3, "execution reverted", None)

    chance = random.Random(5)
    good = wrapped(EVE.address, b"\xde\xad" * 40, b"\x01" * 65)[: -len(MARKER)]
    for _ in range(300):
        raw = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            raw[chance.randrange(len(raw))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
        cut = raw[: chance.randint(0, len(raw))] if chance.random() < 0.3 else raw
        with pytest.raises(BerthError) as refusal:
            await ask(No(), Asking(), bytes(cut) + MARKER)
        assert refusal.value.code == "session.signature"
