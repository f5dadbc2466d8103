"""Settlements as CSV or JSON, streamed: an export of millions needs the memory of one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, select

from berth.audit.rows import rows
from berth.core.addresses import checksum
from berth.core.ids import parse_lease, space_hex, split_lease
from berth.core.money import Currency, parse_minor
from berth.core.slots import slot_start
from berth.core.states import Outcome
from berth.core.zones import rfc3339
from berth.store.derived import cursor

Format = Literal["csv", "json"]

#: Amounts are minor units; `arrived` is minute + 1 from the start, as the chain hashed it.
#: `compensation` is not in the hash: an owner who cancelled paid it to the driver beside it.
#: `final`: the block is so deep in the chain that it can no longer be replaced.
COLUMNS = (
    "number",
    "leaseId",
    "spaceId",
    "start",
    "outcome",
    "owner",
    "driver",
    "offer",
    "rent",
    "overstay",
    "energy",
    "fee",
    "refund",
    "compensation",
    "arrived",
    "until",
    "energyWh",
    "closedAt",
    "recordHash",
    "head",
    "block",
    "transaction",
    "final",
    "currency",
    "decimals",
)


def export(
    conn: Connection,
    form: Format,
    currency: Currency,
    *conditions: Any,
    after: int = 0,
) -> Iterator[str]:
    """Lines of text. JSON is one array, so that it is one document; CSV has a header line."""
    final = conn.execute(select(cursor.c.final_number).order_by(cursor.c.name).limit(1)).scalar()
    found = (
        record_line(row, currency, -1 if final is None else final)
        for row in rows(conn, after, *conditions)
    )
    yield from (_csv(found) if form == "csv" else _json(found))


def record_line(row: RowMapping, currency: Currency, final: int) -> dict[str, Any]:
    """One settlement with everything that its hash covers, and where it is on the chain."""
    space, start_slot, _ = split_lease(parse_lease(row["lease_id"]))
    for name in ("rent", "overstay", "energy", "fee", "refund"):
        parse_minor(row[name])  # what is exported is a number
    return {
        "number": row["number"],
        "leaseId": row["lease_id"],
        "spaceId": space_hex(space),
        "start": rfc3339(slot_start(start_slot)),
        "outcome": Outcome(row["outcome"]).name.lower(),
        "owner": checksum(row["owner"]),
        "driver": checksum(row["driver"]),
        "offer": row["offer"],
        "rent": row["rent"],
        "overstay": row["overstay"],
        "energy": row["energy"],
        "fee": row["fee"],
        "refund": row["refund"],
        "compensation": row["compensation"] or "0",
        "arrived": row["arrived"],
        "until": row["until_minute"],
        "energyWh": row["energy_wh"],
        "closedAt": rfc3339(row["closed_at"]),
        "recordHash": row["record_hash"],
        "head": row["head"],
        "block": row["block_number"],
        "transaction": row["tx_hash"],
        "final": row["block_number"] <= final,
        "currency": currency.symbol,
        "decimals": currency.decimals,
    }


def _csv(found: Iterator[dict[str, Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for line in found:
        writer.writerow(line | {"final": json.dumps(line["final"])})
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    if rest := buffer.getvalue():
        yield rest


def _json(found: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield "["
    for number, line in enumerate(found):
        yield (",\n" if number else "\n") + json.dumps(line, separators=(",", ":"))
    yield "\n]\n"
