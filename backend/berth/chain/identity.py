"""Is the node the one, and on the chain, that the deployment names?"""

from __future__ import annotations

from berth.chain.rpc import Rpc
from berth.core.deployment import Deployment
from berth.core.errors import BerthError


async def verify_chain(rpc: Rpc, deployment: Deployment) -> None:
    """Checks chain id, genesis hash and that the market's code is there.

    Raises BerthError chain.id, chain.genesis, chain.no_market, or NodeUnreachableError.
    """
    chain_id = await rpc.chain_id()
    if chain_id != deployment.chain_id:
        message = (
            f"the node at {rpc.where} is of chain {chain_id}, the deployment of chain"
            f" {deployment.chain_id}: give the right node, or deploy to this chain"
        )
        raise BerthError("chain.id", message, field="BERTH_RPC_URL")
    genesis = await rpc.block(0)
    if genesis is None or genesis.hash.lower() != deployment.genesis_hash:
        found = "none" if genesis is None else genesis.hash
        message = (
            f"the node at {rpc.where} has chain id {chain_id} but another genesis block ({found}"
            f" instead of {deployment.genesis_hash}): it is another chain, or a fresh one"
        )
        raise BerthError("chain.genesis", message, field="BERTH_RPC_URL")
    if not await rpc.code(deployment.market):
        message = (
            f"there is no contract at {deployment.market}: the node at {rpc.where} is behind, or"
            " its chain was rolled back before the deployment"
        )
        raise BerthError("chain.no_market", message, field="market")
