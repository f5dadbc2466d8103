"""The broker of the latency benchmark: Mosquitto where it is installed, else the embedded one."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from berth.chain.child import dying_with_parent
from berth.chain.local import free_port

#: Debian keeps it where only the system's own PATH leads.
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
_READY_SECONDS = 10.0
_CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
persistence false
max_queued_messages 10000
"""


@dataclass(frozen=True)
class RunningBroker:
    """`name` says which one it is."""

    name: str
    url: str


@contextmanager
def broker(folder: Path) -> Iterator[RunningBroker]:
    """A broker for as long as the block lasts; anybody may say and hear everything."""
    found = shutil.which("mosquitto") or next(
        (path for place in _PLACES if (path := shutil.which("mosquitto", path=place))), None
    )
    port = free_port()
    if found is None:
        print("Mosquitto is not installed: the embedded broker takes its place", flush=True)
        command = [sys.executable, str(Path(__file__).with_name("embedded.py")), str(port)]
        command.append(str(folder / "broker.json"))
        name = "embedded"
    else:
        config = folder / "mosquitto.conf"
        config.write_text(_CONFIG.format(port=port))
        command, name = [found, "-c", str(config)], "Mosquitto"
    with (folder / "broker.log").open("wb") as log:
        process = subprocess.Popen(
            dying_with_parent(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _wait(process, port)
        yield RunningBroker(name, f"mqtt://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit("bench: the broker does not start")
