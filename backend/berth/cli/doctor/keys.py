"""The files that must neither be lost nor be read by others: keys, passwords, the field key."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

from sqlalchemy import select

from berth.cli.doctor.finding import Case, Finding, ok, trouble, unchecked, warning
from berth.cli.keyring import find_password, key_path
from berth.cli.platform.enrolling import GROUP
from berth.cli.platform.signing import unopened
from berth.core.clock import WallClock
from berth.core.errors import BerthError
from berth.core.keys import load_ed25519, load_keystore
from berth.core.sealed import open_sealer
from berth.devices.keyring import KeyRing
from berth.store.engine import Store
from berth.store.kept import space_private, vehicles_private
from berth.store.migrations import HEAD
from berth.store.revision import revision


async def examine(case: Case) -> list[Finding]:
    """Opens what this machine holds, as its programs would."""
    return await asyncio.to_thread(_look, case)


def _look(case: Case) -> list[Finding]:
    findings = [_modes(case), _relay(case)]
    tickets = case.settings.keys / "tickets"
    if tickets.is_dir():
        findings.append(_tickets(case, tickets))
    findings.append(_sealed(case))
    return findings


def _modes(case: Case) -> Finding:
    """Private files are their owner's alone."""
    settings = case.settings
    extra = (
        settings.password_file,
        settings.signer_secret_file,
        settings.mqtt_password_file,
        settings.operator_token_file,
        settings.home / "broker" / "broker.json",
        settings.home / "broker" / "backend.password",
    )
    secret = {path for path in settings.keys.rglob("*") if path.is_file() and _private(path)}
    secret |= {path for path in extra if path is not None and path.is_file()}
    if not secret:
        do = "`berth up` makes keys; or is BERTH_HOME the right one?"
        return warning("keys.files", f"there are no keys in {settings.keys}", do)
    wide = sorted({str(path) for path in secret if stat.S_IMODE(path.stat().st_mode) & 0o077})
    if wide:
        says = f"others can read {wide[0]}" + (f" and {len(wide) - 1} more" * (len(wide) > 1))
        return trouble("keys.files", says, "chmod 600; who could read it may have", files=wide)
    return ok("keys.files", f"{len(secret)} private files are their owner's alone")


def _private(path: Path) -> bool:
    return path.suffix not in (".crt", ".lock", ".txt")


def _relay(case: Case) -> Finding:
    path = key_path(case.settings.keys, "relay")
    try:
        load_keystore(path, find_password(case.settings, None))
    except BerthError as error:
        do = "`berth keys new --role relay`, or give its password in BERTH_PASSWORD_FILE"
        return trouble("keys.relay", str(error), do)
    return ok("keys.relay", "the relay's key opens with the password")


def _tickets(case: Case, folder: Path) -> Finding:
    """A look at the root and the day keys; none is made."""
    root = (folder / "root.pem").exists()
    try:
        password = find_password(case.settings, None)
        ring = KeyRing(folder, password, GROUP, WallClock())
        ring.roots()
        expires = ring.expires()
        if root:
            load_ed25519(folder / "root.pem", password)
        elif expires is None and (why := unopened(folder, password)) is not None:
            raise why
    except BerthError as error:
        do = (
            "name the password that it was made with in BERTH_PASSWORD_FILE"
            if error.code == "key.wrong_password"
            else "locks obey nobody without it: restore keys/tickets from the backup"
        )
        return trouble("keys.tickets", str(error), do)
    if expires is None and not root:
        do = "certify day keys where the root is, and copy them here"
        return trouble("keys.tickets", "no day key is valid, and the root is not here", do)
    how = "renews itself" if root else f"lasts until {expires}"
    return ok("keys.tickets", f"the day key of the locks' tickets {how}")


def _sealed(case: Case) -> Finding:
    check = "keys.field"
    if case.store is None:
        return unchecked(check, "the database cannot be opened")
    sealed = _newest_sealed(case.store)
    if not sealed:
        return ok(check, "nothing is sealed yet")
    do = "restore keys/field.key from the backup: without it plates and places are lost"
    try:
        sealer = open_sealer(case.settings.keys, create=False)
        for token in sealed:
            sealer.open(token)
    except BerthError as error:
        return trouble(check, str(error), do)
    return ok(check, "sealed fields open")


def _newest_sealed(store: Store) -> list[str]:
    with store.read() as conn:
        if revision(conn) != HEAD:
            return []
        found = [
            conn.execute(select(column).where(column.is_not(None)).limit(1)).scalar()
            for column in (vehicles_private.c.sealed, space_private.c.sealed)
        ]
    return [one for one in found if one is not None]
