"""What the commands on titles share: the database, keys, progress, and how things are printed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from berth.core.deployment import load_deployment
from berth.core.errors import BerthError
from berth.core.ids import city_number
from berth.core.settings import Settings
from berth.market.titles.reading import Progress as Watcher
from berth.store.engine import Store, open_store

CITY = typer.Option(..., help="UN/LOCODE of the city, AUMEL.")
KEYSTORE = typer.Option(None, help="Keystore of the city's authority; default: keys/registry.json.")
PASSWORD = typer.Option(None, help="File with the keystore's password.")
JSON = typer.Option(False, "--json", help="Print JSON on one line.")


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """The database; one of another deployment than the data folder's is refused."""
    deployment = load_deployment(settings.deployment) if settings.deployment.exists() else None
    store = open_store(settings.database_url, deployment)
    try:
        yield store
    finally:
        store.close()


def city_of(code: str) -> int:
    """A city's number; a wrong code is a mistake in the command."""
    try:
        return city_number(code)
    except BerthError as error:
        error.exit_code = 2
        raise


@contextmanager
def watched(unit: str = "titles") -> Iterator[Watcher]:
    """A progress bar on the terminal, with rate and time left; silent where there is none."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=False),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    tasks: dict[str, TaskID] = {}

    def step(name: str, done: int, total: int) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(name, total=total, rate="")
        task = bar.tasks[tasks[name]]
        rate = f"{task.speed:,.0f} {unit}/s" if task.speed else ""
        bar.update(tasks[name], completed=done, total=total, rate=rate)

    with bar:
        yield step
