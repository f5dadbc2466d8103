"""How far the index is: a bar on a terminal while it catches up, facts for whoever watches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from berth.indexer.status import IndexStatus

_LOOK = 0.5
#: The bar is shown from so many blocks on.
_FEW = 64


def facts_of(status: IndexStatus) -> dict[str, Any]:
    """For the table of roles. Rates are of the last ten seconds."""
    eta = status.eta_seconds
    return {
        "state": "running" if status.error is None else "waiting",
        "block": status.block_number,
        "head": status.head_number,
        "phase": status.phase,
        "blocksPerSecond": round(status.blocks_per_second, 1),
        "eventsPerSecond": round(status.events_per_second, 1),
        "etaSeconds": None if eta is None else round(eta),
        "error": status.error,
    }


async def draw_progress(look: Callable[[], IndexStatus], console: Console | None = None) -> None:
    """A bar whenever the index is far behind, until it has caught up. Until cancelled."""
    terminal = console or Console(stderr=True)
    columns = (
        TextColumn("index"),
        BarColumn(),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
    )
    while True:
        first = look()
        if first.lag > _FEW:
            with Progress(*columns, console=terminal, transient=True) as bar:
                task = bar.add_task("index", words="")
                while not (status := look()).caught_up:
                    total = max(status.head_number - first.block_number, 1)
                    done = max(status.block_number - first.block_number, 0)
                    bar.update(task, total=total, completed=done, words=sentence(status))
                    await asyncio.sleep(_LOOK)
        await asyncio.sleep(_LOOK)


def sentence(status: IndexStatus) -> str:
    """`block 1,200 of 90,000 · 840 blocks/s · 2,100 events/s · 1 min 46 s left`."""
    parts = [
        f"block {status.block_number:,} of {status.head_number:,}",
        f"{status.blocks_per_second:,.0f} blocks/s",
        f"{status.events_per_second:,.0f} events/s",
    ]
    if status.error is not None:
        parts.append(f"waiting: {status.error}")
    elif status.eta_seconds is not None:
        minutes, seconds = divmod(round(status.eta_seconds), 60)
        hours, minutes = divmod(minutes, 60)
        if hours:
            parts.append(f"{hours} h {minutes} min left")
        else:
            parts.append(f"{minutes} min {seconds} s left" if minutes else f"{seconds} s left")
    return " · ".join(parts)
