"""Calls that accounts sign and the operator brings: what is refused, whoever asks, and what is
named."""

from __future__ import annotations

from typing import Any

import pytest
from berth.core.ids import parse_lease
from berth.market.sponsoring import LONGEST_SECONDS, MOST_GAS, Bounds

from tests.backend.web.forwarding import CONTRACTS, revert
from tests.backend.web.orders import CANCEL, LEASE, Town
from tests.backend.web.people import fields
from tests.backend.worlds import DEPLOYMENT, DINO, EVE, NOW


def test_nobody_submits_for_another_account(town: Town) -> None:
    body = town.signed()
    problem = town.submit(body, EVE, expect=403)
    assert (problem["code"], fields(problem)) == ("intent.foreign", ["request.from"])
    assert town.api.post("/v1/intents/submit", body, expect=401)["code"] == "session.required"
    forged = town.sign({**body["request"], "from": DINO.address}, EVE)
    problem = town.submit(forged, DINO, expect=422)
    assert (problem["code"], fields(problem)) == ("intent.signature", ["signature"])
    assert town.records() == []


@pytest.mark.parametrize(
    "change",
    [
        {"data": "0x" + CONTRACTS.market.calldata("dispute", parse_lease(LEASE)).hex()},
        {"gas": str(MOST_GAS)},
        {"nonce": "1"},
        {"deadline": NOW + 60},
    ],
)
def test_what_was_changed_after_signing_is_refused(town: Town, change: dict[str, Any]) -> None:
    body = town.signed()
    body["request"] |= change
    assert town.submit(body, expect=422)["code"] == "intent.signature"
    assert town.records() == []


def test_the_same_request_is_one_transaction_however_often_it_comes(town: Town) -> None:
    body = town.signed()
    first = town.submit(body)
    again = town.submit(body)
    assert again["transaction"] == first["transaction"]
    town.chain.mine()
    town.look_after()
    assert town.submit(body)["state"] == "mined"
    # by another spelling of its bytes, too
    shout = {**body["request"], "data": body["request"]["data"].upper().replace("0X", "0x")}
    assert town.submit({**body, "request": shout})["id"] == first["id"]
    assert len(town.records()) == 1
    assert len(town.chain.market_calls) == 1


def test_a_used_request_signed_once_more_is_refused(town: Town) -> None:
    body = town.signed()
    town.submit(body)
    town.chain.mine()
    late = town.sign(body["request"], DINO, deadline=NOW + 300)
    problem = town.submit(late, expect=409)
    assert (problem["code"], fields(problem)) == ("intent.nonce", ["request.nonce"])


@pytest.mark.parametrize(
    "data",
    [
        CONTRACTS.market.calldata("withdraw", EVE.address, 5),
        CONTRACTS.market.calldata("payout", DINO.address),
        CONTRACTS.market.calldata("setFee", 0),
        CONTRACTS.market.calldata("grantRole", bytes(32), EVE.address),
        CONTRACTS.market.calldata("creditOf", EVE.address),
    ],
)
def test_money_out_and_government_are_nobodys_to_bring(town: Town, data: bytes) -> None:
    assert town.prepare(data)["sponsored"] is False
    message = town.prepare()["typedData"]["message"]
    body = town.sign({**message, "data": "0x" + data.hex()}, DINO)
    problem = town.submit(body, expect=422)
    assert (problem["code"], fields(problem)) == ("intent.verb", ["request.data"])
    assert town.records() == []


