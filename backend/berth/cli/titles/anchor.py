"""`berth titles publish | revoke`: the library on the chain."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import typer

from berth.chain.rpc import Rpc
from berth.cli.keyring import open_key
from berth.cli.platform.running import settings_here
from berth.cli.titles.common import CITY, JSON, KEYSTORE, PASSWORD, city_of, opened
from berth.core.clock import WallClock
from berth.core.deployment import load_deployment
from berth.core.errors import BerthError
from berth.market.titles.publish import Anchored, Revoked, publish_titles, revoke_titles
from berth.market.titles.storage import all_cities


def publish(
    city: str | None = typer.Option(None, help="UN/LOCODE; default: every imported city."),
    keystore: Path | None = KEYSTORE,
    password_file: Path | None = PASSWORD,
    as_json: bool = JSON,
) -> None:
    """Anchor the newest imported edition on the chain; does nothing where it is there already."""
    settings = settings_here()
    deployment = load_deployment(settings.deployment)
    with opened(settings) as store:
        with store.read() as conn:
            imported = [row.city for row in all_cities(conn)]
        cities = imported if city is None else [city_of(city)]
        if not cities:
            raise BerthError(
                "titles.unknown", "no city has been imported", field="city", exit_code=2
            )
        key = open_key(settings, keystore, password_file, "registry")

        async def run() -> list[Anchored]:
            async with Rpc(settings.rpc_url) as rpc:
                done: list[Anchored] = []
                for one in cities:
                    done += await publish_titles(store, rpc, deployment, key, one)
                return done

        anchored = asyncio.run(run())
    if as_json:
        answer = [
            {
                "city": one.edition.city_code,
                "edition": one.edition.edition,
                "root": one.edition.root,
                "count": one.edition.count,
                "dropped": one.dropped,
                "transaction": one.tx_hash or None,
                "gasUsed": one.gas_used,
                "published": one.gas_used is not None,
            }
            for one in anchored
        ]
        typer.echo(json.dumps(answer))
        return
    for one in anchored:
        row = one.edition
        what = f"edition {row.edition} of {row.name} ({row.city_code}), {row.count:,} titles"
        if one.gas_used is None:
            typer.echo(f"{what}: on the chain already")
        else:
            dropped = f", {one.dropped:,} revoked" if one.dropped else ""
            typer.echo(f"{what}{dropped}: {one.tx_hash}, {one.gas_used:,} gas")


def revoke(
    city: str = CITY,
    index: list[int] = typer.Option(..., min=0, help="Index of the title; may be repeated."),
    reason: str = typer.Option(..., help="Why; kept in the database."),
    keystore: Path | None = KEYSTORE,
    password_file: Path | None = PASSWORD,
    as_json: bool = JSON,
) -> None:
    """Revoke titles at once, without a new edition."""
    settings = settings_here()
    deployment = load_deployment(settings.deployment)
    number = city_of(city)
    key = open_key(settings, keystore, password_file, "registry")
    with opened(settings) as store:

        async def run() -> Revoked:
            async with Rpc(settings.rpc_url) as rpc:
                return await revoke_titles(
                    store, rpc, deployment, key, number, index, reason=reason, clock=WallClock()
                )

        done = asyncio.run(run())
    if as_json:
        answer = {
            "city": city.upper(),
            "revoked": list(done.indices),
            "already": list(done.already),
            "transaction": done.tx_hash,
            "gasUsed": done.gas_used,
        }
        typer.echo(json.dumps(answer))
        return
    if done.already:
        typer.echo(f"revoked before: {', '.join(map(str, done.already))}")
    if done.indices:
        typer.echo(f"revoked {', '.join(map(str, done.indices))}: {done.tx_hash}")
