"""`berth audit`: hold the settlements against the chain, export them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import func, select

from berth.audit import Report, Verdict, verify
from berth.audit.export import export as export_lines
from berth.chain.contracts import Contracts
from berth.chain.identity import verify_chain
from berth.chain.rpc import Rpc
from berth.cli.platform.running import settings_here
from berth.core.deployment import Deployment, load_deployment
from berth.core.errors import BerthError
from berth.core.settings import Settings
from berth.store import Store, bind_deployment, open_store
from berth.store.derived import settlements

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Verify and export settlements.",
)

#: What `verify` exits with: 0 complete, 1 something is wrong, 4 not all there yet.
EXIT = {
    Verdict.COMPLETE: 0,
    Verdict.GAP: 1,
    Verdict.MISMATCH: 1,
    Verdict.MISBILLED: 1,
    Verdict.SYNCING: 4,
}


@app.command("verify")
def verify_ledger(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Recompute the ledger's head over every settlement and compare it with the chain's; and what
    each one charges, by its lease's terms.

    Exit code 0: complete; 1: a gap, a mismatch or a wrong charge; 4: right so far, the index is
    behind.
    """
    settings, deployment, store = _open()
    with closing(store):
        report = asyncio.run(_verify(settings, deployment, store))
    if as_json:
        typer.echo(json.dumps(_facts(report)))
    else:
        typer.echo(f"{report.verdict.value}: {report.sentence()}")
        typer.echo(f"index: {report.checked} settlements, head {report.head}")
        where = "newest block" if report.block is None else f"block {report.block}"
        typer.echo(f"chain: {report.chain_count} settlements, head {report.chain_head} ({where})")
    raise typer.Exit(EXIT[report.verdict])


@app.command("export")
def export_ledger(
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; default: standard output.")
    ] = None,
    form: Annotated[Literal["csv", "json"], typer.Option("--format", help="csv or json.")] = "csv",
    after: Annotated[int, typer.Option(min=0, help="Begin after this settlement.")] = 0,
) -> None:
    """Write settlements with all that their hashes cover; a file whole or not at all."""
    _settings, deployment, store = _open()
    with closing(store), store.read() as conn:
        total = conn.execute(select(func.count()).where(settlements.c.number > after)).scalar_one()
        lines = export_lines(conn, form, deployment.currency, after=after)
        if out is None:
            sys.stdout.writelines(lines)
            return
        _write(out, _counted(lines, total))
    typer.echo(f"{total} settlements to {out}", err=True)


async def _verify(settings: Settings, deployment: Deployment, store: Store) -> Report:
    async with Rpc(settings.rpc_url) as rpc:
        await verify_chain(rpc, deployment)
        return await verify(store, rpc, Contracts.of(deployment))


def _open() -> tuple[Settings, Deployment, Store]:
    settings = settings_here()
    deployment = load_deployment(settings.deployment)
    store = open_store(settings.database_url, deployment)
    bind_deployment(store, deployment)
    return settings, deployment, store


def _facts(report: Report) -> dict[str, object]:
    return {
        "verdict": report.verdict.value,
        "sentence": report.sentence(),
        "indexCount": report.checked,
        "indexHead": report.head,
        "chainCount": report.chain_count,
        "chainHead": report.chain_head,
        "block": report.block,
        "at": report.at,
    }


def _counted(lines: Iterator[str], total: int) -> Iterator[str]:
    """The lines, with progress on the terminal."""
    columns = (
        TextColumn("exporting"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("export", total=total)
        for line in lines:
            yield line
            progress.advance(task)


def _write(path: Path, lines: Iterator[str]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise BerthError("audit.out", message, field="out", exit_code=2) from error
    finally:
        draft.unlink(missing_ok=True)
