"""Raw logs packed: a row for each block instead of each log."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op
from berth.store.migrations import into

revision = "0004"
down_revision = "0003"

#: Rows read at once.
_CHUNK = 5_000
_Log = tuple[int, int, bytes, bytes, bytes, bytes]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Log]).decode

_FORMER = sa.table(
    "former_logs",
    *map(sa.column, ("block_number", "log_index", "tx_hash", "tx_index", "address")),
    *map(sa.column, ("topic0", "topic1", "topic2", "topic3", "data")),
)
_SINGLE = (
    "INSERT INTO raw_logs (block_number, log_index, block_hash, tx_hash, tx_index, address,"
    " topic0, topic1, topic2, topic3, data) VALUES (:number, :index,"
    " coalesce((SELECT hash FROM blocks WHERE number = :number), ''),"
    " :tx_hash, :tx_index, :address, :topic0, :topic1, :topic2, :topic3, :data)"
)


def upgrade() -> None:
    into("derived")
    _set_aside()
    op.create_table(
        "raw_logs",
        sa.Column("block_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("block_number", name=op.f("pk_raw_logs")),
    )
    conn = op.get_bind()
    add = sa.text("INSERT INTO raw_logs (block_number, count, packed) VALUES (:number, :count, :p)")
    for number, rows in groupby(_former(conn), key=lambda row: row[0]):
        logs = [_packed(row) for row in rows]
        conn.execute(add, {"number": number, "count": len(logs), "p": _encode(logs)})
    op.drop_table("former_logs")


def downgrade() -> None:
    into("derived")
    _set_aside()
    op.create_table(
        "raw_logs",
        sa.Column("block_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_hash", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("tx_index", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("topic0", sa.Text(), nullable=True),
        sa.Column("topic1", sa.Text(), nullable=True),
        sa.Column("topic2", sa.Text(), nullable=True),
        sa.Column("topic3", sa.Text(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("block_number", "log_index", name=op.f("pk_raw_logs")),
    )
    conn = op.get_bind()
    for number, packed in _packs(conn):
        rows = [_single(number, log) for log in _decode(packed)]
        if rows:
            conn.execute(sa.text(_SINGLE), rows)
    op.drop_table("former_logs")


def _set_aside() -> None:
    op.rename_table("raw_logs", "former_logs")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX pk_raw_logs RENAME TO pk_former_logs")


def _former(conn: sa.Connection) -> Iterator[Any]:
    """The rows of single logs in chain order, a chunk at a time."""
    place = sa.tuple_(_FORMER.c.block_number, _FORMER.c.log_index)
    query = sa.select(_FORMER).order_by(_FORMER.c.block_number, _FORMER.c.log_index).limit(_CHUNK)
    rows: list[Any] = list(conn.execute(query))
    while rows:
        yield from rows
        after = sa.tuple_(sa.literal(rows[-1][0]), sa.literal(rows[-1][1]))
        rows = list(conn.execute(query.where(place > after)))


def _packs(conn: sa.Connection) -> Iterator[Any]:
    query = sa.text(
        "SELECT block_number, packed FROM former_logs WHERE block_number > :after"
        " ORDER BY block_number LIMIT 250"
    )
    rows: list[Any] = list(conn.execute(query, {"after": -1}))
    while rows:
        yield from rows
        rows = list(conn.execute(query, {"after": rows[-1][0]}))


def _packed(row: Any) -> _Log:
    _number, index, tx_hash, tx_index, address, *topics, data = row
    joined = b"".join(_bytes(topic) for topic in topics if topic is not None)
    return index, tx_index, _bytes(tx_hash), _bytes(address), joined, bytes(data)


def _single(number: int, log: _Log) -> dict[str, Any]:
    index, tx_index, tx_hash, address, topics, data = log
    values = {"number": number, "index": index, "tx_index": tx_index, "data": data}
    values |= {"tx_hash": "0x" + tx_hash.hex(), "address": "0x" + address.hex()}
    return values | {f"topic{n}": _hex(topics[32 * n : 32 * n + 32]) for n in range(4)}


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _hex(data: bytes) -> str | None:
    return "0x" + data.hex() if data else None
