"""The rules of topics as a real Mosquitto keeps them, with the files that Berth writes for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from berth.core.errors import BerthError
from berth.devices.credentials import Credentials
from berth.devices.mosquitto import (
    CONFIGURATION,
    PASSWORDS,
    RULES,
    Listeners,
    Tls,
    acl_file,
    configuration,
    password_hash,
    write_files,
)
from berth.devices.mqtt import BrokerLogin
from berth.devices.topics import FROM_LOCK, RETAINED, TO_LOCK, all_locks, topic

from tests.absent import absent
from tests.backend.devices.conftest import LOCK_A, LOCK_B, heard
from tests.mosquitto import Mosquitto, required

STATE_A, COMMAND_A, COMMAND_B = (
    topic(LOCK_A, "state"),
    topic(LOCK_A, "command"),
    topic(LOCK_B, "command"),
)


class Town:
    """A Mosquitto, and everybody's passwords."""

    def __init__(self, folder: Path) -> None:
        self.credentials = Credentials(folder / "broker.json")
        users = (LOCK_A, LOCK_B, "backend", "world")
        self.passwords = {user: self.credentials.add(user) for user in users}
        self.broker = Mosquitto(folder / "mosquitto", self.credentials, required()).start()

    def login(self, user: str, password: str | None = None) -> BrokerLogin:
        url = self.broker.backend_url if user == "backend" else self.broker.locks_url
        given = self.passwords[user] if password is None else password
        return BrokerLogin.at(url, user, given)

    def connect(self, user: str, *, client_id: str | None = None) -> aiomqtt.Client:
        return self.login(user).client(client_id=client_id)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.broker.stop()


async def test_backend_and_lock_talk_on_every_topic(town: Town) -> None:
    async with town.connect("backend") as backend, town.connect(LOCK_A) as lock:
        for leaf in FROM_LOCK:
            await backend.subscribe(all_locks(leaf), qos=1)
        for leaf in (*TO_LOCK, "world"):
            await lock.subscribe(topic(LOCK_A, leaf), qos=1)
        for leaf in sorted(FROM_LOCK):
            await lock.publish(topic(LOCK_A, leaf), leaf.encode(), qos=1)
        for leaf in sorted(TO_LOCK):
            await backend.publish(topic(LOCK_A, leaf), leaf.encode(), qos=1)
        async with town.connect("world") as world:
            await world.publish(topic(LOCK_A, "world"), b"world", qos=1)
        told = {(name, data) for name, data, _ in await heard(backend, len(FROM_LOCK))}
        assert told == {(topic(LOCK_A, leaf), leaf.encode()) for leaf in FROM_LOCK}
        learnt = {(name, data) for name, data, _ in await heard(lock, len(TO_LOCK) + 1)}
        assert learnt == {(topic(LOCK_A, leaf), leaf.encode()) for leaf in (*TO_LOCK, "world")}


async def test_a_lock_hears_nothing_of_another_by_name_or_wildcard(town: Town) -> None:
    wanted = [topic(LOCK_A, leaf) for leaf in (*FROM_LOCK, *TO_LOCK, "world")]
    wanted += ["#", "berth/#", "berth/v1/locks/+/command", f"berth/v1/locks/{LOCK_A}/#", "$SYS/#"]
    async with town.connect("backend") as backend, town.connect(LOCK_B) as thief:
        for name in wanted:
            await thief.subscribe(name, qos=1)  # answered as granted, whatever the rules say
        for leaf in TO_LOCK:
            await backend.publish(topic(LOCK_A, leaf), b"secret", qos=1)
        async with town.connect(LOCK_A) as lock:
            for leaf in FROM_LOCK:
                await lock.publish(topic(LOCK_A, leaf), b"said", qos=1, retain=leaf in RETAINED)
        async with town.connect("world") as world:
            await world.publish(topic(LOCK_A, "world"), b"a car", qos=1)
        await backend.publish(COMMAND_B, b"yours", qos=1)
        assert [data for _, data, _ in await heard(thief, 1)] == [b"yours"]
    async with town.connect(LOCK_B) as later:  # nor what the broker kept
        for name in wanted:
            await later.subscribe(name, qos=1)
        assert await heard(later) == []


