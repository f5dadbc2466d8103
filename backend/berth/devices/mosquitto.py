"""Mosquitto's files: who may connect, who may say and hear what, and how it is to run.

The same users, passwords and rules as the embedded broker's (`credentials.py`, `topics.may`), in
the words of mosquitto.conf(5). Two listeners: on the locks' one a client's id is its user name, so
that no lock can push another off the broker by taking its id; the backend, of which several may
run, has one of its own that no lock should be able to reach.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from berth.core.errors import BerthError
from berth.devices.topics import (
    BACKEND_USER,
    FROM_LOCK,
    PREFIX,
    SIM_PREFIX,
    TO_LOCK,
    WORLD,
    WORLD_USER,
    all_locks,
)

PASSWORDS, RULES, CONFIGURATION = "passwords", "acl", "mosquitto.conf"
#: Passwords are 256 random bits: there is nothing to guess, and this many is Mosquitto's default.
_ITERATIONS = 101
_SALT_BYTES = 12
#: A grant with its certificate has about 2,000 bytes.
MAX_PACKET = 64 * 1024
#: Messages that wait for one slow client; each lock has a few at most, the backend all of them.
_QUEUED = 100_000
#: The same in bytes, of one client: all locks' words of a few minutes; the rest is said again.
_QUEUED_BYTES = 64 * 1024 * 1024
_IN_FLIGHT = 1000


def password_hash(password: str) -> str:
    """`$7$…`, PBKDF2-HMAC-SHA512, as Mosquitto 2 writes it."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode("utf-8"), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def password_file(users: Mapping[str, str]) -> str:
    """User and hash, one a line."""
    return "".join(f"{user}:{digest}\n" for user, digest in users.items())


def acl_file() -> str:
    """The rules of `topics.may`: `%u` is the user, who is a lock's id."""
    lines = [
        "# Who is in none of these lines may say and hear nothing.",
        f"user {BACKEND_USER}",
        *(f"topic read {all_locks(leaf)}" for leaf in sorted(FROM_LOCK)),
        *(f"topic write {all_locks(leaf)}" for leaf in sorted(TO_LOCK)),
        "",
        f"user {WORLD_USER}",
        f"topic write {SIM_PREFIX}/+/{WORLD}",
        "",
        "# every lock, on its own topics",
        *(f"pattern write {PREFIX}/%u/{leaf}" for leaf in sorted(FROM_LOCK)),
        *(f"pattern read {PREFIX}/%u/{leaf}" for leaf in sorted(TO_LOCK)),
        f"pattern read {SIM_PREFIX}/%u/{WORLD}",
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Tls:
    """Files of the locks' listener, as Mosquitto will find them: PEM."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Listeners:
    """Ports of the two listeners and where each is bound; `tls` None = the locks' one is open,
    which is for loopback only."""

    locks_port: int = 8883
    locks_host: str | None = None
    tls: Tls | None = None
    backend_port: int = 1883
    backend_host: str = "127.0.0.1"


def configuration(
    folder: Path, listeners: Listeners, *, data: Path, user: str | None = "mosquitto"
) -> str:
    """A mosquitto.conf whose other files lie in `folder`; `data` is where it keeps its own.

    `user` is whom Mosquitto becomes when root starts it, None = it is not started by root.
    """
    locks = listeners.locks_host
    if listeners.tls is None and locks not in ("127.0.0.1", "::1", "localhost"):
        raise BerthError(
            "broker.tls", "locks off this machine need a certificate and its key", field="cert"
        )
    tls = listeners.tls
    lines = [
        "# written by `berth devices broker-files`; changes here are lost",
        *([f"user {user}"] if user else []),
        "",
        "per_listener_settings false",
        "allow_anonymous false",
        f"password_file {folder / PASSWORDS}",
        f"acl_file {folder / RULES}",
        "",
        "# the locks' listener: a client's id is its user name",
        f"listener {listeners.locks_port}" + (f" {locks}" if locks else ""),
        "use_username_as_clientid true",
        *(
            [f"certfile {tls.certificate}", f"keyfile {tls.key}", "tls_version tlsv1.2"]
            if tls
            else []
        ),
        "",
        "# the backend's listener: keep it from the locks' network",
        f"listener {listeners.backend_port} {listeners.backend_host}",
        "",
        "# without it a round trip waits for delayed acknowledgements: 90 ms instead of 2",
        "set_tcp_nodelay true",
        f"max_queued_messages {_QUEUED}",
        f"max_queued_bytes {_QUEUED_BYTES}",
        f"max_inflight_messages {_IN_FLIGHT}",
        f"max_packet_size {MAX_PACKET}",
        "",
        "# what locks said last (state, availability) outlives a restart; commands are never kept",
        "persistence true",
        f"persistence_location {data}/",
        "autosave_interval 60",
        "",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "connection_messages false",
    ]
    return "\n".join(lines) + "\n"


def write_files(
    folder: Path,
    users: Mapping[str, str],
    listeners: Listeners | None,
    *,
    data: Path | None = None,
    user: str | None = "mosquitto",
    seen_at: Path | None = None,
) -> list[Path]:
    """Writes the password file and the rules into a folder, and with `listeners` a configuration;
    each in one step, so that a broker that reads them meanwhile sees the old or the new one. They
    are of the folder's group, which may read them: that is how Mosquitto's own user does.

    `seen_at`: where Mosquitto finds the folder, when that is elsewhere (in a container).

    Raises BerthError broker.files, broker.tls.
    """
    contents = {PASSWORDS: password_file(users), RULES: acl_file()}
    if listeners is not None:
        there = seen_at or folder
        where = data or there / "data"
        contents[CONFIGURATION] = configuration(there, listeners, data=where, user=user)
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            folder.chmod(0o750)
        if listeners is not None and data is None:
            _own_data(folder / "data")
        return [_write(folder / name, text) for name, text in contents.items()]
    except OSError as error:
        message = f"cannot write into {folder}: {error.strerror}"
        raise BerthError("broker.files", message, field="out", exit_code=2) from error


def _own_data(folder: Path) -> None:
    if folder.exists():
        return
    folder.mkdir(mode=0o700)
    handle = os.open(folder, os.O_RDONLY)
    try:
        _give_to_group_of(folder.parent, handle, folder)
        os.fchmod(handle, 0o770)
    finally:
        os.close(handle)


def _write(path: Path, text: str) -> Path:
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            _give_to_group_of(path.parent, handle, path)
            # whatever the umask: Mosquitto runs as another user, who must be in the group
            os.fchmod(handle, 0o640)
            file.write(text)
            file.flush()
            os.fsync(handle)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _give_to_group_of(folder: Path, handle: int, path: Path) -> None:
    """A new file is its maker's group's: put in an old one's place, nobody could read it."""
    group = folder.stat().st_gid
    if os.fstat(handle).st_gid == group:
        return
    try:
        os.fchown(handle, -1, group)
    except PermissionError as error:
        message = (
            f"cannot give {path} to the group of {folder} (gid {group}), by which Mosquitto reads"
            " it: run this as root, or as somebody of that group"
        )
        raise BerthError("broker.files", message, field="out", exit_code=2) from error
