"""Where a running platform can be reached: a file that it writes once everything answers."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from berth.core.settings import Settings, load_settings

FILE = "running.json"


@dataclass(frozen=True)
class Running:
    """Addresses of a running platform: HTTP, JSON-RPC, MQTT; and its process."""

    pid: int
    http: str
    rpc: str
    mqtt: str


def write_running(home: Path, running: Running) -> None:
    draft = home / f"{FILE}.new"
    draft.write_text(json.dumps(asdict(running), indent=2) + "\n", "utf-8")
    draft.replace(home / FILE)


def read_running(home: Path) -> Running | None:
    """None when nothing runs there (or not yet)."""
    try:
        running = Running(**json.loads((home / FILE).read_text("utf-8")))
        os.kill(running.pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return running


def forget_running(home: Path) -> None:
    (home / FILE).unlink(missing_ok=True)


def settings_here() -> Settings:
    """The settings; without BERTH_RPC_URL the node is the one of the platform that runs here."""
    settings = load_settings()
    running = None if settings.rpc_named else read_running(settings.home)
    return settings if running is None else replace(settings, rpc_urls=(running.rpc,))
