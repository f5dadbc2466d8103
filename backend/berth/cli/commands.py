"""`berth commands`: what was given up, why, and trying it again."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from berth.cli.platform.running import settings_here
from berth.core.errors import BerthError
from berth.core.ids import lease_hex, parse_lease
from berth.core.zones import rfc3339
from berth.relay.letters import (
    GIVEN_UP,
    list_commands,
    list_undelivered,
    retry_command,
    retry_undelivered,
)
from berth.relay.policy import installation_now
from berth.relay.reasons import explain
from berth.store import Store, open_store
from berth.store.wake import announce

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="List what was given up, and try it again.",
)
_JSON = typer.Option(False, "--json", help="Print JSON.")
_OUTBOX = "outbox/"


@app.command("list")
def list_(
    state: list[str] = typer.Option(
        list(GIVEN_UP), "--state", help="States to show; several by repeating it."
    ),
    lease: str | None = typer.Option(None, help="Of this lease only."),
    limit: int = typer.Option(50, min=1, max=1000, help="At most so many."),
    as_json: bool = _JSON,
) -> None:
    """Commands to locks that were given up, and what to do; rows of the outbox, too."""
    lease_id = None if lease is None else lease_hex(parse_lease(lease))
    store = _open()
    with store.read() as conn:
        letters = list_commands(conn, states=tuple(state), lease_id=lease_id, limit=limit)
        rows = list_undelivered(conn, limit) if lease_id is None and "dead" in state else []
    store.close()
    if as_json:
        found = [asdict(one) | asdict(explain(one.reason)) for one in letters]
        dead = [asdict(row) | asdict(explain("outbox.dead")) for row in rows]
        typer.echo(json.dumps({"commands": found, "outbox": dead}))
        return
    for one in letters:
        words = explain(one.reason)
        typer.echo(f"{one.id}  {one.action} {one.state} {rfc3339(one.updated_at)}")
        typer.echo(f"  lease {one.lease_id}, lock {one.lock_id}, {one.attempts} attempts")
        if one.reason is not None or one.state in GIVEN_UP:
            typer.echo(f"  {one.reason or '-'}: {words.sentence} {words.advice}")
    for row in rows:
        words = explain("outbox.dead")
        typer.echo(f"{_OUTBOX}{row.id}  {row.kind} dead, block {row.block}")
        typer.echo(f"  lease {row.lease_id}, {row.attempts} attempts: {row.reason}")
        typer.echo(f"  {words.sentence} {words.advice}")
    typer.echo(f"{len(letters)} commands, {len(rows)} rows of the outbox")


@app.command()
def retry(
    identity: str = typer.Argument(help="A command's id, or outbox/N."), as_json: bool = _JSON
) -> None:
    """Try one again: as a new command, that the access policy judges anew.

    Nothing comes back for a lease that is over.
    """
    store = _open()
    try:
        with store.write() as conn:
            now = installation_now(conn)
            if identity.startswith(_OUTBOX):
                number = identity.removeprefix(_OUTBOX)
                if not number.isascii() or not number.isdigit():
                    message = f"{identity!r} is neither a command's id nor outbox/N"
                    raise BerthError("command.unknown", message, field="id", exit_code=2)
                done = asdict(retry_undelivered(conn, int(number), now))
            else:
                done = asdict(retry_command(conn, identity, now))
            announce(conn)
    finally:
        store.close()
    if as_json:
        typer.echo(json.dumps(done))
    else:
        renamed = f" as {done['id']}" if "action" in done else ""
        typer.echo(f"{identity} is tried again{renamed}")


def _open() -> Store:
    settings = settings_here()
    return open_store(settings.database_url)
