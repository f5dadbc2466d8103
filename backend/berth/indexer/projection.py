"""What a projection works with: rows, the place of the log in the chain, and notices to give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Table

from berth.core.errors import BerthError
from berth.indexer.rows import Rows
from berth.store.bulk import Key, Row


class Place(NamedTuple):
    """Where a log stands. `timestamp` is its block's, Unix seconds; `log_index` is within that."""

    block_number: int
    block_hash: str
    timestamp: int
    tx_hash: str
    log_index: int


class Notice(NamedTuple):
    """Something that people's screens (`parties`, None = everybody) and the relay want to know."""

    topic: str
    place: Place
    parties: tuple[str, ...] | None
    lease_id: str | None
    space_id: str | None
    payload: Mapping[str, Any]


@dataclass
class Projection:
    """The unit of work that handlers are given.

    Without `telling` nobody wants to know: history is read, and the relay knows no lease.
    """

    rows: Rows
    telling: bool = True
    notices: list[Notice] = field(default_factory=list)

    def tell(
        self,
        topic: str,
        place: Place,
        parties: tuple[str, ...] | None,
        payload: Mapping[str, Any],
        *,
        lease_id: str | None = None,
        space_id: str | None = None,
    ) -> None:
        """Adds a notice."""
        if not self.telling:
            return
        self.notices.append(Notice(topic, place, parties, lease_id, space_id, payload))

    def required(self, table: Table, key: Key) -> Row:
        """A row that an earlier log must have made, to read.

        Raises BerthError index.gap: logs are missing, and going on would only hide it.
        """
        row = self.rows.get(table, key)
        if row is None:
            raise _missing(table, key)
        return row

    def changing(self, table: Table, key: Key) -> Row:
        """A row that an earlier log must have made, to set values in. Raises BerthError."""
        row = self.rows.edit(table, key)
        if row is None:
            raise _missing(table, key)
        return row


def _missing(table: Table, key: Key) -> BerthError:
    shown = ", ".join(map(str, key)) if isinstance(key, tuple) else key
    return gap(f"a log speaks of {table.name} {shown}, which no earlier log made")


def gap(what: str) -> BerthError:
    """The error of an index that cannot be right."""
    message = f"the index has a gap: {what}; index again from a complete node"
    return BerthError("index.gap", message, status=503)
