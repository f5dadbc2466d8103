"""Looks at everything at once, each topic bounded in time: what is missing is a finding of its own
and keeps nothing else from being looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from berth.cli.doctor import broker, chain, database, index, keys, machine, signer, sponsor, work
from berth.cli.doctor.finding import Case, Finding, Topic, ok, trouble
from berth.core.deployment import Deployment, load_deployment
from berth.core.errors import BerthError
from berth.core.settings import Settings
from berth.store.engine import Store
from berth.store.looking import open_to_look

#: In the order in which they are told.
TOPICS: Mapping[str, Topic] = {
    "node": chain.examine,
    "database": database.examine,
    "index": index.examine,
    "index.chain": index.against_chain,
    "index.rebuild": index.again,
    "work": work.examine,
    "gas": work.purse,
    "sponsor": sponsor.examine,
    "broker": broker.examine,
    "signer": signer.examine,
    "keys": keys.examine,
    "machine": machine.examine,
}


async def examine(
    settings: Settings, *, sample: int | None = None, deep: bool = False, within: float = 60.0
) -> list[Finding]:
    """Every finding, good ones too. `within` seconds a topic; the whole takes little longer."""
    findings: list[Finding] = []
    deployment = _deployment(settings, findings)
    case = Case(settings, deployment, None, sample, deep, within)
    store = await _open(case, findings)
    case = replace(case, store=store)
    try:
        parts = await asyncio.gather(*(_bounded(name, topic, case) for name, topic in _all()))
    finally:
        if store is not None:
            store.close()
    return findings + [finding for part in parts for finding in part]


def _all() -> list[tuple[str, Topic]]:
    return list(TOPICS.items())


async def _bounded(name: str, topic: Topic, case: Case) -> list[Finding]:
    try:
        async with asyncio.timeout(case.within):
            return await topic(case)
    except TimeoutError:
        says = f"did not come to an end within {case.within:g} s"
        return [trouble(name, says, "something hangs, or give more time with --within")]
    except BerthError as error:
        return [trouble(name, str(error), "see “When it says no” in docs/operators.md")]
    except Exception as error:
        # One check that breaks must not hide what the others found.
        return [trouble(name, f"the check itself broke: {error!r}", "report this")]


def _deployment(settings: Settings, findings: list[Finding]) -> Deployment | None:
    try:
        deployment = load_deployment(settings.deployment)
    except BerthError as error:
        do = "`berth deploy`, or copy the file back, or name it in BERTH_DEPLOYMENT"
        findings.append(trouble("deployment", str(error), do))
        return None
    says = f"market {deployment.market} on chain {deployment.chain_id}"
    findings.append(ok("deployment", says))
    return deployment


async def _open(case: Case, findings: list[Finding]) -> Store | None:
    try:
        async with asyncio.timeout(case.answer):
            return await asyncio.to_thread(open_to_look, case.settings.database_url)
    except TimeoutError:
        says = f"the database does not answer within {case.answer:g} s"
        findings.append(trouble("database", says, "is its server well? see its log"))
    except BerthError as error:
        do = {
            "store.absent": "start `berth up` or `berth db migrate`, or check BERTH_DATABASE_URL",
            "store.foreign": "check BERTH_DATABASE_URL, or restore a backup",
        }.get(error.code, "start the database server, or check BERTH_DATABASE_URL")
        findings.append(trouble("database", str(error), do))
    return None
