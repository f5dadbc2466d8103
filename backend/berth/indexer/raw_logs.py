"""Raw logs as the database keeps them: a row for each block with logs of ours, the logs packed.

A row for each log costs more to write than reading that log and applying it. Packed they are
MessagePack, a list of [log index, transaction index, transaction hash, address, topics one after
another, data], all but the two numbers bytes. The block's own hash and time are in `blocks`, which
keeps every block that has logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from berth.core.errors import BerthError
from berth.store.bulk import Bulk, shape_of
from berth.store.derived import blocks, raw_logs

#: Blocks read at once.
_BLOCKS = 250

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[int, int, bytes, bytes, bytes, bytes]]).decode
_bytes = bytes.fromhex


class RawLog(NamedTuple):
    """A log as it was found. Hashes, address and topics are 0x hex text in lower case."""

    block_number: int
    log_index: int
    block_hash: str
    tx_hash: str
    tx_index: int
    address: str
    topics: list[str]
    data: bytes


def keep_logs(conn: Connection, logs: Iterable[RawLog]) -> None:
    """Stores the logs of whole blocks. Raises BerthError index.logs when they are not in chain
    order, or a block's are there already."""
    rows: list[tuple[int, int, bytes]] = []
    packed: list[tuple[Any, ...]] = []
    addresses: dict[str, bytes] = {}
    block, before = -1, -1
    for log in logs:
        number, index, _hash, tx_hash, tx_index, address, topics, data = log
        if number != block:
            if number < block:
                raise _out_of_order(log)
            if packed:
                rows.append((block, len(packed), _encode(packed)))
                packed = []
            block = number
        elif index <= before:
            raise _out_of_order(log)
        before = index
        try:
            whose = addresses[address]
        except KeyError:
            whose = addresses[address] = _bytes(address[2:])
        joined = _bytes("".join(topics).replace("0x", ""))
        packed.append((index, tx_index, _bytes(tx_hash[2:]), whose, joined, data))
    if packed:
        rows.append((block, len(packed), _encode(packed)))
    try:
        Bulk(conn).insert(shape_of(raw_logs), rows)
    except IntegrityError as error:
        raise _out_of_order(None) from error


def kept_logs(conn: Connection) -> Iterator[tuple[int, int, list[RawLog]]]:
    """Block after block: its number, its time (Unix seconds UTC) and its logs. A few hundred blocks
    are read at a time, for writes go through the same connection in between.

    Raises BerthError index.kept_logs for a row that cannot be read.
    """
    after = -1
    while True:
        query = (
            select(raw_logs.c.block_number, raw_logs.c.packed, blocks.c.hash, blocks.c.timestamp)
            .join(blocks, blocks.c.number == raw_logs.c.block_number)
            .where(raw_logs.c.block_number > after)
            .order_by(raw_logs.c.block_number)
            .limit(_BLOCKS)
        )
        found = conn.execute(query).all()
        for number, packed, block_hash, timestamp in found:
            yield number, timestamp, _unpacked(number, block_hash, packed)
        if len(found) < _BLOCKS:
            return
        after = found[-1][0]


def count_logs(conn: Connection) -> int:
    """How many are kept."""
    return int(conn.execute(select(func.coalesce(func.sum(raw_logs.c.count), 0))).scalar_one())


def _unpacked(number: int, block_hash: str, packed: bytes) -> list[RawLog]:
    try:
        found = _decode(packed)
    except msgspec.DecodeError as error:
        message = (
            f"the kept logs of block {number} cannot be read ({error}): the database is damaged;"
            " index again from a complete node"
        )
        raise BerthError("index.kept_logs", message) from error
    return [
        RawLog(
            number,
            index,
            block_hash,
            "0x" + tx_hash.hex(),
            tx_index,
            "0x" + address.hex(),
            ["0x" + topics[at : at + 32].hex() for at in range(0, len(topics), 32)],
            data,
        )
        for index, tx_index, tx_hash, address, topics, data in found
    ]


def _out_of_order(log: RawLog | None) -> BerthError:
    which = "logs" if log is None else f"log {log.log_index} of block {log.block_number}"
    message = f"the node gave {which} twice or out of order: nothing of the range was indexed"
    return BerthError("index.logs", message, status=503)
