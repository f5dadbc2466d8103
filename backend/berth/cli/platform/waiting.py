"""Outages are waited out: a role that starts before its node or database starts all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from berth.core.errors import BerthError

T = TypeVar("T")
#: What passes by itself. Everything else is for a person to mend.
OUTAGES = frozenset(
    {
        "chain.unreachable",
        "chain.rpc",
        "chain.limited",
        "store.unreachable",
        "signer.unreachable",
        "signer.node",
        "signer.stale",
        "broker.unreachable",
        "broker.not_yet",
    }
)
_FIRST, _LONGEST = 0.25, 5.0
#: Between two lines that say the same, seconds.
_SAY_AGAIN = 30.0
_log = structlog.get_logger("berth.role")


async def once_there(what: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """The result of `attempt`, tried until `what` is there. Raises whatever is no outage."""
    pause, said_at, waited = _FIRST, float("-inf"), False
    loop = asyncio.get_running_loop()
    while True:
        try:
            result = await attempt()
        except BerthError as error:
            if error.code not in OUTAGES:
                raise
            if loop.time() - said_at >= _SAY_AGAIN:
                _log.warning("waiting", what=what, code=error.code, reason=error.message)
                said_at = loop.time()
            waited = True
        else:
            if waited:
                _log.info("there", what=what)
            return result
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST)
