"""Knocking at brokers: the embedded one, one that is gone, one that hangs, one that is too open."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from berth.chain.local import free_port
from berth.core.errors import BerthError
from berth.devices.mqtt import BrokerLogin
from berth.devices.probe import (
    backend_speaks_for_locks,
    kept_commands,
    knock,
    lets_strangers_in,
)
from berth.devices.topics import COMMAND, PREFIX

from tests.backend.devices.conftest import LOCK_A, Net
from tests.mosquitto import required


@pytest.fixture
def login(net: Net) -> BrokerLogin:
    return BrokerLogin.at(net.broker.url, "backend", net.passwords["backend"])


@contextlib.asynccontextmanager
async def open_to_all(folder: Path) -> AsyncIterator[BrokerLogin]:
    """A real Mosquitto that asks nobody who he is."""
    port = free_port()
    config = folder / "open.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", "utf-8")
    process = await asyncio.create_subprocess_exec(
        required(), "-c", str(config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    login = BrokerLogin.at(f"mqtt://127.0.0.1:{port}", "backend", "whatever")
    try:
        for _ in range(100):
            with contextlib.suppress(BerthError):
                await knock(login)
                break
            await asyncio.sleep(0.05)
        yield login
    finally:
        process.terminate()
        await process.wait()


async def test_a_broker_that_takes_the_password_is_well(login: BrokerLogin) -> None:
    await knock(login)
    assert not await lets_strangers_in(login)
    assert await kept_commands(login) == []
    assert not await backend_speaks_for_locks(login)


async def test_a_wrong_password_is_named_without_naming_it(net: Net) -> None:
    with pytest.raises(BerthError) as caught:
        await knock(BrokerLogin.at(net.broker.url, "backend", "not-the-password"))
    assert caught.value.code == "broker.credentials"
    assert caught.value.field == "BERTH_MQTT_PASSWORD_FILE"
    assert "not-the-password" not in str(caught.value)


async def test_a_broker_that_is_gone_is_named() -> None:
    with pytest.raises(BerthError) as caught:
        await knock(BrokerLogin.at(f"mqtt://127.0.0.1:{free_port()}", "backend", "any"))
    assert caught.value.code == "broker.unreachable"


async def test_a_broker_that_takes_the_line_and_says_nothing_does_not_hold_up_the_caller() -> None:
    silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with asyncio.timeout(60):  # it would be silent for ever
        with pytest.raises(BerthError) as caught:
            await knock(BrokerLogin.at(f"mqtt://127.0.0.1:{port}", "backend", "any"), within=0.5)
    assert caught.value.code == "broker.unreachable"
    silent.close()


async def test_a_ca_file_that_holds_no_certificate_is_named(tmp_path: Path) -> None:
    nothing = tmp_path / "ca.pem"
    nothing.write_text("no certificate", "ascii")
    with pytest.raises(BerthError) as caught:
        await knock(BrokerLogin.at("mqtts://127.0.0.1:1", "backend", "any", nothing))
    assert caught.value.code == "broker.ca"


async def test_a_broker_without_rules_is_found_out(tmp_path: Path) -> None:
    async with open_to_all(tmp_path) as login:
        assert await lets_strangers_in(login)
        assert await backend_speaks_for_locks(login)


async def test_a_kept_command_is_found(tmp_path: Path) -> None:
    async with open_to_all(tmp_path) as login:
        name = f"{PREFIX}/{LOCK_A}/{COMMAND}"
        async with login.client() as line:
            await line.publish(name, b"open", qos=1, retain=True)
        assert await kept_commands(login) == [name]


async def test_the_embedded_broker_lets_the_backend_look_for_kept_commands(net: Net) -> None:
    name = f"{PREFIX}/{LOCK_A}/{COMMAND}"
    async with net.connect("backend") as line:
        await line.publish(name, b"open", qos=1, retain=True)
    login = BrokerLogin.at(net.broker.url, "backend", net.passwords["backend"])
    assert await kept_commands(login) == [name]
