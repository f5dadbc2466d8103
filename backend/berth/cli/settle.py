"""`berth settle`: what the keeper does, once and now: close, delist, pay out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import typer

from berth.chain.identity import verify_chain
from berth.chain.rpc import Rpc
from berth.chain.sender import Limits
from berth.cli.keyring import open_key
from berth.cli.platform.running import settings_here
from berth.core.clock import Clock
from berth.core.deployment import Deployment, load_deployment
from berth.core.errors import BerthError
from berth.core.settings import Settings
from berth.relay.closer import Closing, Delisting, Payout
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
    revoked: bool = typer.Option(
        False, "--revoked", help="Delist every space whose title or lock's maker is revoked."
    ),
    payouts: bool = typer.Option(
        False, "--payouts", help="Pay every account that asked to be paid out by anybody."
    ),
    keystore: Path | None = typer.Option(None, help="Who pays; default: keys/relay.json."),
    password_file: Path | None = typer.Option(None, help="File with the keystore's password."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON on one line."),
) -> None:
    """End what nobody ended, pay what was asked to be paid: anybody may.

    A lease can be closed a day and its reserve after its end, two days later after a claim, and
    another seven days later when it is disputed.

    Exit code 1 when something could not be ended.
    """
    if not (expired or revoked or payouts):
        message = "say what to settle: --expired, --revoked, --payouts, or several"
        raise BerthError("settle.what", message, field="expired", exit_code=2)
    settings = settings_here()
    deployment = load_deployment(settings.deployment)
    key = open_key(settings, keystore, password_file, "relay")
    wanted = (expired, revoked, payouts)
    closings, delistings, paid = asyncio.run(_settle(settings, deployment, key, wanted))
    done: list[Closing | Delisting | Payout] = [*closings, *delistings, *paid]
    if as_json:
        typer.echo(json.dumps([vars(one) for one in done]))
    else:
        for closing in closings:
            typer.echo(f"{closing.lease_id}  {closing.tx_hash or closing.reason}")
        for delisting in delistings:
            typer.echo(f"{delisting.space_id}  {delisting.tx_hash or delisting.reason}")
        for payout in paid:
            typer.echo(f"{payout.account}  {payout.tx_hash or payout.reason}")
        if expired:
            typer.echo(f"{sum(c.tx_hash is not None for c in closings)} leases closed")
        if revoked:
            typer.echo(f"{sum(d.tx_hash is not None for d in delistings)} spaces delisted")
        if payouts:
            typer.echo(f"{sum(p.tx_hash is not None for p in paid)} accounts paid")
    if any(one.tx_hash is None for one in done):
        raise typer.Exit(1)


async def _settle(
    settings: Settings, deployment: Deployment, key: bytes, wanted: tuple[bool, bool, bool]
) -> tuple[list[Closing], list[Delisting], list[Payout]]:
    from berth.relay.assemble import assemble_closer

    expired, revoked, payouts = wanted
    async with Rpc(settings.rpc_url) as rpc:
        await verify_chain(rpc, deployment)
        block = await rpc.block("latest")
        clock: Clock = _BlockTime(0 if block is None else block.timestamp)
        store = open_store(settings.database_url, deployment)
        try:
            bind_deployment(store, deployment)
            closer = assemble_closer(
                store=store,
                deployment=deployment,
                rpc=rpc,
                clock=clock,
                transaction_key=key,
                limits=Limits(settings.spend_cap, settings.max_fee),
            )
            return (
                await closer.close_expired() if expired else [],
                await closer.delist_revoked() if revoked else [],
                await closer.pay_out() if payouts else [],
            )
        finally:
            store.close()
