"""One town for all tests here: runs start from copies."""

from __future__ import annotations

import pytest

from tests.chaos.town import Town, build_town


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return build_town(tmp_path_factory.mktemp("chaos") / "town", spaces=3)
