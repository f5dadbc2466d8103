"""`berth signer`: the holder of the ticket key as a process of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import typer

from berth.cli.platform.role import JSON, METRICS, Facts, run_role
from berth.core.settings import Settings

if TYPE_CHECKING:
    from berth.cli.platform.parts import Parts

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def signer(
    lowers_a_minute: int = typer.Option(
        120, min=1, help="Tickets that lower a bar, of all locks together, in any minute."
    ),
    group: str | None = typer.Option(None, help="Group that may use the Unix socket."),
    listen: str | None = typer.Option(
        None, help="HOST:PORT of this machine, behind a proxy that speaks TLS."
    ),
    as_json: bool = JSON,
    metrics_port: int | None = METRICS,
) -> None:
    """Sign tickets, grants and receipts for the relay until stopped.

    Believes its own node (BERTH_SIGNER_RPC_URL) and nobody else. Listens at BERTH_SIGNER_URL.
    """

    async def build(settings: Settings, stack: AsyncExitStack) -> tuple[Facts, Parts]:
        return await _build(settings, stack, lowers_a_minute, group, listen)

    sentence = "The signer listens at {url} and believes {node}."
    run_role("signer", sentence, build, as_json=as_json, metrics_port=metrics_port)


async def _build(
    settings: Settings,
    stack: AsyncExitStack,
    lowers_a_minute: int,
    group: str | None,
    listen: str | None,
) -> tuple[Facts, Parts]:
    import asyncio

    import structlog

    from berth.chain.identity import verify_chain
    from berth.chain.nodes import Nodes
    from berth.cli.platform.parts import parts
    from berth.cli.platform.signing import (
        SignerServer,
        check_ticket_keys,
        listening,
        local_signer,
        own_node,
    )
    from berth.cli.platform.site import clock_of
    from berth.cli.platform.waiting import once_there
    from berth.core.deployment import load_deployment
    from berth.relay.signer_wire import SignerAddress, read_secret

    deployment = load_deployment(settings.deployment)
    address = SignerAddress.parse(settings.signer_url)
    secret = read_secret(settings.signer_secret_file, address)
    check_ticket_keys(settings)  # before any waiting for the node
    listener, url = stack.enter_context(listening(address, group, listen))
    node = await stack.enter_async_context(own_node(settings, deployment))
    if node is None:
        structlog.get_logger("berth.signer").warning(
            "the signer has no node of its own: whoever controls the relay's controls it too",
            setting="BERTH_SIGNER_RPC_URL",
        )
        node = await stack.enter_async_context(Nodes(settings.rpc_urls, deployment))
    rpc = node
    await once_there("node", lambda: verify_chain(rpc, deployment))
    running = await stack.enter_async_context(parts())
    clock = clock_of(deployment, rpc, running)
    made = stack.enter_context(
        local_signer(settings, deployment, rpc, clock, lowers_a_minute=lowers_a_minute)
    )
    await once_there("node", made.status)
    server = SignerServer(made, secret)
    running.start("signer", server.serve(sockets=[listener]))

    async def end() -> None:
        server.should_exit = True
        await running.ended("signer")

    async def started() -> None:
        while not server.started:  # noqa: ASYNC110 - uvicorn has a flag, not an event
            await asyncio.sleep(0.02)

    stack.push_async_callback(end)
    await running.unless_failed(started())
    return {"url": url, "node": rpc.where}, running
