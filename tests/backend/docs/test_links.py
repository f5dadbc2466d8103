"""What the pages name exists: links, headings, files, `make` targets, commands, settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import typer
from berth.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^```[^\n]*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_SCHEME = re.compile(r"[a-z]+:")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_FOLDERS = ("backend", "bench", "contracts", "docs", "scripts", "tests")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def codes(page: Path) -> list[str]:
    """Blocks and spans of code."""
    return ["".join(groups) for groups in _CODE.findall(page.read_text("utf-8"))]


def anchors(page: Path) -> set[str]:
    """The names that headings are linked by."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def broken_links(page: Path) -> Iterator[str]:
    for link in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
        if _SCHEME.match(link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


def is_group(command: Any) -> bool:
    return hasattr(command, "list_commands")


def unknown_commands(code: str) -> Iterator[str]:
    """`berth a b` where a is no command or, of a group of commands, b is none."""
    root: Any = typer.main.get_command(app)
    context = click.Context(root)
    for name, rest in re.findall(r"\bberth ([a-z]+)\b((?: [a-z][a-z|…-]*)?)", code):
        command = root.get_command(context, name)
        if command is None:
            yield f"berth {name}"
        elif is_group(command):
            for sub in filter(None, rest.strip(" …").split("|")):
                if command.get_command(context, sub) is None:
                    yield f"berth {name} {sub}"


@pages
def test_links_lead_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


@pages
def test_files_that_are_named_exist(page: Path) -> None:
    named = [
        code for code in codes(page) if re.fullmatch(rf"({'|'.join(_FOLDERS)})/[\w./-]*", code)
    ]
    # docs/security.md names tests from below tests/
    places = (ROOT, ROOT / "tests")
    assert [name for name in named if not any((at / name).exists() for at in places)] == []


@pages
def test_make_targets_that_are_named_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.MULTILINE))
    named = {
        target
        for code in codes(page)
        for words in re.findall(r"(?:^|\s)make((?: [a-z][a-z0-9-]*)+)", code)
        for target in words.split()
    }
    assert named - targets == set()


@pages
def test_commands_that_are_named_exist(page: Path) -> None:
    assert [one for code in codes(page) for one in unknown_commands(code)] == []


@cache
def known_settings() -> frozenset[str]:
    """Every BERTH_ variable that a program of ours reads."""
    sources = [
        ROOT / "Makefile",
        *(ROOT / "backend").rglob("*.py"),
        *(
            path
            for folder in ("scripts", "bench")
            for path in (ROOT / folder).rglob("*")
            if path.suffix in ("", ".py", ".sh")
            and path.is_file()
            and "node_modules" not in path.parts
        ),
    ]
    return frozenset(
        name
        for path in sources
        for name in re.findall(r"BERTH_[A-Z_]+", path.read_text("utf-8", "ignore"))
    )


@pages
def test_settings_that_are_named_are_read_somewhere(page: Path) -> None:
    named = {name for code in codes(page) for name in re.findall(r"BERTH_[A-Z_]+[A-Z]", code)}
    assert named - known_settings() == set()


def test_what_is_broken_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One thing\n[a](#one-thing) [b](gone.md) [c](#other) [d](https://x.y)\n")
    assert list(broken_links(page)) == ["gone.md", "#other"]
    assert list(unknown_commands("berth nothing\nberth index status|gone and berth up --json")) == [
        "berth nothing",
        "berth index gone",
    ]
