"""One role as a process: its settings, its log, its ready line and its end."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
import typer
from rich.console import Console

from berth.cli.metrics_port import metrics_server
from berth.cli.platform.parts import Failed, Parts, run_until_stopped
from berth.cli.platform.running import settings_here
from berth.core.logs import configure_logs
from berth.core.settings import Settings

#: What is set up, and what the ready line says of it.
Facts = Mapping[str, Any]
Build = Callable[[Settings, AsyncExitStack], Awaitable[tuple[Facts, Parts]]]

JSON = typer.Option(False, "--json", help="Say one JSON line when it works.")
METRICS = typer.Option(None, help="Port of this machine for Prometheus; 0 = any free one.")


def run_role(
    role: str, sentence: str, build: Build, *, as_json: bool, metrics_port: int | None = None
) -> None:
    """Runs a role until Ctrl-C or SIGTERM. `sentence` says that it works, with the facts of its
    ready line in braces."""
    settings = settings_here()
    configure_logs(settings.log_level, settings.log_format, role=role)
    log = structlog.get_logger("berth.role")

    def ready(facts: Facts) -> None:
        if as_json:
            sys.stdout.write(json.dumps({"role": role, "pid": os.getpid(), **facts}) + "\n")
            sys.stdout.flush()
        elif sys.stderr.isatty():
            Console(stderr=True).print(f"[green]{sentence.format(**facts)}[/] Ctrl-C stops it.")
        log.info("ready", **facts)

    asyncio.run(run_until_stopped(_process(settings, build, metrics_port), log.info, ready))


@asynccontextmanager
async def _process(
    settings: Settings, build: Build, metrics_port: int | None
) -> AsyncIterator[tuple[Facts, Failed]]:
    async with AsyncExitStack() as stack:
        port = stack.enter_context(metrics_server(metrics_port))
        facts, parts = await build(settings, stack)
        yield {**facts, **({} if port is None else {"metrics": port})}, parts.failed


def silent(_text: str) -> None:
    """Roles say in their log what they do."""
