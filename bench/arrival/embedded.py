"""The embedded broker as a process of its own: `embedded.py PORT PASSWORD_FILE`.

One program plays all locks of the benchmark, so every client may say and hear everything here.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from berth.devices import broker
from berth.devices.credentials import Credentials
from berth.devices.topics import Act


class _Open(Credentials):
    """Everybody is who he says he is."""

    def verify(self, user: str | None, password: str | None) -> bool:
        return True


def _may(_user: str, _act: Act, _name: str) -> bool:
    return True


async def serve(port: int, file: Path) -> None:
    broker.may = _may
    async with broker.EmbeddedBroker(_Open(file), port=port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
