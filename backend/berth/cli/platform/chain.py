"""The chain of an installation: the embedded one with its deployment, or a node elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from berth.chain.deployer import run_deploy
from berth.chain.identity import verify_chain
from berth.chain.local import LocalChain, LocalChainOptions
from berth.chain.nodes import Nodes
from berth.chain.rpc import Rpc
from berth.cli.platform.parties import Parties, deploy_config
from berth.core.deployment import Deployment, load_deployment
from berth.core.errors import BerthError
from berth.core.settings import Settings

#: Parties that send transactions of their own.
_SENDERS = ("relay", "sponsor", "registry", "guardian")
#: Their gas money on a local chain, wei: filled up when it falls below the first.
_LOW_WEI, _GIFT_WEI = 10**18, 10 * 10**18

Say = Callable[[str], None]


@dataclass
class ChainSide:
    """A node with a checked deployment on it. `local` is None for a node elsewhere."""

    url: str
    rpc: Rpc
    deployment: Deployment
    local: LocalChain | None


@asynccontextmanager
async def open_chain(
    settings: Settings, parties: Parties | None, port: int, say: Say
) -> AsyncIterator[ChainSide]:
    """The nodes that BERTH_RPC_URL names, or Ganache as a child, with contracts deployed.

    `parties` are those of the local chain; None with a node elsewhere, where nothing is deployed by
    itself. Raises BerthError when the node is another one than the deployment's.
    """
    if settings.rpc_named:
        deployment = load_deployment(settings.deployment)
        async with Nodes(settings.rpc_urls, deployment) as rpc:
            await verify_chain(rpc, deployment)
            yield ChainSide(settings.rpc_url, rpc, deployment, None)
        return
    if parties is None:
        raise BerthError("up.parties", "a local chain needs its parties", exit_code=2)
    say("starting the chain (Ganache)")
    local = await LocalChain.start(LocalChainOptions(settings.chain, port=port))
    try:
        async with Rpc(local.url) as rpc:
            if settings.deployment.exists():
                deployment = load_deployment(settings.deployment)
            else:
                say("deploying the contracts (the first time only)")
                deployment = await run_deploy(
                    settings, deploy_config(parties), settings.deployment, rpc_url=local.url
                )
            await verify_chain(rpc, deployment)
            for role in _SENDERS:
                await _fill_up(rpc, parties.address(role))
            yield ChainSide(local.url, rpc, deployment, local)
    finally:
        await local.stop()


async def _fill_up(rpc: Rpc, account: str) -> None:
    """Gas money from the local node's first account."""
    balance = int(str(await rpc.call("eth_getBalance", account, "latest")), 16)
    if balance >= _LOW_WEI:
        return
    accounts = await rpc.call("eth_accounts")
    gift = {"from": accounts[0], "to": account, "value": hex(_GIFT_WEI)}
    tx_hash = await rpc.call("eth_sendTransaction", gift)
    while await rpc.receipt(tx_hash) is None:  # noqa: ASYNC110 - a node tells only when asked
        await asyncio.sleep(0.1)
