"""Preparing verbs: what to sign, or why the contract would refuse."""

from __future__ import annotations

from typing import Any

import pytest
from berth.chain.abi import all_abis, load_abi
from berth.chain.rpc import RpcError
from berth.core.ids import parse_lease, parse_space
from berth.core.messages import agreement
from berth.core.tariff import deposit
from berth.market.refusals import OTHERS, SENTENCES, sentence
from eth_abi.abi import encode

from tests.backend.web.people import Api, fields
from tests.backend.web.test_spaces import registration
from tests.backend.worlds import COMMITMENT, DEPLOYMENT, DINO, EVE, NOW, OLGA, World

MARKET = load_abi("ParkingMarket")
SLOT = NOW // 900
VERBS = (
    "extend", "changeVehicle", "cancel", "ownerCancel", "dispute", "close", "agree", "blockSlots",
    "unblock", "withdrawOffers", "setManager", "delist", "release", "rotateLock", "setAutoPayout",
    "takeOver",
)  # fmt: skip


class Town:
    """One leased space; the chain allows every verb until told otherwise."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.space = world.add_space()
        self.terms = world.add_offer(self.space, cancel_pct=20, no_show_pct=50, free_cancel_hours=1)
        self.lease = world.add_lease(self.space, SLOT + 3)
        for verb in VERBS:
            result: Any = 1 if MARKET.function(verb).outputs else ()
            world.node.answers[verb] = lambda call, answer=result: answer
        self.fund()

    def fund(self, credit: int = 0, allowance: int = 10**12) -> None:
        answers = self.world.node.answers
        answers["creditOf"] = lambda call: credit
        answers["balanceOf"] = lambda call: 10**12
        answers["allowance"] = lambda call: allowance

    def refuse(self, verb: str, error: str, *arguments: object) -> None:
        entry = next(e for e in MARKET.errors.values() if e.name == error)
        data = entry.selector + encode([p.canonical for p in entry.inputs], list(arguments))

        def answer(call: dict[str, Any]) -> Any:
            raise RpcError("eth_call", 3, "execution reverted", data)

        self.world.node.answers[verb] = answer


@pytest.fixture
def town(world: World) -> Town:
    return Town(world)


def call_of(transaction: dict[str, Any]) -> tuple[str, list[Any]]:
    """(verb, arguments) of a transaction of the market."""
    assert transaction["to"].lower() == DEPLOYMENT.market
    data = bytes.fromhex(transaction["data"][2:])
    entry = MARKET.function(transaction["purpose"])
    assert data[:4] == entry.selector
    return entry.name, list(entry.decode_inputs(data[4:]).values())


def lock() -> dict[str, Any]:
    body: dict[str, Any] = registration()
    return dict(body["lock"])


def test_every_verb_comes_with_the_transaction_of_its_arguments(api: Api, town: Town) -> None:
    lease, space = parse_lease(town.lease), parse_space(town.space)
    other = "0x" + "77" * 32
    cases: list[tuple[dict[str, Any], list[Any]]] = [
        ({"verb": "changeVehicle", "leaseId": town.lease, "plateCommitment": other},
         [lease, b"\x77" * 32]),
        ({"verb": "cancel", "leaseId": town.lease}, [lease]),
        ({"verb": "ownerCancel", "leaseId": town.lease}, [lease]),
        ({"verb": "dispute", "leaseId": town.lease}, [lease]),
        ({"verb": "close", "leaseId": town.lease}, [lease]),
        ({"verb": "blockSlots", "spaceId": town.space, "startSlot": 7, "slots": 3}, [space, 7, 3]),
        ({"verb": "unblock", "blockId": town.lease}, [lease]),
        ({"verb": "withdrawOffers", "spaceId": town.space, "firstLive": 2}, [space, 2]),
        ({"verb": "setManager", "spaceId": town.space, "manager": EVE.shown},
         [space, EVE.address]),
        ({"verb": "delist", "spaceId": town.space}, [space]),
        ({"verb": "release", "spaceId": town.space}, [space]),
        ({"verb": "setAutoPayout", "enabled": True}, [True]),
    ]  # fmt: skip
    for body, arguments in cases:
        answer = api.post("/v1/intents", body, DINO)
        assert answer["refusal"] is None
        (transaction,) = answer["transactions"]
        assert call_of(transaction) == (body["verb"], arguments)
        assert transaction["chainId"] == 1337


def test_another_lock_comes_with_its_proof(api: Api, town: Town) -> None:
    body = {"verb": "rotateLock", "spaceId": town.space, "lock": lock()}
    (transaction,) = api.post("/v1/intents", body, OLGA)["transactions"]
    _verb, (space, given) = call_of(transaction)
    assert (space, given["key"]) == (parse_space(town.space), EVE.address)


def test_a_refusal_is_told_in_words_with_its_figures_and_nothing_is_to_be_signed(
    api: Api, town: Town
) -> None:
    town.refuse("cancel", "Berth_OutOfTime", parse_lease(town.lease), 0, 5, 9)
    body = {"verb": "cancel", "leaseId": town.lease}
    answer = api.post("/v1/intents", body, DINO)
    assert answer["transactions"] == []
    assert answer["refusal"] == {
        "code": "Berth_OutOfTime",
        "sentence": "It is too early for this, or too late.",
        "detail": f"Berth_OutOfTime(leaseId={town.lease}, from=0, until=5, now_=9)",
    }
    chinese = api.post("/v1/intents", body, DINO, language="zh")
    assert chinese["refusal"]["sentence"] == "现在操作过早或过晚。"


def test_the_dry_run_is_the_accounts_own(api: Api, town: Town) -> None:
    api.post("/v1/intents", {"verb": "dispute", "leaseId": town.lease}, DINO)
    assert town.world.node.senders[-1] == DINO.address


def test_an_extension_names_the_new_deposit_and_what_goes_into_escrow(api: Api, town: Town) -> None:
    town.fund(allowance=0)
    body = {"verb": "extend", "leaseId": town.lease, "slots": 4, "kwh": 2}
    answer = api.post("/v1/intents", body, DINO)
    total, before = deposit(town.terms, 12, 2), deposit(town.terms, 8, 0)
    assert (answer["deposit"], answer["more"]) == (str(total), str(total - before))
    approve, extend = answer["transactions"]
    assert approve["purpose"] == "approve"
    assert int(approve["data"][-64:], 16) == total - before
    (request,) = call_of(extend)[1]
    assert request == {
        "leaseId": parse_lease(town.lease), "slots": 4, "kwh": 2,
        "plateCommitment": bytes.fromhex(COMMITMENT[2:]), "maxCost": total,
    }  # fmt: skip


def test_an_extension_that_credit_covers_needs_no_approval(api: Api, town: Town) -> None:
    town.fund(credit=10**12, allowance=0)
    body = {"verb": "extend", "leaseId": town.lease, "slots": 1, "plateCommitment": "0x" + "5" * 64}
    (transaction,) = api.post("/v1/intents", body, DINO)["transactions"]
    (request,) = call_of(transaction)[1]
    assert request["plateCommitment"] == b"\x55" * 32


@pytest.mark.parametrize(
    ("more", "field"),
    [({}, "slots"), ({"slots": 665}, "slots"), ({"kwh": 255, "slots": 1}, None)],
)
def test_an_extension_by_nothing_or_by_too_much_is_refused(
    api: Api, town: Town, more: dict[str, int], field: str | None
) -> None:
    body = {"verb": "extend", "leaseId": town.lease, **more}
    if field is None:
        assert api.post("/v1/intents", body, DINO)["transactions"]
    else:
        assert fields(api.post("/v1/intents", body, DINO, expect=422)) == [field]


def test_an_agreement_is_signed_by_one_and_brought_by_the_other(api: Api, town: Town) -> None:
    body = {"verb": "agree", "leaseId": town.lease, "cost": "1000", "validUntil": NOW + 900}
    proposed = api.post("/v1/intents", body, OLGA)
    assert proposed["transactions"] == []
    lease, held = parse_lease(town.lease), deposit(town.terms, 8, 0)
    typed = agreement(DEPLOYMENT.domain, lease, held, 1000, NOW + 900)
    assert proposed["typedData"] == typed.typed_data
    signature = "0x" + "1b" * 65
    for who, place in ((DINO, 2), (OLGA, 1)):
        answer = api.post("/v1/intents", body | {"signature": signature}, who)
        (transaction,) = answer["transactions"]
        arguments = call_of(transaction)[1]
        assert arguments[0] == {
            "leaseId": lease, "deposit": held, "cost": 1000, "validUntil": NOW + 900,
        }  # fmt: skip
        assert [bool(one) for one in arguments[1:]] == [place == 1, place == 2]


def test_nobody_agrees_to_more_than_the_deposit_or_about_other_peoples_leases(
    api: Api, town: Town
) -> None:
    held = deposit(town.terms, 8, 0)
    body = {"verb": "agree", "leaseId": town.lease, "cost": str(held + 1), "validUntil": NOW}
    assert fields(api.post("/v1/intents", body, DINO, expect=422)) == ["cost"]
    body["cost"] = "0"
    assert api.post("/v1/intents", body, EVE, expect=404)["code"] == "lease.unknown"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"verb": "selfdestruct"},
        {"verb": "cancel"},
        {"verb": "cancel", "leaseId": "0x1"},
        {"verb": "delist", "spaceId": "0x1"},
        {"verb": "setAutoPayout", "enabled": True, "for": "eve"},
    ],
)
def test_what_is_no_intent_is_refused(api: Api, town: Town, body: dict[str, Any]) -> None:
    assert api.post("/v1/intents", body, DINO, expect=422)["code"] == "request.invalid"
    assert api.post("/v1/intents", body, expect=401)["code"] == "session.required"


LEASE = "0x" + "0" * 27 + "1"
SPACE = "0x" + "0" * 15 + "1"
WORD = "0x" + "00" * 32


@pytest.mark.parametrize(
    ("body", "bad"),
    [
        ({"verb": "extend", "leaseId": LEASE}, {"leaseId": 1, "slots": -1, "kwh": 256,
         "plateCommitment": "0x", "extend": 1, "verb": 1}),
        ({"verb": "changeVehicle", "leaseId": LEASE, "plateCommitment": WORD},
         {"leaseId": None, "plateCommitment": 7, "changeVehicle": {}}),
        ({"verb": "cancel", "leaseId": LEASE}, {"leaseId": "0x1", "cancel": "cancel", "slots": 1}),
        ({"verb": "ownerCancel", "leaseId": LEASE}, {"leaseId": [], "ownerCancel": 1}),
        ({"verb": "dispute", "leaseId": LEASE}, {"leaseId": {}, "dispute": None}),
        ({"verb": "close", "leaseId": LEASE}, {"leaseId": True, "close": 1}),
        ({"verb": "agree", "leaseId": LEASE, "cost": "1", "validUntil": 1},
         {"leaseId": "", "cost": "-1", "validUntil": -1, "signature": "0x1", "agree": 1}),
        ({"verb": "blockSlots", "spaceId": SPACE, "startSlot": 1, "slots": 1},
         {"spaceId": LEASE, "startSlot": 1 << 32, "slots": 0, "blockSlots": 1}),
        ({"verb": "unblock", "blockId": LEASE}, {"blockId": SPACE, "unblock": 1}),
        ({"verb": "withdrawOffers", "spaceId": SPACE, "firstLive": 1},
         {"spaceId": 1, "firstLive": 0, "withdrawOffers": 1}),
        ({"verb": "setManager", "spaceId": SPACE, "manager": EVE.address},
         {"spaceId": 1, "manager": "eve", "setManager": 1}),
        ({"verb": "delist", "spaceId": SPACE}, {"spaceId": 1, "delist": 1}),
        ({"verb": "release", "spaceId": SPACE}, {"spaceId": 1, "release": 1}),
        ({"verb": "rotateLock", "spaceId": SPACE, "lock": lock()},
         {"spaceId": 1, "lock": 1, "lock.key": 1, "lock.maker": -1, "lock.possession": "0",
          "lock.rotateLock": 1, "rotateLock": 1}),
        ({"verb": "setAutoPayout", "enabled": True}, {"enabled": "perhaps", "setAutoPayout": 1}),
    ],
)  # fmt: skip
def test_a_bad_field_of_a_verb_is_named_as_it_stands_in_the_request(
    api: Api, body: dict[str, Any], bad: dict[str, Any]
) -> None:
    """Not below the verb's name, under which the schema has it."""
    headers = {"Authorization": f"Bearer {api.sign_in(DINO)}"}

    def refused(given: dict[str, Any]) -> tuple[list[str], list[str]]:
        problem = api.post("/v1/intents", given, headers=headers, expect=422)
        assert problem["code"] == "request.invalid"
        return fields(problem), [error["pointer"] for error in problem["errors"]]

    for name, value in bad.items():
        outer, _, inner = name.partition(".")
        given = {**body, outer: {**body[outer], inner: value} if inner else value}
        assert refused(given) == ([name], ["/" + name.replace(".", "/")])
    for name in body:
        without = {key: value for key, value in body.items() if key != name}
        assert refused(without) == ([name], ["/" + name])


