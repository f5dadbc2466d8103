"""One replay from a chain's start to its end."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

from berth.chain.deployer import run_deploy
from berth.chain.local import LocalChain, LocalChainOptions
from berth.chain.rpc import Rpc
from berth.chain.timetravel import chain_time
from berth.cli.replay.books import reconcile
from berth.cli.replay.play import play
from berth.cli.replay.report import Report, Timing, make_report
from berth.cli.replay.schedule import Ask, foresee
from berth.cli.replay.sessions import Sessions
from berth.cli.replay.waves import Waves
from berth.cli.replay.world import Attesters, accounts_needed, build_world, deploy_config
from berth.core.errors import BerthError
from berth.core.settings import load_settings

#: The chain begins this long before the first stay: its clock runs on while contracts are deployed.
HEAD_START_SECONDS = 86_400
_RPC_TIMEOUT = 120.0


class Progress:
    """What a caller may want to hear; this one keeps silent."""

    def phase(self, text: str) -> None:
        """A new phase has begun."""

    def total(self, events: int) -> None:
        """So many events will be played."""

    def played(self, events: int) -> None:
        """So many more have been."""


async def replay(
    file: str, sessions: Sessions, asks: Sequence[Ask], spaces: int, progress: Progress
) -> Report:
    """Runs `asks` through contracts of their own on a chain of its own, which ends with it."""
    attesters = Attesters.new()
    began = time.monotonic()
    progress.phase("starting a local chain")
    async with (
        _chain(asks, spaces) as (chain, home),
        Rpc(chain.url, timeout=_RPC_TIMEOUT) as rpc,
    ):
        accounts: list[str] = await rpc.typed(list[str], "eth_accounts")
        progress.phase("deploying the contracts")
        deployment = await run_deploy(
            replace(load_settings(), home=home),
            deploy_config(attesters, accounts),
            home / "deployment.json",
            rpc_url=chain.url,
        )
        progress.phase(f"registering {spaces} spaces, their offers, drivers and vehicles")
        waves = Waves(rpc)
        await waves.take_over()
        start = await chain_time(rpc) + 1
        first = min(ask.stay.plugged_in for ask in asks)
        if start >= first:
            raise BerthError("replay.late", "the chain's clock has overtaken the first stay")
        world = await build_world(waves, deployment, attesters, accounts, asks, spaces, start)
        ready, sent, mined = time.monotonic(), waves.transactions, waves.blocks

        progress.phase("playing")
        progress.total(3 * len(asks) - 2 * len(foresee(asks)))
        played = await play(waves, world, asks, progress.played)
        done = time.monotonic()
        sent, mined = waves.transactions - sent, waves.blocks - mined

        progress.phase("reconciling")
        over = await chain_time(rpc) + 1
        books = await reconcile(waves, world, asks, played, over)
        timing = Timing(ready - began, done - ready, time.monotonic() - done, sent, mined)
    return make_report(file, sessions, asks, played, world, books, waves, timing)


@asynccontextmanager
async def _chain(asks: Sequence[Ask], spaces: int) -> AsyncIterator[tuple[LocalChain, Path]]:
    """A fresh chain in a folder that goes away with it."""
    first = min(ask.stay.plugged_in for ask in asks)
    with _folder() as home:
        options = LocalChainOptions(
            folder=home / "chain",
            port=0,
            block_time=0,
            accounts=accounts_needed(asks, spaces),
            genesis_time=first - HEAD_START_SECONDS,
        )
        chain = await LocalChain.start(options)
        try:
            yield chain, home
        finally:
            await chain.stop()


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder of our own. It stays only where an error speaks of a log in it."""
    home = Path(tempfile.mkdtemp(prefix="berth-replay-"))
    keep = False
    try:
        yield home
    except BerthError as error:
        keep = error.code == "chain.deploy"
        raise
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)
