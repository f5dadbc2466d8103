"""Titles: a city's parking spaces and who holds them, imported, anchored, proven."""

from __future__ import annotations

from berth.market.titles.importer import Import, Imported, import_titles

__all__ = ["Import", "Imported", "import_titles"]
