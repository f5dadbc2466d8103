"""The roles, each put together in one place: `berth up` runs all of them, `berth ROLE` one."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from berth.chain.heads import Heads
from berth.chain.nodes import Nodes
from berth.chain.sender import Limits, Sender
from berth.cli.platform.api import ApiServer, api_server
from berth.cli.platform.beats import beating
from berth.cli.platform.enrolling import locks_folder
from berth.cli.platform.home import held_role, make_operator_token
from berth.cli.platform.locks import LockPrograms
from berth.cli.platform.parties import Parties
from berth.cli.platform.parts import Parts
from berth.cli.platform.progress import draw_progress, facts_of
from berth.cli.platform.site import Site
from berth.cli.platform.visitors import LocalDesk
from berth.core.settings import Settings
from berth.devices.mqtt import BrokerLogin
from berth.indexer.run import Indexer
from berth.market.sponsoring import Bounds, Sponsor
from berth.relay.assemble import assemble_keeper, assemble_relay
from berth.relay.desk import Desk
from berth.relay.keeping import KeeperProgram
from berth.relay.orders import Signing
from berth.relay.policy import Policy
from berth.relay.run import Relay
from berth.store.engine import Store
from berth.store.outage import OUTAGE, reason_of
from berth.store.transactions import TransactionJournal
from berth.store.wake import announce
from berth.web.app import create_app
from berth.web.services import Services
from berth.web.visitors import VisitorsDesk

_LOOK = 0.05
_log = structlog.get_logger("berth.role")


async def add_indexer(
    site: Site,
    on_commit: Callable[[], None] | None = None,
    on_head: Callable[[int, str], None] | None = None,
    *,
    show: bool = False,
) -> Indexer:
    """The index, from now on. `show`: a bar while it catches up, where there is a terminal."""
    ws = site.settings.ws_url
    indexer = Indexer(
        site.store,
        site.rpc,
        site.deployment,
        finality=site.settings.finality,
        heads=None if ws is None else Heads([ws], chain_id=site.deployment.chain_id),
        on_head=on_head,
        on_block=site.follow,
        on_commit=on_commit,
    )
    site.parts.start("index", indexer.run())
    if show and sys.stderr.isatty():
        site.parts.start("progress", draw_progress(lambda: indexer.status))

    def facts() -> dict[str, Any]:
        return facts_of(indexer.status) | _nodes(site)

    await site.stack.enter_async_context(beating(site.store, "indexer", facts=facts))
    return indexer


def _nodes(site: Site) -> dict[str, Any]:
    if not isinstance(site.rpc, Nodes):
        return {}
    return {
        "nodes": [
            {"where": one.where, "used": one.used, "state": one.state, "why": one.why}
            for one in site.rpc.report()
        ]
    }


async def looked_once(indexer: Indexer) -> None:
    """Waits until the index has seen its node."""
    while indexer.status.block_number < 0:  # noqa: ASYNC110 - once, at the start
        await asyncio.sleep(_LOOK)


async def caught_up(indexer: Indexer) -> None:
    """Waits until the index is at the node's head."""
    while not indexer.caught_up:  # noqa: ASYNC110 - once, at the start
        await asyncio.sleep(_LOOK)


async def add_relay(
    site: Site, signer: Signing, broker: BrokerLogin, *, hears: bool = False
) -> Relay:
    """The relay. On SQLite there is one; on PostgreSQL any number. `hears`: it listens for new
    blocks by itself, where there is no index in this process that tells it."""
    if site.store.sqlite:
        site.stack.enter_context(held_role(site.settings.home, "relay"))
    relay = assemble_relay(
        store=site.store,
        deployment=site.deployment,
        rpc=site.rpc,
        clock=site.clock,
        sealer=site.sealer,
        signer=signer,
        broker=broker,
        confirmations=site.settings.confirmations,
    )
    site.parts.start("relay", relay.run())
    if hears and site.settings.ws_url is not None:
        heads = Heads([site.settings.ws_url], chain_id=site.deployment.chain_id)
        site.parts.start("heads", relay.hear(heads))

    def facts() -> dict[str, Any]:
        asleep, offline = relay.asleep, relay.offline
        state = "asleep" if asleep else "waiting" if offline else "running"
        return {"state": state, "asleep": asleep, "offline": offline}

    await site.stack.enter_async_context(beating(site.store, "relay", facts=facts))
    return relay


