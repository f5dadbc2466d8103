"""Sessions, and what an account holds.

A session's id is 32 random bytes that only the client has; the database holds its SHA-256, so that
a stolen copy opens nothing. Times are Unix seconds UTC of the wall clock: sessions are about
people, not about blocks.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from berth.market.vocabulary import OPEN_STATES
from berth.store.derived import accounts, leases, spaces
from berth.store.kept import sessions

SESSION_SECONDS = 12 * 3600
MAX_SESSIONS = 20


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in account (lower-case address)."""

    address: str
    created_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an account has in the market: credit in minor units (paid out by whoever wants to when
    `auto_payout`), counts of spaces and leases."""

    credit: int
    auto_payout: bool
    spaces: int
    open_leases_as_driver: int
    open_leases_as_owner: int


def open_session(conn: Connection, address: str, now: int) -> str:
    """The new session's token."""
    conn.execute(delete(sessions).where(sessions.c.expires_at <= now))
    _forget_oldest(conn, address)
    token = secrets.token_urlsafe(32)
    conn.execute(
        insert(sessions).values(
            id=_digest(token), address=address, created_at=now, expires_at=now + SESSION_SECONDS
        )
    )
    return token


def session_of(conn: Connection, token: str, now: int) -> Session | None:
    """The session behind a token, unless it is unknown or over."""
    row = conn.execute(select(sessions).where(sessions.c.id == _digest(token))).mappings().first()
    if row is None or row["expires_at"] <= now:
        return None
    return Session(row["address"], row["created_at"], row["expires_at"])


def close_session(conn: Connection, token: str) -> None:
    """Ends a session; nothing happens when there is none."""
    conn.execute(delete(sessions).where(sessions.c.id == _digest(token)))


def holdings(conn: Connection, address: str) -> Holdings:
    """What an account has in the market, by the index."""
    row = conn.execute(select(accounts).where(accounts.c.account == address)).first()
    return Holdings(
        credit=int(row.credit) if row is not None else 0,
        auto_payout=row is not None and bool(row.auto_payout),
        spaces=conn.execute(
            select(func.count()).select_from(spaces).where(spaces.c.owner == address)
        ).scalar_one(),
        open_leases_as_driver=_open_leases(conn, leases.c.driver == address),
        open_leases_as_owner=_open_leases(conn, leases.c.owner == address),
    )


def _open_leases(conn: Connection, whose: object) -> int:
    query = select(func.count()).select_from(leases)
    return conn.execute(query.where(whose, leases.c.state.in_(OPEN_STATES))).scalar_one()  # type: ignore[arg-type]


def _forget_oldest(conn: Connection, address: str) -> None:
    """An account keeps its latest sessions only."""
    mine = sessions.c.address == address
    kept = select(sessions.c.id).where(mine).order_by(sessions.c.created_at.desc())
    conn.execute(delete(sessions).where(mine, sessions.c.id.not_in(kept.limit(MAX_SESSIONS - 1))))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
