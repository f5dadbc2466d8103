"""`berth demo`: one whole lease through real parts, told step by step."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import typer
from rich.console import Console

from berth.core.settings import load_settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def demo(
    stay: bool | None = typer.Option(
        None, "--stay/--leave", help="Stay up afterwards; default: at a terminal, yes."
    ),
    home: Path | None = typer.Option(
        None, help="Data folder of the demo, made anew; default: demo in the data folder."
    ),
    port: int = typer.Option(8000, help="Port of the HTTP API; 0 = any free one."),
) -> None:
    """Play the story: titles, space, offer, lease, unlock, stay, settlement.

    Ends with 0 when every book agrees, otherwise at the first broken step, naming it.
    """
    from berth.cli.demo.play import play

    folder = (home or load_settings().home / "demo").absolute()
    staying = sys.stdin.isatty() and sys.stdout.isatty() if stay is None else stay
    console = Console(width=None if sys.stdout.isatty() else 120)
    asyncio.run(play(folder, port, staying, console))
