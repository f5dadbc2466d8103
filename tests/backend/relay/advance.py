"""One relay that signs ahead, step by step."""

from __future__ import annotations

import asyncio

from berth.relay.ahead import Ahead

from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire, relay


def block_hash(number: int) -> str:
    return f"0x{number:064x}"


class Advance:
    """One relay that signs ahead, on a wire that remembers."""

    def __init__(self, street: Street, wire: Wire, name: str = "one", store: object = None) -> None:
        self.street = street
        self.delivery = relay(street, wire, name, store)
        opened = store or street.store
        self.ahead = Ahead(
            opened,  # type: ignore[arg-type]
            street.policy,
            self.delivery,
            street.signer,
            name,
            self._wake,
        )
        self.woken = 0
        self.asked: list[str] = []  # locks that were to be asked for a hello

    def _wake(self) -> None:
        self.woken += 1

    def look(self) -> int:
        """Arms what is near; how many."""
        with self.street.store.read() as conn:
            found = self.ahead.find(conn, self.street.planner.agenda(conn).near)
        self.asked += self.ahead.arm(found)
        return len(found.armed)

    async def signed(self, number: int = 101) -> None:
        """The block is announced, the signer's node has it, and the signer has answered."""
        self.street.node.height = number
        assert self.ahead.announced(number, block_hash(number))
        await asyncio.wait([one.task for one in self.ahead._held.values()])

    async def leave(self) -> int:
        """How many commands left."""
        return sum(await asyncio.gather(*await self.ahead.leave()))
