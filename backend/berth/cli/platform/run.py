"""One process that is everything: chain, index, broker, relay, API, and the simulated locks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from berth.cli.keyring import open_key
from berth.cli.platform.api import api_server, listen, require_free
from berth.cli.platform.chain import ChainSide, open_chain
from berth.cli.platform.enrolling import broker_credentials, locks_folder, ticket_keys
from berth.cli.platform.home import held, password
from berth.cli.platform.locks import LockPrograms
from berth.cli.platform.parties import Parties, local_parties
from berth.cli.platform.running import Running, forget_running, write_running
from berth.core.clock import ChainClock, Clock, WallClock
from berth.core.errors import BerthError
from berth.core.sealed import Sealer, open_sealer
from berth.core.settings import Settings
from berth.devices.broker import EmbeddedBroker
from berth.devices.mqtt import BrokerLogin
from berth.devices.topics import BACKEND_USER
from berth.indexer.run import Indexer
from berth.relay.assemble import assemble_keeper, assemble_relay
from berth.store.engine import Store, bind_deployment, open_store
from berth.store.kept import space_private, vehicles_private
from berth.web.app import create_app
from berth.web.services import Services

Say = Callable[[str], None]


@dataclass(frozen=True)
class Ports:
    """Where to listen on loopback; 0 takes a free port. HTTP has its own in the settings."""

    chain: int = 8545
    mqtt: int = 1883


async def run_platform(
    settings: Settings, ports: Ports, say: Say, ready: Callable[[Running], None]
) -> None:
    """Runs until SIGINT or SIGTERM and leaves no process behind.

    `ready` is called once everything answers. Raises BerthError when a part cannot start, or ends.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    main = asyncio.current_task()

    async def stopper() -> None:
        await stop.wait()
        say("stopping")
        if main is not None:
            main.cancel()

    watching = asyncio.create_task(stopper())
    try:
        async with _platform(settings, ports, say) as (running, failed):
            ready(running)
            raise await failed
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    finally:
        watching.cancel()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def _platform(
    settings: Settings, ports: Ports, say: Say
) -> AsyncIterator[tuple[Running, asyncio.Future[BaseException]]]:
    """Starts the parts in their order and ends them in the opposite one. The future holds why a
    part ended that should not have."""
    elsewhere = "BERTH_RPC_URL" in os.environ
    async with AsyncExitStack() as stack:
        stack.enter_context(held(settings.home))
        listener = stack.enter_context(
            contextlib.closing(listen(settings.http_host, settings.http_port))
        )
        settings = _with_public_url(settings, listener)
        require_free(ports.mqtt, "--mqtt-port", "broker")
        if not elsewhere:
            require_free(ports.chain, "--chain-port", "chain")
        parties = None if elsewhere else local_parties(settings, password(settings))
        chain = await stack.enter_async_context(open_chain(settings, parties, ports.chain, say))
        say("opening the database")
        store = open_store(settings.database_url, chain.deployment)
        stack.callback(store.close)
        bind_deployment(store, chain.deployment)
        sealer = _sealer(settings, store)

        credentials = broker_credentials(settings)
        broker_password = credentials.add(BACKEND_USER)
        broker = EmbeddedBroker(credentials, port=ports.mqtt)
        await broker.start()
        stack.push_async_callback(broker.stop)

        parts = _Parts()
        stack.push_async_callback(parts.end)
        clock, follow = _clock(chain)
        indexer = Indexer(store, chain.rpc, chain.deployment, on_block=follow)
        parts.start("index", indexer.run())
        relay = assemble_relay(
            store=store,
            deployment=chain.deployment,
            rpc=chain.rpc,
            clock=clock,
            sealer=sealer,
            day_keys=ticket_keys(settings, clock),
            broker=BrokerLogin.at(broker.url, BACKEND_USER, broker_password),
            confirmations=settings.confirmations,
        )
        parts.start("relay", relay.run())
        keeper = assemble_keeper(
            store=store,
            deployment=chain.deployment,
            rpc=chain.rpc,
            clock=clock,
            transaction_key=_relay_key(settings, parties),
        )
        parts.start("keeper", keeper.run())
        services = Services(store, settings, chain.deployment, chain.rpc, clock, sealer, relay.desk)
        server = api_server(create_app(services))
        parts.start("api", server.serve(sockets=[listener]))
        stack.push_async_callback(_end_server, server, parts)
        locks = LockPrograms(locks_folder(settings), broker.url, chain.url)
        parts.start("locks", locks.run())
        if chain.local is not None:
            parts.start("chain", _ended(chain.local.wait()))

        await parts.unless_failed(server.until_started())
        say("catching up with the chain")
        await parts.unless_failed(_caught_up(indexer))
        running = Running(os.getpid(), _origin(listener), chain.url, broker.url)
        write_running(settings.home, running)
        stack.callback(forget_running, settings.home)
        yield running, parts.failed


