"""Fixtures that every part of the backend's tests may take."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.backend.databases import databases, postgresql_server

__all__ = ["databases", "postgresql_server"]

# How fast a machine is says nothing about what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


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
