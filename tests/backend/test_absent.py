"""What is missing is skipped on a developer's machine, and fails where nothing may be left out."""

from __future__ import annotations

import pytest

from tests.absent import absent


def test_what_is_missing_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BERTH_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no broker"):
        absent("no broker")


def test_where_nothing_may_be_left_out_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTH_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="no broker"):
        absent("no broker")