def _origin(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _with_public_url(settings: Settings, listener: socket.socket) -> Settings:
    """With port 0 asked for, sign-in messages must name the port that was found."""
    if settings.http_port or os.environ.get("BERTH_PUBLIC_URL", "").strip():
        return settings
    return replace(settings, public_url=_origin(listener))


class _Parts:
    """Tasks that last as long as the platform; the first one to end is why it ends."""

    def __init__(self) -> None:
        self.failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks[name] = task
        task.add_done_callback(self._ended)

    async def unless_failed(self, work: Coroutine[Any, Any, None]) -> None:
        """Waits for `work`, but not longer than all parts live."""
        task = asyncio.create_task(work)
        both: set[asyncio.Future[Any]] = {task, self.failed}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if self.failed.done():
            task.cancel()
            raise self.failed.result()
        await task

    async def ended(self, name: str) -> None:
        """Waits until one part has ended by itself."""
        await asyncio.wait({self._tasks[name]})

    async def end(self) -> None:
        """Ends those that still run, the last one first."""
        for task in reversed(self._tasks.values()):
            task.remove_done_callback(self._ended)
            task.cancel()
            with contextlib.suppress(BaseException):
                await task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled() or self.failed.done():
            return
        error = task.exception()
        if not isinstance(error, BerthError):
            name = task.get_name()
            cause = error
            error = BerthError("up.ended", f"the {name} ended: {cause!r}" if cause else name)
            error.__cause__ = cause
        self.failed.set_result(error)


def _clock(chain: ChainSide) -> tuple[Clock, Callable[[int, int], None] | None]:
    """Time by the machine, or, on a local chain that can travel in time, by its blocks."""
    if chain.local is None:
        return WallClock(), None
    clock = ChainClock()
    return clock, lambda _number, timestamp: clock.follow(timestamp)


def _sealer(settings: Settings, store: Store) -> Sealer:
    """The key of sealed fields; made for a database that has none yet, never for one that has."""
    with store.read() as conn:
        sealed = (vehicles_private.c.sealed, space_private.c.sealed)
        holds = any(
            conn.execute(select(column).where(column.is_not(None)).limit(1)).first()
            for column in sealed
        )
    return open_sealer(settings.keys, create=not holds)


def _relay_key(settings: Settings, parties: Parties | None) -> bytes:
    if parties is not None:
        return parties.key("relay")
    return open_key(settings, None, None, "relay")


async def _caught_up(indexer: Indexer) -> None:
    while not indexer.caught_up:  # noqa: ASYNC110 - once, at the start
        await asyncio.sleep(0.05)


async def _ended(waiting: Coroutine[Any, Any, int]) -> None:
    status = await waiting
    raise BerthError(
        "up.chain_ended", f"the chain ended with status {status}: see chain/ganache.log"
    )


async def _end_server(server: Any, parts: _Parts) -> None:
    """Open requests and event streams end politely before what they use does."""
    server.should_exit = True
    await parts.ended("api")
