"""Signs of life of a process in the table `roles`, for whoever watches."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from berth.store.clock import database_now
from berth.store.engine import Store
from berth.store.roles import BEAT_SECONDS, FORGET_SECONDS, beat, forget_silent, leave

Facts = Callable[[], Mapping[str, Any]]
_log = structlog.get_logger("berth.beats")


@asynccontextmanager
async def beating(
    store: Store, role: str, *, facts: Facts | None = None, every: float = BEAT_SECONDS
) -> AsyncIterator[str]:
    """Beats while the block runs and leaves in order at its end; yields the process's name.

    `facts` is asked before every beat for what the role has to say of itself, plain JSON values;
    its member `state`, one word, stands on its own. A database that is away is waited for: the
    next beat is tried again.
    """
    name = f"{role}-{secrets.token_hex(4)}"
    task = asyncio.create_task(_beat(store, role, name, facts, every), name=f"beats of {name}")
    try:
        yield name
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        with contextlib.suppress(SQLAlchemyError):
            await asyncio.to_thread(_leave, store, name)


async def _beat(store: Store, role: str, name: str, facts: Facts | None, every: float) -> None:
    silent = False
    while True:
        said = dict(facts()) if facts is not None else {}
        state = str(said.pop("state", "running"))
        try:
            await asyncio.to_thread(_write, store, role, name, state, said)
            silent = False
        except SQLAlchemyError as error:
            if not silent:
                _log.warning("no sign of life can be written", role=role, reason=str(error)[:200])
            silent = True
        await asyncio.sleep(every)


def _write(store: Store, role: str, name: str, state: str, said: Mapping[str, Any]) -> None:
    detail = json.dumps(said, separators=(",", ":")) if said else None
    with store.write() as conn:
        forget_silent(conn, database_now(conn) - FORGET_SECONDS)
        beat(conn, name, role, state, detail)


def _leave(store: Store, name: str) -> None:
    with store.write() as conn:
        leave(conn, name)
