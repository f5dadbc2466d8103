"""`berth relay`: grants and commands to the locks, as a process of its own."""

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
def relay(
    with_signer: bool = typer.Option(
        False, help="Sign in this process, which then holds the key of every lock."
    ),
    as_json: bool = JSON,
    metrics_port: int | None = METRICS,
) -> None:
    """Bring grants and commands to the locks until stopped.

    Asks the signer at BERTH_SIGNER_URL (`berth signer`). Several may run on one PostgreSQL.
    """

    async def build(settings: Settings, stack: AsyncExitStack) -> tuple[Facts, Parts]:
        return await _build(settings, stack, with_signer)

    sentence = "The relay serves the locks at {broker}."
    run_role("relay", sentence, build, as_json=as_json, metrics_port=metrics_port)


async def _build(
    settings: Settings, stack: AsyncExitStack, with_signer: bool
) -> tuple[Facts, Parts]:
    from berth.cli.platform.broker import broker_there
    from berth.cli.platform.roles import add_relay, connected
    from berth.cli.platform.signing import check_signer, local_signer, own_node, remote_signer
    from berth.cli.platform.site import open_site
    from berth.cli.platform.waiting import once_there

    broker = await broker_there(settings)
    other = None if with_signer else remote_signer(settings)
    site = await open_site(settings, stack, silent)
    if other is None:
        node = await stack.enter_async_context(own_node(settings, site.deployment))
        where = "this process"
        relay = await add_relay(
            site,
            stack.enter_context(
                local_signer(settings, site.deployment, node or site.rpc, site.clock)
            ),
            broker,
            hears=True,
        )
    else:
        there = await stack.enter_async_context(other)
        await once_there("signer", lambda: check_signer(there, site.deployment))
        where = there.where
        relay = await add_relay(site, there, broker, hears=True)
    await site.parts.unless_failed(connected(relay))
    return {"name": relay.name, "broker": broker.address.url, "signer": where}, site.parts
