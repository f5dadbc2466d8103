"""The page on security: each test it names exists; no invariant, no attack is without one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TESTS = ROOT / "tests"
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
ATTACKS = 24

_NAMED = re.compile(r"`([\w./-]+\.(?:py|sol))((?:::\w+)*)`")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> list[str]:
    """The rows of the section's table, without its head."""
    return [line for line in section(title).splitlines() if line.startswith("| ")][1:]


def named(text: str) -> list[tuple[str, list[str]]]:
    """(file, names within it) of all that looks like a test."""
    return [(path, names.split("::")[1:]) for path, names in _NAMED.findall(text)]


def missing(path: str, names: list[str]) -> Iterator[str]:
    """What of a named test does not exist."""
    file = TESTS / path
    if not file.is_file():
        yield path
        return
    if file.suffix == ".sol":
        text = file.read_text("utf-8")
        yield from (f"{path}::{name}" for name in names if f" {name}(" not in f"{text} ")
        return
    body: list[ast.stmt] = ast.parse(file.read_text("utf-8")).body
    for name in names:
        found = next(
            (
                one
                for one in body
                if isinstance(one, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                and one.name == name
            ),
            None,
        )
        if found is None or not name.startswith(("test_", "Test")):
            yield f"{path}::{'::'.join(names)}"
            return
        body = found.body


def test_every_test_that_is_named_exists() -> None:
    tests = [
        one
        for title in ("Invariants", "Attacks", "A stolen relay")
        for one in named(section(title))
    ]
    assert len(tests) > ATTACKS
    assert [gone for path, names in tests for gone in missing(path, names)] == []


def test_every_invariant_names_its_test() -> None:
    assert [row for row in rows("Invariants") if not named(row.rsplit(" | ", 1)[1])] == []


def test_every_group_of_attacks_is_there_once_and_names_its_tests() -> None:
    table = rows("Attacks")
    assert [row.split(" | ")[0] for row in table] == [f"| {n + 1}" for n in range(ATTACKS)]
    assert [row for row in table if not named(row.rsplit(" | ", 1)[1])] == []


def marks(path: Path) -> dict[str, int]:
    """The classes of a file of attacks, each with the group that it is marked with."""
    return {
        one.name: mark.args[0].value
        for one in ast.parse(path.read_text("utf-8")).body
        if isinstance(one, ast.ClassDef)
        for mark in one.decorator_list
        if isinstance(mark, ast.Call)
        and getattr(mark.func, "id", "") == "attack"
        and isinstance(mark.args[0], ast.Constant)
    }


def test_a_class_of_attacks_is_named_in_the_group_that_it_is_marked_with() -> None:
    folder = "contracts/attacks/"
    for number, row in enumerate(rows("Attacks"), 1):
        for path, names in named(row):
            if path.startswith(folder):
                assert marks(TESTS / path).get(names[0]) == number, (path, names)


def test_every_risk_that_remains_has_a_bound() -> None:
    table = rows("What remains")
    assert len(table) > 10
    assert [row for row in table if len(row.split(" | ")) != 3 or "|  |" in row] == []


def test_what_does_not_exist_is_found() -> None:
    path = "backend/docs/test_security_page.py"
    here = "test_what_does_not_exist_is_found"
    assert list(missing(path, [here])) == []
    assert list(missing(path, ["test_nothing"])) == [f"{path}::test_nothing"]
    assert list(missing(path, [here, "TestIn"])) == [f"{path}::{here}::TestIn"]
    assert list(missing("backend/docs/gone.py", [])) == ["backend/docs/gone.py"]
