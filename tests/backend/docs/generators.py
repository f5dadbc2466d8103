"""The scripts that write pages, as modules."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def generator_of(page: str) -> ModuleType:
    """`scripts/generate_PAGE.py`, read anew."""
    spec = importlib.util.spec_from_file_location(page, SCRIPTS / f"generate_{page}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
