"""`berth attest`: the tools of the parties whose word the contracts take."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import typer

from berth.cli.keyring import open_key
from berth.core.addresses import checksum
from berth.core.checks import hex_octets
from berth.core.deployment import Deployment, load_deployment
from berth.core.errors import BerthError
from berth.core.ids import city_number
from berth.core.settings import Settings, load_settings
from berth.core.slots import SLOTS_PER_DAY
from berth.core.title import NO_END_DAY
from berth.market.attest import (
    SIZES,
    attest_lock,
    attest_owner,
    attest_vehicle,
    holder_json,
    lock_json,
    vehicle_json,
)

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Attest owners, vehicles and locks.",
)

_DAYS = 365
_EPOCH = date(1970, 1, 1)
_KEYSTORE = typer.Option(None, help="The attester's keystore; default: the data folder's.")
_PASSWORD = typer.Option(None, help="File with the keystore's password.")
_OUT = typer.Option(None, help="File to write, mode 0600; an existing one is not overwritten.")
_JSON = typer.Option(False, "--json", help="Print JSON on one line.")


@app.callback()
def attest() -> None:
    """Attest owners, vehicles and locks."""


@app.command()
def owner(
    wallet: str = typer.Option(..., help="The account of the title's holder."),
    title: str | None = typer.Option(None, help="CITY/INDEX, AUMEL/123, of the data folder."),
    salted_holder: str | None = typer.Option(
        None, help="Instead of --title: the holder's salted hash, as the registry gives it."
    ),
    valid_until: str | None = typer.Option(None, help="Last day, YYYY-MM-DD, UTC; a year."),
    keystore: Path | None = _KEYSTORE,
    password_file: Path | None = _PASSWORD,
    out: Path | None = _OUT,
    as_json: bool = _JSON,
) -> None:
    """As verifier: this wallet belongs to the holder of this title."""
    settings = load_settings()
    deployment = load_deployment(settings.deployment)
    day = _day(valid_until)
    if (title is None) == (salted_holder is None):
        raise _usage("give either --title or --salted-holder", "title")
    document: dict[str, Any] = {}
    if title is not None:
        document, hidden = _title(settings, deployment, title)
    else:
        hidden = hex_octets(salted_holder, "saltedHolder", 32)
        document = {"saltedHolder": "0x" + hidden.hex()}
    key = open_key(settings, keystore, password_file, "verifier")
    proof = attest_owner(deployment, key, wallet, hidden, valid_day=day)
    document = {"wallet": checksum(wallet), **document, "proof": holder_json(proof)}
    _deliver(document, out, as_json, f"holder attested for {checksum(wallet)}")


@app.command()
def vehicle(
    driver: str = typer.Option(..., help="The driver's account."),
    plate: str = typer.Option(..., help="The number plate."),
    size: str = typer.Option(..., help=f"One of {', '.join(SIZES)}."),
    until: str | None = typer.Option(None, help="Last day, YYYY-MM-DD, UTC; a year."),
    keystore: Path | None = _KEYSTORE,
    password_file: Path | None = _PASSWORD,
    out: Path | None = _OUT,
    as_json: bool = _JSON,
) -> None:
    """As verifier: this driver may use this vehicle. The part `private` opens the plate."""
    settings = load_settings()
    deployment = load_deployment(settings.deployment)
    if size not in SIZES:
        raise _usage(f"{size!r} is none of {', '.join(SIZES)}", "size")
    slot = (_day(until, "until") + 1) * SLOTS_PER_DAY
    key = open_key(settings, keystore, password_file, "verifier")
    proof = attest_vehicle(deployment, key, driver, plate, size=SIZES[size], until_slot=slot)
    _deliver(vehicle_json(proof), out, as_json, f"vehicle attested for {checksum(driver)}")


@app.command()
def device(
    lock: str = typer.Option(..., help="The address of the lock's key."),
    valid_until: str | None = typer.Option(None, help="Last day, YYYY-MM-DD, UTC; a year."),
    keystore: Path | None = _KEYSTORE,
    password_file: Path | None = _PASSWORD,
    out: Path | None = _OUT,
    as_json: bool = _JSON,
) -> None:
    """As maker: this key is in a lock of ours."""
    settings = load_settings()
    deployment = load_deployment(settings.deployment)
    day = _day(valid_until)
    key = open_key(settings, keystore, password_file, "maker")
    proof = attest_lock(deployment, key, lock, valid_day=day)
    _deliver(lock_json(proof), out, as_json, f"lock {checksum(lock)} attested")


def _title(settings: Settings, deployment: Deployment, title: str) -> tuple[dict[str, Any], bytes]:
    from berth.market.titles.library import TitleLibrary
    from berth.store.engine import open_store

    parts = re.fullmatch(r"([A-Za-z]{2}[A-Za-z2-9]{3})/(\d{1,10})", title, re.ASCII)
    if parts is None:
        raise _usage(f"must be CITY/INDEX like AUMEL/123, not {title!r}", "title")
    store = open_store(settings.database_url, deployment)
    library = TitleLibrary(store, settings.home)
    try:
        found = library.title(city_number(parts[1]), int(parts[2]))
    finally:
        library.close()
        store.close()
    hidden = found.salted_holder
    return {"title": title.upper(), "saltedHolder": "0x" + hidden.hex()}, hidden


def _day(text: str | None, field: str = "validUntil") -> int:
    """Days since 1970-01-01 of a date; a year from now without one."""
    if text is None:
        return min(NO_END_DAY, (datetime.now(UTC).date() + timedelta(_DAYS) - _EPOCH).days)
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise _usage(f"must be a date like 2027-12-31, not {text!r}", field) from None
    if day < datetime.now(UTC).date():
        raise _usage(f"{day} has passed", field)
    if (day - _EPOCH).days > NO_END_DAY:
        raise _usage(f"{day} is after the last day that fits, 2149-06-06", field)
    return (day - _EPOCH).days


def _deliver(document: dict[str, Any], out: Path | None, as_json: bool, summary: str) -> None:
    """Into a file with its private part, and to the terminal without; or to the terminal alone."""
    if out is None:
        typer.echo(json.dumps(document, indent=None if as_json else 2))
        return
    content = json.dumps(document, indent=2) + "\n"
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise _usage(f"{out} exists", "out") from error
    except OSError as error:
        raise _usage(f"cannot write {out}: {error.strerror}", "out") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
    if as_json:
        public = {name: value for name, value in document.items() if name != "private"}
        typer.echo(json.dumps({**public, "file": str(out)}))
    else:
        typer.echo(f"{summary}: {out}")


def _usage(message: str, field: str) -> BerthError:
    return BerthError("attest.usage", message, field=field, exit_code=2)
