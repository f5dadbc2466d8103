"""`berth db`: migrate the database, back up what no chain can give back, put it back, tidy up."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import typer

from berth.core.deployment import load_deployment
from berth.core.errors import BerthError
from berth.core.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Migrate the database, back it up, restore it, forget what is old.",
)
_JSON = typer.Option(False, "--json", help="Print JSON on one line.")


@app.command()
def migrate(
    to: str | None = typer.Option(
        None, help="Migration to go to, up or down; default: the newest."
    ),
    as_json: bool = _JSON,
) -> None:
    """Bring the database to a migration, in one transaction.

    Programs bring it to the newest by themselves when they start; going down is for going back to
    an older program, and loses what the older tables have no place for. End all processes first.
    """
    from berth.store import migrations
    from berth.store.engine import migrate_store, reach_store

    target = to or migrations.HEAD
    if target not in migrations.KNOWN:
        known = f"{migrations.KNOWN[0]} to {migrations.HEAD}"
        raise BerthError("db.migration", f"{target!r} is none of {known}", field="to", exit_code=2)
    store = reach_store(load_settings().database_url)
    try:
        former = migrate_store(store, target)
    finally:
        store.close()
    if as_json:
        typer.echo(json.dumps({"from": former, "to": target}))
    elif former == target:
        typer.echo(f"the database is at migration {target} already")
    else:
        typer.echo(f"from migration {former or 'none'} to {target}")


@app.command()
def backup(
    out: Path = typer.Option(..., help="New file for the backup."),
    as_json: bool = _JSON,
) -> None:
    """Write all that no chain can give back to one file, while everything runs.

    The file is readable by you alone; keep it as secret as the data folder. Keys are not in it.
    """
    from berth.core.sealed import open_sealer
    from berth.store import open_store
    from berth.store.backup import write_backup
    from berth.store.backup_file import PURPOSE

    settings = load_settings()
    store = open_store(settings.database_url, load_deployment(settings.deployment))
    try:
        key = open_sealer(settings.keys).derived(PURPOSE)[0]
        made = write_backup(store, out.absolute(), key)
    finally:
        store.close()
    if as_json:
        facts = {**asdict(made.totals), "bytes": made.bytes, "migration": made.header.migration}
        typer.echo(json.dumps({"file": str(out), **facts, "indexed": made.header.indexed}))
        return
    typer.echo(f"{made.totals.rows} rows of {made.totals.tables} tables, {made.bytes} bytes: {out}")
    typer.echo(f"not in it: the keys ({settings.keys}) and the titles' trees ({settings.titles})")


@app.command()
def restore(
    file: Path = typer.Argument(..., help="A file that `berth db backup` wrote."),
    force: bool = typer.Option(False, "--force", help="Lose all that is in the database now."),
    as_json: bool = _JSON,
) -> None:
    """Put a backup into an empty database: all of it, or nothing.

    Needs keys/field.key and the deployment file of the installation that made it; end all
    processes first. The next start reads the index anew from the chain.
    """
    from berth.cli.platform.home import held
    from berth.core.sealed import open_sealer
    from berth.store.backup_file import PURPOSE
    from berth.store.restore import restore_backup

    settings = load_settings()
    deployment = load_deployment(settings.deployment)
    keys = open_sealer(settings.keys).derived(PURPOSE)
    with held(settings.home):
        done = restore_backup(settings.database_url, file, keys, deployment, force=force)
    if as_json:
        facts = {**asdict(done.totals), "madeAt": done.header.made_at}
        typer.echo(json.dumps({**facts, "cancelled": done.cancelled, "asked": done.asked}))
        return
    typer.echo(f"{done.totals.rows} rows of {done.totals.tables} tables are back")
    if done.cancelled:
        typer.echo(f"{done.cancelled} commands to locks were on their way and are cancelled")
    typer.echo("next: start Berth; it reads the index anew from the chain, and then goes on")


@app.command()
def tidy(as_json: bool = _JSON) -> None:
    """Forget now what is kept no longer, by BERTH_KEEP_*_DAYS; the keeper does it every hour.

    What an open lease, an open incident or an unfinished command needs stays. The index must be at
    the chain's head. Programs may be running.
    """
    import asyncio

    from sqlalchemy import func, select

    from berth.core.clock import ChainClock, Clock, WallClock
    from berth.relay.policy import LOCAL_CHAINS, Policy
    from berth.relay.retention import Retention
    from berth.store import open_store
    from berth.store.derived import cursor

    settings = load_settings()
    deployment = load_deployment(settings.deployment)
    store = open_store(settings.database_url, deployment)
    try:
        clock: Clock = WallClock()
        if deployment.chain_id in LOCAL_CHAINS:  # whose time may be another
            clock = ChainClock()
            with store.read() as conn:
                newest = conn.execute(select(func.max(cursor.c.block_timestamp))).scalar()
            clock.follow(newest or 0)
        gone = asyncio.run(Retention(store, Policy(deployment, clock), settings.keep).forget())
    finally:
        store.close()
    if as_json:
        typer.echo(json.dumps(gone))
        return
    for table, rows in gone.items():
        typer.echo(f"{table}: {rows} rows")
