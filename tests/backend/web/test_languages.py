"""Whatever is refused is refused in the reader's language: no code without both sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import Formatter
from types import ModuleType
from typing import Any, get_args

import pytest
from berth.chain.abi import all_abis
from berth.chain.reverts import ChainRevertError
from berth.core.access_reasons import ReasonCode, Refusal
from berth.core.access_texts import NAMES
from berth.core.compliance import Reason
from berth.core.errors import BerthError
from berth.core.states import LeaseState
from berth.devices.protocol import FaultCode
from berth.market import refusals
from berth.market.quotes import OBJECTIONS
from berth.market.vocabulary import DISPUTED_WORDS, OUTCOME_WORDS, STATE_WORDS
from berth.web import create_app, problemshapes, problemtexts, problemwords
from fastapi.testclient import TestClient

from tests.backend.docs.generators import generator_of
from tests.backend.web.people import Api
from tests.backend.worlds import DINO, EVE, ORIGIN, World

HAN = re.compile("[\u4e00-\u9fff]")
#: Codes that no `BerthError(code, ...)` of the modules that answer spells out: those of requests
#: that are none, those that a caller gives to a check, and what the index says of itself.
NOT_SPELT_OUT = {
    "request.body",
    "request.method",
    "request.not_found",
    "request.too_large",
    "money.range",
    "money.invalid",
    "signature.length",
    "address.empty",
    "holder.empty",
    "title.invalid",
    "index.empty",
    "index.behind",
}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An application with nothing in it: enough to be refused."""
    world = World(tmp_path_factory.mktemp("languages"))
    with TestClient(create_app(world.services), base_url=ORIGIN) as client:
        yield Api(client, world)
    world.close()


@pytest.fixture(scope="module")
def errors_page() -> ModuleType:
    return generator_of("errors")


def figures_of(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def faults(code: str, template: str, figures: frozenset[str]) -> list[str]:
    """What is wrong with the sentences of a problem, as it is raised somewhere."""
    pair = problemwords.pair_of(code, template)
    if pair is None:
        return [f"{code} ({template!r}) has no sentences"]
    found = []
    english, chinese = pair
    if HAN.search(english) or not english.isascii():
        found.append(f"{code} is not English: {english}")
    if not HAN.search(chinese):
        found.append(f"{code} is not Chinese: {chinese}")
    if figures_of(english) != figures_of(chinese):
        found.append(f"{code} tells other figures in the other language")
    unknown = (figures_of(english) | figures_of(chinese)) - figures - {"field"}
    if unknown:
        found.append(f"{code} is raised without {sorted(unknown)}")
    return found


def test_every_problem_that_is_raised_has_a_sentence_in_both_languages(
    errors_page: ModuleType,
) -> None:
    raised = [one for places in errors_page.problem_codes().values() for one in places]
    assert len(raised) > 100
    wrong = [fault for one in raised for fault in faults(one.code, one.template, one.figures)]
    assert wrong == []


def test_a_new_code_without_sentences_or_figures_is_found() -> None:
    assert faults("new.code", "is new", frozenset()) == ["new.code ('is new') has no sentences"]
    (fault,) = faults("intent.data", "is said in another way", frozenset())
    assert "has no sentences" in fault
    (fault,) = faults("offer.unknown", "the space has no offer {number}", frozenset())
    assert fault == "offer.unknown is raised without ['number']"


def test_no_sentence_is_kept_that_nothing_says(errors_page: ModuleType) -> None:
    raised = errors_page.problem_codes()
    told = {*problemtexts.SENTENCES, *problemtexts.VARIANTS}
    assert told - set(raised) == NOT_SPELT_OUT
    for code, variants in problemtexts.VARIANTS.items():
        if code != "money.range":  # the same checks as field.range, under a caller's code
            assert set(variants) <= {one.template for one in raised[code]}


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        *problemshapes.FAILED.values(),
        *problemshapes.TITLES.values(),
        problemshapes.REFUSED,
        *OUTCOME_WORDS.values(),
        *STATE_WORDS.values(),
        DISPUTED_WORDS,
        *OBJECTIONS.values(),
        *NAMES.values(),
    ],
)
def test_what_is_said_besides_is_said_in_both_languages(english: str, chinese: str) -> None:
    assert english.isascii()
    assert HAN.search(chinese)