async def test_a_lock_cannot_speak_for_another_for_the_backend_or_the_world(town: Town) -> None:
    async with (
        town.connect("backend") as backend,
        town.connect(LOCK_A) as victim,
        town.connect(LOCK_B) as thief,
    ):
        for leaf in FROM_LOCK:
            await backend.subscribe(all_locks(leaf), qos=1)
        for leaf in (*TO_LOCK, "world"):
            await victim.subscribe(topic(LOCK_A, leaf), qos=1)
        forged = [topic(LOCK_A, leaf) for leaf in (*FROM_LOCK, *TO_LOCK, "world")]
        for name in [*forged, *(topic(LOCK_B, leaf) for leaf in (*TO_LOCK, "world"))]:
            await thief.publish(name, b"forged", qos=1, retain=True)
        _die_with_will(town, LOCK_B, STATE_A)  # published for it, if it may
        assert await heard(backend) == []
        assert await heard(victim) == []


def _die_with_will(town: Town, user: str, name: str) -> None:
    """Connects with a will and goes without a word."""
    words = (user, name, "forged", user, town.passwords[user])
    body = b"\x00\x04MQTT\x04" + bytes([0b1110_1110]) + b"\x00\x14"
    for word in words:
        body += len(word).to_bytes(2, "big") + word.encode()
    size = bytes([len(body) % 128 | 128, len(body) // 128])
    with socket.create_connection(("127.0.0.1", town.broker.listeners.locks_port), 5) as line:
        line.sendall(b"\x10" + size + body)
        assert line.recv(4)[3] == 0, "admitted"


async def test_the_backend_cannot_speak_for_locks(town: Town) -> None:
    async with town.connect("backend") as backend, town.connect("backend", client_id="two") as two:
        await two.subscribe(all_locks("state"), qos=1)
        await backend.publish(STATE_A, b"forged", qos=1, retain=True)
        assert await heard(two) == []


async def test_taking_anothers_client_id_does_not_push_it_off(town: Town) -> None:
    async with town.connect("backend") as backend, town.connect(LOCK_A) as victim:
        await victim.subscribe(COMMAND_A, qos=1)
        async with town.connect(LOCK_B, client_id=LOCK_A):
            await backend.publish(COMMAND_A, b"still there?", qos=1)
            assert await heard(victim, 1) == [(COMMAND_A, b"still there?", False)]


async def test_several_relays_are_connected_at_once(town: Town) -> None:
    async with (
        town.connect("backend", client_id="backend-1") as one,
        town.connect("backend", client_id="backend-2") as two,
        town.connect(LOCK_A) as lock,
    ):
        for relay in (one, two):
            await relay.subscribe(all_locks("ack"), qos=1)
        await lock.publish(topic(LOCK_A, "ack"), b"done", qos=1)
        assert len(await heard(one, 1)) == len(await heard(two, 1)) == 1


async def test_a_command_is_never_kept_and_a_state_is_also_over_a_restart(town: Town) -> None:
    async with town.connect("backend") as backend, town.connect(LOCK_A) as lock:
        await backend.publish(COMMAND_A, b"lower", qos=1)
        await backend.publish(topic(LOCK_A, "grant"), b"grant", qos=1)
        await lock.publish(STATE_A, b"up", qos=1, retain=True)
    town.broker.stop()
    town.broker.start()
    async with town.connect(LOCK_A) as lock, town.connect("backend") as backend:
        for leaf in TO_LOCK:
            await lock.subscribe(topic(LOCK_A, leaf), qos=1)
        await backend.subscribe(all_locks("state"), qos=1)
        assert await heard(backend, 1) == [(STATE_A, b"up", True)]
        assert await heard(lock) == []


@pytest.mark.parametrize("who", ["backend", LOCK_A])
async def test_wrong_credentials_are_named(town: Town, who: str) -> None:
    for user, password in ((who, "wrong"), (who, ""), (who, town.passwords["world"])):
        login = town.login(user, password)
        with pytest.raises(aiomqtt.MqttError) as caught:
            async with login.client():
                raise AssertionError("must not be admitted")
        refusal = login.refusal(caught.value)
        assert refusal.code == "broker.credentials"
        assert user in refusal.message
        assert "password" in refusal.message


async def test_nobody_gets_in_without_a_name(town: Town) -> None:
    url = town.broker.locks_url.removeprefix("mqtt://").split(":")
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client(url[0], int(url[1]), timeout=5):
            raise AssertionError("must not be admitted")


async def test_a_lock_enrolled_later_gets_in_and_one_removed_does_not(town: Town) -> None:
    new = "0x" + "c3" * 20
    town.passwords[new] = town.credentials.add(new)
    with pytest.raises(aiomqtt.MqttError):
        async with town.connect(new):
            raise AssertionError("the broker has not heard of it yet")
    town.credentials.remove(LOCK_B)
    town.broker.refresh()
    async with asyncio.timeout(60):  # until it has read its files again
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with town.connect(new):
                    break
            await asyncio.sleep(0.1)
    async with town.connect(new) as lock, town.connect("backend") as backend:
        await lock.subscribe(topic(new, "command"), qos=1)
        await backend.publish(topic(new, "command"), b"hello", qos=1)
        assert len(await heard(lock, 1)) == 1
    with pytest.raises(aiomqtt.MqttError):
        async with town.connect(LOCK_B):
            raise AssertionError("must not be admitted")


async def test_a_packet_that_is_too_large_ends_its_sender_alone(town: Town) -> None:
    async with town.connect("backend") as backend:
        await backend.subscribe(all_locks("state"), qos=1)
        with pytest.raises(aiomqtt.MqttError):
            async with town.connect(LOCK_B) as lock:
                await lock.publish(topic(LOCK_B, "state"), b"x" * 100_000, qos=1, timeout=3)
        async with town.connect(LOCK_A) as lock:
            await lock.publish(STATE_A, b"x" * 2000, qos=1)
        assert [len(data) for _, data, _ in await heard(backend, 1)] == [2000]


# ---- the files


def test_our_hashes_are_those_of_mosquittos_own_tool(tmp_path: Path) -> None:
    if shutil.which("mosquitto_passwd") is None:
        absent("mosquitto_passwd is missing: it comes with Mosquitto")
    file = tmp_path / "theirs"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", str(file), "backend", "secret"],
        check=True,
        capture_output=True,
    )
    theirs = file.read_text().strip().removeprefix("backend:").split("$")
    ours = password_hash("secret").split("$")
    assert ours[:3] == theirs[:3] == ["", "7", "101"]
    assert [len(part) for part in ours] == [len(part) for part in theirs]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_passwords_are_readable_by_owner_and_group_alone(tmp_path: Path, umask: int) -> None:
    credentials = Credentials(tmp_path / "broker.json")
    secret = credentials.add(LOCK_A)
    before = os.umask(umask)
    try:
        made = write_files(tmp_path / "out", credentials.mosquitto_users(), None)
    finally:
        os.umask(before)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750
    assert [path.name for path in made] == [PASSWORDS, RULES]
    for path in made:
        assert path.stat().st_mode & 0o777 == 0o640
        assert secret not in path.read_text()
    assert secret not in (tmp_path / "broker.json").read_text()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([PASSWORDS, RULES])


def another_group() -> int:
    """A group that files of this process are not of by themselves."""
    mine = [12345] if os.geteuid() == 0 else [g for g in os.getgroups() if g != os.getegid()]
    if not mine:
        pytest.skip("this user is in one group only")
    return mine[0]


def test_every_file_is_of_the_folders_group_also_one_that_takes_anothers_place(
    tmp_path: Path,
) -> None:
    out, group = tmp_path / "out", another_group()
    out.mkdir(mode=0o750)
    os.chown(out, -1, group)
    credentials = Credentials(tmp_path / "broker.json")
    listeners: Listeners | None = Listeners(locks_host="127.0.0.1")
    for enrolled in (LOCK_A, LOCK_B):
        credentials.add(enrolled)
        write_files(out, credentials.mosquitto_users(), listeners)
        assert {path.stat().st_gid for path in out.iterdir()} == {group}
        listeners = None
    assert (out / "data").stat().st_mode & 0o777 == 0o770  # where Mosquitto keeps its own


def test_where_the_group_cannot_be_given_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = Credentials(tmp_path / "broker.json")
    credentials.add(LOCK_A)
    (before, _) = write_files(tmp_path / "out", credentials.mosquitto_users(), None)
    old = before.read_text()

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refused)
    real = os.fstat
    monkeypatch.setattr(os, "fstat", lambda fd: _of_nobodys_group(real(fd)))
    credentials.add(LOCK_B)
    with pytest.raises(BerthError, match=r"cannot give .*passwords to the group of") as caught:
        write_files(tmp_path / "out", credentials.mosquitto_users(), None)
    assert (caught.value.code, caught.value.field) == ("broker.files", "out")
    monkeypatch.undo()
    assert before.read_text() == old
    assert sorted(path.name for path in before.parent.iterdir()) == sorted([PASSWORDS, RULES])


