"""The signer's own keys: what would keep it from signing is said at its start."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from berth.cli.platform.enrolling import ticket_keys
from berth.cli.platform.signing import check_ticket_keys, local_signer
from berth.core.clock import WallClock
from berth.core.deployment import deployment_json
from berth.core.errors import BerthError
from berth.core.keys import LIGHT_SCRYPT_N, create_keystore
from berth.core.settings import Settings, load_settings

from tests.backend.worlds import DEPLOYMENT

#: It is asked nothing.
NODE: Any = SimpleNamespace(where="nowhere")
CLOCK = WallClock()
BERTH = Path(__file__).parents[3] / ".venv/bin/berth"


@pytest.fixture(autouse=True)
def _no_password_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BERTH_PASSWORD", raising=False)


def at(home: Path, password: str | None = None) -> Settings:
    """The settings of a data folder, with a password file or without one."""
    given = {"BERTH_HOME": str(home)}
    if password is not None:
        file = home.parent / password
        file.write_text(password)
        given["BERTH_PASSWORD_FILE"] = str(file)
    return load_settings(given)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data folder with ticket keys, of which one signs today; their password is `right`."""
    ticket_keys(at(tmp_path / "home", "right")).day_key()
    return tmp_path / "home"


def carry_away(*names: str) -> Callable[[Path], None]:
    """Takes ticket keys out of a data folder."""

    def away(home: Path) -> None:
        for name in names:
            for file in (home / "keys/tickets").glob(name):
                file.unlink()

    return away


@pytest.mark.parametrize(
    ("change", "shut"),
    [
        (carry_away(), "root.pem"),
        (carry_away("root.pem", "spare.pem"), "day-"),
        (carry_away("day-*"), "root.pem"),
    ],
    ids=["all keys", "no root", "no day key"],
)
def test_keys_that_the_password_does_not_open_are_named(
    home: Path, change: Callable[[Path], None], shut: str
) -> None:
    change(home)
    check_ticket_keys(at(home, "right"))
    with pytest.raises(BerthError, match=f"wrong password for .*{shut}") as caught:
        check_ticket_keys(at(home, "wrong"))
    assert (caught.value.code, caught.value.field) == ("key.wrong_password", "BERTH_PASSWORD_FILE")
    assert caught.value.exit_code == 2


def test_a_day_key_that_opens_is_enough_until_it_ends(home: Path) -> None:
    root = home / "keys/tickets/root.pem"
    root.unlink()
    ticket_keys(at(home.parent / "other", "another"))
    shutil.copy(home.parent / "other/keys/tickets/root.pem", root)
    check_ticket_keys(at(home, "right"))


def test_a_signer_in_somebody_elses_process_does_not_begin_either(home: Path) -> None:
    with (
        pytest.raises(BerthError, match="wrong password"),
        local_signer(at(home, "wrong"), DEPLOYMENT, NODE, CLOCK),
    ):
        pass
    assert not (home / "signer").exists()


def test_keys_that_were_made_under_a_typed_password_get_no_other_beside_them(
    tmp_path: Path,
) -> None:
    """`berth keys new` at a terminal keeps the password nowhere."""
    home = tmp_path / "home"
    create_keystore(home / "keys/relay.json", "typed", scrypt_n=LIGHT_SCRYPT_N)
    with (
        pytest.raises(BerthError, match="have a password of yours") as caught,
        local_signer(at(home), DEPLOYMENT, NODE, CLOCK),
    ):
        pass
    assert (caught.value.code, caught.value.exit_code) == ("key.password_missing", 2)
    assert [path.name for path in (home / "keys").iterdir()] == ["relay.json"]
    with local_signer(at(home, "typed"), DEPLOYMENT, NODE, CLOCK):
        assert (home / "keys/tickets/root.pem").exists()


def test_a_first_start_makes_keys_and_a_password(tmp_path: Path) -> None:
    settings = at(tmp_path / "home")
    for _start in range(2):
        with local_signer(settings, DEPLOYMENT, NODE, CLOCK):
            assert (settings.keys / "password").exists()


def test_the_command_says_it_at_once_also_without_a_node(home: Path, folder: Path) -> None:
    (home / "deployment.json").write_text(json.dumps(deployment_json(DEPLOYMENT)))
    wrong = at(home, "wrong").password_file
    done = subprocess.run(
        [str(BERTH), "signer"],
        env={
            "PATH": os.environ["PATH"],
            "BERTH_HOME": str(home),
            "BERTH_PASSWORD_FILE": str(wrong),
            "BERTH_SIGNER_URL": f"unix:{folder}/s",
            "BERTH_RPC_URL": "http://127.0.0.1:1",
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 2
    assert "error: BERTH_PASSWORD_FILE: wrong password for " in done.stderr
    assert "no ticket could be signed" in done.stderr