def test_every_error_of_every_contract_has_a_sentence_in_both_languages() -> None:
    names = {entry.name for abi in all_abis() for entry in abi.errors.values()}
    told = {**refusals.SENTENCES, **refusals.OTHERS}
    assert names == set(told)
    for english, chinese in told.values():
        assert english.isascii()
        assert english.endswith(".")
        assert HAN.search(chinese)
        assert not chinese.isascii()


def test_a_refused_registration_tells_its_reasons() -> None:
    bits = 1 << Reason.TITLE_EXPIRED.value | 1 << Reason.LOCK_EXPIRED.value
    error = ChainRevertError("Berth_NotCompliant", {"reasons": bits}, "…")
    assert problemwords.sentence(error, "en") == (
        "The registration does not comply. The title's last day of validity has passed."
        " The lock's attestation has expired."
    )
    assert problemwords.sentence(error, "zh") == (
        "登记不符合要求。"
        + Reason.TITLE_EXPIRED.sentence("zh")
        + Reason.LOCK_EXPIRED.sentence("zh")
    )


def test_states_and_faults_are_told_by_name() -> None:
    assert {state.name.lower() for state in LeaseState} | set(get_args(FaultCode)) == set(NAMES)
    settled = Refusal(ReasonCode.LEASE_NOT_OPEN, (("state", "settled"),))
    assert settled.sentence("zh") == "租约未生效或已结束（状态：已结算）。"
    assert settled.sentence() == "The lease is not open (it is settled)."
    broken = Refusal(ReasonCode.LOCK_FAULT, (("fault", "shell_opened"),))
    assert broken.sentence() == "The lock reports a fault: shell opened."
    assert broken.sentence("zh") == "地锁报告故障：外壳被打开。"


def test_figures_are_filled_in_in_both_languages() -> None:
    error = BerthError(
        "local.enough",
        "that is all there is of {what}: {most} a day in all",
        status=429,
        what="vehicles",
        most=20,
    )
    assert error.message == "that is all there is of vehicles: 20 a day in all"
    assert problemwords.sentence(error, "en").endswith("vehicles: 20 a day in all.")
    assert problemwords.sentence(error, "zh") == "车辆核验：全部账户每天共 20 次，现已用完。"


def test_braces_in_what_a_client_gave_are_left_alone() -> None:
    error = BerthError(
        "titles.absent", "{city} has no title {title!r}", city="AUMEL", title="{0.__class__}"
    )
    assert problemwords.sentence(error, "en") == "AUMEL has no title {0.__class__}."
    assert str(BerthError("some.code", "as it is: {}")) == "as it is: {}"


def test_a_code_that_nobody_has_words_for_is_told_by_name() -> None:
    error = BerthError("some.code", "English only")
    assert problemwords.sentence(error, "zh") == "请求被拒绝（some.code）。"
    assert problemwords.sentence(error, "en") == "The request is refused (some.code)."


SPACE = "0x" + "9" * 16
ASKED: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/v1/me", None, 401, "session.required"),
    ("GET", "/v1/nothing", None, 404, "request.not_found"),
    ("DELETE", "/v1/config", None, 405, "request.method"),
    ("GET", f"/v1/spaces/{SPACE}", None, 404, "space.unknown"),
    ("GET", "/v1/audit/settlements/99", None, 404, "settlement.unknown"),
    ("GET", "/v1/titles/ZZZZZ", None, 404, "city.unknown"),
    ("GET", "/v1/ops/commands", None, 404, "operator.none"),
    ("GET", "/v1/audit/settlements?limit=ten", None, 422, "request.invalid"),
    ("POST", "/v1/session", {}, 422, "request.invalid"),
    ("POST", "/v1/search", {"place": {}, "window": {}}, 422, "request.invalid"),
    ("GET", "/v1/audit/settlements?cursor=_", None, 422, "cursor.invalid"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), ASKED)
