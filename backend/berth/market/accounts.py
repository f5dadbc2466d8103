"""Sessions and their nonces, and what an account holds.

A session's id is 32 random bytes that only the client has; the database holds its SHA-256, so that
a stolen copy opens nothing. Times are Unix seconds UTC of the wall clock: sessions are about
people, not about blocks.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from berth.core.errors import BerthError
from berth.market.vocabulary import OPEN_STATES
from berth.store.derived import accounts, leases, spaces
from berth.store.kept import nonces, sessions

SESSION_SECONDS = 12 * 3600
NONCE_SECONDS = 10 * 60
#: Nonces that nobody has used yet; more at once is an attack, not people.
MAX_NONCES = 20_000
MAX_SESSIONS = 20
_NONCE_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


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


def issue_nonce(conn: Connection, now: int) -> str:
    """A nonce that is good once, for ten minutes."""
    conn.execute(delete(nonces).where(nonces.c.created_at <= now - NONCE_SECONDS))
    waiting = conn.execute(select(func.count()).select_from(nonces)).scalar_one()
    if waiting >= MAX_NONCES:
        raise BerthError(
            "session.busy", "too many sign-ins at once; try again in a minute", status=503
        )
    nonce = "".join(secrets.choice(_NONCE_ALPHABET) for _ in range(24))
    conn.execute(insert(nonces).values(nonce=nonce, created_at=now))
    return nonce


def check_nonce(conn: Connection, nonce: str, now: int) -> int:
    """When a nonce was issued; refuses one that is unknown, used or too old."""
    row = conn.execute(select(nonces).where(nonces.c.nonce == nonce)).mappings().first()
    if row is None or row["used_at"] is not None or row["created_at"] <= now - NONCE_SECONDS:
        raise BerthError(
            "session.nonce",
            "the nonce is unknown, used or too old; ask for a new one",
            field="message",
            status=401,
        )
    return int(row["created_at"])


def open_session(conn: Connection, nonce: str, address: str, now: int) -> str:
    """Uses the nonce up and returns the new session's token.

    Consumed by compare-and-set: of two requests with one nonce, one gets a session.
    """
    used = conn.execute(
        update(nonces)
        .where(
            nonces.c.nonce == nonce,
            nonces.c.used_at.is_(None),
            nonces.c.created_at > now - NONCE_SECONDS,
        )
        .values(used_at=now)
    )
    if used.rowcount != 1:
        check_nonce(conn, nonce, now)
        raise BerthError("session.nonce", "the nonce is used", field="message", status=401)
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