def _of_nobodys_group(found: os.stat_result) -> os.stat_result:
    return os.stat_result([*found[:5], 54321, *found[6:10]])


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A folder that nobody's group reads; not below pytest's folders, which are root's alone."""
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    folder = Path(tempfile.mkdtemp(prefix="berth-", dir="/tmp"))
    folder.chmod(0o711)
    (folder / "mosquitto").mkdir(mode=0o750)
    os.chown(folder / "mosquitto", -1, pwd.getpwnam("nobody").pw_gid)
    yield folder / "mosquitto"
    shutil.rmtree(folder)


async def test_a_broker_that_has_dropped_root_reads_who_was_added_by_root(nobodys: Path) -> None:
    credentials = Credentials(nobodys.parent / "broker.json")
    backend = credentials.add("backend")
    broker = Mosquitto(nobodys, credentials, required(), user="nobody").start()
    try:
        password = credentials.add(LOCK_A)
        broker.refresh()
        async with asyncio.timeout(60):  # until it has read its files again
            while True:
                with contextlib.suppress(aiomqtt.MqttError):
                    async with BrokerLogin.at(broker.locks_url, LOCK_A, password).client() as lock:
                        await lock.publish(STATE_A, b"up", qos=1, retain=True)
                        break
                await asyncio.sleep(0.1)
        broker.stop()
        broker.start()
        async with BrokerLogin.at(broker.backend_url, "backend", backend).client() as client:
            await client.subscribe(STATE_A, qos=1)
            assert await heard(client, 1) == [(STATE_A, b"up", True)], broker.log
    finally:
        broker.stop()


