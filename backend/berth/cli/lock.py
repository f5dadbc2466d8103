"""`berth lock`: enrol locks, run simulated ones."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import typer

from berth.chain.rpc import NodeUnreachableError, Rpc
from berth.cli.platform.enrolling import GROUP, broker_credentials, ticket_keys
from berth.core.addresses import checksum, parse_address
from berth.core.clock import ChainClock, Clock, WallClock
from berth.core.deployment import load_deployment
from berth.core.errors import BerthError
from berth.core.ids import city_number, parse_space, space_hex, space_id
from berth.core.keys import read_password
from berth.core.logs import configure_logs
from berth.core.settings import load_settings

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Enrol and simulate locks.",
)

_FOLLOW_SECONDS = 0.5
_PASSWORD = typer.Option(None, help="File with the password of the lock's key.")


@app.callback()
def lock() -> None:
    """Enrol and simulate locks."""


@app.command()
def enrol(
    home: Path = typer.Option(..., help="Folder for the new lock."),
    space: str = typer.Option(..., help="The space it serves: 0x… or CITY/INDEX, AUMEL/123."),
    owner: str = typer.Option(..., help="Account of the space's owner."),
    password_file: Path | None = _PASSWORD,
    out: Path | None = typer.Option(
        None, help="File to write for the owner: what the lock signs for the space."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON on one line."),
) -> None:
    """Make a lock: its key, the roots it obeys, its password at the broker, its possession.

    What the owner hands in is told, or written to `--out`; the files in the lock's folder are
    secrets of its own.
    """
    from berth.devices.simulator.home import enrol as make
    from berth.devices.simulator.home import open_home

    if out is not None and (out.exists() or not out.parent.is_dir()):
        message = (
            f"{out} exists" if out.exists() else f"cannot write {out}: there is no such folder"
        )
        raise BerthError("lock.usage", message, field="out", exit_code=2)
    settings = load_settings()
    deployment = load_deployment(settings.deployment)
    password = None if password_file is None else read_password(file=password_file)
    make(
        home,
        domain=deployment.domain,
        space=_space(space),
        owner=parse_address(owner, "owner"),
        group=GROUP,
        roots=ticket_keys(settings).roots(),
        admit=broker_credentials(settings).add,
        password=password,
    )
    made = open_home(home, password)
    answer = {
        "lock": checksum(made.lock_id),
        "spaceId": space_hex(made.space),
        "owner": checksum(made.owner),
        "possession": "0x" + made.possession.hex(),
    }
    if out is not None:
        out.write_text(json.dumps(answer, indent=2) + "\n", "utf-8")
    if as_json:
        typer.echo(json.dumps(answer))
        return
    typer.echo(f"lock        {answer['lock']}")
    typer.echo(f"space       {answer['spaceId']}, of {answer['owner']}")
    typer.echo(f"possession  {answer['possession']}")
    if out is not None:
        typer.echo(f"for owner   {out}")
    typer.echo(f"next        berth attest device --lock {answer['lock']}")


@app.command()
def simulate(
    home: list[Path] = typer.Option(..., help="Home of an enrolled lock; may be given again."),
    broker: str = typer.Option(..., help="mqtt://HOST:PORT"),
    rpc: str | None = typer.Option(None, help="Node whose block time is the lock's clock."),
    travel: float = typer.Option(2.0, min=0.0, help="Seconds that the bar takes."),
    debounce: float = typer.Option(5.0, min=0.0, help="Seconds until an empty bay counts as left."),
    password_file: Path | None = _PASSWORD,
) -> None:
    """Run locks in software until stopped; motor, sensor, plate and clock are simulated."""
    from berth.devices.simulator.runner import run_locks
    from berth.devices.simulator.stay import Timing

    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format, role="lock")
    password = None if password_file is None else read_password(file=password_file)
    timing = Timing(travel=travel, debounce=debounce)

    async def main() -> None:
        async with _clock(rpc) as clock:
            running = asyncio.ensure_future(
                run_locks(home, broker, clock, timing, password, settings.mqtt_ca_file)
            )
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, running.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await running

    asyncio.run(main())


@contextlib.asynccontextmanager
async def _clock(url: str | None) -> AsyncIterator[Clock]:
    if url is None:
        yield WallClock()
        return
    clock = ChainClock()
    async with Rpc(url) as node:
        await _learn(clock, node)
        following = asyncio.ensure_future(_follow(clock, node))
        try:
            yield clock
        finally:
            following.cancel()
            await asyncio.wait([following])


async def _follow(clock: ChainClock, node: Rpc) -> None:
    while True:
        await asyncio.sleep(_FOLLOW_SECONDS)
        with contextlib.suppress(NodeUnreachableError):  # the clock goes on by itself
            await _learn(clock, node)


async def _learn(clock: ChainClock, node: Rpc) -> None:
    block = await node.block("latest")
    if block is not None:
        clock.follow(block.timestamp)


def _space(text: str) -> int:
    match = re.fullmatch(r"([A-Za-z0-9]{5})/(\d{1,10})", text)
    if match:
        return space_id(city_number(match[1]), int(match[2]))
    if text.startswith("0x"):
        return parse_space(text, "space")
    raise BerthError(
        "lock.space", f"must be 0x… or CITY/INDEX, not {text!r}", field="space", exit_code=2
    )
