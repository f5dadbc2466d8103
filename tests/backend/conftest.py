"""Fixtures that every part of the backend's tests may take."""

from tests.backend.databases import databases, postgresql_server

__all__ = ["databases", "postgresql_server"]
