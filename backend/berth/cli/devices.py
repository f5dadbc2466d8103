"""`berth devices`: the embedded broker and the simulated locks as a process of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import typer

from berth.cli import broker_files
from berth.cli.platform.role import JSON, Facts, run_role
from berth.core.settings import Settings

if TYPE_CHECKING:
    from berth.cli.platform.parts import Parts

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
broker_files.register(app)


@app.callback(invoke_without_command=True)
def devices(
    context: typer.Context,
    broker: bool = typer.Option(False, help="Run the embedded broker too."),
    locks: bool = typer.Option(True, help="Run the simulated locks of the data folder."),
    mqtt_port: int = typer.Option(1883, help="Port of the embedded broker; 0 = any free one."),
    as_json: bool = JSON,
) -> None:
    """Run the simulated locks of the data folder, and the embedded broker if asked to."""
    if context.invoked_subcommand is not None:
        return

    async def build(settings: Settings, stack: AsyncExitStack) -> tuple[Facts, Parts]:
        return await _build(settings, stack, broker, locks, mqtt_port)

    run_role("devices", "The broker is at {mqtt}.", build, as_json=as_json)


async def _build(
    settings: Settings, stack: AsyncExitStack, broker: bool, locks: bool, port: int
) -> tuple[Facts, Parts]:
    import asyncio

    from berth.cli.platform.api import require_free
    from berth.cli.platform.broker import EMBEDDED_URL, embedded_broker
    from berth.cli.platform.home import held_role
    from berth.cli.platform.parts import parts
    from berth.cli.platform.roles import add_locks
    from berth.core.errors import BerthError

    url = settings.mqtt_url or EMBEDDED_URL
    if broker:
        if settings.mqtt_url is not None:
            raise BerthError(
                "broker.url",
                "names a broker elsewhere: leave it out, or leave out --broker",
                field="BERTH_MQTT_URL",
                exit_code=2,
            )
        stack.enter_context(held_role(settings.home, "broker"))
        require_free(port, "--mqtt-port", "broker")
        url = (await stack.enter_async_context(embedded_broker(settings, port))).address.url
    running = await stack.enter_async_context(parts())
    if locks:
        stack.enter_context(held_role(settings.home, "locks"))
        add_locks(running, settings, url, settings.rpc_url)
    running.start("wait", asyncio.Event().wait())
    return {"mqtt": url, "broker": broker, "locks": locks}, running