def test_a_password_from_before_mosquitto_was_known_is_named(tmp_path: Path) -> None:
    file = tmp_path / "broker.json"
    credentials = Credentials(file)
    secret = credentials.add(LOCK_A)
    content = json.loads(file.read_text())
    del content[LOCK_A]["mosquitto"]
    file.write_text(json.dumps(content))
    assert Credentials(file).verify(LOCK_A, secret)  # for the embedded broker it is as good as ever
    with pytest.raises(BerthError, match=LOCK_A):
        Credentials(file).mosquitto_users()


def test_locks_off_this_machine_need_tls(tmp_path: Path) -> None:
    with pytest.raises(BerthError, match="certificate"):
        configuration(tmp_path, Listeners(), data=tmp_path)
    tls = Tls(Path("/etc/berth/cert.pem"), Path("/etc/berth/key.pem"))
    text = configuration(tmp_path, Listeners(tls=tls), data=tmp_path)
    assert "certfile /etc/berth/cert.pem" in text
    assert "listener 8883\n" in text
    assert "listener 1883 127.0.0.1\n" in text


def test_no_rule_lets_anybody_keep_a_command() -> None:
    rules = acl_file()
    assert "pattern write berth/v1/locks/%u/command" not in rules
    assert "readwrite" not in rules
    assert "#" not in "".join(line for line in rules.splitlines() if not line.startswith("#"))


