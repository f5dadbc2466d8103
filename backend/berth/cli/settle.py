"""`berth settle`: close leases that everybody forgot."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import typer

from berth.chain.identity import verify_chain
from berth.chain.rpc import Rpc
from berth.cli.keyring import open_key
from berth.cli.platform.running import settings_here
from berth.core.clock import Clock
from berth.core.deployment import Deployment, load_deployment
from berth.core.errors import BerthError
from berth.core.settings import Settings
from berth.relay.keeper import Closing
from berth.store import bind_deployment, open_store

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class _BlockTime:
    """The time that the contract goes by."""

    def __init__(self, timestamp: int) -> None:
        self._timestamp = timestamp

    def now(self) -> int:
        return self._timestamp


@app.command()
def settle(
    expired: bool = typer.Option(False, "--expired", help="Close every lease past its deadline."),
    keystore: Path | None = typer.Option(None, help="Who pays; default: keys/relay.json."),
    password_file: Path | None = typer.Option(None, help="File with the keystore's password."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON on one line."),
) -> None:
    """Close leases that nobody ended: anybody may, a day after their end (three after a claim).

    Exit code 1 when one could not be closed.
    """
    if not expired:
        raise BerthError(
            "settle.what", "say what to settle: --expired", field="expired", exit_code=2
        )
    settings = settings_here()
    deployment = load_deployment(settings.deployment)
    key = open_key(settings, keystore, password_file, "relay")
    closings = asyncio.run(_close(settings, deployment, key))
    if as_json:
        typer.echo(json.dumps([vars(closing) for closing in closings]))
    else:
        for closing in closings:
            typer.echo(f"{closing.lease_id}  {closing.tx_hash or closing.reason}")
        typer.echo(f"{sum(c.tx_hash is not None for c in closings)} leases closed")
    if any(closing.tx_hash is None for closing in closings):
        raise typer.Exit(1)


async def _close(settings: Settings, deployment: Deployment, key: bytes) -> list[Closing]:
    from berth.relay.assemble import assemble_keeper

    async with Rpc(settings.rpc_url) as rpc:
        await verify_chain(rpc, deployment)
        block = await rpc.block("latest")
        clock: Clock = _BlockTime(0 if block is None else block.timestamp)
        store = open_store(settings.database_url, deployment)
        try:
            bind_deployment(store, deployment)
            keeper = assemble_keeper(
                store=store, deployment=deployment, rpc=rpc, clock=clock, transaction_key=key
            )
            return await keeper.close_expired()
        finally:
            store.close()
