"""The commands that the systemd units and the compose file name start, with the settings that the
files beside them give, against a real node, PostgreSQL and Mosquitto. Only addresses and places are
others; no user is changed and nothing is mounted. Of a unit's confinement its system calls are
kept: what asks for another one dies."""

from __future__ import annotations

import asyncio
import configparser
import contextlib
import grp
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from berth.chain.child import dying_with_parent
from berth.store import kept
from sqlalchemy import select

from tests.absent import absent
from tests.chaos.programs import Broker
from tests.chaos.run import Site, close_site, open_site
from tests.chaos.town import Town
from tests.confined import allowed, confined, missing
from tests.mosquitto import required

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

DEPLOY = Path(__file__).parents[2] / "deploy"
ROLES = ("signer", "indexer", "relay", "keeper", "api")
BERTH = Path(sys.executable).parent / "berth"
#: What systemd and the image give a process beside its own settings.
_BARE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
#: What is in each unit's folder of keys, from the beginning.
KEYS = {
    "signer": (), "indexer": (), "relay": ("field.key",), "keeper": ("relay.json",),
    "api": ("field.key",), "backup": ("field.key",),
}  # fmt: skip
#: A busy machine is given three times what the units give.
_READY, _STOP = 180.0, 45.0


@dataclass(frozen=True)
class Command:
    """What a file starts: words and variables as they stand there, and folders made for it."""

    words: Sequence[str]
    variables: Mapping[str, str]
    folders: Sequence[str] = ()
    #: Which file of the operator's it finds where: others are not there for it.
    files: Sequence[tuple[str, str]] = ()
    #: The system calls that it may make; None = any.
    calls: frozenset[str] | None = None


def env_file(name: str) -> dict[str, str]:
    text = (DEPLOY / f"{name}.example").read_text("utf-8")
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))


def of_systemd(name: str) -> Command:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    text = (DEPLOY / "systemd" / f"berth-{name}.service").read_text("utf-8")
    parser.read_string(text)
    service = parser["Service"]
    folders = [f"/var/lib/{one}" for one in service.get("StateDirectory", "").split()]
    folders += [f"/run/{one}" for one in service.get("RuntimeDirectory", "").split()]
    words = shlex.split(service["ExecStart"].replace("%%", "%"))
    variables = env_file(Path(service["EnvironmentFile"]).name)
    own = dict(word.split("=", 1) for word in shlex.split(service.get("Environment", "")))
    assert not own.keys() & variables.keys()  # whose word counts more
    loaded = [one.split(":") for one in service.get("LoadCredential", "").split()]
    here = f"/run/credentials/berth-{name}.service"
    files = [(source, f"{here}/{credential}") for credential, source in loaded]
    files += [(f"/keys/{file}", f"/var/lib/berth-{name}/keys/{file}") for file in KEYS[name]]
    if (lacking := missing()) is not None:
        absent(lacking)
    calls = allowed(re.findall(r"^SystemCallFilter=(.*)$", text, re.MULTILINE))
    return Command(words, variables | own, folders, files, calls)


def of_compose(name: str) -> Command:
    service: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    service = service["services"][name]
    docker = (DEPLOY / "Dockerfile").read_text("utf-8")
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", docker, re.MULTILINE)
    assert json.loads(entry) == ["berth"]
    words = [*service.get("entrypoint", [str(BERTH)]), *service["command"]]
    variables = env_file(service["env_file"]) | service["environment"]
    mounts = [one.split(":") for one in service["volumes"]]
    folders = [target for _source, target, *mode in mounts if mode != ["ro"]]
    files = []
    for source, target, *_mode in mounts:
        if source == "./state/signer-secrets":
            files.append(("/etc/berth/signer-secrets/keys-password", f"{target}/keys-password"))
        elif source == "./state/api":
            files += [(f"/keys/{file}", f"{target}/keys/{file}") for file in KEYS["api"]]
        elif source.startswith("./state/") and Path(target).parent.name == "keys":
            files.append((f"/keys/{Path(target).name}", target))
        elif source.startswith("./state/secrets/"):
            files.append((f"/etc/berth/secrets/{Path(target).name}", target))
    return Command([word.replace("$$", "$") for word in words], variables, folders, files)


