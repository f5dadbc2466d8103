"""Who may connect to the broker: the embedded one, or Mosquitto (`berth.devices.mosquitto`).

Passwords are 256 random bits made here, so a salted SHA-256 is enough: there is nothing to guess,
and a password hash made to be slow would only cost 64 MB and 50 ms a connection. Mosquitto knows no
such hash; its own is kept beside it, for the password itself is not kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from berth.core.errors import BerthError
from berth.devices.mosquitto import password_hash
from berth.devices.topics import BACKEND_USER, WORLD_USER, is_lock_id


class _Entry(NamedTuple):
    salt: str
    sha256: str
    mosquitto: str | None


_NO_USER = _Entry("", "0" * 64, None)


class Credentials:
    """A file of user names and password hashes, mode 0600, shared between processes.

    A running broker sees a user added by another process (`berth lock enrol`) at the user's first
    attempt to connect.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._users: dict[str, _Entry] = {}
        self._stamp: tuple[int, int] | None = None

    def add(self, user: str) -> str:
        """Give `user` (a lock's id, "backend" or "world") a new password; the old one is void."""
        if user not in (BACKEND_USER, WORLD_USER) and not is_lock_id(user):
            raise BerthError("broker.user", f"{user!r} is not a lock's id", field="user")
        password = secrets.token_urlsafe(32)
        salt = secrets.token_hex(16)
        with self._writing() as users:
            users[user] = _Entry(salt, _digest(salt, password), password_hash(password))
        return password

    def remove(self, user: str) -> None:
        """Take a user away; its open connection lasts until it ends."""
        with self._writing() as users:
            users.pop(user, None)

    def users(self) -> list[str]:
        """Names of all users, sorted."""
        self._refresh()
        return sorted(self._users)

    def mosquitto_users(self) -> dict[str, str]:
        """User -> password hash for Mosquitto's password file, sorted.

        Raises BerthError `broker.user` naming those whose password is older than that: they need a
        new one.
        """
        self._refresh()
        lacking = sorted(user for user, entry in self._users.items() if entry.mosquitto is None)
        if lacking:
            raise BerthError(
                "broker.user",
                f"{len(lacking)} users have passwords that Mosquitto cannot check: enrol them again"
                f" ({', '.join(lacking[:3])}{', …' if len(lacking) > 3 else ''})",
                field="user",
            )
        return {user: str(entry.mosquitto) for user, entry in sorted(self._users.items())}

    def verify(self, user: str | None, password: str | None) -> bool:
        """Whether the password is the user's, in time that does not tell how much of it was."""
        self._refresh()
        salt, expected, _ = self._users.get(user or "", _NO_USER)
        given = _digest(salt, password or "")
        return hmac.compare_digest(given, expected) and bool(salt)

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._users, self._stamp = {}, None
            return
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            self._users, self._stamp = self._read(), stamp

    def _read(self) -> dict[str, _Entry]:
        try:
            content = json.loads(self._path.read_text("utf-8"))
            return {
                user: _Entry(entry["salt"], entry["sha256"], entry.get("mosquitto"))
                for user, entry in content.items()
            }
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BerthError(
                "broker.credentials", f"{self._path} is damaged: {error}", field="credentials"
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[dict[str, _Entry]]:
        """The users as they are now; what the block leaves is written in one step."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        guard = os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(guard, fcntl.LOCK_EX)
            users = self._read()
            yield users
            fresh = self._path.with_suffix(".new")
            handle = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(
                    {user: entry._asdict() for user, entry in sorted(users.items())},
                    file,
                    indent=1,
                )
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        finally:
            os.close(guard)
        self._stamp = None


def _digest(salt: str, password: str) -> str:
    return hashlib.sha256(f"{salt}:{password}".encode()).hexdigest()
