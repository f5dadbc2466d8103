"""The data folder: who runs an installation out of it, and the password of its keys."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from berth.core.errors import BerthError
from berth.core.keys import read_password
from berth.core.settings import Settings


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Holds the data folder while the block runs. Raises BerthError home.in_use."""
    with _locked(home, "lock", lambda holder: f"the data folder {home} is in use by {holder}"):
        yield


@contextmanager
def held_role(home: Path, role: str) -> Iterator[None]:
    """Holds a role of which there may be one on a data folder. Raises BerthError home.in_use."""
    with _locked(
        home,
        f"lock.{role}",
        lambda holder: f"there is a {role} on the data folder {home} already, {holder}",
    ):
        yield


@contextmanager
def _locked(folder: Path, name: str, taken: Callable[[str], str]) -> Iterator[None]:
    """A file that one process holds; the system lets go of it when the process ends, however."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        message = f"cannot use the data folder {folder}: {error.strerror}"
        raise BerthError("home.unusable", message, field="BERTH_HOME", exit_code=2) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 20).decode("ascii", "replace").strip() or "unknown"
            message = (
                f"{taken(f'process {holder}')}: end that one, or give another folder in BERTH_HOME"
            )
            raise BerthError("home.in_use", message, field="BERTH_HOME", exit_code=2) from error
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode("ascii"))
        yield
    finally:
        os.close(handle)


def password(settings: Settings) -> str:
    """The password of the installation's keys: from BERTH_PASSWORD_FILE or BERTH_PASSWORD, else
    one made for this data folder and kept in it (keys/password, mode 0600)."""
    if settings.password_file is not None or "BERTH_PASSWORD" in os.environ:
        return read_password(file=settings.password_file, env="BERTH_PASSWORD")
    path = settings.keys / "password"
    _make_secret(path)
    return read_password(file=path)


def make_operator_token(settings: Settings) -> None:
    """The operator's token for the API, made where there is none. Raises BerthError home.unusable
    naming BERTH_OPERATOR_TOKEN_FILE."""
    path = settings.operator_token_file
    try:
        _make_secret(path)
    except OSError as error:
        raise BerthError(
            "home.unusable",
            f"cannot make {path}: {error.strerror}",
            field="BERTH_OPERATOR_TOKEN_FILE",
            exit_code=2,
        ) from error


def _make_secret(path: Path) -> None:
    """A random line in a file of mode 0600, unless the file is there; whole or not at all, whoever
    else makes it at the same time."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()
