"""`berth replay`: recorded real stays, run through the contract on a local chain."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.text import Text

from berth.cli.replay.books import broken
from berth.cli.replay.report import Report, as_json
from berth.cli.replay.run import Progress, replay
from berth.cli.replay.schedule import Ask, plan
from berth.cli.replay.sessions import Sessions, read_sessions
from berth.cli.replay.tables import show
from berth.core.errors import BerthError

DEFAULT_SPACES = 12
DEFAULT_LIMIT = 2500
MAX_SPACES = 1000

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command("replay")
def command(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV of stays, fields separated by ';': user_id, session_id, plugin_time,"
            " plugout_time, connection_time, energy_session"
        ),
    ],
    spaces: Annotated[
        int, typer.Option(help="how many spaces the stalls of the file are folded onto")
    ] = DEFAULT_SPACES,
    limit: Annotated[int, typer.Option(help="how many stays, the earliest first")] = DEFAULT_LIMIT,
    json_: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
) -> None:
    """Run recorded real stays through the contract.

    Each stay becomes a lease, asked for at plug-in and settled at plug-out, on a local chain whose
    time is the stays' own. Prints what was granted, refused, earned and refunded, and reconciles
    events, credits and the token's balances; a difference is named and the exit status is not 0.
    """
    _within("spaces", spaces, MAX_SPACES)
    _within("limit", limit, 10_000_000)
    sessions = read_sessions(file)
    if not sessions.stays:
        message = f"no row of {file} can be used ({len(sessions.rejected)} rejected)"
        if sessions.rejected:
            first = sessions.rejected[0]
            message += f": line {first.line}: {first.reason}"
        raise BerthError("replay.no_stays", message, field="file", exit_code=2)
    asks = plan(sessions.stays, spaces, limit)
    with _Shown() as progress:
        report = asyncio.run(_until_told(file.name, sessions, asks, spaces, progress))
    _print(report, json_)
    failures = broken(report.books.checks)
    if failures:
        raise BerthError("replay.mismatch", "; ".join(failures))


def _within(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        message = f"must be between 1 and {most:,}, not {value:,}"
        raise BerthError(f"replay.{name}", message, field=f"--{name}", exit_code=2)


async def _until_told(
    file: str, sessions: Sessions, asks: Sequence[Ask], spaces: int, progress: Progress
) -> Report:
    """Replays; SIGTERM ends it as Ctrl-C does, with the chain stopped and its folder removed."""
    task = asyncio.ensure_future(replay(file, sessions, asks, spaces, progress))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise BerthError("replay.stopped", "stopped before its end", exit_code=143) from None


def _print(report: Report, as_document: bool) -> None:
    if as_document:
        print(json.dumps(as_json(report), indent=2, ensure_ascii=False))
        return
    console = Console()
    # a pipe or a file has no width: give the tables the room they need
    show(report, console if console.is_terminal else Console(width=130))


class _Rate(ProgressColumn):
    """Events a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.0f}/s" if task.speed else "", style="dim")


class _Shown(Progress):
    """Phases and a bar with rate and time left, on standard error."""

    def __init__(self) -> None:
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> _Shown:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def phase(self, text: str) -> None:
        self._bar.console.print(f"{text} …", style="dim")

    def total(self, events: int) -> None:
        self._task = self._bar.add_task("events", total=events)

    def played(self, events: int) -> None:
        if self._task is not None:
            self._bar.advance(self._task, events)
