"""`berth indexer`: the index as a process of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import typer

from berth.cli.platform.role import JSON, METRICS, Facts, run_role, silent
from berth.core.settings import Settings

if TYPE_CHECKING:
    from berth.cli.platform.parts import Parts

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def indexer(as_json: bool = JSON, metrics_port: int | None = METRICS) -> None:
    """Follow the chain into the database until stopped.

    Shows how far it is on a terminal, in its log otherwise.
    """
    sentence = "The index follows {node}, at block {block}."
    run_role("indexer", sentence, _build, as_json=as_json, metrics_port=metrics_port)


async def _build(settings: Settings, stack: AsyncExitStack) -> tuple[Facts, Parts]:
    from berth.cli.platform.roles import add_indexer, looked_once
    from berth.cli.platform.site import open_site

    site = await open_site(settings, stack, silent)
    index = await add_indexer(site, show=True)
    await site.parts.unless_failed(looked_once(index))
    return {"node": site.rpc.where, "block": index.status.block_number}, site.parts
