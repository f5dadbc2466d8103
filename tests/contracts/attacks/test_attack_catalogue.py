"""Of the tests themselves: every group of attacks is there, and each is judged by who is richer."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest
from support.attacks import GROUPS

HERE = Path(__file__).parent


def _number(cls: ast.ClassDef) -> int | None:
    for decorator in cls.decorator_list:
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "attack":
            return ast.literal_eval(decorator.args[0])
    return None


def _calls(node: ast.AST) -> set[str]:
    return {
        call.func.id
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    }


def _classes() -> list[tuple[str, ast.ClassDef]]:
    files = [path for path in sorted(HERE.glob("test_*.py")) if path != Path(__file__)]
    return [
        (path.name, node)
        for path in files
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test")
    ]


CLASSES = _classes()


def _tests(cls: ast.ClassDef) -> list[ast.FunctionDef]:
    return [
        node
        for node in cls.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def test_all_twenty_four_groups_are_attacked():
    tests = defaultdict(int)
    for _, cls in CLASSES:
        tests[_number(cls)] += len(_tests(cls))
    assert set(GROUPS) == set(range(1, 25))
    assert set(tests) == set(GROUPS)
    assert all(tests.values())


@pytest.mark.parametrize("group", GROUPS)
def test_the_attackers_gain_is_asserted_to_be_zero_in_every_group(group):
    judged = [
        test.name
        for _, cls in CLASSES
        if _number(cls) == group
        for test in _tests(cls)
        if "nothing_gained" in _calls(test)
    ]
    assert judged, GROUPS[group]


def test_no_test_of_this_folder_stands_outside_of_a_numbered_class():
    loose = [
        f"{path.name}::{node.name}"
        for path in sorted(HERE.glob("test_*.py"))
        if path != Path(__file__)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert loose == []
    assert [f"{name}::{cls.name}" for name, cls in CLASSES if _number(cls) is None] == []


def test_every_test_asserts_something():
    """A refusal, a figure, or nobody's gain: by the statement itself."""
    silent = []
    for name, cls in CLASSES:
        for test in _tests(cls):
            asserts = any(isinstance(node, ast.Assert) for node in ast.walk(test))
            judges = {"nothing_gained", "reverts", "reverts_with"} & _calls(test)
            if not asserts and not judges and "raises" not in ast.unparse(test):
                silent.append(f"{name}::{test.name}")
    assert silent == []