def test_another_target_is_refused_and_so_is_the_forwarder_itself(town: Town) -> None:
    body = town.signed()
    nested = CONTRACTS.forwarder.calldata(
        "execute",
        {
            "from": DINO.address, "to": DEPLOYMENT.market, "value": 0, "gas": 100_000,
            "deadline": NOW + 60, "data": CANCEL, "signature": bytes(65),
        },
    )  # fmt: skip
    approve = CONTRACTS.asset.calldata("approve", EVE.address, 5)
    for to, data, code in (
        (DEPLOYMENT.forwarder, nested, "intent.target"),
        (DEPLOYMENT.titles, CANCEL, "intent.target"),
        (EVE.address, CANCEL, "intent.target"),
        (DEPLOYMENT.asset, approve, "intent.target"),
        (DEPLOYMENT.market, nested, "intent.data"),
    ):
        changes = {"to": to, "data": "0x" + data.hex()}
        problem = town.submit(town.sign({**body["request"], **changes}, DINO), expect=422)
        at_fault = "data" if code == "intent.data" else "to"
        assert problem["code"] == code, to
        assert fields(problem) == [f"request.{at_fault}"], to
        assert problem["errors"][0]["pointer"] == f"/request/{at_fault}", to
    for to in (DEPLOYMENT.forwarder, EVE.address):
        problem = town.prepare(to=to, expect=422)
        assert (problem["code"], fields(problem)) == ("intent.target", ["to"])
    assert town.prepare(approve, to=DEPLOYMENT.asset)["sponsored"] is False
    assert town.records() == []


@pytest.mark.parametrize("tail", [b"\0" * 32, b"\0", bytes.fromhex(EVE.address[2:])])
def test_bytes_behind_the_arguments_are_refused(town: Town, tail: bytes) -> None:
    # behind them the forwarder puts the account: nobody else shall
    assert fields(town.prepare(CANCEL + tail, expect=422)) == ["data"]
    message = town.prepare()["typedData"]["message"]
    body = town.sign({**message, "data": "0x" + (CANCEL + tail).hex()}, DINO)
    assert fields(town.submit(body, expect=422)) == ["request.data"]


def test_the_malleable_twin_of_a_signature_is_refused(town: Town) -> None:
    body = town.signed()
    raw = bytes.fromhex(body["signature"][2:])
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - int.from_bytes(raw[32:64], "big")
    twin = raw[:32] + s.to_bytes(32, "big") + bytes([55 - raw[64]])
    problem = town.submit({**body, "signature": "0x" + twin.hex()}, expect=422)
    assert problem["code"] == "signature.s"


def test_an_account_has_one_order_under_way_and_so_many_a_day(town: Town) -> None:
    town.restart(Bounds(calls=2))
    body = town.signed()
    town.submit(body)
    assert town.prepare(expect=409)["code"] == "intent.busy"
    rival = town.sign(body["request"], DINO, deadline=NOW + 300)
    assert town.submit(rival, expect=409)["code"] == "intent.busy"
    town.chain.mine()
    town.submit(town.signed())
    town.chain.mine()
    assert town.prepare()["sponsored"] is False
    message = {**body["request"], "nonce": "2"}
    assert town.submit(town.sign(message, DINO), expect=429)["code"] == "intent.limit"
    assert town.prepare(who=EVE)["sponsored"] is True


def test_an_order_that_is_stuck_blocks_nobody_beyond_its_deadline(town: Town) -> None:
    first = town.submit(town.signed())["id"]
    town.world.clock.at = NOW + LONGEST_SECONDS
    assert town.prepare(expect=409)["code"] == "intent.busy"
    town.world.clock.at = NOW + LONGEST_SECONDS + 1
    second = town.submit(town.signed())["id"]
    town.chain.mine()
    assert town.state(first)["state"] == "failed"
    assert town.state(second)["state"] == "mined"
    assert town.chain.market_calls == [(DINO.address, CANCEL)]


def test_gas_of_an_account_and_in_all_is_bounded(town: Town) -> None:
    gas = town.chain.needs * 5 // 4
    for bounds in (Bounds(account_gas=gas - 1), Bounds(gas=gas - 1)):
        town.restart()
        body = town.signed()
        town.restart(bounds)
        assert town.prepare()["sponsored"] is False
        assert town.submit(body, expect=429)["code"] == "intent.limit"
    town.restart(Bounds(gas=2 * gas))
    town.submit(town.signed(who=EVE), EVE)
    # until it is mined, what it may use counts
    assert town.prepare()["sponsored"] is False
    assert town.records()[0].state == "sent"


