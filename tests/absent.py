"""What a test needs and this machine lacks."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def absent(why: str) -> NoReturn:
    """Skips the test, in the words given; fails it where nothing may be left out."""
    if os.environ.get("BERTH_REQUIRE_ALL"):
        pytest.fail(why)
    pytest.skip(why)
