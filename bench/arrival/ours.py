"""Berth's side: the real index, relay and signer, put together in one process as `berth up` does.

    python bench/arrival/ours.py FOLDER NODE_URL WS_URL BROKER_URL

FOLDER holds deployment.json, the database and field.key. The signer has a connection to the node of
its own. Time follows the chain, which the benchmark mines faster than the clock goes.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from berth.chain.heads import Heads
from berth.chain.rpc import Rpc
from berth.cli.platform.parts import spare_the_collector
from berth.core.clock import ChainClock
from berth.core.deployment import load_deployment
from berth.core.sealed import Sealer
from berth.devices.keyring import KeyRing
from berth.devices.mqtt import BrokerLogin
from berth.indexer.run import Indexer
from berth.relay.assemble import assemble_relay
from berth.relay.policy import Policy
from berth.relay.signer import Signer
from berth.relay.signer_audit import SignatureLog
from berth.relay.signer_limits import Limits
from berth.store import open_store

#: Tickets in a minute: more than the benchmark asks for, so that the bound is not what it measures.
LOWERS_A_MINUTE = 100_000


async def run(folder: Path, node: str, ws: str, broker: str) -> None:
    deployment = load_deployment(folder / "deployment.json")
    store = open_store(f"sqlite:///{folder / 'berth.sqlite'}")
    clock = ChainClock()
    keys = folder / "tickets"
    keys.mkdir(exist_ok=True)
    ring = KeyRing(keys, "bench", "bench", clock)
    ring.create_roots()
    async with Rpc(node) as rpc, Rpc(node) as signers_rpc:
        signer = Signer(
            ring,
            signers_rpc,
            Policy(deployment, clock),
            limits=Limits(lowers_a_minute=LOWERS_A_MINUTE),
            log=SignatureLog(folder / "signer"),
        )
        relay = assemble_relay(
            store=store,
            deployment=deployment,
            rpc=rpc,
            clock=clock,
            sealer=Sealer([(folder / "field.key").read_bytes()]),
            broker=BrokerLogin.at(broker, "backend", "bench"),
            signer=signer,
        )
        indexer = Indexer(
            store,
            rpc,
            deployment,
            on_block=lambda _number, timestamp: clock.follow(timestamp),
            on_head=relay.announced,
            on_commit=relay.wake,
            heads=Heads([ws], chain_id=deployment.chain_id),
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(indexer.run())
            tasks.create_task(relay.run())
            while relay.offline is not None or not indexer.caught_up:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            spare_the_collector()
            print("ready", flush=True)


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), *sys.argv[2:5]))
