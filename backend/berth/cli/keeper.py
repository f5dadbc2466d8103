"""`berth keeper`: the chain's chores as a process of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import typer

from berth.cli.platform.role import JSON, METRICS, Facts, run_role, silent
from berth.core.settings import Settings

if TYPE_CHECKING:
    from berth.cli.platform.parts import Parts

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def keeper(as_json: bool = JSON, metrics_port: int | None = METRICS) -> None:
    """Bring evidence, close what is due, delist what is revoked and pay out, until stopped.

    Pays gas with the relay's key. Several may run on one database.
    """
    sentence = "The keeper works for account {account}."
    run_role("keeper", sentence, _build, as_json=as_json, metrics_port=metrics_port)


async def _build(settings: Settings, stack: AsyncExitStack) -> tuple[Facts, Parts]:
    from berth.cli.platform.roles import add_keeper
    from berth.cli.platform.site import open_site
    from berth.core.addresses import checksum
    from berth.core.signing import address_of

    site = await open_site(settings, stack, silent)
    key = site.relay_key()
    await add_keeper(site, key)
    return {"account": checksum(address_of(key))}, site.parts
