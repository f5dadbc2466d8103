"""A real Mosquitto for tests: files made by Berth, a process on loopback, on ports that stay."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from berth.chain.local import free_port
from berth.devices.credentials import Credentials
from berth.devices.mosquitto import CONFIGURATION, Listeners, write_files

from tests.absent import absent

#: Debian keeps it where only root looks.
_PLACES = (os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")
MISSING = "Mosquitto is not installed: `apt-get install mosquitto` (Debian) and run this again"


def program() -> str | None:
    """Where Mosquitto is."""
    return shutil.which("mosquitto", path=os.pathsep.join(_PLACES))


def required() -> str:
    """Its program; without it the test is skipped, and fails where nothing may be left out."""
    found = program()
    if found is None:
        absent(MISSING)
    return found


class Mosquitto:
    """One broker. `credentials` are an installation's; `refresh` after somebody was added. `user`
    is whom it becomes, when root starts it."""

    def __init__(
        self, folder: Path, credentials: Credentials, program: str, *, user: str | None = None
    ) -> None:
        self.folder = folder
        self.credentials = credentials
        self.listeners = Listeners(
            locks_port=free_port(), locks_host="127.0.0.1", backend_port=free_port()
        )
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        user = user or getpass.getuser()
        write_files(folder, credentials.mosquitto_users(), self.listeners, user=user)

    @property
    def locks_url(self) -> str:
        return f"mqtt://127.0.0.1:{self.listeners.locks_port}"

    @property
    def backend_url(self) -> str:
        return f"mqtt://127.0.0.1:{self.listeners.backend_port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    def start(self, seconds: float = 10.0) -> Mosquitto:
        """Starts it and waits until it listens."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(self.folder / CONFIGURATION)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + seconds
        for port in (self.listeners.locks_port, self.listeners.backend_port):
            while True:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"Mosquitto did not start:\n{self.log}")
                try:
                    socket.create_connection(("127.0.0.1", port), 0.5).close()
                    break
                except OSError:
                    time.sleep(0.02)
        return self

    def refresh(self) -> None:
        """The users of this moment, read by the running broker."""
        write_files(self.folder, self.credentials.mosquitto_users(), None)
        self.signal(signal.SIGHUP)

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """Ends it without a chance to say anything."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(10)
