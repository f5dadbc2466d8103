"""The roles of one installation, each a real process, for the end-to-end tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.installation import BERTH, clean_environment, killed_after

#: Compiled once for all children: each imports a lot.
_COMPILED = Path(tempfile.gettempdir()) / f"berth-compiled-{os.getuid()}-{sys.hexversion:x}"
START, STOP = 90.0, 10.0


@dataclass
class Process:
    """One role. `ready` is its ready line."""

    role: str
    process: subprocess.Popen[str]
    log: Path
    ready: dict[str, Any] = field(default_factory=dict)

    def wait_ready(self, seconds: float = START) -> dict[str, Any]:
        """Waits until it works; its ready line."""
        with killed_after(self.process, seconds):
            assert self.process.stdout is not None
            line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise AssertionError(f"`berth {self.role}` did not start:\n{self.said()[-3000:]}")
        self.ready = json.loads(line)
        return self.ready

    def said(self) -> str:
        """Its log."""
        return self.log.read_text("utf-8")

    def stop(self) -> int:
        """SIGTERM, and its status; fails when that takes too long."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Roles:
    """Starts roles with the same settings; whatever is left is killed at the end."""

    home: Path
    variables: dict[str, str]
    logs: Path
    started: list[Process] = field(default_factory=list)

    def launch(self, role: str, *options: str, **variables: str) -> Process:
        """Starts one without waiting for it."""
        environment = clean_environment(BERTH_HOME=str(self.home), **self.variables) | variables
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = str(_COMPILED)
        path = self.logs / f"{len(self.started)}-{role}.log"
        with path.open("ab") as log:
            process = subprocess.Popen(
                [*BERTH, role, "--json", *options],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.started.append(Process(role, process, path))
        return self.started[-1]

    def start(self, role: str, *options: str, **variables: str) -> Process:
        """Starts one and waits until it works."""
        process = self.launch(role, *options, **variables)
        process.wait_ready()
        return process

    def said(self) -> str:
        """All logs."""
        return "".join(one.said() for one in self.started)


@contextmanager
def roles(home: Path, logs: Path, **variables: str) -> Iterator[Roles]:
    logs.mkdir(parents=True, exist_ok=True)
    made = Roles(home, variables, logs)
    try:
        yield made
    finally:
        for one in made.started:
            if one.process.poll() is None:
                one.kill()
            if one.process.stdout is not None:
                one.process.stdout.close()


def until_gone(pid: int, seconds: float) -> bool:
    """Has a process ended within so long?"""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