def test_the_key_pays_no_more_than_the_operator_allows(town: Town) -> None:
    body = town.signed()
    town.restart(spend_a_day=1000)
    problem = town.submit(body, expect=503)
    assert problem["code"] == "intent.not_paid"
    assert "operator" in problem["detail"]
    town.restart(max_fee=5)
    assert town.submit(body, expect=503)["code"] == "intent.not_paid"
    assert town.records() == []
    town.restart()
    town.submit(body)


def test_an_empty_purse_is_seen_before_anybody_signs(town: Town) -> None:
    town.chain.balance = 1000
    assert town.prepare()["sponsored"] is False


def test_a_wallet_that_is_a_contract_pays_for_itself(town: Town) -> None:
    town.chain.codes[DINO.address] = b"\x60\x80"
    assert town.prepare()["sponsored"] is False
    town.chain.codes[DINO.address] = bytes.fromhex("ef0100") + bytes(20)
    assert town.prepare()["sponsored"] is True


def test_what_would_fail_by_now_is_not_sent(town: Town) -> None:
    body = town.signed()
    town.chain.refusal = lambda _account, _data: revert("Berth_LeaseUnknown", parse_lease(LEASE))
    problem = town.submit(body, expect=409)
    assert problem["code"] == "chain.Berth_LeaseUnknown"
    assert problem["detail"].startswith("There is no such lease.")
    assert town.records() == []


def test_deadlines_are_soon(town: Town) -> None:
    body = town.signed()
    for deadline in (NOW, NOW - 1, NOW + 3600, (1 << 48) - 1):
        late = town.sign(body["request"], DINO, deadline=deadline)
        assert fields(town.submit(late, expect=422)) == ["request.deadline"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"from": "0x12"}, "request.from"),
        ({"to": "market"}, "request.to"),
        ({"value": "1"}, "request.value"),
        ({"value": 0}, "request.value"),
        ({"gas": "-1"}, "request.gas"),
        ({"gas": "0"}, "request.gas"),
        ({"gas": str(MOST_GAS + 1)}, "request.gas"),
        ({"gas": "1e6"}, "request.gas"),
        ({"nonce": "0x0"}, "request.nonce"),
        ({"nonce": "00"}, "request.nonce"),
        ({"deadline": -1}, "request.deadline"),
        ({"deadline": 1 << 48}, "request.deadline"),
        ({"data": "0x"}, "request.data"),
        ({"data": "0x123"}, "request.data"),
        ({"data": "0xdeadbeef"}, "request.data"),
        ({"data": "0x" + CANCEL.hex()[:-2]}, "request.data"),
        ({"more": 1}, "request.more"),
    ],
)
def test_a_bad_field_of_a_request_is_named(town: Town, change: dict[str, Any], field: str) -> None:
    body = town.signed()
    body["request"] |= change
    assert fields(town.submit(body, expect=422)) == [field]
    assert town.records() == []


@pytest.mark.parametrize("signature", ["", "0x", "0x12", "0x" + "00" * 64, "0x" + "00" * 65])
def test_a_bad_signature_is_named(town: Town, signature: str) -> None:
    body = town.signed() | {"signature": signature}
    assert fields(town.submit(body, expect=422)) == ["signature"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"data": "0x" + CANCEL.hex()}, "to"),
        ({"to": DEPLOYMENT.market}, "data"),
        ({"to": "0x1", "data": "0x" + CANCEL.hex()}, "to"),
        ({"to": DEPLOYMENT.market, "data": "0x1234"}, "data"),
        ({"to": DEPLOYMENT.market, "data": "0x" + "00" * 24_001}, "data"),
    ],
)
def test_a_bad_field_of_a_call_is_named(town: Town, body: dict[str, Any], field: str) -> None:
    assert fields(town.api.post("/v1/intents/prepare", body, DINO, expect=422)) == [field]
    assert town.api.post("/v1/intents/prepare", body, expect=401)
