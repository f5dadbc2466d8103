"""`berth replay` refuses what it cannot do with one sentence and a status, before it starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from berth.cli.main import main
from berth.cli.replay import command
from berth.cli.replay.books import Check

from .conftest import WriteCsv

GOOD = "A;P;S;2019-01-01 10:00:00;2019-01-01 11:00:00;1,0;1,0"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["berth", "replay", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--spaces", "0"], "error: --spaces: must be between 1 and 1,000, not 0\n"),
        (["--spaces", "1001"], "error: --spaces: must be between 1 and 1,000, not 1,001\n"),
        (["--limit", "0"], "error: --limit: must be between 1 and 10,000,000, not 0\n"),
    ],
)
def test_numbers_out_of_range_are_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    write_csv: WriteCsv,
    options: list[str],
    sentence: str,
) -> None:
    assert run(monkeypatch, write_csv(GOOD), *options) == 2
    assert capsys.readouterr().err == sentence


def test_a_file_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "absent.csv"
    assert run(monkeypatch, path) == 2
    expected = f"error: file: cannot read {path}: No such file or directory\n"
    assert capsys.readouterr().err == expected


def test_a_file_without_one_usable_row_is_refused_with_its_first_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], write_csv: WriteCsv
) -> None:
    assert run(monkeypatch, write_csv("A;P;S;2019-01-01 10:00:00;NA;NA;1,0")) == 2
    error = capsys.readouterr().err
    assert "can be used (1 rejected): line 2: plugout_time is missing (NA)" in error


def test_a_machine_without_node_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], write_csv: WriteCsv
) -> None:
    path = write_csv(GOOD)
    monkeypatch.setenv("PATH", str(path.parent))
    assert run(monkeypatch, path) == 1
    assert "error: Node.js is missing" in capsys.readouterr().err


def test_a_difference_in_the_books_is_named_and_ends_with_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], write_csv: WriteCsv
) -> None:
    class Report:
        class books:  # noqa: N801
            checks = (Check("fees", 5, 6), Check("tokens", 1, 1))

    async def replayed(*_: object) -> type[Report]:
        return Report

    monkeypatch.setattr(command, "replay", replayed)
    monkeypatch.setattr(command, "_print", lambda *_: None)
    assert run(monkeypatch, write_csv(GOOD)) == 1
    assert "error: fees: expected 5, found 6\n" in capsys.readouterr().err
