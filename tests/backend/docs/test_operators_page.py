"""The page for operators names every setting."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_setting_has_its_row_in_the_table() -> None:
    read = set(
        re.findall(r'"(BERTH_[A-Z_]+)"', (ROOT / "backend/berth/core/settings.py").read_text())
    )
    page = (ROOT / "docs" / "operators.md").read_text("utf-8")
    rows = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    assert read - set(re.findall(r"`(BERTH_[A-Z_]+)`", rows)) == set()
    assert len(read) > 20
