"""`berth index`: how far the index is, make it anew, digest it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from berth.chain.rpc import Rpc
from berth.cli.platform.running import settings_here
from berth.core.deployment import Deployment, load_deployment
from berth.core.errors import BerthError
from berth.core.settings import Settings
from berth.indexer.digest import digest as digest_rows
from berth.indexer.rebuild import rebuild as rebuild_rows
from berth.indexer.report import report
from berth.store import Store, bind_deployment, open_store

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Look at the index, make it anew, digest it.",
)
_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.command()
def status(as_json: bool = _JSON) -> None:
    """Say how far the index has read, and what it holds."""
    settings, _deployment, store = _open()
    with store.read() as conn:
        found = report(conn)
    store.close()
    if found is None:
        raise BerthError("index.empty", "nothing was indexed yet: run `berth up`")
    head, trouble = asyncio.run(_node_head(settings))
    if as_json:
        facts = {**asdict(found), "lag": found.lag, "age": found.age, "node_head": head}
        typer.echo(json.dumps(facts, indent=2))
        return
    table = Table(show_header=False, box=None)
    table.add_row("block", f"{found.block_number}  {found.block_hash}")
    table.add_row("node", f"block {head}" if head is not None else trouble)
    newest = found.head_number if head is None else head
    table.add_row("behind", f"{max(0, newest - found.block_number)} blocks")
    table.add_row("final up to", str(found.final_number))
    table.add_row("last moved", f"{found.age} s ago")
    table.add_row("raw logs", str(found.raw_logs))
    for name, rows in found.rows.items():
        table.add_row(name, str(rows))
    table.add_row("ledger", f"{found.ledger_count} records, head {found.ledger_head}")
    Console().print(table)


@app.command()
def rebuild() -> None:
    """Make every projection anew from the kept raw logs; no node needed."""
    _settings, deployment, store = _open()
    columns = (
        TextColumn("rebuilding"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("logs"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("rebuild", total=None)
        logs = rebuild_rows(
            store,
            deployment,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    with store.read() as conn:
        made = digest_rows(conn)
    store.close()
    typer.echo(f"{logs} logs projected, digest {made.sha256}")


@app.command()
def digest(as_json: bool = _JSON) -> None:
    """Hash all projected rows: two indexes of one chain at one block agree, or one is wrong."""
    _settings, _deployment, store = _open()
    with store.read() as conn:
        found = digest_rows(conn)
        at = report(conn)
    store.close()
    if at is None:
        raise BerthError("index.empty", "nothing was indexed yet: run `berth up`")
    if as_json:
        facts = {"block": at.block_number, "blockHash": at.block_hash, **asdict(found)}
        typer.echo(json.dumps(facts, indent=2))
        return
    table = Table("table", "rows", "sha256")
    for part in found.tables:
        table.add_row(part.name, str(part.rows), part.sha256)
    console = Console()
    console.print(table)
    console.print(f"block {at.block_number} {at.block_hash}", highlight=False)
    console.print(f"digest {found.sha256}", highlight=False)


def _open() -> tuple[Settings, Deployment, Store]:
    settings = settings_here()
    deployment = load_deployment(settings.deployment)
    store = open_store(settings.database_url, deployment)
    bind_deployment(store, deployment)
    return settings, deployment, store


async def _node_head(settings: Settings) -> tuple[int | None, str]:
    """The node's newest block, or why there is none: the index can be looked at without a node."""
    try:
        async with Rpc(settings.rpc_url, retries=0, timeout=2.0) as rpc:
            return await rpc.block_number(), ""
    except BerthError as error:
        return None, error.message
