"""The platform's state as the API says it."""

from __future__ import annotations

from typing import Any, Literal, cast

from berth.core.addresses import checksum
from berth.core.zones import rfc3339
from berth.market.index_state import Totals
from berth.market.operations import Work
from berth.market.sponsor_purse import Purse
from berth.web.checks import Check
from berth.web.schemas.common import CurrencyOut, amount, moment
from berth.web.schemas.operations import (
    IndexOut,
    NodeOut,
    PartOut,
    PurseOut,
    ReorgsOut,
    RoleOut,
    SentOut,
    StatusOut,
    WorkOut,
)
from berth.web.status import PlatformStatus


def part_out(check: Check, language: str) -> PartOut:
    """A check with its sentence."""
    return PartOut(
        name=cast("Literal['database', 'index', 'node', 'broker']", check.name),
        ok=check.ok,
        code=check.code,
        sentence=check.sentence(language),
    )


def status_out(status: PlatformStatus, language: str) -> StatusOut:
    """All of it."""
    held = status.held
    sums = None if held is None else held.totals
    work = None if held is None else held.work
    return StatusOut(
        state=status.state,
        sentence=status.sentence(language),
        now=rfc3339(status.now),
        checks=[part_out(check, language) for check in status.found.checks],
        missing=[] if work is None else work.missing,
        index=_index_out(status),
        reorgs=None if work is None else _reorgs_out(work),
        nodes=[
            NodeOut(number=node.number, used=node.used, reason=node.reason) for node in status.nodes
        ],
        roles=[] if work is None else _roles_out(work),
        work=None if work is None else _work_out(work, status.spend_cap),
        sponsor=_sponsor_out(status.sponsor),
        currency=CurrencyOut.of(status.currency),
        **_sums(sums),
        locks_online=None if held is None else held.locks_online,
        locks=None if held is None else held.locks,
    )


def _sums(sums: Totals | None) -> dict[str, Any]:
    names = ("spaces", "offers", "open_leases", "settlements", "titles", "cities")
    if sums is None:
        return dict.fromkeys((*names, "escrow", "fees", "ledger_head"))
    return {
        **{name: getattr(sums, name) for name in names},
        "escrow": amount(sums.escrow),
        "fees": amount(sums.fees),
        "ledger_head": sums.head,
    }


def _index_out(status: PlatformStatus) -> IndexOut | None:
    index, said = status.index, status.indexer
    if index is None:
        return None
    return IndexOut(
        block=index.block,
        block_hash=index.block_hash,
        block_at=rfc3339(index.block_at),
        head=index.head,
        lag_blocks=index.lag,
        lag_seconds=status.found.lag_seconds,
        updated_at=rfc3339(index.updated_at),
        blocks_per_second=said.get("blocksPerSecond"),
        events_per_second=said.get("eventsPerSecond"),
        eta_seconds=said.get("etaSeconds"),
    )


def _reorgs_out(work: Work) -> ReorgsOut:
    reorgs = work.reorgs
    return ReorgsOut(count=reorgs.count, deepest=reorgs.deepest, last_at=moment(reorgs.last_at))


def _roles_out(work: Work) -> list[RoleOut]:
    return [
        RoleOut(
            name=role.name,
            role=role.role,
            state=role.state,
            # a code; sentences of errors may name hosts
            reason=_text(role.facts.get("asleep") or role.facts.get("offline")),
            alive=not role.silent(work.now),
            seen_at=rfc3339(role.beat_at),
        )
        for role in work.roles
    ]


def _work_out(work: Work, spend_cap: int) -> WorkOut:
    sent = work.last_transaction
    return WorkOut(
        outbox=dict(work.outbox),
        commands=work.commands_by_state,
        commands_late=work.commands_late,
        evidence=dict(work.evidence),
        transactions=dict(work.transactions),
        dead_letters=work.dead,
        incidents=dict(work.incidents),
        last_transaction=None
        if sent is None
        else SentOut(
            purpose=sent.purpose, hash=sent.tx_hash, state=sent.state, at=rfc3339(sent.at)
        ),
        spent_today=str(work.spent),
        spend_cap=str(spend_cap),
    )


def _sponsor_out(purse: Purse | None) -> PurseOut | None:
    if purse is None:
        return None
    return PurseOut(
        level=purse.level,
        account=checksum(purse.account),
        balance=str(purse.balance),
        calls_left=purse.calls,
        waiting=purse.waiting.count,
        oldest_seconds=purse.waiting.oldest,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
