"""The files in deploy/: what they start exists, what they set is known, and the signer is alone."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from berth.cli.main import COMMANDS
from berth.core.settings import load_settings
from berth.devices.mosquitto import Listeners, Tls, acl_file, configuration

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
ROLES = {"api", "indexer", "relay", "keeper", "signer"}
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(
        strict=False, interpolation=None, comment_prefixes=("#",), delimiters=("=",)
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd minds the case
    parser.read_string(path.read_text("utf-8"))
    return parser


def variables(text: str) -> dict[str, str]:
    """KEY=value lines of an env file."""
    return dict(re.findall(r"^(BERTH_[A-Z_]+)=(.*)$", text, re.MULTILINE))


def known_variables() -> set[str]:
    """Every BERTH_* that the program reads."""
    found: set[str] = set()
    for path in (ROOT / "backend").rglob("*.py"):
        found |= set(re.findall(r'"(BERTH_[A-Z_]+)"', path.read_text("utf-8")))
    return found


def options_of(command: str) -> str:
    done = subprocess.run(
        [str(ROOT / ".venv/bin/berth"), *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    return done.stdout


def check_command(words: list[str]) -> None:
    """The command exists, and has every option that is given to it."""
    assert words[0] in COMMANDS, words
    name = " ".join(word for word in words[:2] if not word.startswith("-"))
    name = words[0] if words[0] in ROLES else name
    there = options_of(name)
    for option in (word for word in words if word.startswith("--")):
        assert option in there, (words, option)


# ---- compose


def test_the_compose_file_starts_every_role_with_commands_that_exist() -> None:
    services = COMPOSE["services"]
    assert set(services) == ROLES | {"postgres", "mosquitto"}
    for role in sorted(ROLES):
        check_command(services[role]["command"])
        assert services[role]["command"][0] == role


def test_every_variable_of_the_compose_file_is_known() -> None:
    known = known_variables()
    for role in sorted(ROLES):
        given = COMPOSE["services"][role]["environment"]
        mine = {name for name in given if name.startswith("BERTH_")}
        assert mine <= known
        settings = load_settings({name: str(value) for name, value in given.items()})
        assert settings.deployment == Path("/etc/berth/deployment.json")


def test_roles_run_as_nobody_special_and_cannot_write_where_they_need_not() -> None:
    for role in sorted(ROLES):
        service = COMPOSE["services"][role]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service["user"].startswith("0")
    assert {s["user"] for n, s in COMPOSE["services"].items() if n in ROLES - {"signer"}} == {
        "10001:10001"
    }


def test_the_signers_keys_are_the_signers_alone() -> None:
    signer = COMPOSE["services"]["signer"]
    assert signer["user"].split(":")[0] != COMPOSE["services"]["relay"]["user"].split(":")[0]
    mine = {volume.split(":")[0] for volume in signer["volumes"]}
    for role in sorted(ROLES - {"signer"}):
        theirs = {volume.split(":")[0] for volume in COMPOSE["services"][role]["volumes"]}
        shared = mine & theirs
        assert shared <= {"./state/deployment.json", "signer"}
        if role != "relay":
            assert "signer" not in theirs
    assert "inside" not in signer["networks"]  # neither database nor broker
    assert "BERTH_DATABASE_URL" not in signer["environment"]


def test_database_and_the_backends_listener_are_not_open_to_the_world() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert "ports" not in COMPOSE["services"]["postgres"]
    assert COMPOSE["services"]["mosquitto"]["ports"] == ["8883:8883"]
    assert COMPOSE["services"]["api"]["ports"] == ["127.0.0.1:8000:8000"]


def test_the_image_is_made_from_the_locked_requirements_and_does_not_run_as_root() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    assert "--require-hashes" in text
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for path in source.split():
            assert (ROOT / path).exists(), path
    users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    assert users
    assert users[-1] not in ("root", "0")
    # numbers in the compose file are those of the image
    for number in ("10001", "10002", "10003"):
        assert number in text


# ---- systemd


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_exists_and_is_shut_in(path: Path) -> None:
    parsed = unit(path)
    service = parsed["Service"]
    command = service["ExecStart"].split("/opt/berth/.venv/bin/berth ")[1].rstrip("'")
    check_command(command.split(" $(")[0].split())
    assert service["User"] not in ("root", "")
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert service["UMask"] == "0077"
    if path.stem.removeprefix("berth-") in ROLES:
        assert service["Restart"] == "always"
        assert int(service["TimeoutStopSec"]) >= 10  # a role ends in order within 10 s


def test_there_is_a_unit_for_every_role_and_the_target_wants_them_all() -> None:
    assert {path.stem for path in UNITS} == {f"berth-{role}" for role in ROLES} | {"berth-backup"}
    wanted = unit(DEPLOY / "systemd" / "berth.target")["Unit"]["Wants"].split()
    assert set(wanted) == {f"berth-{role}.service" for role in ROLES}


def test_the_signers_unit_has_a_user_and_settings_of_its_own() -> None:
    signer = unit(DEPLOY / "systemd" / "berth-signer.service")["Service"]
    others = [unit(DEPLOY / "systemd" / f"berth-{role}.service") for role in ROLES - {"signer"}]
    assert {one["Service"]["User"] for one in others} == {"berth"}
    assert signer["User"] == "berth-signer"
    assert signer["EnvironmentFile"] != others[0]["Service"]["EnvironmentFile"]
    assert signer["StateDirectory"] == "berth-signer"
    assert signer["StateDirectoryMode"] == "0700"
    # only the relay is let through to the socket
    group = signer["Group"]
    with_group = [
        role
        for role in ROLES - {"signer"}
        if group
        in unit(DEPLOY / "systemd" / f"berth-{role}.service")["Service"].get(
            "SupplementaryGroups", ""
        )
    ]
    assert with_group == ["relay"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for path in (DEPLOY / "systemd").glob("berth*"):
        text = path.read_text("utf-8").replace("/opt/berth/.venv/bin/berth", "/bin/true")
        (tmp_path / path.name).write_text(text)
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "berth" in line]
    assert ours == [], done.stderr


# ---- settings and broker


@pytest.mark.parametrize("name", ["berth.env.example", "signer.env.example"])
def test_every_variable_of_an_env_file_is_known_and_its_value_is_taken(name: str) -> None:
    given = variables((DEPLOY / name).read_text("utf-8"))
    assert set(given) <= known_variables()
    settings = load_settings(given)
    assert settings.log_format == "json"
    assert settings.signer_url == "unix:/run/berth-signer/signer.sock"
    if name == "berth.env.example":
        assert len(settings.rpc_urls) == 2
        assert not settings.signer_rpc_urls  # those are the signer's own affair
    else:
        assert settings.signer_rpc_urls
        assert "BERTH_DATABASE_URL" not in given


def test_no_file_holds_a_secret() -> None:
    for path in (one for one in DEPLOY.rglob("*") if one.is_file()):
        text = path.read_text("utf-8")
        for name, value in variables(text).items():
            assert "PASSWORD" not in name or name.endswith("_FILE"), (path, name)
            urls = [part for part in value.split(",") if "://" in part]
            assert all(urlsplit(url).password is None for url in urls), (path, name)


def test_mosquittos_example_is_what_the_command_writes() -> None:
    folder = Path("/etc/mosquitto/berth")
    tls = Tls(folder / "cert.pem", folder / "key.pem")
    written = configuration(folder, Listeners(tls=tls), data=Path("/var/lib/mosquitto"))
    assert (DEPLOY / "mosquitto" / "mosquitto.conf").read_text("utf-8") == written
    assert (DEPLOY / "mosquitto" / "acl").read_text("utf-8") == acl_file()