async def connected(relay: Relay) -> None:
    """Waits until the relay has its broker."""
    while relay.offline is not None:  # noqa: ASYNC110 - once, at the start
        await asyncio.sleep(_LOOK)


async def add_keeper(site: Site, key: bytes) -> KeeperProgram:
    """The keeper; any number may run. `key` (32 bytes) pays."""
    keeper = assemble_keeper(
        store=site.store,
        deployment=site.deployment,
        rpc=site.rpc,
        clock=site.clock,
        transaction_key=key,
        limits=Limits(site.settings.spend_cap, site.settings.max_fee),
        keep=site.settings.keep,
    )
    site.parts.start("keeper", keeper.run())

    def facts() -> dict[str, Any]:
        state = "waiting" if keeper.troubles else "running"
        return {"state": state, "troubles": dict(keeper.troubles)}

    await site.stack.enter_async_context(beating(site.store, "keeper", facts=facts))
    return keeper


def visitors_desk(site: Site, parties: Parties | None, broker: BrokerLogin) -> LocalDesk | None:
    """The local parties' desk, where chain and broker are this process's own."""
    if parties is None or site.settings.mqtt_url is not None:
        return None
    desk = LocalDesk(
        site.settings,
        site.deployment,
        site.store,
        site.rpc,
        site.clock,
        parties,
        broker.address,
    )
    site.stack.push_async_callback(desk.close)
    return desk


def add_sponsor(site: Site, parties: Parties | None) -> Sponsor | None:
    """Who pays for what accounts sign: on a chain of one's own always, elsewhere where the operator
    wants it. Any number of processes may use its key."""
    if parties is None and not site.settings.sponsor:
        return None
    key = parties.key("sponsor") if parties is not None else site.sponsor_key()
    settings = site.settings
    sender = Sender(
        site.rpc,
        TransactionJournal(site.store),
        key,
        site.deployment.chain_id,
        limits=Limits(settings.spend_cap, settings.max_fee),
    )
    bounds = Bounds(calls=settings.sponsor_calls, gas=settings.sponsor_gas)
    sponsor = Sponsor(site.store, site.rpc, site.deployment, sender, site.clock, bounds)
    site.parts.start("sponsor", sponsor.run())
    return sponsor


async def add_api(
    site: Site,
    listener: socket.socket,
    desk: Desk,
    broker: BrokerLogin | None,
    visitors: VisitorsDesk | None = None,
    sponsor: Sponsor | None = None,
) -> ApiServer:
    """The HTTP API on a socket that listens already."""
    make_operator_token(site.settings)
    services = Services(
        site.store,
        site.settings,
        site.deployment,
        site.rpc,
        site.clock,
        site.sealer,
        desk,
        broker=broker,
        visitors=visitors,
        sponsor=sponsor,
    )
    server = api_server(create_app(services))
    site.parts.start("api", server.serve(sockets=[listener]))
    site.stack.push_async_callback(_end_server, server, site)
    await site.parts.unless_failed(server.until_started())
    await site.stack.enter_async_context(beating(site.store, "api"))
    return server


def desk_alone(site: Site) -> Desk:
    """The relay as the API sees it where the relay is another process: the same decisions from the
    same tables, and a nudge through the database where it has one."""
    policy = Policy(site.deployment, site.clock, site.settings.confirmations)
    if site.store.sqlite:
        return Desk(policy)  # the relay looks by itself, twice a second
    nudges = ThreadPoolExecutor(1, "nudge")
    site.stack.callback(nudges.shutdown, wait=False, cancel_futures=True)
    return Desk(policy, lambda: _nudge(nudges, site.store))


def add_locks(running: Parts, settings: Settings, broker_url: str, node_url: str) -> None:
    """The simulated locks of the data folder, each a program of its own."""
    running.start("locks", LockPrograms(locks_folder(settings), broker_url, node_url).run())


def _nudge(nudges: ThreadPoolExecutor, store: Store) -> None:
    def tell() -> None:
        try:
            with store.write() as conn:
                announce(conn)
        except OUTAGE as error:
            _log.warning("no nudge", reason=reason_of(error))

    nudges.submit(tell)


async def _end_server(server: ApiServer, site: Site) -> None:
    """Open requests and event streams end politely before what they use does."""
    server.should_exit = True
    await site.parts.ended("api")
