"""The backend's way into a broker: what a refused or failed connection means."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from pathlib import Path

import aiomqtt
import pytest
from berth.cli.platform.broker import broker_login, broker_there, embedded_broker
from berth.core.errors import BerthError
from berth.core.settings import load_settings
from berth.devices.mqtt import BrokerLogin, keep_connected
from berth.devices.topics import BACKEND_USER
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


async def failure(login: BrokerLogin) -> BerthError:
    """What the first failed connection means."""
    seen: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    def lost(error: BaseException) -> None:
        if not seen.done():
            seen.set_result(error)

    async def session(_line: aiomqtt.Client) -> None:
        raise AssertionError("it was let in")

    trying = asyncio.create_task(keep_connected(login.client, session, lost))
    async with asyncio.timeout(60):
        error = await seen
    trying.cancel()
    return login.refusal(error)


async def connects(login: BrokerLogin) -> bool:
    async with asyncio.timeout(60), login.client():
        return True


async def test_a_wrong_password_is_named_and_a_right_one_is_let_in(tmp_path: Path) -> None:
    settings = load_settings({"BERTH_HOME": str(tmp_path)})
    async with embedded_broker(settings, 0) as login:
        assert await connects(login)
        wrong = BrokerLogin(login.address, BACKEND_USER, "not the password")
        refusal = await failure(wrong)
        assert (refusal.code, refusal.field) == ("broker.credentials", "BERTH_MQTT_PASSWORD_FILE")
        assert "not the password" not in str(refusal)
        assert "not the password" not in repr(wrong)


async def test_the_backends_password_outlives_the_broker(tmp_path: Path) -> None:
    settings = load_settings({"BERTH_HOME": str(tmp_path)})
    async with embedded_broker(settings, 0) as first:
        pass
    async with embedded_broker(settings, 0) as again:
        assert again.password == first.password
    file = tmp_path / "broker" / "backend.password"
    assert file.stat().st_mode & 0o777 == 0o600
    file.unlink()
    async with embedded_broker(settings, 0) as other:
        assert other.password != first.password
        assert await connects(other)
        assert broker_login(settings).password == other.password


async def test_a_broker_that_is_down_is_waited_for(tmp_path: Path) -> None:
    settings = load_settings({"BERTH_HOME": str(tmp_path)})
    async with embedded_broker(settings, 0) as login:
        pass
    refusal = await failure(login)
    assert (refusal.code, refusal.field) == ("broker.unreachable", "BERTH_MQTT_URL")
    there = asyncio.Event()

    async def session(_line: aiomqtt.Client) -> None:
        there.set()

    waiting = asyncio.create_task(keep_connected(login.client, session))
    await asyncio.sleep(0.5)
    async with embedded_broker(settings, login.address.port), asyncio.timeout(60):
        await there.wait()
        await waiting


async def test_the_password_of_an_embedded_broker_that_starts_later_is_waited_for(
    tmp_path: Path,
) -> None:
    settings = load_settings({"BERTH_HOME": str(tmp_path)})
    with pytest.raises(BerthError, match="no broker has been started") as refused:
        broker_login(settings)
    assert refused.value.code == "broker.not_yet"
    waiting = asyncio.create_task(broker_there(settings))
    await asyncio.sleep(0.05)
    async with embedded_broker(settings, 0) as login, asyncio.timeout(60):
        assert (await waiting).password == login.password


def test_without_a_password_there_is_a_sentence(tmp_path: Path) -> None:
    settings = load_settings({"BERTH_HOME": str(tmp_path), "BERTH_MQTT_URL": "mqtt://broker"})
    with pytest.raises(BerthError, match=r"backend\.password is missing") as refused:
        broker_login(settings)
    assert (refused.value.code, refused.value.exit_code) == ("broker.credentials", 2)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """(certificate, key) of a server on this machine that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


async def test_through_tls_the_broker_must_be_the_one_that_the_file_vouches_for(
    tmp_path: Path,
) -> None:
    own, key = certificate(tmp_path, "broker")
    other, _ = certificate(tmp_path, "other")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own, key)

    async def admit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x20\x02\x00\x00")  # CONNACK: let in
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(admit, "localhost", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server:
        url = f"mqtts://localhost:{port}"
        assert await connects(BrokerLogin.at(url, BACKEND_USER, "x", own))
        for ca_file in (other, None):
            refusal = await failure(BrokerLogin.at(url, BACKEND_USER, "x", ca_file))
            assert (refusal.code, refusal.field) == ("broker.certificate", "BERTH_MQTT_CA_FILE")


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_without_certificates_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(BerthError) as refused:
        BrokerLogin.at("mqtts://broker", BACKEND_USER, "x", file).client()
    assert (refused.value.code, refused.value.exit_code) == ("broker.ca", 2)
