"""`berth devices broker-files`: what Mosquitto needs to know of an installation's locks."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import typer

from berth.cli.platform.enrolling import broker_credentials
from berth.core.errors import BerthError
from berth.core.settings import load_settings

_HELP = "Write Mosquitto's password file, rules and configuration."


def register(app: typer.Typer) -> None:
    """Adds the command to `berth devices`."""
    app.command("broker-files", help=_HELP)(broker_files)


def broker_files(
    out: Path = typer.Option(..., help="Folder for the files; Mosquitto reads by its group."),
    seen_at: Path | None = typer.Option(
        None, help="Where Mosquitto finds that folder, in a container; default: where it is."
    ),
    cert: Path | None = typer.Option(None, help="Certificate of the locks' listener, PEM."),
    key: Path | None = typer.Option(None, help="The certificate's key, PEM."),
    locks_port: int = typer.Option(8883, help="Port of the locks' listener."),
    locks_host: str | None = typer.Option(None, help="Where it is bound; default: everywhere."),
    backend_port: int = typer.Option(1883, help="Port of the backend's listener."),
    backend_host: str = typer.Option("127.0.0.1", help="Where it is bound."),
    data: Path | None = typer.Option(None, help="Where Mosquitto keeps its own data."),
    run_as: str = typer.Option("mosquitto", help="User that Mosquitto becomes."),
    users_only: bool = typer.Option(False, "--users-only", help="Passwords and rules alone."),
    backend_password: bool = typer.Option(
        False, "--backend-password", help="Give the backend a new password, and print it."
    ),
    pid_file: Path | None = typer.Option(
        None, help="Mosquitto's pid file: it is told to read the files again."
    ),
) -> None:
    """Write Mosquitto's password file, rules and configuration from the enrolled locks.

    Run it again after `berth lock enrol` (with --users-only), and have Mosquitto read them again.
    """
    from berth.devices.mosquitto import Listeners, Tls, write_files
    from berth.devices.topics import BACKEND_USER

    credentials = broker_credentials(load_settings())
    listeners = None
    if not users_only:
        if (cert is None) != (key is None):
            raise BerthError(
                "broker.tls", "--cert and --key go together", field="cert", exit_code=2
            )
        if seen_at is not None:
            _require_absolute(seen_at=seen_at, cert=cert, key=key, data=data)
        tls = Tls(cert.absolute(), key.absolute()) if cert and key else None
        listeners = Listeners(locks_port, locks_host, tls, backend_port, backend_host)
    secret = credentials.add(BACKEND_USER) if backend_password else None
    for path in write_files(
        out.absolute(),
        credentials.mosquitto_users(),
        listeners,
        data=data.absolute() if data else None,
        user=run_as or None,
        seen_at=seen_at,
    ):
        typer.echo(str(path), err=True)
    if pid_file is not None:
        _reload(pid_file)
    if secret is not None:
        typer.echo(secret)


def _require_absolute(**paths: Path | None) -> None:
    """What Mosquitto sees elsewhere is not where this command runs."""
    for name, path in paths.items():
        if path is not None and not path.is_absolute():
            option = "--" + name.replace("_", "-")
            message = f"{option} {path} must be a whole path, as Mosquitto finds it"
            raise BerthError("broker.path", message, field=option, exit_code=2)


def _reload(pid_file: Path) -> None:
    try:
        os.kill(int(pid_file.read_text("ascii")), signal.SIGHUP)
    except (OSError, ValueError) as error:
        raise BerthError(
            "broker.reload", f"cannot tell the broker of {pid_file}: {error}", field="pidFile"
        ) from error
