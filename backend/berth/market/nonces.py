"""Nonces of sign-in messages: handed out without being kept, good once and for ten minutes.

Anybody may ask for one, so none is on record before somebody has signed with it: a flood of
requests fills no table and takes nobody's nonce away. A nonce is a moment, random bits and a MAC
over both, in hexadecimal as EIP-4361 wants letters and digits; kept is which ones were used.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from berth.core.errors import BerthError
from berth.core.sealed import Sealer
from berth.store.kept import nonces

NONCE_SECONDS = 10 * 60
#: Another process's clock may be this far ahead, seconds.
_AHEAD = 30
_MOMENT, _RANDOM, _MAC = 5, 12, 16  # bytes
_PURPOSE = "berth sign-in nonces"


@dataclass(frozen=True, slots=True)
class NonceOffice:
    """Makes nonces and knows its own again. `keys`: the newest first, the same everywhere."""

    keys: tuple[bytes, ...]

    @classmethod
    def of(cls, sealer: Sealer) -> NonceOffice:
        """With keys derived from those of the installation."""
        return cls(tuple(sealer.derived(_PURPOSE)))

    def issue(self, now: int) -> str:
        """A nonce for one message, from `now` on (Unix seconds)."""
        body = now.to_bytes(_MOMENT, "big") + secrets.token_bytes(_RANDOM)
        return (body + _mac(self.keys[0], body)).hex()

    def check(self, conn: Connection, nonce: str, now: int) -> int:
        """When it was issued. Raises BerthError session.nonce (401) for one that is not ours, used
        or too old."""
        at = self._issued(nonce)
        if at is None or not now - NONCE_SECONDS < at <= now + _AHEAD or _used(conn, nonce):
            raise BerthError(
                "session.nonce",
                "the nonce is unknown, used or too old; ask for a new one",
                field="message",
                status=401,
            )
        return at

    def use(self, conn: Connection, nonce: str, now: int) -> None:
        """Uses it up. Of two requests with one nonce, one passes: the other's row is refused.
        Raises BerthError session.nonce (401)."""
        at = self.check(conn, nonce, now)
        # a moment longer than it is good: the clocks of two processes may differ
        conn.execute(delete(nonces).where(nonces.c.created_at <= now - NONCE_SECONDS - 2 * _AHEAD))
        try:
            conn.execute(insert(nonces).values(nonce=nonce, created_at=at, used_at=now))
        except IntegrityError as error:
            raise BerthError(
                "session.nonce", "the nonce is used", field="message", status=401
            ) from error

    def _issued(self, nonce: str) -> int | None:
        """The moment in a nonce of ours, None for any other text. Only one spelling is taken."""
        try:
            raw = bytes.fromhex(nonce)
        except ValueError:
            return None
        if len(raw) != _MOMENT + _RANDOM + _MAC or raw.hex() != nonce:
            return None
        body, mac = raw[:-_MAC], raw[-_MAC:]
        if not any(hmac.compare_digest(_mac(key, body), mac) for key in self.keys):
            return None
        return int.from_bytes(body[:_MOMENT], "big")


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")[:_MAC]


def _used(conn: Connection, nonce: str) -> bool:
    return conn.execute(select(nonces.c.nonce).where(nonces.c.nonce == nonce)).first() is not None
