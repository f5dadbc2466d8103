"""The embedded broker as a thief with one lock's password would try it."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from pathlib import Path

import aiomqtt
import pytest
from berth.core.errors import BerthError
from berth.devices.broker import EmbeddedBroker, embedded_broker
from berth.devices.credentials import Credentials
from berth.devices.topics import Act, all_locks, may, parse, topic

from tests.backend.devices.conftest import LOCK_A, LOCK_B, Net, heard

STATE_A, STATE_B = topic(LOCK_A, "state"), topic(LOCK_B, "state")
COMMAND_A, COMMAND_B = topic(LOCK_A, "command"), topic(LOCK_B, "command")


async def test_a_lock_talks_to_the_backend_and_hears_its_own_commands(net: Net) -> None:
    async with net.connect("backend") as backend, net.connect(LOCK_A) as lock:
        await backend.subscribe(all_locks("state"), qos=1)
        await lock.subscribe(COMMAND_A, qos=1)
        await lock.publish(STATE_A, b"up", qos=1)
        await backend.publish(COMMAND_A, b"down", qos=1)
        assert await heard(backend, 1) == [(STATE_A, b"up", False)]
        assert await heard(lock, 1) == [(COMMAND_A, b"down", False)]


async def test_a_lock_never_hears_another_lock_by_name_or_wildcard(net: Net) -> None:
    async with net.connect("backend") as backend, net.connect(LOCK_B) as thief:
        for wanted in (COMMAND_A, STATE_A, "#", "berth/#", "berth/v1/locks/+/command", "$SYS/#"):
            # A denied subscription may be answered as granted: what counts is delivery.
            try:
                await thief.subscribe(wanted, qos=1)
            except aiomqtt.MqttError:
                continue
        await backend.publish(COMMAND_A, b"secret", qos=1)
        async with net.connect(LOCK_A) as lock:
            await lock.publish(STATE_A, b"up", qos=1, retain=True)
        assert await heard(thief) == []


async def test_a_lock_cannot_speak_for_another_lock_or_for_the_backend(net: Net) -> None:
    async with (
        net.connect("backend") as backend,
        net.connect(LOCK_A) as victim,
        net.connect(LOCK_B) as thief,
    ):
        for leaf in ("state", "hello", "ack", "occupancy"):
            await backend.subscribe(all_locks(leaf), qos=1)
        await victim.subscribe(COMMAND_A, qos=1)
        await victim.subscribe(topic(LOCK_A, "world"), qos=1)
        for name in (STATE_A, COMMAND_A, COMMAND_B, topic(LOCK_A, "world"), topic(LOCK_A, "ack")):
            await thief.publish(name, b"forged", qos=1)
        await thief.publish(STATE_B, b"own", qos=1)
        assert await heard(backend, 1) == [(STATE_B, b"own", False)]
        assert await heard(victim) == []


async def test_retained_messages_reach_only_who_asked_and_may_with_the_retain_flag(
    net: Net,
) -> None:
    async with net.connect(LOCK_A) as lock:
        await lock.publish(STATE_A, b"kept", qos=1, retain=True)
    async with net.connect("backend", client_id="backend-1") as first:
        await first.subscribe(all_locks("state"), qos=1)
        assert await heard(first, 1) == [(STATE_A, b"kept", True)]
        # While somebody subscribes to everything, a lock connects: amqtt would replay to it too.
        async with net.connect(LOCK_B) as other:
            assert await heard(other) == []
        async with net.connect("backend", client_id="backend-2") as second:
            assert await heard(second) == []  # it has not subscribed
            await second.subscribe(all_locks("state"), qos=1)
            assert await heard(second, 1) == [(STATE_A, b"kept", True)]
        async with net.connect(LOCK_A) as lock:
            await lock.publish(STATE_A, b"live", qos=1, retain=True)
        assert await heard(first, 1) == [(STATE_A, b"live", False)]


async def test_an_empty_retained_message_takes_the_kept_one_away(net: Net) -> None:
    async with net.connect(LOCK_A) as lock:
        await lock.publish(STATE_A, b"kept", qos=1, retain=True)
        await lock.publish(STATE_A, b"", qos=1, retain=True)
    async with net.connect("backend") as backend:
        await backend.subscribe(all_locks("state"), qos=1)
        assert await heard(backend) == []


@pytest.mark.parametrize("password", ["", "wrong"])
async def test_a_wrong_password_is_refused(net: Net, password: str) -> None:
    with pytest.raises(aiomqtt.MqttError, match=r"[Nn]ot authori"):
        async with net.connect(LOCK_A, password=password):
            pass


async def test_an_unknown_user_and_an_anonymous_one_are_refused(net: Net) -> None:
    net.passwords["0x" + "c3" * 20] = "x" * 43
    net.passwords[""] = ""
    for user in ("0x" + "c3" * 20, ""):
        with pytest.raises(aiomqtt.MqttError):
            async with net.connect(user, client_id="anyone"):
                pass


async def test_a_wrong_password_neither_throws_out_nor_renames_the_client_it_names(
    net: Net,
) -> None:
    async with net.connect("backend") as backend, net.connect(LOCK_B) as thief:
        await backend.subscribe(all_locks("state"), qos=1)
        await thief.subscribe(COMMAND_B, qos=1)
        # The thief claims its own client id for the user "backend": amqtt renamed the live session.
        for client_id in (LOCK_B, "backend"):
            with pytest.raises(aiomqtt.MqttError):
                async with net.connect("backend", client_id=client_id, password="wrong"):
                    pass
        await thief.publish(COMMAND_A, b"forged", qos=1)
        await thief.publish(STATE_B, b"still a lock", qos=1)
        assert await heard(backend, 1) == [(STATE_B, b"still a lock", False)]
        await backend.publish(COMMAND_B, b"still connected", qos=1)
        assert await heard(thief, 1) == [(COMMAND_B, b"still connected", False)]


async def test_a_lock_cannot_take_the_client_id_of_another(net: Net) -> None:
    async with net.connect(LOCK_A) as victim:
        await victim.subscribe(COMMAND_A, qos=1)
        for client_id in (LOCK_A, "backend", f"{LOCK_A}-2"):
            with pytest.raises(aiomqtt.MqttError):
                async with net.connect(LOCK_B, client_id=client_id):
                    pass
        async with net.connect("backend") as backend:
            await backend.publish(COMMAND_A, b"x", qos=1)
        assert await heard(victim, 1) == [(COMMAND_A, b"x", False)]


async def test_a_will_is_published_when_the_line_breaks_and_kept(net: Net) -> None:
    async with net.connect("backend") as backend:
        await backend.subscribe(all_locks("availability"), qos=1)
        raw = _connect_raw(net, LOCK_A, will_topic=topic(LOCK_A, "availability"))
        raw.close()
        assert await heard(backend, 1) == [(topic(LOCK_A, "availability"), b"gone", False)]
    async with net.connect("backend") as later:
        await later.subscribe(all_locks("availability"), qos=1)
        assert await heard(later, 1) == [(topic(LOCK_A, "availability"), b"gone", True)]


async def test_a_will_on_somebody_elses_topic_is_refused(net: Net) -> None:
    for name in (topic(LOCK_A, "availability"), COMMAND_A, COMMAND_B):
        with pytest.raises(aiomqtt.MqttError):
            async with net.connect(LOCK_B, will=aiomqtt.Will(name, b"forged", 1, True)):
                pass


async def test_a_silent_client_is_dropped_after_one_and_a_half_keep_alives(net: Net) -> None:
    async with net.connect("backend") as backend:
        await backend.subscribe(all_locks("availability"), qos=1)
        began = time.monotonic()
        raw = _connect_raw(net, LOCK_A, will_topic=topic(LOCK_A, "availability"), keep_alive=2)
        async with asyncio.timeout(30):  # no message ever, where it is not dropped
            async for message in backend.messages:
                assert message.payload == b"gone"
                break
        assert time.monotonic() - began > 2.5
        raw.close()


async def test_a_second_connection_of_the_same_lock_takes_over(net: Net) -> None:
    async with net.connect("backend") as backend, net.connect(LOCK_A) as first:
        await first.subscribe(COMMAND_A, qos=1)
        async with net.connect(LOCK_A) as second:
            await second.subscribe(COMMAND_A, qos=1)
            await asyncio.sleep(0.1)
            await backend.publish(COMMAND_A, b"once", qos=1)
            assert await heard(second, 1) == [(COMMAND_A, b"once", False)]
        with pytest.raises(aiomqtt.MqttError):
            await first.publish(STATE_A, b"from the old line", qos=1)


async def test_a_huge_packet_ends_the_connection_and_nothing_else(net: Net) -> None:
    async with net.connect("backend") as backend:
        await backend.subscribe(all_locks("state"), qos=1)
        raw = _connect_raw(net, LOCK_B)
        raw.sendall(b"\x30" + _length(200_000_000) + b"\x00" * 1024)
        raw.settimeout(60)
        assert await asyncio.to_thread(raw.recv, 4) == b"\x20\x02\x00\x00"  # CONNACK
        assert await asyncio.to_thread(raw.recv, 1) == b""
        raw.close()
        async with net.connect(LOCK_A) as lock:
            await lock.publish(STATE_A, b"alive", qos=1)
        assert await heard(backend, 1) == [(STATE_A, b"alive", False)]


async def test_the_broker_stops_at_once_whatever_its_clients_do(tmp_path: Path) -> None:
    broker = embedded_broker(tmp_path)
    await broker.start()
    net = Net(broker)
    async with net.connect("backend"):
        stuck = _connect_raw(net, LOCK_A)
        stuck.sendall(b"\x30" + _length(60_000) + b"\x00" * 100)  # and never the rest
        half = socket.create_connection((broker.host, broker.port))
        half.sendall(b"\x10")
        await asyncio.sleep(0.1)
        async with asyncio.timeout(60):  # they would stay for ever
            await broker.stop()
        stuck.close()
        half.close()


async def test_garbage_instead_of_connect_leaves_the_broker_working(net: Net) -> None:
    for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff\xff", os.urandom(64), b""):
        with socket.create_connection((net.broker.host, net.broker.port), timeout=2) as raw:
            raw.sendall(junk)
    async with net.connect("backend") as backend, net.connect(LOCK_A) as lock:
        await backend.subscribe(all_locks("state"), qos=1)
        await lock.publish(STATE_A, b"alive", qos=1)
        assert await heard(backend, 1) == [(STATE_A, b"alive", False)]


async def test_a_small_packet_leaves_without_waiting_for_the_one_before(net: Net) -> None:
    """Else each costs 40 ms and more: it waits until the other side has acknowledged."""
    async with net.connect(LOCK_A) as lock:
        connection = lock._client.socket()
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


async def test_a_taken_port_is_one_clear_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        broker = EmbeddedBroker(Credentials(tmp_path / "b.json"), port=taken.getsockname()[1])
        with pytest.raises(BerthError, match=r"cannot listen on 127\.0\.0\.1") as refused:
            await broker.start()
    assert refused.value.field == "port"


async def test_a_lock_enrolled_while_the_broker_runs_may_connect(tmp_path: Path) -> None:
    async with embedded_broker(tmp_path) as broker:
        net = Net(broker)
        late = "0x" + "d4" * 20
        net.passwords[late] = Credentials(tmp_path / "broker.json").add(late)
        async with net.connect(late) as lock:
            await lock.publish(topic(late, "state"), b"x", qos=1)
        Credentials(tmp_path / "broker.json").remove(late)
        with pytest.raises(aiomqtt.MqttError):
            async with net.connect(late):
                pass


def test_passwords_are_stored_hashed_and_readable_by_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "broker.json"
    credentials = Credentials(path)
    password = credentials.add(LOCK_A)
    assert password not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert credentials.verify(LOCK_A, password)
    assert not credentials.verify(LOCK_A, password + "x")
    assert not credentials.verify(LOCK_B, password)
    assert not credentials.verify(None, None)
    assert credentials.add(LOCK_A) != password
    assert not credentials.verify(LOCK_A, password)


def test_a_damaged_credentials_file_and_a_wrong_name_are_named(tmp_path: Path) -> None:
    path = tmp_path / "broker.json"
    path.write_text('{"backend": 7}')
    with pytest.raises(BerthError, match="damaged"):
        Credentials(path).verify("backend", "x")
    with pytest.raises(BerthError, match="not a lock's id"):
        Credentials(tmp_path / "new.json").add("root")


def test_the_access_table_says_no_to_everything_it_does_not_name() -> None:
    assert may(LOCK_A, Act.PUBLISH, STATE_A)
    assert may(LOCK_A, Act.SUBSCRIBE, COMMAND_A)
    assert not may(LOCK_A, Act.PUBLISH, COMMAND_A)
    assert not may(LOCK_A, Act.RECEIVE, STATE_A)
    assert not may(LOCK_A, Act.SUBSCRIBE, f"berth/v1/locks/{LOCK_A}/#")
    assert not may(LOCK_A.upper(), Act.PUBLISH, STATE_A)
    assert may("backend", Act.SUBSCRIBE, "berth/v1/locks/+/hello")
    assert not may("backend", Act.SUBSCRIBE, "berth/v1/locks/#")
    assert not may("backend", Act.PUBLISH, STATE_A)
    assert may("world", Act.PUBLISH, topic(LOCK_A, "world"))
    assert not may("world", Act.SUBSCRIBE, topic(LOCK_A, "world"))
    assert not may("nobody", Act.PUBLISH, STATE_A)
    for name in ("berth/v1/locks/x/state", "berth/v1/locks//state", "x" + STATE_A, STATE_A + "/x"):
        with pytest.raises(BerthError):
            parse(name)


def _connect_raw(
    net: Net, user: str, *, will_topic: str | None = None, keep_alive: int = 60
) -> socket.socket:
    """An MQTT connection made by hand, so that it can break without a word."""
    flags = 0x80 | 0x40 | 0x02 | ((0x04 | 0x08 | 0x20) if will_topic else 0)
    fields = [user.encode()]
    fields += [will_topic.encode(), b"gone"] if will_topic else []
    fields += [user.encode(), net.passwords[user].encode()]
    body = b"\x00\x04MQTT\x04" + bytes([flags]) + struct.pack("!H", keep_alive)
    body += b"".join(struct.pack("!H", len(field)) + field for field in fields)
    raw = socket.create_connection((net.broker.host, net.broker.port), timeout=5)
    raw.sendall(b"\x10" + _length(len(body)) + body)
    return raw


def _length(number: int) -> bytes:
    encoded = bytearray()
    while True:
        number, digit = divmod(number, 128)
        encoded.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(encoded)