def test_the_language_of_a_problem_is_the_readers(
    asked: Api, method: str, path: str, body: Any, status: int, code: str
) -> None:
    more = {} if body is None else {"json": body}
    said = {
        language: asked.ask(method, path, expect=status, language=language, **more)
        for language in ("en-GB, zh;q=0.5", "zh-CN,zh;q=0.9,en;q=0.8")
    }
    english, chinese = said.values()
    assert english["code"] == chinese["code"] == code
    assert HAN.search(chinese["title"])
    assert HAN.search(chinese["detail"])
    assert not HAN.search(english["title"] + english["detail"])
    assert [one["field"] for one in english["errors"]] == [
        one["field"] for one in chinese["errors"]
    ]
    for ours, theirs in zip(english["errors"], chinese["errors"], strict=True):
        assert not HAN.search(ours["detail"])
        assert HAN.search(theirs["detail"])


WRONG: list[tuple[Any, str, str]] = [
    ({}, "place", "必填"),
    ({"place": 3}, "place", "须为对象"),
    (
        {"place": {"point": {"type": "Line", "coordinates": [0, 0]}}},
        "place.point.type",
        "须为 'Point'",
    ),
    ({"place": {"radiusM": 1}}, "place.radiusM", "须不小于 10"),
    ({"place": {"radiusM": 10**9}}, "place.radiusM", "须不大于 5000"),
    ({"place": {"radiusM": "x"}}, "place.radiusM", "须为整数"),
    ({"place": {"radiusM": 10.5}}, "place.radiusM", "须为整数"),
    ({"place": {"text": "x" * 81}}, "place.text", "至多 80 个字符"),
    ({"place": {"text": 7}}, "place.text", "须为文本"),
    ({"place": {"what": 1}}, "place.what", "没有这一项"),
    ({"place": {}}, "place", "请给出坐标或地点文字。"),
    (
        {"place": {"point": {"type": "Point", "coordinates": [0, 95]}}},
        "place.point.coordinates",
        "95.0 不在 -90 至 90 之间。",
    ),
    ({"window": {"start": "soon"}}, "window.start", "须为 RFC 3339 时间"),
    ({"window": {"start": "2026-11-21T08:00:00"}}, "window.start", "时间须带时区"),
    ({"limit": 10**6}, "limit", "须不大于 50"),
    ({"charger": {"connector": "plug"}}, "charger.connector", "须为 'type2'"),
]


@pytest.mark.parametrize(("body", "field", "told"), WRONG)
def test_what_is_wrong_with_a_value_is_told_in_chinese(
    asked: Api, body: Any, field: str, told: str
) -> None:
    problem = asked.post("/v1/search", body, expect=422, language="zh")
    details = {one["field"]: one["detail"] for one in problem["errors"]}
    assert details[field].startswith(told), details
    for detail in details.values():
        assert HAN.search(detail)
        assert "{" not in detail


def test_a_body_that_is_no_json_is_told_in_both(asked: Api) -> None:
    for language, told in (("zh", "不是有效的 JSON"), ("en", "is not JSON")):
        problem = asked.ask(
            "POST",
            "/v1/search",
            expect=422,
            language=language,
            content=b"{",
            headers={"Content-Type": "application/json"},
        )
        assert told in problem["detail"]


def test_a_shape_of_another_release_of_pydantic_is_told_generally() -> None:
    assert problemwords.shape({"type": "tomorrows", "msg": "…"}, "zh") == problemshapes.MALFORMED
    item = {"type": "less_than_equal", "msg": "…", "ctx": {"most": 3}}
    assert problemwords.shape(item, "zh") == problemshapes.MALFORMED


def test_states_and_outcomes_of_leases_are_told_in_the_readers_language(
    api: Api, world: World
) -> None:
    world.add_edition()
    space = world.add_space()
    world.add_offer(space)
    lease = world.add_lease(space)
    path = f"/v1/leases/{lease}"
    assert api.get(path, DINO)["stateSentence"] == STATE_WORDS["booked"][0]
    assert api.get(path, DINO, language="zh")["stateSentence"] == STATE_WORDS["booked"][1]
    listed = api.get("/v1/me/leases", DINO, language="zh")["items"]
    assert [one["stateSentence"] for one in listed] == [STATE_WORDS["booked"][1]]
    world.settle(lease)
    receipt = api.get(f"{path}/receipt", DINO, language="zh")
    assert receipt["outcomeSentence"] == OUTCOME_WORDS[receipt["outcome"]][1]
    stranger = api.get(path, EVE, expect=404, language="zh")
    assert stranger["detail"] == "您没有该租约。"
