"""How fast the chain goes, from the blocks in the index."""

from __future__ import annotations

from sqlalchemy import Connection, select

from berth.store.derived import blocks

#: Where blocks are not there to tell.
DEFAULT_BLOCK_SECONDS = 12.0
_SAMPLE = 20
_LATELY = (
    select(blocks.c.number, blocks.c.timestamp).order_by(blocks.c.number.desc()).limit(_SAMPLE)
)


def block_seconds(conn: Connection) -> float:
    """Seconds from block to block lately."""
    rows = conn.execute(_LATELY).all()
    if len(rows) < 2:
        return DEFAULT_BLOCK_SECONDS
    (newest, newest_at), (oldest, oldest_at) = rows[0], rows[-1]
    # on a chain that travels in time the mean says nothing; nobody waits longer than a minute
    return float(min(60.0, max(0.1, (newest_at - oldest_at) / (newest - oldest))))
