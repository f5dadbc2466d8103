"""Are the settlements that the index holds complete and unaltered? Two words of the chain tell.

The market folds the hash of every record into one running head and counts the records. Whoever
recomputes the head over an export and finds the chain's head has every record, unaltered, in order.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select

from berth.audit.charges import Finding, misbilled
from berth.audit.marks import START, WHOLE_SECONDS, Mark, stands
from berth.audit.rows import record_from, rows
from berth.chain.contracts import Contracts
from berth.chain.rpc import Rpc
from berth.core.ledger import next_head, record_hash
from berth.store.derived import cursor
from berth.store.engine import Store


class Verdict(StrEnum):
    """What a verification found."""

    COMPLETE = "complete"  # every record there, heads equal
    SYNCING = "syncing"  # right so far, the chain has more
    GAP = "gap"  # a number is missing, or the chain has fewer than the index
    MISMATCH = "mismatch"  # a record or a head is not what the chain hashed
    MISBILLED = "misbilled"  # as the chain has it, but not what the lease's terms give


SENTENCES: dict[Verdict, tuple[str, str]] = {
    Verdict.COMPLETE: (
        "Every settlement is here, unaltered: the head recomputed from them is the chain's.",
        "所有结算记录完整且未被改动：重新计算的链头与链上一致。",
    ),
    Verdict.SYNCING: (
        "Right so far; the chain has settlements that the index has not read yet.",
        "目前一致；链上还有尚未读取的结算记录。",
    ),
    Verdict.GAP: ("Settlements are missing.", "缺少结算记录。"),
    Verdict.MISMATCH: (
        "A settlement differs from what the chain recorded.",
        "有结算记录与链上不符。",
    ),
    Verdict.MISBILLED: (
        "A settlement charges something else than its lease's terms give.",
        "有结算金额与租约条款不符。",
    ),
}


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a verification. `at` is the settlement where it failed, None otherwise;
    `block` the block whose ledger it was held against."""

    verdict: Verdict
    checked: int
    head: str
    chain_count: int
    chain_head: str
    block: int | None
    at: int | None = None
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Nothing is wrong (perhaps not all there yet)."""
        return self.verdict in (Verdict.COMPLETE, Verdict.SYNCING)

    def sentence(self, language: str = "en") -> str:
        """In English ("en") or Chinese ("zh"), with the place of a failure."""
        words = SENTENCES[self.verdict][1 if language.startswith("zh") else 0]
        return f"{words} {self.detail}".strip()


@dataclass(frozen=True, slots=True)
class Recomputed:
    """Heads recomputed from the rows: `broken` is the first wrong number, with the reason."""

    count: int
    head: bytes
    broken: int | None = None
    verdict: Verdict | None = None
    detail: str = ""


def recompute(conn: Connection, after: Mark = START) -> Recomputed:
    """Folds every row behind the mark into the head and stops at the first that is wrong."""
    head, count = bytes.fromhex(after.head[2:]), after.number
    for row in rows(conn, after.number):
        number = row["number"]
        if number != count + 1:
            detail = f"Settlement {count + 1} is missing."
            return Recomputed(count, head, count + 1, Verdict.GAP, detail)
        digest = record_hash(record_from(row))
        head = next_head(head, digest)
        if row["record_hash"] != "0x" + digest.hex():
            detail = f"Settlement {number} does not have the hash that stands beside it."
            return Recomputed(count, head, number, Verdict.MISMATCH, detail)
        if row["head"] != "0x" + head.hex():
            detail = f"The head after settlement {number} is another one."
            return Recomputed(count, head, number, Verdict.MISMATCH, detail)
        count = number
    return Recomputed(count, head)


@dataclass(frozen=True, slots=True)
class Checked:
    """The records here by themselves; `misbilled` is the first that charges something else than its
    terms give, `block` the one that the index has read."""

    recomputed: Recomputed
    misbilled: Finding | None
    block: int | None


class Ledger:
    """How far a store's ledger has been found right: the next look goes on from there. From the
    first record it is gone through again where the head at that place is another one, after
    anything wrong, and once in an hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._mark: Mark | None = None
        self._whole_at = 0.0

    def check(self, store: Store) -> Checked:
        """Recomputes what has come since. One look at a time; it may take long."""
        with self._lock, store.read() as conn:
            after, now = self._mark, self._clock()
            if after is None or now - self._whole_at >= WHOLE_SECONDS or not stands(conn, after):
                after, self._whole_at = START, now
            self._mark = None
            ours = recompute(conn, after)
            wrong = misbilled(conn, after.number) if ours.verdict is None else None
            block = conn.execute(
                select(cursor.c.block_number).order_by(cursor.c.name).limit(1)
            ).scalar()
            if ours.verdict is None and wrong is None:
                self._mark = Mark(ours.count, "0x" + ours.head.hex())
        return Checked(ours, wrong, block)


async def verify(
    store: Store, rpc: Rpc, contracts: Contracts, ledger: Ledger | None = None
) -> Report:
    """Recomputes every record and holds the result against the chain's ledger, and what each of
    them charges against the terms of its lease. With a `ledger` those that it has not seen yet.

    The chain is asked at the block that the index has read, so that a settlement mined meanwhile is
    not taken for a gap; where the node has forgotten that block's state, at its newest.
    """
    checked = await asyncio.to_thread((ledger or Ledger()).check, store)
    ours, wrong = checked.recomputed, checked.misbilled
    chain_head, chain_count, block = await _chain_ledger(rpc, contracts, checked.block)
    ours_text = "0x" + ours.head.hex()

    def good(verdict: Verdict) -> Report:
        if wrong is None:
            return report(verdict)
        detail = f"Settlement {wrong.number}: {wrong.detail}."
        return report(Verdict.MISBILLED, wrong.number, detail)

    def report(verdict: Verdict, where: int | None = None, detail: str = "") -> Report:
        return Report(verdict, ours.count, ours_text, chain_count, chain_head, block, where, detail)

    if ours.verdict is not None:
        return report(ours.verdict, ours.broken, ours.detail)
    if ours.count > chain_count:
        if block is None:
            # the newest state may be older than what the index read from another node
            return good(Verdict.SYNCING)
        detail = f"The index holds {ours.count} settlements, the chain {chain_count}."
        return report(Verdict.GAP, chain_count + 1, detail)
    if ours.count < chain_count:
        if block is None:
            return good(Verdict.SYNCING)
        detail = f"The chain holds {chain_count} settlements, the index {ours.count}."
        return report(Verdict.GAP, ours.count + 1, detail)
    if ours_text != chain_head:
        detail = f"The head over {ours.count} settlements is {ours_text}, the chain's {chain_head}."
        return report(Verdict.MISMATCH, None, detail)
    return good(Verdict.COMPLETE)


async def _chain_ledger(
    rpc: Rpc, contracts: Contracts, block: int | None
) -> tuple[str, int, int | None]:
    """(head, count, block asked at; None = newest)."""
    from berth.core.errors import BerthError

    if block is not None:
        try:
            head, count, _ = await contracts.market.read(rpc, "ledger", block=block)
            return "0x" + bytes(head).hex(), int(count), block
        except BerthError as error:
            if error.code == "chain.unreachable":
                raise
    head, count, _ = await contracts.market.read(rpc, "ledger")
    return "0x" + bytes(head).hex(), int(count), None
