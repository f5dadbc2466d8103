"""Sets the stage, has the story played, and clears up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
from rich.console import Console

from berth.chain.child import dying_with_parent
from berth.chain.contracts import Contracts
from berth.chain.local import free_port
from berth.chain.rpc import Rpc
from berth.cli.demo.city import choose_city
from berth.cli.demo.narrate import Narrator
from berth.cli.demo.stage import Stage
from berth.cli.demo.story import Story
from berth.cli.demo.town import furnish, what_is_free
from berth.cli.platform.home import password
from berth.cli.platform.parties import local_parties
from berth.cli.platform.running import Running
from berth.core.deployment import load_deployment
from berth.core.errors import BerthError
from berth.core.settings import Settings, load_settings
from berth.market.titles.library import TitleLibrary
from berth.store.engine import open_store

_MARK = "demo"
_LOG = "up.log"
_STOP_SECONDS = 20.0
#: What the demo takes over from the caller's settings, beside the source data's place.
_KEPT = ("BERTH_GANACHE", "BERTH_DAPP", "BERTH_TILES_URL", "BERTH_TILES_ATTRIBUTION")


async def play(home: Path, port: int, stay: bool, console: Console) -> None:
    """Plays the story in a fresh data folder `home`. Raises BerthError at the first broken step."""
    _fresh(home)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("BERTH_")},
        "BERTH_HOME": str(home),
        "BERTH_DATA": str(load_settings().data),
        "BERTH_HTTP_PORT": str(port or free_port()),
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
    }
    console.print("[bold]Berth[/]: one whole lease, on a real chain, through real parts")
    console.print(
        "[dim]Simulated are the bar's motor, the vehicle sensor, the plate before the camera and "
        "the positions of two phones. Nothing else.[/]"
    )
    started = time.monotonic()
    async with _running(environment, home, console) as running:
        narrator = Narrator(console)
        async with open_stage(load_settings(environment), running, narrator) as stage:
            story = Story(stage)
            await story.play()
            took = time.monotonic() - started
            console.print(
                f"\n[bold green]The whole story played in {took:.0f} s; every book agrees.[/]"
            )
            shared = ""
            if stay:
                with narrator.waiting("some neighbours share their spaces too"):
                    listings = [*story.listings, *await furnish(stage)]
                shared = await what_is_free(stage, listings)
        if stay:
            console.print(f"Now you: open [bold]{running.http}[/] in a browser.")
            console.print(
                f"{shared} They differ in price, and some have a charger; "
                "there are titles for a space of your own. "
                "Everything is test money and simulated locks, and the app has a wallet to try."
            )
            console.print("Berth stays up; Ctrl-C stops it and leaves nothing running.")
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()


def _fresh(home: Path) -> None:
    """Empties a former demo's folder; anything else in the way is left alone."""
    if home.exists() and any(home.iterdir()):
        if not (home / _MARK).exists():
            message = f"{home} is not empty and no folder of a former demo: name another one"
            raise BerthError("demo.home", message, field="home", exit_code=2)
        shutil.rmtree(home)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / _MARK).write_text("Made by `berth demo`, which empties this folder at its start.\n")


@asynccontextmanager
async def _running(
    environment: dict[str, str], home: Path, console: Console
) -> AsyncIterator[Running]:
    """`berth up` as a process of its own; ended at the end, whatever happens."""
    command = [sys.executable, "-m", "berth.cli.main", "up", "--json"]
    command += ["--chain-port", "0", "--mqtt-port", "0"]
    log_path = home / _LOG
    with log_path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *dying_with_parent(command),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is ours; we end it
        )
    try:
        assert process.stdout is not None  # noqa: S101 - asked for above
        text = "starting chain, contracts, backend, broker (the first time compiles the contracts)"
        if console.is_terminal:
            with console.status(text):
                line = await process.stdout.readline()
        else:
            console.print(text)
            line = await process.stdout.readline()
        if not line:
            await process.wait()
            raise BerthError("demo.up", _last_error(log_path), exit_code=process.returncode or 1)
        yield msgspec.json.decode(line, type=Running)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()


@asynccontextmanager
async def open_stage(
    settings: Settings, running: Running, narrator: Narrator
) -> AsyncIterator[Stage]:
    """Tools for a running platform whose data folder is at hand, closed at the block's end."""
    settings = replace(settings, rpc_urls=(running.rpc,))
    deployment = load_deployment(settings.deployment)
    store = open_store(settings.database_url, deployment)
    wallets = open_store(f"sqlite:///{settings.home / 'wallets.sqlite'}")
    library = TitleLibrary(store, settings.home)
    try:
        async with Rpc(running.rpc) as rpc:
            yield Stage(
                settings,
                running,
                deployment,
                rpc,
                Contracts.of(deployment),
                store,
                wallets,
                library,
                local_parties(settings, password(settings)),
                choose_city(settings.data, settings.home),
                narrator,
            )
    finally:
        library.close()
        wallets.close()
        store.close()


def _last_error(log: Path) -> str:
    """The sentence with which `berth up` ended."""
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return errors[-1] if errors else f"`berth up` ended: {' / '.join(lines[-3:])} (see {log})"
