"""Does the node still have the logs of the deployment? A pruned one may answer with none at all."""

from __future__ import annotations

from berth.chain.refusals import Refusal
from berth.chain.rpc import Rpc, RpcError
from berth.core.deployment import Deployment
from berth.indexer.fetch import Batch


async def require_history(rpc: Rpc, deployment: Deployment, first: Batch) -> None:
    """Raises RpcError with refusal HISTORY when the first blocks of the deployment came without any
    log although the contracts were there at their end, or the node has forgotten whether."""
    try:
        if not await rpc.code(deployment.market, first.last):
            return  # deployed later than this range
        reason = f"none in blocks {first.first} to {first.last}, though the market was there"
    except RpcError as error:
        reason = f"none from block {first.first} on, and {error.text}"
    message = (
        f"the node at {rpc.where} lacks the logs of the deployment: {reason}; give a node with the"
        " whole history of logs"
    )
    raise RpcError("eth_getLogs", 0, message, None, Refusal.HISTORY)
