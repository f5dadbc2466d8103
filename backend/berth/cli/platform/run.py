"""One process that is everything: chain, index, broker, signer, relay, keeper, API, and locks."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from berth.cli.platform.api import listen, require_free
from berth.cli.platform.broker import broker_login, embedded_broker
from berth.cli.platform.chain import ChainSide, open_chain
from berth.cli.platform.home import held, password
from berth.cli.platform.parties import local_parties
from berth.cli.platform.parts import Failed, Say, parts, run_until_stopped
from berth.cli.platform.roles import (
    add_api,
    add_indexer,
    add_keeper,
    add_locks,
    add_relay,
    add_sponsor,
    caught_up,
    visitors_desk,
)
from berth.cli.platform.running import Running, forget_running, write_running
from berth.cli.platform.signing import local_signer, own_node
from berth.cli.platform.site import Site, open_bound
from berth.core.clock import ChainClock, WallClock
from berth.core.errors import BerthError
from berth.core.settings import Settings


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
    await run_until_stopped(_platform(settings, ports, say), say, ready)


@asynccontextmanager
async def _platform(
    settings: Settings, ports: Ports, say: Say
) -> AsyncIterator[tuple[Running, Failed]]:
    """Starts the parts in their order and ends them in the opposite one. The future holds why a
    part ended that should not have."""
    async with AsyncExitStack() as stack:
        stack.enter_context(held(settings.home))
        listener = stack.enter_context(
            contextlib.closing(listen(settings.http_host, settings.http_port))
        )
        settings = with_public_url(settings, listener)
        if settings.mqtt_url is None:
            require_free(ports.mqtt, "--mqtt-port", "broker")
        if not settings.rpc_named:
            require_free(ports.chain, "--chain-port", "chain")
        parties = None if settings.rpc_named else local_parties(settings, password(settings))
        chain = await stack.enter_async_context(open_chain(settings, parties, ports.chain, say))
        if chain.local is not None and not settings.public_rpc_urls:
            settings = replace(settings, public_rpc_urls=(chain.url,))
        say("opening the database")
        site = await _site(settings, chain, stack, say)
        broker = (
            await stack.enter_async_context(embedded_broker(settings, ports.mqtt))
            if settings.mqtt_url is None
            else broker_login(settings)
        )
        node = await stack.enter_async_context(own_node(settings, chain.deployment))
        signer = stack.enter_context(
            local_signer(settings, chain.deployment, node or chain.rpc, site.clock)
        )
        site.parts = await stack.enter_async_context(parts())
        relay = await add_relay(site, signer, broker)
        indexer = await add_indexer(site, relay.wake, relay.announced)
        await add_keeper(site, parties.key("relay") if parties else site.relay_key())
        visitors, sponsor = visitors_desk(site, parties, broker), add_sponsor(site, parties)
        await add_api(site, listener, relay.desk, broker, visitors, sponsor)
        add_locks(site.parts, settings, broker.address.url, chain.url)
        if chain.local is not None:
            site.parts.start("chain", _ended(chain.local.wait()))
        say("catching up with the chain")
        await site.parts.unless_failed(caught_up(indexer))
        running = Running(os.getpid(), origin(listener), chain.url, broker.address.url)
        write_running(settings.home, running)
        stack.callback(forget_running, settings.home)
        yield running, site.parts.failed


async def _site(settings: Settings, chain: ChainSide, stack: AsyncExitStack, say: Say) -> Site:
    """Time by the machine, or, on a local chain that can travel in time, by its blocks."""
    store = open_bound(settings, chain.deployment)
    stack.callback(store.close)
    site = Site(
        settings,
        chain.deployment,
        chain.rpc,
        chain.url,
        store,
        WallClock(),
        stack,
        await stack.enter_async_context(parts()),
        say,
    )
    if chain.local is not None:
        clock = ChainClock()
        site.clock, site.follow = clock, lambda _number, timestamp: clock.follow(timestamp)
    return site


def origin(listener: socket.socket) -> str:
    """The address that a socket of ours answers at."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def with_public_url(settings: Settings, listener: socket.socket) -> Settings:
    """With port 0 asked for, sign-in messages must name the port that was found."""
    if settings.http_port or os.environ.get("BERTH_PUBLIC_URL", "").strip():
        return settings
    return replace(settings, public_url=origin(listener))


async def _ended(waiting: Coroutine[Any, Any, int]) -> None:
    status = await waiting
    raise BerthError(
        "up.chain_ended", f"the chain ended with status {status}: see chain/ganache.log"
    )
