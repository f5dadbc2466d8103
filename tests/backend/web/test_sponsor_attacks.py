"""Draining the sponsor: many accounts, several processes at once, orders that fail, and what else
somebody may try with an operator's money."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from berth.chain.abi import FOLDER
from berth.core.errors import BerthError
from berth.core.signing import sign_digest
from berth.market.forwarding import FORWARDED, ForwardRequest
from berth.market.sponsoring import LONGEST_SECONDS, Bounds, Sponsor, newcomers
from berth.store.kept import sent_transactions
from berth.store.transactions import TransactionJournal
from sqlalchemy import select

from tests.backend.web.forwarding import CONTRACTS, Chain, revert, sponsor_of
from tests.backend.worlds import DEPLOYMENT, DINO, EVE, NOW, OLGA, Person, World

PAYOUT = CONTRACTS.market.calldata("setAutoPayout", True)
GAS = 250_000


class Town:
    """A node, and processes of the operator that share a database and a key."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chain = Chain(world)

    def process(self, bounds: Bounds | None = None, **limits: int) -> Sponsor:
        return sponsor_of(self.world, self.chain, bounds, **limits)

    def signed(self, who: Person, data: bytes = PAYOUT, **changes: Any) -> tuple[Any, bytes]:
        given: dict[str, Any] = {"gas": GAS, "nonce": 0, "deadline": NOW + LONGEST_SECONDS}
        to = changes.pop("to", DEPLOYMENT.market)
        request = ForwardRequest(who.address, to, data=data, **(given | changes))
        return request, sign_digest(request.message(DEPLOYMENT).digest, who.key)

    def sent(self) -> list[str]:
        with self.world.store.read() as conn:
            return list(conn.execute(select(sent_transactions.c.purpose)).scalars())


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    world = World(tmp_path)
    yield Town(world)
    world.close()


async def refused(sponsor: Sponsor, order: tuple[Any, bytes]) -> str:
    with pytest.raises(BerthError) as refusal:
        await sponsor.bring(*order)
    return refusal.value.code


class Meeting:
    """Processes that all have looked before any of them writes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, parties: int) -> None:
        waiting, real = asyncio.Barrier(parties), Sponsor._rehearse

        async def rehearse(sponsor: Sponsor, *given: Any) -> None:
            await real(sponsor, *given)
            await waiting.wait()

        monkeypatch.setattr(Sponsor, "_rehearse", rehearse)


async def test_two_processes_do_not_bring_two_orders_of_one_account_under_one_nonce(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second could only fail, at the operator's expense: that is what the one who signed both
    would want."""
    Meeting(monkeypatch, 2)
    other = CONTRACTS.market.calldata("setAutoPayout", False)
    found = await asyncio.gather(
        town.process().bring(*town.signed(DINO)),
        town.process().bring(*town.signed(DINO, other)),
        return_exceptions=True,
    )
    assert sorted(getattr(one, "code", "sent") for one in found) == ["intent.busy", "sent"]
    assert len(town.sent()) == 1
    town.chain.mine()
    assert [done for _hash, _fields, _height, done in town.chain.mined] == [True]


