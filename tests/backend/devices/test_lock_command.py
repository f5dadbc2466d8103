"""`berth lock` and `berth settle` as a person or a script calls them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from berth.cli.main import main
from berth.cli.platform.enrolling import broker_credentials
from berth.core.addresses import checksum
from berth.core.deployment import save_deployment
from berth.core.ids import parse_space
from berth.core.messages import lock_possession, recover
from berth.core.settings import load_settings
from berth.devices.simulator.home import open_home

from tests.backend.worlds import DEPLOYMENT, OLGA


@dataclass(frozen=True)
class Result:
    code: int
    stdout: str
    stderr: str


class Shell:
    """A data folder with a deployment, and a password that needs nobody at a terminal."""

    def __init__(
        self, home: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
    ) -> None:
        self.home = home
        self.lock = home / "locks" / "one"
        self._patch = patch
        self._capture = capture
        save_deployment(DEPLOYMENT, home / "deployment.json")
        patch.setenv("BERTH_HOME", str(home))
        patch.setenv("BERTH_PASSWORD", "secret")
        patch.setenv("NO_COLOR", "1")

    def run(self, *arguments: str) -> Result:
        """`berth` with these arguments."""
        self._patch.setattr(sys, "argv", ["berth", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        said = self._capture.readouterr()
        code = end.value.code
        return Result(code if isinstance(code, int) else 0, said.out, said.err)

    def enrol(self, *more: str) -> Result:
        where = ("--home", str(self.lock), "--owner", OLGA.shown)
        return self.run("lock", "enrol", *where, *(more or ("--space", "AUMEL/42", "--json")))


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return Shell(tmp_path, monkeypatch, capsys)


def test_enrolling_makes_a_key_a_broker_password_and_a_proof_of_possession(shell: Shell) -> None:
    result = shell.enrol()
    assert result.code == 0, result.stderr
    answer = json.loads(result.stdout)
    lock = open_home(shell.lock)
    assert answer["lock"] == checksum(lock.lock_id)
    domain = DEPLOYMENT.domain
    message = lock_possession(domain, lock.lock_id, parse_space(answer["spaceId"]), OLGA.address)
    assert recover(message, answer["possession"]) == lock.lock_id
    settings = load_settings({"BERTH_HOME": str(shell.home)})
    assert broker_credentials(settings).verify(lock.lock_id, lock.mqtt_password)
    for secret in ("key.json", "lock.json", "password"):
        assert (shell.lock / secret).stat().st_mode & 0o077 == 0


def test_enrolling_writes_what_the_owner_hands_in_and_no_secret_with_it(
    shell: Shell, tmp_path: Path
) -> None:
    out = tmp_path / "possession.json"
    result = shell.enrol("--space", "AUMEL/42", "--out", str(out))
    assert result.code == 0, result.stderr
    assert f"for owner   {out}" in result.stdout
    written, lock = json.loads(out.read_text("utf-8")), open_home(shell.lock)
    assert list(written) == ["lock", "spaceId", "owner", "possession"]
    assert written["possession"] == "0x" + lock.possession.hex()


@pytest.mark.parametrize("where", ["possession.json", "missing/possession.json"])
def test_a_file_for_the_owner_that_cannot_be_written_is_refused(
    shell: Shell, tmp_path: Path, where: str
) -> None:
    """One that is there already stays as it is, and no lock is made."""
    out = tmp_path / where
    if out.parent.is_dir():
        out.write_text("mine", "utf-8")
    result = shell.enrol("--space", "AUMEL/42", "--out", str(out))
    assert result.code == 2
    assert str(out) in result.stderr
    assert not shell.lock.exists()
    assert not out.exists() or out.read_text("utf-8") == "mine"


def test_a_home_is_never_enrolled_twice(shell: Shell) -> None:
    first = shell.enrol()
    again = shell.enrol()
    assert again.code == 1
    assert "holds a lock already" in again.stderr
    assert open_home(shell.lock).lock_id == json.loads(first.stdout)["lock"].lower()


@pytest.mark.parametrize(
    ("more", "error"),
    [
        (("--space", "42"), "must be 0x… or CITY/INDEX"),
        (("--space", "AUMEL/x"), "must be 0x… or CITY/INDEX"),
        (("--space", "0x12"), "16 hexadecimal digits"),
    ],
)
def test_a_space_that_is_none_is_named(shell: Shell, more: tuple[str, ...], error: str) -> None:
    result = shell.enrol(*more)
    assert result.code != 0
    assert error in result.stderr
    assert not (shell.lock / "lock.json").exists()


def test_a_missing_home_or_a_wrong_broker_url_is_one_clear_line(shell: Shell) -> None:
    missing = shell.run(
        "lock", "simulate", "--home", str(shell.home / "x"), "--broker", "mqtt://h:1"
    )
    assert missing.code == 2
    assert "there is no lock in" in missing.stderr
    shell.enrol()
    lock = str(shell.lock)
    wrong = shell.run("lock", "simulate", "--home", lock, "--broker", "http://h:1")
    assert wrong.code == 1
    assert wrong.stderr.startswith("error: broker: must be mqtt://")


def test_a_simulated_lock_waits_for_its_broker_and_ends_on_sigterm(shell: Shell) -> None:
    shell.enrol()
    program = subprocess.Popen(
        [
            *(sys.executable, "-m", "berth.cli.main", "lock", "simulate"),
            *("--home", str(shell.lock), "--broker", "mqtt://127.0.0.1:9"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert program.stdout is not None
    assert "not connected" in program.stdout.readline()
    program.send_signal(signal.SIGTERM)
    assert program.wait(60) == 0  # it would wait for its broker for ever


def test_settling_needs_to_be_told_what_and_a_node(shell: Shell) -> None:
    assert "--expired" in shell.run("settle").stderr
    result = shell.run("settle", "--expired")
    assert result.code == 2
    assert "there is no keystore" in result.stderr