@pytest.mark.parametrize("body", [{}, {"verb": "selfdestruct"}, {"verb": None}, {"verb": ["x"]}])
def test_a_verb_that_there_is_not_is_the_field_at_fault(api: Api, body: dict[str, Any]) -> None:
    problem = api.post("/v1/intents", body, DINO, expect=422)
    assert [(one["field"], one["pointer"]) for one in problem["errors"]] == [("verb", "/verb")]


@pytest.mark.parametrize("raw", ["[]", "5", "null", '"cancel"'])
def test_a_body_that_is_no_object_is_at_fault_as_a_whole(api: Api, raw: str) -> None:
    headers = {"Content-Type": "application/json"}
    problem = api.ask("POST", "/v1/intents", DINO, content=raw, headers=headers, expect=422)
    assert [(one["field"], one["pointer"]) for one in problem["errors"]] == [("body", "")]


def test_other_bodies_keep_their_members_whatever_they_call_a_verb(api: Api) -> None:
    problem = api.post("/v1/session", {"verb": "message", "signature": "0x"}, expect=422)
    assert sorted(fields(problem)) == ["message", "verb"]


def test_a_registered_space_is_checked_for_renewal_or_a_change_of_owner(
    api: Api, world: World
) -> None:
    world.node.answers |= {"compliance": lambda call: 1, "takeOverCompliance": lambda call: 0}
    body = registration()
    assert api.post("/v1/spaces/check", body, EVE)["compliant"] is False
    space = world.add_space(42)
    answer = api.post("/v1/spaces/check", body, EVE)
    assert (answer["compliant"], answer["transaction"]["purpose"]) == (True, "takeOver")
    world.node.answers["takeOverCompliance"] = lambda call: 1 << 10
    (reason,) = api.post("/v1/spaces/check", body, EVE)["reasons"]
    assert reason["code"] == "title.edition_not_newer"
    world.set_space(space, released=1)
    assert api.post("/v1/spaces/check", body, EVE)["bitmap"] == "0x1"


def test_every_error_of_the_contracts_has_a_sentence_in_both_languages() -> None:
    ours = {
        entry.name
        for name in ("ParkingMarket", "TitleRegistry")
        for entry in load_abi(name).errors.values()
        if entry.name.startswith("Berth_")
    }
    assert ours == set(SENTENCES)
    for english, chinese in SENTENCES.values():
        assert english.isascii()
        assert english.endswith(".")
        assert not chinese.isascii()


def test_an_error_of_another_contract_is_told_too() -> None:
    from berth.chain.reverts import ChainRevertError

    short = ChainRevertError("ERC20InsufficientBalance", {}, "…")
    assert sentence(short) == "Your account has fewer tokens than this takes."
    known = {entry.name for abi in all_abis() for entry in abi.errors.values()}
    assert set(OTHERS) <= known
    error = ChainRevertError("SomebodyElses", {}, "…")
    assert sentence(error) == "The contract refuses it."
    assert sentence(error, "zh-CN") == "合约拒绝了该操作。"
