"""The locks' broker: the embedded one, or one elsewhere, and the backend's way into it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from berth.cli.platform.enrolling import broker_credentials
from berth.cli.platform.waiting import once_there
from berth.core.errors import BerthError
from berth.core.keys import read_password
from berth.core.settings import Settings
from berth.devices.broker import EmbeddedBroker
from berth.devices.mqtt import BrokerAddress, BrokerLogin
from berth.devices.topics import BACKEND_USER
from berth.relay.signer_wire import is_loopback

#: Where the embedded broker listens unless told otherwise.
EMBEDDED_URL = "mqtt://127.0.0.1:1883"


@asynccontextmanager
async def embedded_broker(settings: Settings, port: int) -> AsyncIterator[BrokerLogin]:
    """Runs the embedded broker; yields how the backend gets in."""
    credentials = broker_credentials(settings)
    path = _password_path(settings)
    known = path.read_text("ascii").strip() if path.is_file() else None
    if not credentials.verify(BACKEND_USER, known):
        # kept over restarts: relays that run on need not learn another one
        known = credentials.add(BACKEND_USER)
        _keep(path, known)
    broker = EmbeddedBroker(credentials, port=port)
    await broker.start()
    try:
        yield BrokerLogin.at(broker.url, BACKEND_USER, known or "")
    finally:
        await broker.stop()


async def broker_there(settings: Settings) -> BrokerLogin:
    """`broker_login`, once there is a password; see there."""

    async def attempt() -> BrokerLogin:
        return broker_login(settings)

    return await once_there("broker", attempt)


def broker_login(settings: Settings) -> BrokerLogin:
    """How the backend gets into the broker that BERTH_MQTT_URL names, else into the embedded one
    of this data folder.

    Raises BerthError broker.credentials when there is no password; broker.not_yet when it is the
    one that the embedded broker makes at its first start.
    """
    url = settings.mqtt_url or EMBEDDED_URL
    file = settings.mqtt_password_file or _password_path(settings)
    if not file.is_file():
        if settings.mqtt_password_file is None and is_loopback(BrokerAddress.parse(url).host):
            message = f"no broker has been started on this data folder yet: {file} is missing"
            raise BerthError(
                "broker.not_yet", message, field="BERTH_MQTT_PASSWORD_FILE", exit_code=2, status=503
            )
        message = (
            f"there is no password for the user {BACKEND_USER!r} of the broker: {file} is missing"
        )
        raise BerthError(
            "broker.credentials", message, field="BERTH_MQTT_PASSWORD_FILE", exit_code=2
        )
    return BrokerLogin.at(url, BACKEND_USER, read_password(file=file), settings.mqtt_ca_file)


def _password_path(settings: Settings) -> Path:
    return settings.home / "broker" / "backend.password"


def _keep(path: Path, password: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password + "\n")
    draft.replace(path)
