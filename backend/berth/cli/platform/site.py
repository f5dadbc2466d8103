"""What every role works on: node, deployment, database, clock, and the parts that are running."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import select

from berth.chain.identity import verify_chain
from berth.chain.nodes import Nodes
from berth.chain.rpc import Rpc
from berth.cli.keyring import open_key
from berth.cli.platform.parts import Parts, Say, parts
from berth.cli.platform.waiting import once_there
from berth.core.clock import ChainClock, Clock, WallClock
from berth.core.deployment import Deployment, load_deployment
from berth.core.errors import BerthError
from berth.core.sealed import Sealer, open_sealer
from berth.core.settings import Settings
from berth.relay.policy import LOCAL_CHAINS
from berth.store.engine import Store, bind_deployment, open_store
from berth.store.kept import space_private, vehicles_private
from berth.store.outage import OUTAGE, reason_of

#: How often a local chain is asked for the time, seconds.
_FOLLOW_SECONDS = 0.5
#: Called with number and timestamp of each new block.
OnBlock = Callable[[int, int], None]


@dataclass
class Site:
    """An installation as one process sees it. What is entered into `stack` ends with the process,
    `parts` before all of it. `node_url` is a node for programs that know one only; `embedded` says
    that the chain is this process's own."""

    settings: Settings
    deployment: Deployment
    rpc: Rpc
    node_url: str
    store: Store
    clock: Clock
    stack: AsyncExitStack
    parts: Parts
    say: Say
    follow: OnBlock | None = None
    embedded: bool = False

    @cached_property
    def sealer(self) -> Sealer:
        """The key of sealed fields; made for a database that has none yet, never for one that
        has."""
        with self.store.read() as conn:
            sealed = (vehicles_private.c.sealed, space_private.c.sealed)
            holds = any(
                conn.execute(select(column).where(column.is_not(None)).limit(1)).first()
                for column in sealed
            )
        return open_sealer(self.settings.keys, create=not holds)

    def relay_key(self) -> bytes:
        """The key that pays for evidence, closings and payouts; 32 bytes."""
        return open_key(self.settings, None, None, "relay")

    def sponsor_key(self) -> bytes:
        """The key that pays for what accounts sign; 32 bytes."""
        return open_key(self.settings, None, None, "sponsor")


async def open_site(settings: Settings, stack: AsyncExitStack, say: Say) -> Site:
    """The site of a role that runs alone: its node and its database are waited for.

    Raises BerthError for what no waiting mends: another chain, another deployment's database, a
    database of a newer program.
    """
    deployment = load_deployment(settings.deployment)
    rpc = await stack.enter_async_context(Nodes(settings.rpc_urls, deployment))
    await once_there("node", lambda: verify_chain(rpc, deployment))
    store = await once_there(
        "database", lambda: asyncio.to_thread(open_bound, settings, deployment)
    )
    stack.callback(store.close)
    running = await stack.enter_async_context(parts())
    clock = clock_of(deployment, rpc, running)
    return Site(settings, deployment, rpc, settings.rpc_url, store, clock, stack, running, say)


def clock_of(deployment: Deployment, rpc: Rpc, running: Parts) -> Clock:
    """The machine's clock; on a local chain, which may travel in time, that of its blocks."""
    if deployment.chain_id not in LOCAL_CHAINS:
        return WallClock()
    clock = ChainClock()
    running.start("clock", _follow(clock, rpc))
    return clock


async def _follow(clock: ChainClock, rpc: Rpc) -> None:
    while True:
        with contextlib.suppress(BerthError):  # without the node it goes on by itself
            block = await rpc.block("latest")
            if block is not None:
                clock.follow(block.timestamp)
        await asyncio.sleep(_FOLLOW_SECONDS)


def open_bound(settings: Settings, deployment: Deployment) -> Store:
    """The database, migrated and tied to the deployment."""
    store = open_store(settings.database_url, deployment)
    try:
        bind_deployment(store, deployment)
    except OUTAGE as error:
        store.close()
        raise BerthError("store.unreachable", reason_of(error), status=503) from error
    except BaseException:
        store.close()
        raise
    return store
