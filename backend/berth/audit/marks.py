"""How far somebody has gone through a ledger. Each settlement's head covers all before it: while
the head at the mark still stands, there is no need to begin with the first settlement again."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from berth.core.ledger import EMPTY_HEAD
from berth.store.derived import settlements

#: So often everything is gone through again from the first settlement, seconds: the head says that
#: the chain's records are the same, and not that nobody has touched a row here since.
WHOLE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Mark:
    """The number of a settlement, and the head after it as the index has it."""

    number: int
    head: str


START = Mark(0, "0x" + EMPTY_HEAD.hex())

_NEWEST = (
    select(settlements.c.number, settlements.c.head).order_by(settlements.c.number.desc()).limit(1)
)


def newest(conn: Connection) -> Mark:
    """The mark behind the last settlement."""
    row = conn.execute(_NEWEST).first()
    return START if row is None else Mark(row.number, row.head)


def stands(conn: Connection, mark: Mark) -> bool:
    """Is it still where it was? After a reorg perhaps not."""
    query = select(settlements.c.head).where(settlements.c.number == mark.number)
    return mark == START or bool(conn.execute(query).scalar() == mark.head)