class Machine:
    """A folder in place of a machine. Each process has a tree of its own in it, with the files that
    it is given and no other; only the signer's socket is where all find it."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.folder = folder
        self._processes: dict[str, tuple[subprocess.Popen[bytes], Path]] = {}
        #: The operator's: everything, from which each process gets its part.
        self.all = folder / "operator"
        folder.mkdir()
        site.home.rename(self.all)
        for name in ("secrets", "signer-secrets"):
            secrets = self.all / "etc/berth" / name
            secrets.mkdir(parents=True)
            shutil.copy(self.all / "keys" / "password", secrets / "keys-password")
        secrets = self.all / "etc/berth/secrets"
        shutil.copy(self.all / "broker" / "backend.password", secrets / "mqtt-backend")
        (secrets / "pgpass").write_text("*:*:*:*:unused\n")
        (secrets / "pgpass").chmod(0o600)

    def path(self, there: str, name: str = "") -> Path:
        """Where a path is, for the process of that name."""
        return Path(self.moved(there, name))

    def moved(self, text: str, name: str) -> str:
        """The text with the places of this machine."""
        text = re.sub(r"/opt/berth/(\.venv/)?bin/berth", str(BERTH), text)
        text = re.sub(r"(?<![\w./])/run/berth-signer", f"{self.folder}/run/berth-signer", text)
        return re.sub(
            r"(?<![\w./])/(etc/berth|var/lib/berth|run/credentials)",
            rf"{self.folder}/{name}/\1",
            text,
        )

    def give(self, name: str, command: Command) -> None:
        """Makes the process's folders, and puts there what it is given."""
        for folder in command.folders:
            self.path(folder, name).mkdir(mode=0o700, parents=True, exist_ok=True)
        given = [("/deployment.json", "/etc/berth/deployment.json"), *command.files]
        for source, target in given:
            place = self.path(target, name)
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy(self.all / source.lstrip("/"), place)
        if name == "signer":  # nobody else has the keys of tickets
            tickets = self.path("/var/lib/berth-signer/keys/tickets", name)
            shutil.copytree(self.all / "keys" / "tickets", tickets)

    def environment(self, name: str, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables, with the addresses of what runs here."""
        mosquitto = self.site.programs["mosquitto"]
        assert isinstance(mosquitto, Broker)
        node = self.site.node.url
        here = {
            "BERTH_RPC_URL": node,
            "BERTH_SIGNER_RPC_URL": node,
            "BERTH_WS_URL": node.replace("http", "ws", 1),
            "BERTH_MQTT_URL": mosquitto.mosquitto.backend_url,
            "BERTH_HTTP_PORT": self.site.http.rpartition(":")[2],
        }
        url = variables.get("BERTH_DATABASE_URL")
        if url is not None:
            passfile = re.search(r"passfile=[^&]+", url)
            extra = "" if passfile is None else f"&{passfile[0]}"
            assert "?" in self.site.database_url
            here["BERTH_DATABASE_URL"] = self.site.database_url + extra
        given = {key: here.get(key, value) for key, value in variables.items()}
        return _BARE | {key: self.moved(value, name) for key, value in given.items()}

    def start(self, name: str, command: Command) -> subprocess.Popen[bytes]:
        self.give(name, command)
        words = [self.moved(word, name) for word in command.words]
        if "--group" in words:
            words[words.index("--group") + 1] = grp.getgrgid(os.getgid()).gr_name
        if "--metrics-port" in words:
            words[words.index("--metrics-port") + 1] = "0"
        if command.calls is not None:
            words = confined(command.calls, words)
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                dying_with_parent(words),
                cwd="/",
                env=self.environment(name, command.variables),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                process_group=0,  # a shell's children end with it
            )
        self._processes[name] = (process, log)
        return process

    def wait_ready(self, name: str) -> dict[str, Any]:
        """What its log says when it works."""
        process, log = self._processes[name]
        deadline = time.monotonic() + _READY
        while time.monotonic() < deadline and process.poll() is None:
            for line in log.read_text("utf-8").splitlines():
                said = json.loads(line) if line.startswith("{") else {}
                if said.get("event") == "ready":
                    return dict(said)
            time.sleep(0.1)
        raise AssertionError(f"{name} ({process.poll()}) did not get ready:\n{log.read_text()}")

    def said(self, name: str) -> str:
        """Its log."""
        return self._processes[name][1].read_text("utf-8")

    def stop(self, name: str) -> int:
        """Its status, once it has ended as it was told to."""
        process, log = self._processes[name]
        process.terminate()
        try:
            return process.wait(_STOP)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{name} does not end:\n{log.read_text('utf-8')}") from None

    def destroy(self) -> None:
        for process, _ in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def machine(town: Town) -> Iterator[Machine]:
    """Node, database and broker run; no role does. In a short path: sockets need one."""
    required()
    folder = Path(tempfile.mkdtemp(prefix="berth-units-"))
    with asyncio.Runner() as runner:
        site = runner.run(open_site("postgresql", town, folder))
        made = Machine(site, folder / "m")
        try:
            # the node's data went along with the home
            site.node.folder = made.all / "chain"
            runner.run(site.node.start())
            runner.run(site.programs["mosquitto"].start())
            yield made
        finally:
            made.destroy()
            runner.run(close_site(site))
            shutil.rmtree(folder)


def beating(site: Site) -> set[str]:
    """Roles that have given a sign of life."""
    store = site.store()
    try:
        with store.read() as conn:
            return set(conn.execute(select(kept.roles.c.role)).scalars())
    finally:
        store.close()


@pytest.mark.parametrize("command", [of_systemd, of_compose])
def test_every_role_starts_as_its_file_says_and_ends_when_told_to(town: Town, command: Any) -> None:
    with machine(town) as here:
        for role in ROLES:
            here.start(role, command(role))
        for role in ROLES:
            said = here.wait_ready(role)
            assert said["role"] == role
            assert ("metrics" in said) == ("--metrics-port" in command(role).words)
        http = here.site.http
        deadline = time.monotonic() + _READY
        # the index begins at the deployment, and has the town's blocks to read
        while (ready := httpx.get(f"{http}/ready", timeout=60)).status_code != 200:
            assert time.monotonic() < deadline, ready.text
            time.sleep(0.2)
        assert httpx.get(f"{http}/health", timeout=60).status_code == 200
        # the first sign of life may come a moment after the ready line
        while not beating(here.site) >= {"indexer", "relay", "keeper"}:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert here.path("/run/berth-signer/signer.sock").is_socket()
        for role in reversed(ROLES):
            assert here.stop(role) == 0, role


@pytest.mark.parametrize("command", [of_systemd, of_compose])
def test_the_hourly_backup_writes_a_file_that_only_its_owner_reads(
    town: Town, command: Any
) -> None:
    with machine(town) as here:
        process = here.start("backup", command("backup"))
        folder = here.path("/var/lib/berth-backups", "backup")
        deadline = time.monotonic() + _READY
        while not (found := [*folder.glob("*.backup")]):
            assert process.poll() in (None, 0), here.said("backup")
            assert time.monotonic() < deadline
            time.sleep(0.1)
        (made,) = found
        assert re.fullmatch(r"berth-\d{8}T\d{6}Z\.backup", made.name)
        assert made.stat().st_size > 1000
        assert made.stat().st_mode & 0o077 == 0
        if command is of_systemd:  # its timer starts it again
            assert process.wait(_STOP) == 0


def test_a_backup_that_fails_ends_the_container_that_makes_them(town: Town) -> None:
    with machine(town) as here:
        backup = of_compose("backup")
        here.give("backup", backup)
        here.path("/var/lib/berth/keys/field.key", "backup").unlink()
        bare = replace(backup, files=())
        assert here.start("backup", bare).wait(_READY) == 1
        assert "field.key" in here.said("backup")
