"""`berth up`: everything in one process."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from dataclasses import asdict

import structlog
import typer
from rich.console import Console

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
    _log_to_stderr(settings.log_level)
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


def _log_to_stderr(level: str) -> None:
    """Structured lines on standard error: a key and a value for everything."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(
        level=number, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )
    for talkative in ("httpx", "alembic"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
