"""Does the node still have the logs of the deployment? A pruned one may answer with none at all."""

from __future__ import annotations

from berth.chain.refusals import Refusal
from berth.chain.rpc import Rpc, RpcError
from berth.core.deployment import Deployment
from berth.indexer.batch import Batch


class HistoryMissingError(RpcError):
    """The node at `where` lacks the logs of the deployment."""

    def __init__(self, where: str, reason: str) -> None:
        message = (
            f"the node at {where} lacks the logs of the deployment: {reason}; give a node with the"
            " whole history of logs"
        )
        super().__init__("eth_getLogs", 0, message, None, Refusal.HISTORY)
        self.where = where


async def require_history(rpc: Rpc, deployment: Deployment, first: Batch) -> None:
    """Raises HistoryMissingError when the first blocks of the deployment came without any log
    although the contracts were there at their end, or the node has forgotten whether."""
    where = rpc.where  # to ask for old state may lead to another node
    try:
        if not await rpc.code(deployment.market, first.last):
            return  # deployed later than this range
    except RpcError as error:
        raise HistoryMissingError(
            where, f"none from block {first.first} on, {error.text}"
        ) from error
    reason = f"none in blocks {first.first} to {first.last}, though the market was there"
    raise HistoryMissingError(where, reason)
