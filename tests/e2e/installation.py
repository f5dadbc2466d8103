"""`berth up` as a real process in a data folder of its own, for the end-to-end tests."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from berth.chain.local import free_port
from berth.cli.demo.narrate import Narrator
from berth.cli.demo.play import open_stage
from berth.cli.demo.stage import Stage
from berth.cli.platform.running import Running
from berth.core.settings import load_settings
from rich.console import Console

#: The first start of a data folder deploys the contracts, and may have to compile them.
FIRST_START, START, STOP = 300.0, 90.0, 45.0
BERTH = (sys.executable, "-m", "berth.cli.main")


def clean_environment(**berth: str) -> dict[str, str]:
    """This process's environment with no other BERTH_* variables than those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BERTH_")}
    return {**kept, **berth}


def processes_of(folder: Path) -> dict[int, str]:
    """Living processes whose environment or command line names the folder: pid -> command line."""
    mark, found = os.fsencode(folder), {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            text = (entry / "environ").read_bytes() + command
        except OSError:
            continue  # ended meanwhile, or somebody else's
        if mark in text:
            found[int(entry.name)] = command.replace(b"\0", b" ").decode("utf-8", "replace")
    return found


def none_left_within(folder: Path, seconds: float) -> dict[int, str]:
    """What still lives of a folder's processes after at most so long; empty when all have gone."""
    deadline = time.monotonic() + seconds
    while (left := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def fingerprints(folder: Path, *but: str) -> dict[str, str]:
    """SHA-256 of every file below a folder, without those under the paths in `but`."""
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not (name := str(path.relative_to(folder))).startswith(tuple(but) or ("\0",))
    }


@dataclass
class Installation:
    """A data folder and its three ports, which stay the same over restarts."""

    home: Path
    data: Path
    http_port: int = field(default_factory=free_port)
    chain_port: int = field(default_factory=free_port)
    mqtt_port: int = field(default_factory=free_port)
    variables: dict[str, str] = field(default_factory=dict)

    def copy(self, folder: Path) -> Installation:
        """The same data in a folder, with ports of its own; this one must not be running."""
        home = folder / "home"
        shutil.copytree(self.home, home)
        return Installation(home, self.data)

    def environment(self) -> dict[str, str]:
        return clean_environment(
            **{
                "BERTH_HOME": str(self.home),
                "BERTH_DATA": str(self.data),
                "BERTH_HTTP_PORT": str(self.http_port),
                **self.variables,
            }
        )

    def command(self) -> list[str]:
        ports = ("--chain-port", str(self.chain_port), "--mqtt-port", str(self.mqtt_port))
        return [*BERTH, "up", "--json", *ports]

    def launch(self) -> subprocess.Popen[str]:
        """Starts it without waiting for anything; its log goes to `<home>.log`."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command(),
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # so that a test can press Ctrl-C on all of it
            )

    def start(self, seconds: float = START) -> Up:
        """Starts it and waits until everything answers."""
        process = self.launch()
        with killed_after(process, seconds):
            assert process.stdout is not None
            line = process.stdout.readline()
        if not line:
            process.wait()
            log = self.log.read_text("utf-8")[-3000:]
            raise AssertionError(f"`berth up` did not start:\n{log}")
        return Up(self, process, Running(**json.loads(line)))

    @contextmanager
    def running(self, seconds: float = START) -> Iterator[Up]:
        """Up for the length of a block; whatever is left afterwards is killed."""
        up = self.start(seconds)
        try:
            yield up
        finally:
            up.destroy()

    def refusal(self, *, seconds: float = START, **variables: str) -> Refusal:
        """Starts it, expecting that it ends by itself without having got up."""
        done = subprocess.run(
            self.command(),
            env={**self.environment(), **variables},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Refusal(done.returncode, done.stdout, done.stderr, none_left_within(self.home, 3))

    @property
    def log(self) -> Path:
        return self.home.with_name(f"{self.home.name}.log")

    def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """Rows of its database, read by nothing of ours."""
        with closing(sqlite3.connect(self.home / "berth.sqlite")) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, arguments)]

    def lock_home(self, lock_id: str) -> Path:
        """The folder of a simulated lock."""
        homes = (self.home / "locks").iterdir()
        (found,) = [one for one in homes if lock_id in (one / "lock.json").read_text("utf-8")]
        return found

    def journal(self, lock_id: str) -> list[dict[str, Any]]:
        """What a simulated lock has written down for itself."""
        return read_journal(self.lock_home(lock_id))

    async def show(self, stage: Stage, lock_id: str, *, vehicle: bool, plate: str | None) -> None:
        """Puts a vehicle and a plate before a simulated lock, and waits until the lock has seen
        them: one that is just starting hears nothing."""
        hardware, deadline = self.lock_home(lock_id) / "hardware.json", time.monotonic() + 30
        while time.monotonic() < deadline:
            await stage.world(lock_id, vehicle=vehicle, plate=plate)
            for _ in range(10):
                with contextlib.suppress(FileNotFoundError):
                    world = json.loads(hardware.read_text("utf-8"))["world"]
                    if (world["vehicle"], world["plate"]) == (vehicle, plate):
                        return
                await asyncio.sleep(0.1)
        raise AssertionError(f"lock {lock_id} does not see the world")


@dataclass(frozen=True)
class Refusal:
    """How a start that was refused ended."""

    status: int
    out: str
    err: str
    left: Mapping[int, str]

    @property
    def sentence(self) -> str:
        """The one line that says why. There must be no other error, and no trace of the stack."""
        errors = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, self.err
        assert "Traceback" not in self.err, self.err
        return errors[0].removeprefix("error: ")

    def check(self, status: int, *parts: str) -> None:
        """Status, one clear sentence with all these parts in it, nothing said, nothing left."""
        assert self.status == status, self.err
        for part in parts:
            assert part in self.sentence
        assert self.out == ""
        assert self.left == {}


@dataclass
class Up:
    """A running `berth up`."""

    installation: Installation
    process: subprocess.Popen[str]
    running: Running

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal to the process alone and waits; its status (negative: by that signal)."""
        self.process.send_signal(number)
        return self.process.wait(STOP)

    def destroy(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in none_left_within(self.installation.home, 5):
            os.kill(pid, signal.SIGKILL)
        if self.process.stdout is not None:
            self.process.stdout.close()

    @asynccontextmanager
    async def stage(self) -> AsyncIterator[Stage]:
        """The demo's tools on this installation, with a narrator that nobody hears."""
        settings = load_settings(self.installation.environment())
        unheard = Narrator(Console(file=io.StringIO()))
        async with open_stage(settings, self.running, unheard) as stage:
            yield stage


@contextmanager
def killed_after(process: subprocess.Popen[str], seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def read_journal(lock_home: Path) -> list[dict[str, Any]]:
    lines = (lock_home / "journal.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def lowerings(journal: Sequence[Mapping[str, Any]]) -> list[str]:
    """Commands by which the bar has really gone down."""
    down = {one["command"] for one in journal if one["k"] == "intent" and one["action"] == "lower"}
    return [
        one["command"]
        for one in journal
        if one["k"] == "outcome" and one["moved"] and one["command"] in down
    ]
