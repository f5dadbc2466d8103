"""Before a local chain's clock is moved, what is under way arrives: a signature lasts for minutes,
and whoever has just signed would find it expired."""

from __future__ import annotations

import asyncio
import contextlib

from berth.store.engine import Store
from berth.store.transactions import TransactionJournal

_LOOK = 0.2


async def all_mined(store: Store, patience: float) -> None:
    """Waits until no transaction that the platform signed is still to be mined; at most `patience`
    seconds, for one may be stuck."""
    journal = TransactionJournal(store)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while await asyncio.to_thread(journal.anything_out):  # noqa: ASYNC110 - rows tell nobody
                await asyncio.sleep(_LOOK)
