"""The index: how far it is, whether it says what the chain says, whether its logs give it again."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert, select

from berth.audit import Verdict, verify
from berth.audit.holdings import Comparison, compare, moved_blocks
from berth.chain.contracts import Contracts
from berth.chain.nodes import Nodes
from berth.chain.rpc import Rpc
from berth.cli.doctor.finding import Case, Finding, ok, trouble, unchecked, warning
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.indexer.digest import digest
from berth.indexer.rebuild import rebuild
from berth.market.index_state import index_state
from berth.store import Store, bind_deployment, open_store
from berth.store.derived import blocks, cursor, raw_logs
from berth.store.migrations import HEAD
from berth.store.revision import revision

#: The index writes a sign of life every five seconds.
SILENT_SECONDS = 15
_CHUNK = 250
#: A reorg between two looks is looked at again so often.
_TRIES = 3
_REBUILD = "`berth index rebuild`; if it stays, index anew into an empty database"


async def examine(case: Case) -> list[Finding]:
    """Its own word."""
    opened = await _open(case, "index")
    return (
        [opened]
        if isinstance(opened, Finding)
        else [await asyncio.to_thread(_state, case, opened[0])]
    )


async def against_chain(case: Case) -> list[Finding]:
    """Index and chain at one block."""
    opened = await _open(case, "index.chain")
    if isinstance(opened, Finding):
        return [opened]
    store, deployment = opened
    # a node that hangs is a finding of its own: here it is not waited for
    async with Nodes(case.settings.rpc_urls, deployment, timeout=case.answer, retries=0) as rpc:
        try:
            return await _against_chain(case, store, deployment, rpc)
        except BerthError as error:
            return [_unanswered(error)]


async def again(case: Case) -> list[Finding]:
    """The index made anew from its own raw logs, with `deep`."""
    opened = await _open(case, "index.rebuild")
    if not case.deep:
        return []
    if isinstance(opened, Finding):
        return [opened]
    try:
        return [await asyncio.to_thread(_again, *opened)]
    except BerthError as error:
        says = f"the kept logs cannot be projected: {error}"
        return [trouble("index.rebuild", says, "index anew into an empty database")]


async def _open(case: Case, check: str) -> tuple[Store, Deployment] | Finding:
    """What there is to look at, or why there is nothing."""
    if case.store is None or case.deployment is None:
        return unchecked(check, "database or deployment is missing")
    if await asyncio.to_thread(_revision, case.store) != HEAD:
        return unchecked(check, "the database is at another migration")
    return case.store, case.deployment


def _revision(store: Store) -> str | None:
    with store.read() as conn:
        return revision(conn)


def _state(case: Case, store: Store) -> Finding:
    with store.read() as conn:
        index = index_state(conn)
    if index is None:
        return trouble(
            "index", "it has not read a block yet", "start `berth up` or `berth indexer`"
        )
    idle = int(time.time()) - index.updated_at
    says = f"at block {index.block}, {index.lag} behind, last sign of life {max(idle, 0)} s ago"
    if idle > SILENT_SECONDS:
        return trouble("index", says, "is `berth indexer` (or `berth up`) running? see its log")
    if index.lag > case.settings.ready_blocks:
        return warning("index", says, "wait: it is catching up; /status says how long")
    return ok("index", says)


async def _against_chain(
    case: Case, store: Store, deployment: Deployment, rpc: Rpc
) -> list[Finding]:
    contracts = Contracts.of(deployment)
    checked, wrong = await moved_blocks(store, rpc, sample=case.sample is not None)
    findings = [_blocks(checked, wrong)]
    comparison = await _settled(store, rpc, contracts, case.sample)
    findings += _compared(comparison)
    report = await verify(store, rpc, contracts)
    if report.ok:
        findings.append(ok("index.settlements", report.sentence(), settlements=report.checked))
    else:
        do = _REBUILD if report.verdict is not Verdict.MISBILLED else "docs/auditor.md says whom"
        findings.append(trouble("index.settlements", report.sentence(), do))
    return findings


async def _settled(store: Store, rpc: Rpc, contracts: Contracts, sample: int | None) -> Comparison:
    """The comparison; once more when a reorg came between."""
    for attempt in range(_TRIES):
        try:
            return await compare(store, rpc, contracts, sample=sample)
        except BerthError as error:
            if error.code != "audit.moved" or attempt == _TRIES - 1:
                raise
        await asyncio.sleep(2)
    raise AssertionError("the last try returns or raises")


def _unanswered(error: BerthError) -> Finding:
    if error.code == "audit.moved":
        do = "the index follows by itself within seconds; if not, is it the right node?"
        return trouble("index.head", str(error), do)
    if error.code == "audit.pruned":
        do = "let the index catch up, or name a node that keeps older states"
        return warning("index.chain", f"not compared: {error}", do)
    return trouble("index.chain", f"not compared: {error}", "mend the node first")


def _blocks(checked: int, wrong: list[int]) -> Finding:
    if wrong:
        shown = ", ".join(map(str, wrong[:5]))
        says = f"{len(wrong)} of {checked} stored blocks are not in the node's chain: {shown}"
        do = "a reorg that the index has yet to see, or another chain; if it stays, index anew"
        return trouble("index.blocks", says, do, blocks=wrong[:100])
    return ok("index.blocks", f"{checked} stored blocks are in the node's chain")


def _compared(found: Comparison) -> list[Finding]:
    findings = []
    for what, count in sorted(found.checked.items()):
        wrong = found.differing.get(what, 0)
        check = f"index.{what}"
        if wrong:
            told = [str(one) for one in found.differences if one.what == what]
            says = f"{wrong} differences at block {found.block}: {told[0] if told else ''}"
            findings.append(trouble(check, says, _REBUILD, differences=told))
        else:
            findings.append(ok(check, f"{count} questions, the chain says the same", asked=count))
    money = found.money
    facts = {"balance": str(money.balance), "owed": str(money.owed)}
    if money.balance < money.owed:
        says = f"the market holds {money.balance} and owes {money.owed}"
        do = "stop new business (guardian: pause); docs/security.md, “The asset”"
        findings.append(trouble("index.money", says, do, **facts))
    else:
        says = f"the market holds {money.balance}, it owes {money.owed}"
        findings.append(ok("index.money", says, **facts))
    return findings


def _again(store: Store, deployment: Deployment) -> Finding:
    """Projects the kept raw logs into a database of its own and compares the digests."""
    with tempfile.TemporaryDirectory(prefix="berth-doctor-") as folder:
        scratch = open_store(str(Path(folder) / "again.sqlite"), deployment)
        try:
            bind_deployment(scratch, deployment)
            with store.read() as source:
                for table in (blocks, raw_logs, cursor):
                    rows = source.execution_options(yield_per=_CHUNK).execute(select(table))
                    for part in rows.mappings().partitions(_CHUNK):
                        with scratch.write() as conn:
                            conn.execute(insert(table), [dict(row) for row in part])
                ours = digest(source)
            logs = rebuild(scratch, deployment)
            with scratch.read() as conn:
                made = digest(conn)
        finally:
            scratch.close()
    if made.sha256 == ours.sha256:
        says = f"{logs} kept logs give the same rows again"
        return ok("index.rebuild", says, digest=ours.sha256)
    wrong = [
        one.name
        for one, other in zip(ours.tables, made.tables, strict=True)
        if one.sha256 != other.sha256
    ]
    says = f"the kept logs give other rows in {', '.join(wrong)}"
    return trouble("index.rebuild", says, "`berth index rebuild`", tables=wrong)