def broker_files(home: Path, *options: str) -> Any:
    """What `berth devices broker-files` does with these options."""
    from berth.cli.broker_files import register
    from typer import Typer
    from typer.testing import CliRunner

    app = Typer()
    app.callback()(lambda: None)
    register(app)
    environment = {**os.environ, "BERTH_HOME": str(home)}
    return CliRunner().invoke(app, ["broker-files", *options], env=environment)


def test_the_command_writes_all_files_and_gives_the_backend_a_password(tmp_path: Path) -> None:
    from berth.cli.platform.enrolling import broker_credentials
    from berth.core.settings import load_settings

    settings = load_settings({"BERTH_HOME": str(tmp_path / "home")})
    broker_credentials(settings).add(LOCK_A)
    out = tmp_path / "out"
    options = ["--out", str(out), "--locks-host", "127.0.0.1", "--backend-password"]
    done = broker_files(tmp_path / "home", *options)
    assert done.exit_code == 0, done.output
    assert broker_credentials(settings).verify("backend", done.stdout.strip())
    assert sorted(p.name for p in out.iterdir() if p.is_file()) == sorted(
        [PASSWORDS, RULES, CONFIGURATION]
    )
    assert set((out / PASSWORDS).read_text().replace(":", "\n").splitlines()) > {LOCK_A, "backend"}
    bad = broker_files(tmp_path / "home", "--out", str(out), "--cert", "x")
    assert isinstance(bad.exception, BerthError)
    assert bad.exception.code == "broker.tls"


def test_files_for_a_container_name_the_places_that_mosquitto_sees(tmp_path: Path) -> None:
    seen = Path("/mosquitto/berth")
    tls = Tls(Path("/mosquitto/cert.pem"), Path("/mosquitto/key.pem"))
    write_files(tmp_path / "out", {}, Listeners(tls=tls), data=Path("/data"), seen_at=seen)
    text = (tmp_path / "out" / CONFIGURATION).read_text()
    assert text == configuration(seen, Listeners(tls=tls), data=Path("/data"))
    assert str(tmp_path) not in text
    assert not (tmp_path / "out" / "data").exists()


@pytest.mark.parametrize("option", ["--seen-at", "--cert", "--key", "--data"])
def test_a_place_in_a_container_must_be_a_whole_path(tmp_path: Path, option: str) -> None:
    given = {
        "--out": str(tmp_path / "out"), "--seen-at": "/there", "--cert": "/c", "--key": "/k",
        option: "here",
    }  # fmt: skip
    words = [word for pair in given.items() for word in pair]
    done = broker_files(tmp_path / "home", *words, "--backend-password")
    assert isinstance(done.exception, BerthError)
    assert (done.exception.code, done.exception.field) == ("broker.path", option)
    assert not (tmp_path / "home").exists()  # the backend keeps the password that it has
    assert not (tmp_path / "out").exists()


async def test_what_waits_for_a_client_that_is_away_has_bounds_in_messages_and_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.devices.mosquitto._QUEUED_BYTES", 200_000)
    made = Town(tmp_path)
    try:
        lines = (tmp_path / "mosquitto" / CONFIGURATION).read_text("utf-8").splitlines()
        assert {"max_queued_messages 100000", "max_queued_bytes 200000"} <= set(lines)
        login, name = made.login("backend").address, topic(LOCK_A, "state")

        def backend() -> aiomqtt.Client:
            return aiomqtt.Client(
                login.host,
                login.port,
                username="backend",
                password=made.passwords["backend"],
                identifier="backend-1",
                clean_session=False,
            )

        async with backend() as line:
            await line.subscribe(name, qos=1)
        async with made.connect(LOCK_A) as lock:
            for _ in range(60):
                await lock.publish(name, b"x" * 10_000, qos=1)
        async with backend() as line:
            assert 15 <= len(await heard(line, 15)) <= 25
    finally:
        made.broker.stop()
