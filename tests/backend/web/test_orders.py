"""Calls that accounts sign and the operator brings: who may, how often, and what becomes of it."""

from __future__ import annotations

from typing import Any

from berth.chain.wire import Log
from berth.core.ids import parse_lease, parse_space
from berth.market.forwarding import FORWARDED
from berth.market.sponsoring import LONGEST_SECONDS
from eth_abi.abi import encode

from tests.backend.web.forwarding import CONTRACTS, MARKET, revert
from tests.backend.web.orders import CANCEL, LEASE, Town
from tests.backend.worlds import DEPLOYMENT, DINO, EVE, NOW, OLGA


def test_a_signed_call_is_brought_and_followed_until_it_stands(town: Town) -> None:
    prepared = town.prepare()
    assert (prepared["refusal"], prepared["sponsored"]) == (None, True)
    assert prepared["gas"] == town.chain.needs
    message = prepared["typedData"]["message"]
    assert message == {
        "from": DINO.address, "to": DEPLOYMENT.market, "value": "0",
        "gas": str(town.chain.needs * 5 // 4), "nonce": "0", "deadline": NOW + LONGEST_SECONDS,
        "data": "0x" + CANCEL.hex(),
    }  # fmt: skip
    state = town.submit(town.sign(message, DINO))
    assert (state["state"], state["leaseId"]) == ("pending", LEASE)
    assert (state["confirmations"], state["required"], state["block"]) == (0, 2, None)
    identity = state["id"]
    town.chain.mine()
    state = town.state(identity)
    assert (state["state"], state["confirmations"], state["block"]) == ("mined", 1, 101)
    assert state["secondsLeft"] > 0
    town.chain.mine()
    state = town.state(identity)
    assert (state["state"], state["confirmations"], state["secondsLeft"]) == ("confirmed", 2, 0)
    assert town.chain.market_calls == [(DINO.address, CANCEL)]


def test_where_nobody_pays_the_wallet_sends_it(town: Town) -> None:
    body = town.signed()
    town.world.services.sponsor = None
    prepared = town.prepare()
    assert (prepared["sponsored"], prepared["typedData"]) == (False, None)
    assert prepared["gas"] == town.chain.needs
    assert town.api.get("/v1/config")["sponsor"] is None
    assert town.submit(body, expect=404)["code"] == "intent.unsponsored"


def test_the_configuration_says_what_is_paid_for(town: Town) -> None:
    sponsor = town.api.get("/v1/config")["sponsor"]
    assert sponsor["forwarder"].lower() == DEPLOYMENT.forwarder
    assert sponsor["domain"]["name"] == "Berth Forwarder"
    assert sponsor["domain"]["verifyingContract"] == sponsor["forwarder"]
    assert tuple(sponsor["verbs"]) == FORWARDED


def test_only_verbs_that_know_the_forwarder_are_paid_for() -> None:
    raw = {
        "withdraw", "payout", "payoutBatch", "resolve", "setFee", "withdrawFees", "setAttester",
        "revokeAttester", "revokeAttestation", "pause", "unpause", "grantRole", "revokeRole",
        "renounceRole", "release", "record", "recordBatch", "closeBatch",
    }  # fmt: skip
    verbs = {entry.name for entry in MARKET.functions.values() if entry.name in {*FORWARDED, *raw}}
    assert verbs == {*FORWARDED, *raw}
    assert not raw & set(FORWARDED)


def test_a_call_that_would_be_refused_is_told_so_and_nothing_is_to_be_signed(town: Town) -> None:
    town.chain.refusal = lambda account, data: (
        revert("Berth_NotDriver", parse_lease(LEASE), OLGA.address, account)
        if _has(MARKET, "Berth_NotDriver", 3)
        else revert("Berth_NotDriver", parse_lease(LEASE))
    )
    answer = town.prepare()
    assert (answer["sponsored"], answer["typedData"], answer["gas"]) == (False, None, None)
    assert answer["refusal"]["code"] == "Berth_NotDriver"
    assert answer["refusal"]["sentence"] == "Only the driver of the lease may do this."
    assert town.prepare(language="zh")["refusal"]["sentence"].startswith("只有")


def _has(abi: Any, error: str, count: int) -> bool:
    return any(e.name == error and len(e.inputs) == count for e in abi.errors.values())


# ---- crashes, reorgs


def test_one_that_a_crash_left_unsent_is_sent_once_by_whoever_comes_next(town: Town) -> None:
    body = town.signed()
    town.chain.deaf = True
    town.submit(body, expect=503)
    (record,) = town.records()
    assert record.state == "signed"
    identity = record.purpose.split(":")[-1]
    assert town.state(identity)["state"] == "queued"
    town.chain.deaf = False
    town.look_after()
    assert town.submit(body)["state"] == "pending"
    town.chain.mine()
    assert town.state(identity)["state"] == "mined"
    assert len(town.chain.mined) == 1


def test_a_lost_answer_does_not_bring_it_twice(town: Town) -> None:
    body = town.signed()
    town.chain.loses_answers = True
    town.submit(body, expect=503)
    town.chain.loses_answers = False
    town.restart()
    town.submit(body)
    town.look_after()
    town.chain.mine()
    assert len(town.chain.market_calls) == 1


def test_what_a_reorg_took_is_pending_again_and_comes_back_by_itself(town: Town) -> None:
    identity = town.submit(town.signed())["id"]
    town.chain.mine()
    town.look_after()
    assert town.state(identity)["state"] == "mined"
    town.chain.reorganise()
    assert town.state(identity)["state"] == "pending"
    town.look_after()
    town.chain.mine()
    town.chain.mine()
    assert town.state(identity)["state"] == "confirmed"
    assert len(town.chain.market_calls) == 1


def test_one_whose_nonce_went_to_another_is_gone(town: Town) -> None:
    identity = town.submit(town.signed())["id"]
    (record,) = town.records()
    town.restart()._journal.mark(record.purpose, "replaced", reason="nonce taken")
    town.chain.pool.clear()
    assert town.state(identity)["state"] == "gone"


def test_one_that_failed_says_why_in_the_readers_language(town: Town) -> None:
    identity = town.submit(town.signed())["id"]
    town.chain.refusal = lambda _account, _data: revert("Berth_LeaseUnknown", parse_lease(LEASE))
    town.chain.mine()
    state = town.state(identity)
    assert (state["state"], state["refusal"]["code"]) == ("failed", "Berth_LeaseUnknown")
    assert state["refusal"]["sentence"] == "There is no such lease."
    assert town.state(identity, language="zh")["refusal"]["sentence"] == "没有该租约。"


# ---- who may look, and at what


def test_nobody_else_sees_it(town: Town) -> None:
    identity = town.submit(town.signed())["id"]
    (record,) = town.records()
    assert town.state(identity, EVE, expect=404)["code"] == "intent.unknown"
    assert town.state(record.tx_hash, EVE, expect=404)["code"] == "intent.unknown"
    assert town.state(record.tx_hash, DINO)["leaseId"] == LEASE
    town.api.get(f"/v1/intents/{identity}", expect=401)
    assert town.state("0x" + "77" * 32, expect=404)["code"] == "intent.unknown"
    assert town.state("0x12", expect=422)["code"] == "request.invalid"


def test_a_transaction_of_the_wallets_own_is_followed(town: Town) -> None:
    tx_hash = "0x" + "ab" * 32
    assert town.state(tx_hash, expect=404)["code"] == "intent.unknown"
    town.chain.send_by_wallet(tx_hash, DINO.address, DEPLOYMENT.market, CANCEL)
    state = town.state(tx_hash)
    assert (state["state"], state["leaseId"]) == ("pending", LEASE)
    town.state(tx_hash, EVE, expect=404)
    town.chain.mine()
    town.chain.mine()
    assert town.state(tx_hash.upper().replace("0X", "0x"))["state"] == "confirmed"


def test_a_wallets_transaction_that_the_chain_forgot_is_gone(town: Town) -> None:
    tx_hash = "0x" + "ab" * 32
    town.chain.send_by_wallet(tx_hash, DINO.address, DEPLOYMENT.market, CANCEL)
    town.state(tx_hash)
    town.chain.pool.clear()
    assert town.state(tx_hash)["state"] == "gone"
    town.state(tx_hash, EVE, expect=404)


def test_a_lease_stands_once_it_is_deep_enough_for_its_deposit_and_in_the_index(
    town: Town,
) -> None:
    world, chain = town.world, town.chain
    space = world.add_space()
    world.add_offer(space)
    request = {
        "spaceId": parse_space(space), "startSlot": NOW // 900, "slots": 8, "offer": 1,
        "kwhCap": 0, "plateCommitment": b"\x11" * 32, "maxCost": 10**6,
    }  # fmt: skip
    identity = town.submit(town.signed(CONTRACTS.market.calldata("lease", request)))["id"]
    assert town.state(identity)["spaceId"] == space
    assert town.state(identity)["leaseId"] is None
    (tx_hash, _fields) = chain.pool[0]
    lease = parse_space(space) << 48 | NOW // 900 << 16 | 1
    data = encode(["uint16", "uint16", "uint8", "uint128", "uint128", "bytes32"],
                  [8, 1, 0, 10**6, 10**6, b"\x11" * 32])  # fmt: skip
    topics = ["0x" + MARKET.events["Leased"].topic.hex(), f"0x{lease:064x}", "0x", "0x"]
    log = Log(DEPLOYMENT.market, topics, "0x" + data.hex(), "0x65", "0x", tx_hash, "0x0", "0x0")
    chain.logs[tx_hash] = [log]
    chain.mine()
    chain.mine()
    state = town.state(identity)
    assert (state["state"], state["confirmations"]) == ("mined", 0)
    assert parse_lease(state["leaseId"]) == lease
    world.add_lease(space, NOW // 900, booked_tx=tx_hash, booked_block=101)
    assert town.state(identity)["state"] == "confirmed"
