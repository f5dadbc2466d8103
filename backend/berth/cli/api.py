"""`berth api`: the HTTP API as a process of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import typer

from berth.cli.platform.role import JSON, Facts, run_role, silent
from berth.core.settings import Settings

if TYPE_CHECKING:
    from berth.cli.platform.parts import Parts

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def api(as_json: bool = JSON) -> None:
    """Serve the HTTP API until stopped. Any number may run on one database."""
    run_role("api", "The API answers at {http}.", _build, as_json=as_json)


async def _build(settings: Settings, stack: AsyncExitStack) -> tuple[Facts, Parts]:
    import contextlib

    from berth.cli.platform.api import listen
    from berth.cli.platform.broker import broker_login, broker_there
    from berth.cli.platform.roles import add_api, add_sponsor, desk_alone
    from berth.cli.platform.run import origin, with_public_url
    from berth.cli.platform.site import open_site
    from berth.core.errors import BerthError

    listener = stack.enter_context(
        contextlib.closing(listen(settings.http_host, settings.http_port))
    )
    # one that is named is wanted; else there may be an embedded one, or none to ask
    broker = None
    if settings.mqtt_url is not None:
        broker = await broker_there(settings)
    else:
        with contextlib.suppress(BerthError):
            broker = broker_login(settings)
    site = await open_site(with_public_url(settings, listener), stack, silent)
    sponsor = add_sponsor(site, None)
    await add_api(site, listener, desk_alone(site), broker, sponsor=sponsor)
    return {"http": origin(listener)}, site.parts