async def test_one_order_that_two_processes_get_is_brought_once(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    Meeting(monkeypatch, 2)
    order = town.signed(DINO)
    one, other = await asyncio.gather(town.process().bring(*order), town.process().bring(*order))
    assert one == other
    assert len(town.sent()) == len(town.chain.pool) == 1


async def test_many_accounts_at_once_do_not_get_past_what_is_paid_for_in_all(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten accounts in ten processes, and enough for four: each looked before any was on record."""
    Meeting(monkeypatch, 10)
    limit = (await _limit_of_one(town)) * 4
    bounds = Bounds(gas=limit, newcomers_pct=100)
    people = [Person.called(f"sybil {number}") for number in range(10)]
    found = await asyncio.gather(
        *(town.process(bounds).bring(*town.signed(who)) for who in people), return_exceptions=True
    )
    codes = [getattr(one, "code", "sent") for one in found]
    assert (codes.count("sent"), codes.count("intent.limit")) == (4, 6)


async def _limit_of_one(town: Town) -> int:
    """Gas that is set aside for one order."""
    from berth.market.sponsoring import _limit

    return _limit(town.signed(DINO)[0])


async def test_accounts_that_anybody_makes_leave_something_for_the_others(town: Town) -> None:
    """Dino has a lease and Olga a space: strangers may use up half of the day, and not theirs."""
    town.world.add_edition()
    space = town.world.add_space()
    town.world.add_offer(space)
    town.world.add_lease(space)
    one = await _limit_of_one(town)
    sponsor = town.process(Bounds(gas=4 * one))
    for number in range(2):
        await sponsor.bring(*town.signed(Person.called(f"sybil {number}")))
    assert await refused(sponsor, town.signed(EVE)) == "intent.limit"
    assert await sponsor.offer(EVE.address, DEPLOYMENT.market, PAYOUT, GAS * 4 // 5) is None
    await sponsor.bring(*town.signed(DINO))
    await sponsor.bring(*town.signed(OLGA))
    assert len(town.sent()) == 4


async def test_a_newcomer_is_one_without_a_space_or_a_lease(town: Town) -> None:
    everybody = {DINO.address, OLGA.address, EVE.address}
    with town.world.store.read() as conn:
        assert newcomers(conn, everybody) == everybody
    town.world.add_edition()
    space = town.world.add_space()
    town.world.add_offer(space)
    town.world.add_lease(space)
    many = {Person.called(f"sybil {number}").address for number in range(3)}
    with town.world.store.read() as conn:
        assert newcomers(conn, everybody | many) == {EVE.address} | many


async def test_orders_that_fail_when_they_are_mined_count_like_others(town: Town) -> None:
    """Whoever brings the same order himself first makes the operator's fail: forty times a day."""
    sponsor = town.process(Bounds(calls=2))
    for nonce in range(2):
        request, signature = town.signed(DINO, nonce=town.chain.nonces.get(DINO.address, 0))
        await sponsor.bring(request, signature)
        town.chain.nonces[DINO.address] = nonce + 1  # by somebody else's transaction
        town.chain.mine()
        await town.process()._sender.resume()
    assert [done for *_rest, done in town.chain.mined] == [False, False]
    assert await refused(sponsor, town.signed(DINO, nonce=2)) == "intent.limit"


async def test_a_spike_of_the_price_of_gas_is_not_paid(town: Town) -> None:
    town.chain.base_fee = 10**12
    assert await refused(town.process(max_fee=10**11), town.signed(DINO)) == "intent.not_paid"
    assert await refused(town.process(spend_a_day=10**15), town.signed(EVE)) == "intent.not_paid"
    assert town.sent() == []


async def test_what_fails_now_is_not_sent(town: Town) -> None:
    town.chain.refusal = lambda _account, _data: revert("Berth_Paused", NOW)
    assert await refused(town.process(), town.signed(DINO)) == "chain.Berth_Paused"
    assert town.sent() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": DEPLOYMENT.asset}, "intent.data"),
        ({"to": DEPLOYMENT.forwarder}, "intent.target"),
        ({"to": DEPLOYMENT.titles}, "intent.target"),
        ({"to": EVE.address}, "intent.target"),
        ({"gas": 3_000_001}, "intent.gas"),
        ({"gas": 0}, "intent.gas"),
        ({"deadline": NOW}, "intent.deadline"),
        ({"deadline": NOW + 10_000}, "intent.deadline"),
        ({"nonce": 1}, "intent.nonce"),
        ({"data": b""}, "intent.data"),
        ({"data": PAYOUT + b"\0"}, "intent.data"),
        ({"data": CONTRACTS.market.calldata("withdraw", EVE.address, 1)}, "intent.verb"),
        ({"data": CONTRACTS.market.calldata("grantRole", b"\0" * 32, EVE.address)}, "intent.verb"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_nothing_else_is_paid_for(town: Town, changes: dict[str, Any], code: str) -> None:
    assert await refused(town.process(), town.signed(DINO, **changes)) == code
    assert town.sent() == []


def test_nothing_that_moves_money_out_or_governs_is_among_what_is_paid_for() -> None:
    """Every verb of the market is on one side or the other: a new one has to be put somewhere."""
    told = json.loads((FOLDER / "ParkingMarket.json").read_text("utf-8"))["abi"]
    verbs = {
        one["name"]
        for one in told
        if one["type"] == "function" and one["stateMutability"] == "nonpayable"
    }
    assert verbs - set(FORWARDED) == {
        "closeBatch", "grantRole", "pause", "payout", "payoutBatch", "record", "recordBatch",
        "release", "renounceRole", "resolve", "revokeAttestation", "revokeAttester", "revokeRole",
        "setAttester", "setFee", "unpause", "withdraw", "withdrawFees",
    }  # fmt: skip
    assert set(FORWARDED) <= verbs


async def test_a_signature_for_another_chain_or_forwarder_is_none(town: Town) -> None:
    from dataclasses import replace

    request, _signature = town.signed(DINO)
    for other in (
        replace(DEPLOYMENT, chain_id=1),
        replace(DEPLOYMENT, forwarder="0x" + "99" * 20),
    ):
        signature = sign_digest(request.message(other).digest, DINO.key)
        assert await refused(town.process(), (request, signature)) == "intent.signature"


async def test_what_objects_is_asked_where_nobody_else_gives_out_a_nonce(town: Town) -> None:
    journal = TransactionJournal(town.world.store)

    def sign(nonce: int) -> tuple[bytes, str]:
        return b"\x02", f"0x{nonce:064x}"

    no = BerthError("intent.busy", "no", status=409)
    with pytest.raises(BerthError, match="no"):
        journal.take("0x1", "a", 0, sign, unless=lambda _conn: no)
    assert town.sent() == []
    assert journal.take("0x1", "a", 0, sign, unless=lambda _conn: None).nonce == 0
    # one that is on record already is not asked about again
    assert journal.take("0x1", "a", 0, sign, unless=lambda _conn: no).nonce == 0
