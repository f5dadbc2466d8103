"""Index against chain at one block: what each says of credits, leases, offers, spaces, titles, and
whether the market holds the money that it owes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Connection, select

from berth.audit.questions import OPEN, Question, questions
from berth.chain.contracts import Contracts
from berth.chain.rpc import Rpc, RpcError
from berth.core.errors import BerthError
from berth.core.money import parse_minor
from berth.store.derived import accounts, blocks, cursor, leases, market_state
from berth.store.engine import Store

#: Questions in one request to the node, and blocks whose hashes a sample compares.
_BATCH = 100
_HASHES = 64
#: Differences that are told one by one; the rest is counted.
TOLD = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that index and chain say differently; `name` is the field."""

    what: str
    subject: str
    name: str
    index: object
    chain: object

    def __str__(self) -> str:
        of = f"{self.what} {self.subject}".strip()
        return f"{self.name} of {of} is {self.index} in the index, {self.chain} on the chain"


@dataclass(frozen=True, slots=True)
class Money:
    """Minor units: what the market's tokens are, and what it owes by the index."""

    balance: int
    credits: int
    escrow: int
    fees: int

    @property
    def owed(self) -> int:
        return self.credits + self.escrow + self.fees


@dataclass
class Comparison:
    """What was compared at `block`, and what differed. `checked` counts by kind."""

    block: int
    block_hash: str
    money: Money
    checked: dict[str, int] = field(default_factory=dict)
    differing: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def add(self, difference: Difference) -> None:
        """Counts it, and tells it while there is room."""
        self.differing[difference.what] = self.differing.get(difference.what, 0) + 1
        if len(self.differences) < TOLD:
            self.differences.append(difference)


async def compare(
    store: Store, rpc: Rpc, contracts: Contracts, *, sample: int | None = None
) -> Comparison:
    """Asks the node, at the block that the index has read, about every row or about `sample` random
    rows of each kind.

    Raises BerthError audit.empty (nothing was indexed), audit.moved (the node's block is another
    one: a reorg that the index has yet to see, or the wrong node), audit.pruned (the node no longer
    knows the state of that block), NodeUnreachableError.
    """
    asked, found = await asyncio.to_thread(_read, store, contracts, sample)
    header = await rpc.block(found.block)
    if header is None or header.hash.lower() != found.block_hash:
        shown = "none" if header is None else header.hash
        message = (
            f"block {found.block} is {found.block_hash} in the index and {shown} at {rpc.where}"
        )
        raise BerthError("audit.moved", message, status=503)
    await _require_state(rpc, contracts, found.block)
    balance = await contracts.asset.read(
        rpc, "balanceOf", contracts.market.address, block=found.block
    )
    found.money = Money(int(balance), found.money.credits, found.money.escrow, found.money.fees)
    for part in _parts(asked):
        for question, answer in zip(part, await _ask(rpc, part, found.block), strict=True):
            _compare(found, question, answer)
    return found


async def moved_blocks(store: Store, rpc: Rpc, *, sample: bool) -> tuple[int, list[int]]:
    """(blocks compared, numbers of stored blocks that are not in the node's chain): all that the
    index keeps, or the newest ones."""

    def stored() -> list[tuple[int, str]]:
        query = select(blocks.c.number, blocks.c.hash).order_by(blocks.c.number.desc())
        with store.read() as conn:
            rows = conn.execute(query.limit(_HASHES) if sample else query).all()
        return [(row.number, row.hash) for row in rows]

    known = await asyncio.to_thread(stored)
    wrong = []
    for part in _parts(known):
        for (number, expected), header in zip(
            part, await rpc.blocks([number for number, _ in part]), strict=True
        ):
            if header is None or header.hash.lower() != expected:
                wrong.append(number)
    return len(known), sorted(wrong)


def _read(
    store: Store, contracts: Contracts, sample: int | None
) -> tuple[list[Question], Comparison]:
    """Everything that is asked, out of one snapshot."""
    with store.read() as conn:
        at = conn.execute(select(cursor)).mappings().first()
        if at is None:
            raise BerthError("audit.empty", "the index has not read a block yet", status=503)
        found = Comparison(at["block_number"], at["block_hash"], _money(conn))
        return list(questions(conn, contracts, sample)), found


def _money(conn: Connection) -> Money:
    credit = sum(parse_minor(one) for one in conn.execute(select(accounts.c.credit)).scalars())
    escrow = sum(
        parse_minor(one)
        for one in conn.execute(select(leases.c.deposit).where(leases.c.state.in_(OPEN))).scalars()
    )
    fees = conn.execute(select(market_state.c.fees)).scalar()
    return Money(0, credit, escrow, parse_minor(fees or "0"))


async def _require_state(rpc: Rpc, contracts: Contracts, block: int) -> None:
    try:
        await contracts.market.read(rpc, "ledger", block=block)
    except BerthError as error:
        if error.code == "chain.unreachable":
            raise
        message = f"{rpc.where} no longer knows the state of block {block}: {error.message}"
        raise BerthError("audit.pruned", message, status=503) from error


async def _ask(rpc: Rpc, part: list[Question], block: int) -> list[bytes | None]:
    """Answers in the questions' order; None where the contract refuses to answer."""
    calls = [
        ("eth_call", ({"to": question.to, "data": question.data}, hex(block))) for question in part
    ]
    try:
        answers: list[str] = await rpc.batch(calls, str)
        return [bytes.fromhex(answer[2:]) for answer in answers]
    except RpcError:
        if len(part) == 1:
            return [None]
    # one of them is refused: which?
    half = len(part) // 2
    return [*await _ask(rpc, part[:half], block), *await _ask(rpc, part[half:], block)]


def _compare(found: Comparison, question: Question, answer: bytes | None) -> None:
    found.checked[question.what] = found.checked.get(question.what, 0) + 1
    try:
        said = None if answer is None else question.answered(answer)
    except BerthError:
        said = None
    if said is None:
        found.add(Difference(question.what, question.subject, "all", "known", "unknown"))
        return
    for name, held in question.held.items():
        if said[name] != held:
            found.add(Difference(question.what, question.subject, name, held, said[name]))


def _parts(items: list[Any]) -> Iterator[list[Any]]:
    every = iter(items)
    while part := list(islice(every, _BATCH)):
        yield part
