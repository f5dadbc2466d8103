"""Money that came in for an account or left it, row by row; filled from the logs that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op
from berth.store.migrations import into

revision = "0005"
down_revision = "0004"

#: Deposited(address,address,uint256) and Withdrawn(address,address,uint256).
_KINDS = {
    bytes.fromhex("8752a472e571a816aea92eec8dae9baf628e840f4929fbcc2d155e6233ff68a7"): "in",
    bytes.fromhex("d1c19fbcd4551a5edfb66d43d2e337c04837afda3482b42bdf569a8fccdae5fb"): "out",
}
_decode = msgspec.msgpack.Decoder(list[tuple[int, int, bytes, bytes, bytes, bytes]]).decode


def upgrade() -> None:
    into("derived")
    op.create_table(
        "movements",
        sa.Column("block_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.Column("other", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("block_number", "log_index", name=op.f("pk_movements")),
    )
    op.create_index(
        op.f("ix_movements_account_block_number_log_index"),
        "movements",
        ["account", "block_number", "log_index"],
    )
    conn = op.get_bind()
    add = sa.text(
        "INSERT INTO movements (block_number, log_index, account, kind, amount, other, at, tx_hash)"
        " VALUES (:block, :log, :account, :kind, :amount, :other, :at, :tx_hash)"
    )
    for number, packed, timestamp in _packs(conn):
        rows = list(_moves(number, timestamp, bytes(packed)))
        if rows:
            conn.execute(add, rows)


def downgrade() -> None:
    into("derived")
    op.drop_table("movements")


def _packs(conn: sa.Connection) -> Iterator[Any]:
    """Blocks with logs in their order, some at a time."""
    query = sa.text(
        "SELECT raw_logs.block_number, raw_logs.packed, blocks.timestamp FROM raw_logs"
        " JOIN blocks ON blocks.number = raw_logs.block_number"
        " WHERE raw_logs.block_number > :after ORDER BY raw_logs.block_number LIMIT 250"
    )
    rows: list[Any] = list(conn.execute(query, {"after": -1}))
    while rows:
        yield from rows
        rows = list(conn.execute(query, {"after": rows[-1][0]}))


def _moves(number: int, timestamp: int, packed: bytes) -> Iterator[dict[str, Any]]:
    for index, _tx_index, tx_hash, _address, topics, data in _decode(packed):
        kind = _KINDS.get(topics[:32])
        if kind is not None:
            yield {
                "block": number,
                "log": index,
                "account": "0x" + topics[44:64].hex(),
                "kind": kind,
                "amount": str(int.from_bytes(data[:32], "big")),
                "other": "0x" + topics[76:96].hex(),
                "at": timestamp,
                "tx_hash": "0x" + tx_hash.hex(),
            }
