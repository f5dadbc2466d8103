"""Logs as a node gives them, into logs as they are kept: nothing doubled, foreign or malformed.

Nodes repeat logs, give some that were not asked for, out of order, or of blocks that are gone. What
is harmless is left out; what means that the chain moved, or that the node lies, is refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from berth.chain.wire import Block, Log
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.indexer.raw_logs import RawLog


class ChainMovedError(BerthError):
    """The node's answers do not fit one chain: it changed its mind in between. Ask again."""

    def __init__(self, what: str) -> None:
        super().__init__("index.chain_moved", f"the chain moved while it was read: {what}")


def read_logs(found: Iterable[Log], first: int, last: int, wanted: frozenset[str]) -> list[RawLog]:
    """The logs of blocks first to last of the wanted addresses, in chain order, each once.

    Raises ChainMovedError for a removed or malformed log, and for two different ones at one place.
    """
    logs: list[RawLog] = []
    number_hex, number, inside = "", -1, False
    before = (-1, -1)
    ordered = True
    try:
        for log in found:
            if log.block_number_hex != number_hex:
                number_hex = log.block_number_hex
                number = int(number_hex, 16)
                inside = first <= number <= last
            if not inside or log.address not in wanted:
                continue  # never asked for: some other range's, or nobody's
            if log.removed:
                raise ChainMovedError(f"a log of block {number} was removed")
            topics = log.topics
            if len(bytes.fromhex("".join(topics).replace("0x", ""))) != 32 * len(topics):
                raise ValueError("topics of another length")
            index = int(log.log_index_hex, 16)
            place = (number, index)
            if place <= before:
                ordered = False
            before = place
            logs.append(
                RawLog(
                    number,
                    index,
                    log.block_hash,
                    log.transaction_hash,
                    int(log.transaction_index_hex, 16),
                    log.address,
                    topics,
                    bytes.fromhex(log.data_hex[2:]),
                )
            )
    except ValueError as error:
        raise ChainMovedError(f"a log of block {number} is malformed: {error}") from error
    return logs if ordered else _each_once(logs)


def _each_once(logs: list[RawLog]) -> list[RawLog]:
    logs.sort(key=lambda log: (log.block_number, log.log_index))
    kept: list[RawLog] = []
    for log in logs:
        if kept and kept[-1][:2] == log[:2]:
            if kept[-1] != log:
                raise ChainMovedError(
                    f"block {log.block_number} has two different logs {log.log_index}"
                )
            continue
        kept.append(log)
    return kept


class Blooms:
    """Tells from a block's header whether it may hold a log of some contract."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._masks = [_bits(address) for address in addresses]

    def may_hold(self, block: Block) -> bool:
        """False is certain; True may be chance. A node that gives no filter is believed."""
        if len(block.logs_bloom) != 514:
            return False
        bits = int(block.logs_bloom, 16)
        return any(bits & mask == mask for mask in self._masks)


def _bits(address: str) -> int:
    """The three bits that an address sets in a block's 2048-bit filter."""
    digest = keccak(bytes.fromhex(address[2:]))
    mask = 0
    for place in (0, 2, 4):
        mask |= 1 << (int.from_bytes(digest[place : place + 2]) & 0x7FF)
    return mask
