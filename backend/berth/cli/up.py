"""`berth up`: everything in one process."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict

import typer
from rich.console import Console

from berth.core.logs import configure_logs
from berth.core.settings import load_settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def up(
    chain_port: int = typer.Option(8545, help="Port of the embedded chain; 0 = any free one."),
    mqtt_port: int = typer.Option(1883, help="Port of the embedded broker; 0 = any free one."),
    as_json: bool = typer.Option(False, "--json", help="Say one JSON line when everything is up."),
) -> None:
    """Run chain, index, relay, API, broker and simulated locks until Ctrl-C.

    Everything is kept in the data folder (BERTH_HOME, default .berth): starting again continues
    where it stopped. With BERTH_RPC_URL the chain is that node's, and the contracts must have been
    deployed (`berth deploy`).
    """
    from berth.cli.platform.run import Ports, run_platform
    from berth.cli.platform.running import Running

    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    console = Console(stderr=True)

    def ready(running: Running) -> None:
        if as_json:
            sys.stdout.write(json.dumps(asdict(running)) + "\n")
            sys.stdout.flush()
            return
        console.print(f"[green]Berth is up.[/] Open {running.http} in a browser; Ctrl-C stops it.")
        console.print(f"chain {running.rpc} · broker {running.mqtt} · data {settings.home}")

    asyncio.run(
        run_platform(
            settings,
            Ports(chain_port, mqtt_port),
            lambda text: console.print(f"[dim]{text}[/]"),
            ready,
        )
    )
