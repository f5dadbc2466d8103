"""`berth keys`: keys of the parties, each in an encrypted file of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from berth.cli.keyring import ROLES, find_password, key_path
from berth.core.addresses import checksum
from berth.core.errors import BerthError
from berth.core.keys import (
    LIGHT_SCRYPT_N,
    STANDARD_SCRYPT_N,
    create_keystore,
    keystore_address,
)
from berth.core.settings import load_settings

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Make keys in encrypted files.",
)


@app.callback()
def keys() -> None:
    """Keys of the parties, each in an encrypted file of its own."""


@app.command()
def new(
    role: list[str] = typer.Option(..., help=f"One or more of {', '.join(ROLES)}."),
    out: Path | None = typer.Option(None, help="File to write instead; for one role only."),
    password_file: Path | None = typer.Option(None, help="File with the password."),
    light: bool = typer.Option(
        False, help="Cheap encryption: for local chains and tests, not for anything of value."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print what was made as JSON."),
) -> None:
    """Make a new key for each role; existing files are never overwritten."""
    settings = load_settings()
    if out is not None and len(role) != 1:
        raise BerthError("keys.out", "goes with one role only", field="out", exit_code=2)
    defaults = {one: key_path(settings.keys, one) for one in role}
    paths = {one: out or default for one, default in defaults.items()}
    taken = next((path for path in paths.values() if path.exists()), None)
    if taken is not None:
        raise BerthError(
            "key.exists", f"{taken} exists; keys are never overwritten", field="role", exit_code=2
        )
    password = find_password(settings, password_file, new=True)
    cost = LIGHT_SCRYPT_N if light else STANDARD_SCRYPT_N
    made = [_make(one, path, password, cost) for one, path in paths.items()]
    if as_json:
        typer.echo(json.dumps(made))
        return
    for one in made:
        typer.echo(f"{one['role']}: {one['address']} in {one['file']}")


@app.command("field")
def field_key() -> None:
    """Make the key of sealed fields, keys/field.key, where there is none; not encrypted.

    `berth api` makes it, too. Roles that have folders of their own need a copy of the same one.
    """
    from berth.core.sealed import KEY_FILE, open_sealer

    folder = load_settings().keys
    open_sealer(folder, create=True)
    typer.echo(str(folder / KEY_FILE))


@app.command("list")
def list_keys(
    as_json: bool = typer.Option(False, "--json", help="Print them as JSON."),
) -> None:
    """The keys that the data folder holds, without opening them."""
    folder = load_settings().keys
    found = []
    for role in ROLES:
        path = key_path(folder, role)
        if path.is_file():
            address = checksum(keystore_address(path))
            found.append({"role": role, "file": str(path), "address": address})
    if as_json:
        typer.echo(json.dumps(found))
        return
    for one in found:
        typer.echo(f"{one['role']}: {one['address']} in {one['file']}")
    if not found:
        typer.echo(f"no keys in {folder}")


def _make(role: str, path: Path, password: str, cost: int) -> dict[str, Any]:
    address = create_keystore(path, password, scrypt_n=cost)
    return {"role": role, "file": str(path), "address": checksum(address)}
