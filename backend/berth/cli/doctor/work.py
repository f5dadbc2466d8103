"""What relay and keeper have before them: stuck rows, dead letters, incidents, roles, gas."""

from __future__ import annotations

import asyncio
import time

from sqlalchemy import select

from berth.chain.nodes import Nodes
from berth.cli.doctor.finding import Case, Finding, ok, trouble, unchecked, warning
from berth.cli.keyring import key_path
from berth.core.errors import BerthError
from berth.core.keys import keystore_address
from berth.core.money import Currency
from berth.market.operations import Work, work
from berth.store.engine import Store
from berth.store.kept import incidents
from berth.store.migrations import HEAD
from berth.store.revision import revision

#: A row that was not looked at for so long, while a relay lives, is stuck, seconds.
OUTBOX_SECONDS = 120
#: Evidence that is not on the chain after so long, seconds.
EVIDENCE_SECONDS = 1800
#: The relay's key should be able to pay this many transactions of the dearest kind, at today's fee.
TRANSACTIONS = 20
_GAS = 300_000
_ETHER = Currency("ether", 18)


async def examine(case: Case) -> list[Finding]:
    """The tables."""
    if case.store is None:
        return [unchecked("work", "the database cannot be opened")]
    state, told = await asyncio.to_thread(_look, case.store)
    if state is None:
        return [unchecked("work", "the database is at another migration")]
    return [
        *_outbox(state),
        *_commands(state),
        _evidence(state),
        _incidents(state, told),
        *_roles(state),
        _spending(case, state),
    ]


async def purse(case: Case) -> list[Finding]:
    """Can the relay's key pay for what is likely to come?"""
    return [await _gas(case)]


def _look(store: Store) -> tuple[Work | None, list[str]]:
    with store.read() as conn:
        if revision(conn) != HEAD:
            return None, []
        rows = conn.execute(
            select(incidents.c.id, incidents.c.kind, incidents.c.reason)
            .where(incidents.c.resolved_at.is_(None))
            .order_by(incidents.c.id)
            .limit(20)
        )
        return work(conn), [f"{row.id} {row.kind}: {row.reason}" for row in rows]


def _outbox(state: Work) -> list[Finding]:
    findings = []
    dead = state.outbox.get("dead", 0)
    if dead:
        says = f"{dead} rows of the outbox were given up"
        findings.append(trouble("outbox.dead", says, "`berth incidents list` says why"))
    waiting = state.outbox.get("new", 0)
    if waiting and state.outbox_age > OUTBOX_SECONDS:
        says = f"{waiting} rows wait, the oldest for {state.outbox_age} s"
        findings.append(trouble("outbox", says, "is a relay running, and awake? see its log"))
    else:
        findings.append(ok("outbox", f"{waiting} rows wait"))
    return findings


def _commands(state: Work) -> list[Finding]:
    findings = []
    dead = state.commands_by_state.get("dead", 0)
    if dead:
        do = "`berth commands list --state dead`, then `berth commands retry` or see the lock"
        findings.append(warning("commands.dead", f"{dead} commands were given up", do))
    if state.commands_late:
        says = f"{state.commands_late} commands are beyond their deadline and nobody took them up"
        findings.append(trouble("commands", says, "is a relay running, and awake? see its log"))
    else:
        findings.append(ok("commands", "none is beyond its deadline"))
    return findings


def _evidence(state: Work) -> Finding:
    waiting = state.evidence_waiting
    if waiting and state.evidence_age > EVIDENCE_SECONDS:
        age = state.evidence_age
        says = f"{waiting} records of locks are not on the chain, the oldest for {age} s"
        return trouble("evidence", says, "is a keeper running, and has its key gas?")
    refused = state.evidence.get("refused", 0)
    if refused:
        says = f"{refused} records of locks were refused by the contract"
        return warning("evidence", says, "`berth incidents list` says why")
    return ok("evidence", f"{waiting} records wait for the chain")


def _incidents(state: Work, told: list[str]) -> Finding:
    count = state.incidents_open
    if count:
        says = f"{count} incidents are open: {told[0] if told else ''}"
        do = "`berth incidents list`, then `berth incidents resolve`"
        return trouble("incidents", says, do, incidents=told)
    return ok("incidents", "none is open")


def _roles(state: Work) -> list[Finding]:
    if not state.roles:
        do = "start `berth up`, or the roles one by one"
        return [warning("roles", "no process of this installation runs", do)]
    if state.missing:
        says = f"no process runs as {', '.join(state.missing)}"
        return [trouble("roles", says, "start it: `berth ROLE`, or the service of that name")]
    living = [role for role in state.roles if not role.silent(state.now)]
    findings = []
    for role in living:
        if role.state not in ("running", "working"):
            said = (role.facts.get(name) for name in ("asleep", "offline", "error", "why"))
            why = next((one for one in said if one), role.facts.get("troubles") or "")
            says = f"{role.name} is {role.state}: {why}"
            findings.append(
                warning("roles.state", says, "it goes on by itself once that is mended")
            )
    names = ", ".join(sorted({role.role for role in living}))
    return [*findings, ok("roles", f"{len(living)} processes live: {names}")]


def _spending(case: Case, state: Work) -> Finding:
    cap = case.settings.spend_cap
    says = f"{_ETHER.format(state.spent)} of {_ETHER.format(cap)} ether spent on gas today"
    if state.spent >= cap:
        do = "nothing more is sent today: why so much? BERTH_SPEND_CAP raises the bound"
        return trouble("spending", says, do)
    if state.spent * 5 >= cap * 4:
        return warning("spending", says, "BERTH_SPEND_CAP is near: why so much?")
    return ok("spending", says)


async def _gas(case: Case) -> Finding:
    path = key_path(case.settings.keys, "relay")
    try:
        account = keystore_address(path)
    except BerthError as error:
        return trouble("gas", f"the relay's key: {error}", "`berth keys new --role relay`")
    if case.deployment is None:
        return unchecked("gas", "there is no deployment")
    try:
        async with Nodes(
            case.settings.rpc_urls, case.deployment, timeout=case.answer, retries=0
        ) as rpc:
            balance = int(str(await rpc.call("eth_getBalance", account, "latest")), 16)
            price = int(str(await rpc.call("eth_gasPrice")), 16)
    except BerthError as error:
        return unchecked("gas", str(error))
    enough = TRANSACTIONS * _GAS * price
    says = f"the relay's key {account} has {_ETHER.format(balance)} ether"
    if balance < _GAS * price:
        return trouble("gas", f"{says}: not enough for a transaction", "send it some")
    if balance < enough:
        return warning(
            "gas", f"{says}: enough for {balance // (_GAS * price)} more", "send it some"
        )
    return ok("gas", says, checkedAt=int(time.time()))
