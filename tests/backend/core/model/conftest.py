from __future__ import annotations

import pytest

from tests.backend.core.model.scene import Scene


@pytest.fixture
def scene() -> Scene:
    return Scene()
