"""Time on a local chain: forwards only. Ganache and anvil understand these calls."""

from __future__ import annotations

from berth.chain.rpc import Rpc, RpcError
from berth.core.errors import BerthError


async def mine(rpc: Rpc, blocks: int = 1) -> int:
    """Mines blocks at once; the newest block's timestamp."""
    for _ in range(blocks):
        await _call(rpc, "evm_mine")
    return await chain_time(rpc)


async def advance(rpc: Rpc, seconds: int) -> int:
    """Moves the chain's clock forward and mines a block; that block's timestamp."""
    if seconds < 0:
        raise BerthError("chain.time", f"{seconds} s is back in time", field="seconds")
    await _call(rpc, "evm_increaseTime", seconds)
    return await mine(rpc)


async def advance_to(rpc: Rpc, timestamp: int) -> int:
    """Moves the clock to a moment (Unix seconds UTC) and mines a block at or just after it.

    A moment that the chain has already reached is refused: blocks never go back in time.
    """
    now = await chain_time(rpc)
    if timestamp <= now:
        message = f"the chain is at {now} already, {now - timestamp} s past {timestamp}"
        raise BerthError("chain.time", message, field="timestamp")
    await _call(rpc, "evm_setTime", timestamp * 1000)
    return await mine(rpc)


async def chain_time(rpc: Rpc) -> int:
    """Timestamp of the newest block, Unix seconds UTC."""
    block = await rpc.block("latest")
    if block is None:
        raise BerthError("chain.empty", f"the node at {rpc.where} has no block")
    return block.timestamp


async def _call(rpc: Rpc, method: str, *params: int) -> None:
    try:
        await rpc.call(method, *params)
    except RpcError as error:
        message = f"the node at {rpc.where} is no local chain: {error.text}"
        raise BerthError("chain.not_local", message) from error
