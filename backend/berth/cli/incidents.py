"""`berth incidents`: what went wrong for somebody, and that it is settled."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict

import typer

from berth.cli.platform.running import settings_here
from berth.core.ids import lease_hex, parse_lease
from berth.core.zones import rfc3339
from berth.relay.policy import installation_now
from berth.relay.reasons import explain
from berth.store import Store, open_store
from berth.store.incidents import Incident, list_incidents, resolve_incident

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="List what went wrong for somebody, and say that it is settled.",
)
_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.command("list")
def list_(
    all_: bool = typer.Option(False, "--all", help="Resolved ones, too."),
    lease: str | None = typer.Option(None, help="Of this lease only."),
    limit: int = typer.Option(50, min=1, max=1000, help="At most so many."),
    as_json: bool = _JSON,
) -> None:
    """Open incidents, the newest first: what happened, and what to do.

    Exit code 1 while there are any that are open.
    """
    lease_id = None if lease is None else lease_hex(parse_lease(lease))
    store = _open()
    with store.read() as conn:
        found = list_incidents(conn, resolved=all_, lease_id=lease_id, limit=limit)
    store.close()
    if as_json:
        typer.echo(json.dumps([asdict(one) | asdict(explain(one.reason)) for one in found]))
    else:
        for one in found:
            _say(one)
        typer.echo(f"{len(found)} incidents")
    if any(one.resolved_at is None for one in found):
        raise typer.Exit(1)


@app.command()
def resolve(
    number: int = typer.Argument(min=1, help="The incident's number."),
    words: str = typer.Option(..., "--words", help="What was done."),
    by: str | None = typer.Option(None, help="Who did it; default: your user name."),
    as_json: bool = _JSON,
) -> None:
    """Say that an incident is settled, and how."""
    store = _open()
    try:
        with store.write() as conn:
            now = installation_now(conn)
            done = resolve_incident(conn, number, words, by or getpass.getuser(), now)
    finally:
        store.close()
    if as_json:
        typer.echo(json.dumps(asdict(done)))
    else:
        typer.echo(f"incident {number} is resolved: {done.resolution}")


def _say(one: Incident) -> None:
    words = explain(one.reason)
    about = [
        f"{name} {value}"
        for name, value in (
            ("lease", one.lease_id),
            ("lock", one.lock_id),
            ("command", one.command_id),
        )
        if value is not None
    ]
    typer.echo(f"{one.id}  {one.kind}  {rfc3339(one.opened_at)}  {', '.join(about)}")
    typer.echo(f"  {one.reason}: {words.sentence} {words.advice}")
    if one.resolved_at is not None:
        typer.echo(f"  resolved {rfc3339(one.resolved_at)} by {one.by}: {one.resolution}")


def _open() -> Store:
    return open_store(settings_here().database_url)
