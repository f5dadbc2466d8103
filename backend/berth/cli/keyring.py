"""Where a command finds a key and its password."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from berth.core.errors import BerthError
from berth.core.keys import load_keystore, read_password
from berth.core.settings import Settings

VARIABLE = "BERTH_PASSWORD"

#: Who holds which key, each in a keystore `ROLE.json`.
ROLES = {
    "registry": "a city's land registry: publishes and revokes titles",
    "verifier": "attests owners and vehicles",
    "maker": "attests the keys of its locks",
    "guardian": "may pause the market",
    "relay": "pays for bringing the locks' evidence to the chain",
    "sponsor": "pays for what drivers and owners sign",
}


def key_path(folder: Path, role: str) -> Path:
    """The file of a role's key in the folder of keys. Raises BerthError `keys.role`."""
    if role not in ROLES:
        raise BerthError(
            "keys.role",
            f"{role!r} is no role; roles are {', '.join(ROLES)}",
            field="role",
            exit_code=2,
        )
    return folder / f"{role}.json"


def find_password(settings: Settings, file: Path | None, *, new: bool = False) -> str:
    """The named file, else BERTH_PASSWORD_FILE or BERTH_PASSWORD, else the installation's own
    (keys/password), else the person at the terminal; a `new` one is asked for twice.

    Raises BerthError `key.password_missing` when there is none of these.
    """
    if file is not None:
        return read_password(file=file)
    if settings.password_file is not None or VARIABLE in os.environ:
        return read_password(file=settings.password_file, env=VARIABLE)
    own = settings.keys / "password"
    if own.is_file():
        return read_password(file=own)
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=new, err=True))
    return read_password(env=VARIABLE)


def open_key(settings: Settings, keystore: Path | None, password: Path | None, role: str) -> bytes:
    """The key of a role, from the data folder or from the named keystore."""
    path = keystore or key_path(settings.keys, role)
    if not path.is_file():
        raise BerthError(
            "key.missing",
            f"there is no keystore {path}: make one with `berth keys new --role {role}`, or name"
            " another with --keystore",
            field="keystore",
            exit_code=2,
        )
    return load_keystore(path, find_password(settings, password))
