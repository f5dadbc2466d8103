"""Fixtures that every part of the backend's tests may take."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.backend.databases import databases, postgresql_server

__all__ = ["databases", "postgresql_server"]


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command says for the whole process how it logs: for the tests after it that must not
    stand."""
    root, known = logging.getLogger(), structlog.get_config()
    handlers, level = list(root.handlers), root.level
    yield
    # pytest takes its own handlers away later, if they are still there
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.disable(logging.NOTSET)
    structlog.configure(**known)
