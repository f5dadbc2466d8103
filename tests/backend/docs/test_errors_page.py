"""The page of errors: what it is generated from, and that nothing is left out."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from tests.backend.docs.generators import generator_of

ROOT = Path(__file__).resolve().parents[3]
ABI = ROOT / "backend" / "berth" / "chain" / "abi"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    return generator_of("errors")


def test_every_error_of_the_contracts_is_on_the_page(generator: ModuleType) -> None:
    page = generator.document()
    for name in ("ParkingMarket", "TitleRegistry"):
        for entry in json.loads((ABI / f"{name}.json").read_text("utf-8"))["abi"]:
            if entry["type"] == "error" and entry["name"].startswith("Berth_"):
                names = ", ".join(one["name"].rstrip("_") for one in entry["inputs"])
                assert f"| `{entry['name']}({names})` | " in page


def test_no_line_of_the_page_lacks_its_words(generator: ModuleType) -> None:
    rows = [line for line in generator.document().splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if row.endswith("|  |")] == []


def test_an_error_without_a_meaning_is_refused(generator: ModuleType) -> None:
    with pytest.raises(ValueError, match="Berth_Mute has no @notice"):
        list(generator.contract_errors("// ---- some\nerror Berth_Mute(uint256 id);\n"))


def test_a_meaning_of_several_lines_is_read_whole(generator: ModuleType) -> None:
    source = (
        "// ---- some\n/// @notice It is so, and goes on\n///         in a second line.\n"
        "/// @param id of what\n///        it is\nerror Berth_Long(uint256 id);\n"
        "/// @notice The next one.\nerror Berth_Next();\n"
    )
    ((_, before), (section, (long, after))) = generator.contract_errors(source)
    assert (section, before) == ("some", [])
    assert long.meaning == "It is so, and goes on in a second line."
    assert long.parameters == ["`id`: of what it is"]
    assert (after.meaning, after.parameters) == ("The next one.", [])


def test_a_line_of_natspec_without_a_tag_before_it_is_refused(generator: ModuleType) -> None:
    with pytest.raises(ValueError, match="has no tag before it"):
        list(generator.contract_errors("// ---- some\n/// stray words\n"))


def test_codes_are_found_where_a_helper_makes_the_problem(generator: ModuleType) -> None:
    found = generator.problem_codes()
    assert found["stay.past"] == {("stay.past", "422", "has passed", frozenset())}
    assert found["space.unknown"] == {("space.unknown", "404", "is not registered", frozenset())}
    (origin,) = found["session.origin"]
    assert (origin.template, origin.figures) == ("requests from {origin} are refused", {"origin"})
    assert {one.template for one in found["local.enough"]} == {
        f"that is all there is of {{what}}: {{most}} {bound}"
        for bound in ("a day for one account", "a day in all", "for one account", "in all")
    }
    assert "http.port" not in found  # ends a command


def test_a_sentence_keeps_its_words_between_two_figures(generator: ModuleType) -> None:
    english, chinese = generator.sentences_of("incident.resolved")
    assert english.endswith("already: {how}")
    assert chinese.endswith("：{how}")
    (ranged, *_) = generator.sentences_of("field.range")
    assert "{field}: {given} is not between {low} and {high}." in ranged
    assert "not {given}." in ranged  # without the !r
