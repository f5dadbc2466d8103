"""What the chain itself has: the market's events, as a node tells them, and a ledger to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from berth.chain import events
from berth.chain.rpc import Rpc
from berth.chain.wire import Log, in_chain_order
from berth.core.deployment import Deployment
from berth.core.ids import parse_lease
from berth.core.settings import FINALITY

from tests.browser.outside import Outside

E = TypeVar("E")


@dataclass(frozen=True)
class Told:
    """An event of the market, with its place."""

    event: events.Event
    log: Log


async def market_events(rpc: Rpc, deployment: Deployment) -> list[Told]:
    """Every event of the market, in the chain's order."""
    newest = int(await rpc.call("eth_blockNumber"), 16)
    found = in_chain_order(await rpc.logs(deployment.block, newest, [deployment.market]))
    return [Told(events.MARKET[one.topics[0]](one.topics, one.data), one) for one in found]


async def settled(rpc: Rpc, deployment: Deployment) -> list[tuple[events.Settled, Log]]:
    """The ledger: every settlement, in its order."""
    return of_kind(await market_events(rpc, deployment), events.Settled)


def of_kind(found: list[Told], kind: type[E]) -> list[tuple[E, Log]]:
    """The events of one kind."""
    return [(one.event, one.log) for one in found if isinstance(one.event, kind)]


async def three(outside: Outside) -> int:
    """At least three settlements in the ledger, each with another end; their number."""
    rpc, deployment = outside.stage.rpc, outside.stage.deployment
    if len(await settled(rpc, deployment)) < 3:
        driver, rosa = await outside.somebody("AUD 300"), await outside.owner("Rosa")
        later = await outside.next_slot(3 * 3600)
        leases = [await outside.books(driver, rosa[1], later + slot) for slot in (0, 1)]
        await outside.does(driver, "cancel", parse_lease(leases[0].lease_id))
        await outside.does(rosa[0], "ownerCancel", parse_lease(leases[1].lease_id))
    count = len(await settled(rpc, deployment))
    await _listed(outside, lambda items: len(items) == count)
    return count


async def all_final(outside: Outside) -> None:
    """So many blocks come after the settlements that nothing replaces them; the index knows."""
    await outside.stage.rpc.call("evm_mine", {"blocks": FINALITY})
    await _listed(outside, lambda items: all(one["final"] for one in items))


async def _listed(outside: Outside, enough: Callable[[list[dict[str, Any]]], bool]) -> None:
    api = outside.stage.person("Reader").api
    await outside.stage.until(
        "the settlements in the index",
        lambda: api.get("/v1/audit/settlements", limit=100),
        lambda answer: enough(answer["items"]),
    )


def as_text(row: dict[str, Any]) -> dict[str, str]:
    """A row of the ledger's file as CSV has it."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in row.items()
    }
