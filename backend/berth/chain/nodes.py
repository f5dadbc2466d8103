"""Several nodes of one chain that look like one: the first that is well answers.

A node is asked nothing before it has shown to be of the deployment's chain. One that fails, limits,
falls behind, lacks history or contradicts itself gives way to the next; a preferred one gets its
place back once it has been well for a while, longer after each fall.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import httpx
import msgspec

from berth.chain.identity import verify_chain
from berth.chain.node_health import (
    DISTRUST_SECONDS,
    PRUNED_SECONDS,
    Node,
    NodeReport,
    NodeState,
)
from berth.chain.refusals import Refusal
from berth.chain.rpc import (
    ONCE_ONLY,
    NodeUnreachableError,
    RateLimitedError,
    Rpc,
    RpcError,
)
from berth.chain.wire import Block, Log
from berth.core import telemetry
from berth.core.deployment import Deployment
from berth.core.errors import BerthError

T = TypeVar("T")
log = logging.getLogger(__name__)

#: Blocks that a node may be behind the others, or its own former head.
LAG_BLOCKS = 5
#: Looks in a row at which it is that far behind before it gives way.
LATE_LOOKS = 2
#: Seconds without a new block after which a node is called silent.
SILENCE_SECONDS = 60.0
#: Seconds between two looks at all nodes; one that is not ours is looked at less often.
PROBE_SECONDS = 5.0
WRONG_SECONDS = 30.0
#: Seconds after which a node shows again that it is ours.
VERIFY_SECONDS = 60.0
#: Seconds that a node which limited us is left alone, at least.
LIMITED_SECONDS = 5.0
#: Tries of one call at one node, where there is another to go to.
_RETRIES = 1

_HELD = (NodeState.LIMITED, NodeState.CONTRADICTS, NodeState.PRUNED, NodeState.WRONG)


class Nodes(Rpc):
    """One or several nodes, the first preferred. Close it when done."""

    def __init__(
        self,
        urls: Sequence[str],
        deployment: Deployment | None = None,
        *,
        timeout: float = 10.0,
        retries: int = 4,
        backoff: float = 0.1,
        transport: httpx.AsyncBaseTransport | None = None,
        probe: float = PROBE_SECONDS,
        silence: float = SILENCE_SECONDS,
        lag: int = LAG_BLOCKS,
    ) -> None:
        """`probe` and `silence` in seconds, `lag` in blocks. Without a deployment, all nodes must
        be of the first one's chain. Raises BerthError chain.url."""
        if not urls:
            raise BerthError(
                "chain.url", "give at least one node", field="BERTH_RPC_URL", exit_code=2
            )
        tries = retries if len(urls) == 1 else min(retries, _RETRIES)
        self._nodes = [
            Node(Rpc(url, timeout=timeout, retries=tries, backoff=backoff, transport=transport), n)
            for n, url in enumerate(urls)
        ]
        self._deployment = deployment
        self._anchor: tuple[int, str] | None = None
        self._probe_seconds = probe
        self._silence = silence
        self._lag = lag
        self._probing: asyncio.Task[None] | None = None
        self._use(self._nodes[0])

    def report(self) -> list[NodeReport]:
        """Every node, in the order of preference."""
        return [node.report(node is self._current) for node in self._nodes]

    async def close(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._probing
        for node in self._nodes:
            await node.rpc.close()

    def distrust(self, why: str) -> bool:
        """The node in use contradicts itself: others go first for a while. False: it is alone."""
        node = self._current
        node.set(NodeState.CONTRADICTS, why, DISTRUST_SECONDS)
        node.verified = False
        return len(self._nodes) > 1

    def disown(self, why: str) -> bool:
        """The node in use is of another chain by now. False: so is every other one."""
        self._current.set(NodeState.WRONG, why, WRONG_SECONDS)
        self._current.verified = False
        return any(node.state is not NodeState.WRONG for node in self._nodes)

    def lacks_history(self, where: str, why: str) -> None:
        """That node answers, but not with what it once knew: another one goes first."""
        for node in self._nodes:
            if node.where == where:
                node.set(NodeState.PRUNED, why, PRUNED_SECONDS)

    async def outvote(self, number: int, block_hash: str) -> bool:
        """True when some node has this very block: then one in use that has not is set aside.

        The answers that made the caller doubt may have been another node's than the one in use now.
        """
        accused = self._current
        for node in (accused, *(other for other in self._nodes if other is not accused)):
            if node.state is NodeState.WRONG:
                continue
            with contextlib.suppress(BerthError):
                await self._verify(node)
                block = await node.rpc.block(number)
                if block is not None and block.hash.lower() == block_hash.lower():
                    if node is not accused:
                        why = f"its block {number} is not the one of {node.where} and the index"
                        accused.set(NodeState.CONTRADICTS, why, DISTRUST_SECONDS)
                    return True
        return False

    # ---- calls, each at a node that is well

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], kind: type[T] | Any = Any
    ) -> list[T]:
        return await self._ask(lambda node: node.rpc.batch(calls, kind))

    async def chain_id(self) -> int:
        async def at(node: Node) -> int:
            found = await node.rpc.chain_id()
            if self._deployment is not None and found != self._deployment.chain_id:
                await self._expose(node)
            return found

        return await self._ask(at)

    async def block(self, which: int | str) -> Block | None:
        async def at(node: Node) -> Block | None:
            found = await node.rpc.block(which)
            if found is None:
                return None
            if which == "latest":
                node.saw(found.number)
                if len(self._nodes) == 1:
                    self._judge()  # nobody else looks at it
            genesis = self._deployment.genesis_hash if self._deployment and which == 0 else None
            if genesis is not None and found.hash.lower() != genesis:
                await self._expose(node)
            return found

        return await self._ask(at)

    async def logs(self, first: int, last: int, addresses: Sequence[str]) -> list[Log]:
        return await self._ask(lambda node: node.rpc.logs(first, last, addresses))

    async def block_logs(self, block_hash: str, addresses: Sequence[str]) -> list[Log]:
        return await self._ask(lambda node: node.rpc.block_logs(block_hash, addresses))

    async def _result(self, method: str, params: Sequence[Any]) -> msgspec.Raw:
        return await self._ask(
            lambda node: node.rpc._result(method, params),
            once=method.startswith(ONCE_ONLY),
        )

    async def _ask(self, work: Callable[[Node], Awaitable[T]], *, once: bool = False) -> T:
        """The answer of the best node that gives one."""
        self._start_probing()
        refused: list[tuple[Node, BerthError]] = []
        while True:
            left = [node for node in self._nodes if all(node is not other for other, _ in refused)]
            if not left:
                raise self._nobody(refused)
            moment = time.monotonic()
            node = min(left, key=lambda node: node.order(moment))
            asked = False
            try:
                await self._verify(node)
                if node is not self._current:
                    self._use(node)
                asked = True
                found = await work(node)
            except NodeUnreachableError as error:
                self._failed(node, error)
                refused.append((node, error))
                if asked and once:
                    raise
            except RpcError as error:
                if error.refusal is not Refusal.HISTORY:
                    raise
                node.set(NodeState.PRUNED, error.text, PRUNED_SECONDS)
                refused.append((node, error))
            except BerthError as error:
                if node.state is not NodeState.WRONG:
                    raise
                refused.append((node, error))
            else:
                self._answered(node)
                return found

    def _nobody(self, refused: list[tuple[Node, BerthError]]) -> BerthError:
        errors = [error for _, error in refused]
        if len(errors) == 1 or all(node.state is NodeState.WRONG for node, _ in refused):
            return errors[0]
        if all(isinstance(error, RpcError) for error in errors):
            return errors[0]
        reasons = "; ".join(f"{node.where}: {node.why or error}" for node, error in refused[1:])
        first = refused[0]
        return NodeUnreachableError(
            first[0].where, f"{first[0].why or first[1]}; no other node can be used: {reasons}"
        )

    def _use(self, node: Node) -> None:
        if hasattr(self, "_current"):
            telemetry.NODE_SWITCHES.labels(node.where).inc()
            log.warning("node %s is used from now on, no longer %s", node.where, self.where)
        self._current = node
        self.url, self.where = node.rpc.url, node.where
        self.throttle = node.rpc.throttle

    # ---- what becomes of a node

    async def _verify(self, node: Node) -> None:
        """Is it of our chain? Raises BerthError when it is not, with the node marked as such."""
        if node.verified:
            return
        async with node.lock:
            try:
                await self._identify(node)
            except (NodeUnreachableError, RpcError):
                raise
            except BerthError as error:
                node.set(NodeState.WRONG, error.message, WRONG_SECONDS)
                raise
            node.verified = True
            node.verified_at = time.monotonic()

    async def _expose(self, node: Node) -> None:
        """It is of another chain since it was verified: verified again, it is found out."""
        node.verified = False
        await self._verify(node)

    async def _identify(self, node: Node) -> None:
        if node.verified:
            return  # somebody else asked meanwhile
        if self._deployment is not None:
            await verify_chain(node.rpc, self._deployment)
            return
        if len(self._nodes) == 1:
            return
        genesis = await node.rpc.block(0)
        found = await node.rpc.chain_id(), genesis.hash.lower() if genesis else ""
        if self._anchor is None:
            self._anchor = found
        elif self._anchor != found:
            message = f"the node at {node.where} is of another chain than the first one given"
            raise BerthError("chain.id", message, field="BERTH_RPC_URL")

    def _failed(self, node: Node, error: NodeUnreachableError) -> None:
        if isinstance(error, RateLimitedError):
            node.set(NodeState.LIMITED, error.reason, max(error.seconds, LIMITED_SECONDS))
        else:
            node.set(NodeState.UNREACHABLE, error.reason)

    def _answered(self, node: Node) -> None:
        held = node.state in _HELD and time.monotonic() < node.again_at
        if held or node.state in (NodeState.BEHIND, NodeState.SILENT):
            return  # only a look at all nodes' heads tells
        if node.state is not NodeState.WELL:
            node.set(NodeState.WELL)

    # ---- looks at all nodes

    def _start_probing(self) -> None:
        if self._probing is None and len(self._nodes) > 1 and self._probe_seconds > 0:
            self._probing = asyncio.create_task(self._probe_for_ever(), name="nodes")

    async def _probe_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._probe_seconds)
            try:
                await self.probe()
            except Exception:
                log.exception("nodes: a look at all of them failed")

    async def probe(self) -> None:
        """Looks at every node, and judges them by each other's heads."""
        await asyncio.gather(*(self._look(node) for node in self._nodes))
        self._judge()

    async def _look(self, node: Node) -> None:
        if node.state is NodeState.WRONG and time.monotonic() < node.again_at:
            return
        if time.monotonic() - node.verified_at > VERIFY_SECONDS:
            node.verified = False
        try:
            await self._verify(node)
            newest = await node.rpc.block("latest")
            if newest is None:
                raise NodeUnreachableError(node.where, "has no block")
        except NodeUnreachableError as error:
            self._failed(node, error)
        except BerthError as error:
            if node.state is not NodeState.WRONG:
                node.set(NodeState.UNREACHABLE, error.message)
        else:
            node.saw(newest.number)
            self._answered(node)

    def _judge(self) -> None:
        moment = time.monotonic()
        usable = [node for node in self._nodes if node.state.rank <= NodeState.LIMITED.rank]
        best = max((node.head for node in usable if node.head is not None), default=0)
        for node in usable:
            if node.head is None or (node.state in _HELD and moment < node.again_at):
                continue
            quiet = moment - node.rose_at
            late = node.head < max(best, node.highest) - self._lag
            node.late = node.late + 1 if late else 0
            if late and node.late < LATE_LOOKS:
                continue
            if late and node.head < best - self._lag:
                node.set(NodeState.BEHIND, f"at block {node.head}, another node at {best}")
            elif late:
                node.set(NodeState.BEHIND, f"at block {node.head}, it was at {node.highest}")
            elif quiet > self._silence:
                node.set(NodeState.SILENT, f"no new block for {quiet:.0f} s")
            else:
                node.set(NodeState.WELL)
