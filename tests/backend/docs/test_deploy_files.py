"""The files in deploy/: what they start exists, what they set is known, and the signer is alone."""

from __future__ import annotations

import configparser
import grp
import inspect
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
import yaml
from berth.cli import api as cli_api
from berth.cli import indexer as cli_indexer
from berth.cli import keeper as cli_keeper
from berth.cli import relay as cli_relay
from berth.cli.main import COMMANDS
from berth.cli.platform import roles
from berth.cli.platform.site import Site
from berth.core.keys import load_keystore, read_password
from berth.core.settings import load_settings
from berth.devices.credentials import Credentials
from pydantic import BaseModel, ConfigDict, ValidationError

from tests.absent import absent
from tests.confined import allowed, confined, missing

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
ROLES = {"api", "indexer", "relay", "keeper", "signer"}
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def lines_of(path: Path, key: str) -> list[str]:
    """All that a unit says of something that may be said again."""
    return re.findall(rf"^{key}=(.*)$", path.read_text("utf-8"), re.MULTILINE)


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


class Closed(BaseModel):
    """A part of the Compose Specification, as far as our file uses it: Compose refuses a file with
    a key that it does not know, or with a list where it wants a word."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Build(Closed):
    context: str
    dockerfile: str


class Healthcheck(Closed):
    test: list[str]
    interval: str


class Service(Closed):
    image: str
    build: Build | None = None
    entrypoint: list[str] | None = None
    command: list[str] | None = None
    init: bool = False
    env_file: str | None = None
    environment: dict[str, str] = {}
    user: str | None = None
    group_add: list[str] = []
    restart: Literal["always"]
    stop_grace_period: str | None = None
    read_only: bool = False
    tmpfs: list[str] = []
    cap_drop: list[str] = []
    security_opt: list[str] = []
    networks: list[str] | dict[str, Membership]
    depends_on: list[str] = []
    volumes: list[str] = []
    secrets: list[str] = []
    ports: list[str] = []
    healthcheck: Healthcheck | None = None
    shm_size: str | None = None


class Subnet(Closed):
    subnet: str
    ip_range: str | None = None


class Ipam(Closed):
    config: list[Subnet]


class Network(Closed):
    internal: bool = False
    ipam: Ipam | None = None


class Membership(Closed):
    ipv4_address: str | None = None


class Secret(Closed):
    file: str


class Compose(Closed):
    name: str
    services: dict[str, Service]
    networks: dict[str, Network]
    volumes: dict[str, Closed]
    secrets: dict[str, Secret]


def composed(**relay: Any) -> Compose:
    """The file read as Compose reads it; `relay` goes over that service."""
    services = COMPOSE["services"]
    changed = {**services, "relay": {**services["relay"], **relay}}
    parts = {name: part for name, part in COMPOSE.items() if not name.startswith("x-")}
    return Compose.model_validate({**parts, "services": changed})


def test_the_compose_file_has_no_key_that_compose_refuses() -> None:
    assert composed().services["relay"].restart == "always"
    with pytest.raises(ValidationError, match="Extra inputs"):
        composed(restrat="always")
    with pytest.raises(ValidationError, match="valid list"):
        composed(cap_drop="ALL")


def test_what_services_of_the_compose_file_name_is_there() -> None:
    file = composed()
    for name, service in file.services.items():
        assert set(service.depends_on) <= set(file.services), name
        assert set(service.networks) <= set(file.networks), name
        assert set(service.secrets) <= set(file.secrets), name
        sources = {volume.split(":")[0] for volume in service.volumes}
        named = {source for source in sources if not source.startswith(("./", "/"))}
        assert named <= set(file.volumes), name
        if service.env_file is not None:
            assert (DEPLOY / f"{service.env_file}.example").exists(), name
    used = {part for one in file.services.values() for part in one.networks}
    assert used == set(file.networks)


def test_the_compose_file_starts_every_role_with_commands_that_exist() -> None:
    services = COMPOSE["services"]
    assert set(services) == ROLES | {"backup", "postgres", "mosquitto"}
    for role in sorted(ROLES):
        check_command(services[role]["command"])
        assert services[role]["command"][0] == role
    (line,) = services["backup"]["command"]
    check_command(line.split("/opt/berth/bin/berth ")[1].split(" /")[0].split())


def test_every_variable_of_the_compose_file_is_known() -> None:
    known = known_variables()
    for role in sorted(ROLES):
        given = COMPOSE["services"][role]["environment"]
        mine = {name for name in given if name.startswith("BERTH_")}
        assert mine <= known
        settings = load_settings({name: str(value) for name, value in given.items()})
        assert settings.deployment == Path("/etc/berth/deployment.json")


def test_roles_run_as_nobody_special_and_cannot_write_where_they_need_not() -> None:
    for role in sorted(ROLES | {"backup"}):
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
    for role in sorted(ROLES - {"signer"} | {"backup"}):
        theirs = {volume.split(":")[0] for volume in COMPOSE["services"][role]["volumes"]}
        shared = mine & theirs
        assert shared <= {"./state/deployment.json", "signer"}
        if role != "relay":
            assert "signer" not in theirs
    assert "inside" not in signer["networks"]  # neither database nor broker
    assert "BERTH_DATABASE_URL" not in signer["environment"]


def test_database_and_the_backends_listener_are_not_open_to_the_world() -> None:
    file = composed()
    inside = file.networks["inside"]
    assert inside.internal
    assert inside.ipam is not None
    mosquitto, postgres = file.services["mosquitto"], file.services["postgres"]
    assert (postgres.networks, postgres.ports) == (["inside"], [])
    # the backend's listener is bound to an address in `inside`; by the network that 8883 is
    # published by nobody else can come
    assert isinstance(mosquitto.networks, dict)
    address = mosquitto.networks["inside"].ipv4_address
    assert address is not None
    subnet = inside.ipam.config[0]
    assert ip_address(address) in ip_network(subnet.subnet)
    # and it is not one that Docker gives to whoever starts first
    assert subnet.ip_range is not None
    assert ip_network(subnet.ip_range).subnet_of(ip_network(subnet.subnet))  # type: ignore[arg-type]
    assert ip_address(address) not in ip_network(subnet.ip_range)
    others = set(mosquitto.networks) - {"inside"}
    assert others == {"locks"}
    for name, service in file.services.items():
        assert name == "mosquitto" or not others & set(service.networks), name
    assert mosquitto.ports == ["8883:8883"]
    assert COMPOSE["services"]["api"]["ports"] == ["127.0.0.1:8000:8000"]


# ---- the steps at the head of the compose file


def told_steps() -> list[str]:
    """The commands that the compose file's head has one type, each on a line of its own."""
    head = (DEPLOY / "compose.yaml").read_text("utf-8").split("\nname:")[0]
    typed = "\n".join(re.findall(r"^#   (.*)$", head, re.MULTILINE))
    return re.sub(r" \\\n\s+", " ", typed).splitlines()


#: Only root makes files somebody else's: for anybody else these do as if.
AS_IF = """
chown() { :; }
install() {
    set -- "$@" --
    while [ "$1" != -- ]; do
        case "$1" in -o|-g) shift 2;; *) set -- "$@" "$1"; shift;; esac
    done
    shift
    command install "$@"
}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository after the steps before the first `docker compose`."""
    root = tmp_path_factory.mktemp("installed")
    (root / "deploy").mkdir()
    for example in DEPLOY.glob("*.example"):
        shutil.copy(example, root / "deploy")
    given = {name: root / name for name in ("DEPLOYMENT", "CERTIFICATE", "KEY")}
    for file in given.values():
        file.write_text(f"{file.name}\n")
    told = told_steps()
    steps = told[: next(n for n, step in enumerate(told) if step.startswith("docker"))]
    steps = [step.replace("--role relay ", "--role relay --light ") for step in steps]
    done = subprocess.run(
        ["sh", "-e"],
        input="\n".join([*([] if os.geteuid() == 0 else [AS_IF]), *steps]),
        cwd=root,
        env={
            "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
            **{name: str(file) for name, file in given.items()},
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return root


def test_after_the_told_steps_every_file_that_a_service_is_given_is_there_and_its_users(
    installed: Path,
) -> None:
    file = composed()
    secrets = {name: secret.file for name, secret in file.secrets.items()}
    users = {"postgres": 999, "mosquitto": 1883}
    for name, service in file.services.items():
        if service.env_file is not None:
            assert (installed / "deploy" / service.env_file).is_file()
        number = int(service.user.split(":")[0]) if service.user else users[name]
        given = [volume.split(":")[0] for volume in service.volumes]
        for source in [*given, *(secrets[secret] for secret in service.secrets)]:
            if not source.startswith("./"):
                continue
            place = installed / "deploy" / source
            # Docker would make a folder of what is not there
            assert place.is_file() == bool(place.suffix or place.parent.name == "secrets"), source
            for path in [place, *(place.rglob("*") if place.is_dir() else [])]:
                found = path.stat()
                if path.name == "deployment.json":  # public, and read by two users
                    assert found.st_mode & 0o777 == 0o644
                    continue
                assert found.st_mode & 0o027 == 0, path
                if os.geteuid() == 0:
                    owner = found.st_gid if name == "mosquitto" else found.st_uid
                    assert owner == number, (name, path)
                # Mosquitto reads as the group; libpq passes over passwords that a group may read
                group = (0o050 if path.is_dir() else 0o040) if name == "mosquitto" else 0
                assert found.st_mode & 0o070 == group, path


def test_after_the_told_steps_the_secrets_fit_together(installed: Path) -> None:
    state = installed / "deploy" / "state"
    database = urlsplit(COMPOSE["services"]["api"]["environment"]["BERTH_DATABASE_URL"])
    place = f"{database.hostname}:5432:{database.path[1:]}:{database.username}"
    password = (state / "secrets/postgres").read_text()
    assert (state / "secrets/pgpass").read_text() == f"{place}:{password}\n"
    key = load_keystore(
        state / "keeper/relay.json", read_password(file=state / "secrets/keys-password")
    )
    assert len(key) == 32
    secret = (state / "secrets/mqtt-backend").read_text().strip()
    assert Credentials(state / "operator/broker/broker.json").verify("backend", secret)
    secrets = [*(state / "secrets").iterdir(), *(state / "signer-secrets").iterdir()]
    assert len({one.read_text() for one in secrets}) == len(secrets) == 5


def test_mosquitto_finds_all_that_its_configuration_names_where_it_is_mounted(
    installed: Path,
) -> None:
    service = composed().services["mosquitto"]
    mounts = dict(reversed(volume.split(":")[:2]) for volume in service.volumes)

    def here(path: str) -> Path:
        (mount,) = [one for one in mounts if path.startswith(f"{one}/")]
        return installed / "deploy" / mounts[mount] / path.removeprefix(f"{mount}/")

    assert service.command is not None
    text = here(service.command[-1]).read_text("utf-8")
    said = dict(line.split(" ", 1) for line in text.splitlines() if " " in line and line[0] != "#")
    for name in ("password_file", "acl_file", "certfile", "keyfile"):
        assert here(said[name]).is_file(), name
    assert mounts[said["persistence_location"].rstrip("/")] == "mosquitto"  # which it may write
    assert said["user"] == "mosquitto"
    assert isinstance(service.networks, dict)
    address = service.networks["inside"].ipv4_address
    assert re.findall(r"^listener (.+)$", text, re.MULTILINE) == ["8883", f"1883 {address}"]


def test_every_told_step_names_a_command_that_exists() -> None:
    """Also those after the first `docker compose`."""
    berth = [re.search(r"\bberth ((?:[a-z][a-z-]* )+.*)$", step) for step in told_steps()]
    inside = [re.search(r" api (titles .*)$", step) for step in told_steps()]
    commands = [found[1].replace("…", "").split() for found in [*berth, *inside] if found]
    assert [" ".join(words[:2]) for words in commands] == [
        "keys new", "keys field", "devices broker-files", "lock enrol", "devices broker-files",
        "titles import", "titles publish",
    ]  # fmt: skip
    for words in commands:
        check_command(words)


def test_a_lock_is_enrolled_with_the_roots_that_the_signer_made() -> None:
    (copied,) = [step for step in told_steps() if "roots.txt" in step]
    *_, source, target = copied.split()
    mounts = [volume.split(":")[0] for volume in composed().services["signer"].volumes]
    assert source == f"deploy/{mounts[0].removeprefix('./')}/keys/tickets/roots.txt"
    (enrolled,) = [step for step in told_steps() if "lock enrol" in step]
    assert enrolled.startswith(f"BERTH_HOME={target.removesuffix('/keys/tickets/roots.txt')} ")


def test_git_and_the_image_leave_an_installations_secrets_alone() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {"/deploy/berth.env", "/deploy/signer.env", "/deploy/state/"} <= set(ignored)
    docker = (DEPLOY / "Dockerfile").read_text("utf-8")
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", docker, re.MULTILINE)
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert lines[1] == "*"  # nothing but what is copied
    assert [line[1:] for line in lines if line.startswith("!")] == " ".join(copied).split()


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


# ---- what each role is given

#: What the code that puts a role together opens, by the word that it does it with.
OPENS = {
    "open_site(": {"pgpass"},
    ".sealer": {"field.key"},
    "broker_there(": {"mqtt-backend"},
    "remote_signer(": {"signer.sock"},
    "relay_key(": {"relay.json", "keys-password"},
    "make_operator_token(": {"folder"},
}
PARTS = {
    "indexer": (cli_indexer, roles.add_indexer),
    "relay": (cli_relay, roles.add_relay),
    "keeper": (cli_keeper, roles.add_keeper),
    "api": (cli_api, roles.add_api),
}
SECRETS = {name for names in OPENS.values() for name in names} - {"folder"}


def opened(role: str) -> set[str]:
    """What the role's own code opens. `folder`: a folder of its own, which it writes."""
    text = "".join(inspect.getsource(part) for part in PARTS[role])
    return {name for word, names in OPENS.items() if word in text for name in names}


def test_what_is_looked_for_in_the_code_is_all_that_it_has() -> None:
    """Another secret of the site, or another way to one, has to be named above."""
    taken = {name for name in vars(Site) if name == "sealer" or name.endswith("_key")}
    # calls of accounts are paid for where the operator wants it: the compose file says so
    assert taken == {"sealer", "relay_key", "sponsor_key"}
    assert "BERTH_SPONSOR=on" in (DEPLOY / "compose.yaml").read_text("utf-8")
    assert opened("indexer") == {"pgpass"}
    assert opened("keeper") == {"pgpass", "relay.json", "keys-password"}
    assert opened("relay") == {"pgpass", "mqtt-backend", "field.key", "signer.sock"}
    assert opened("api") == {"pgpass", "mqtt-backend", "field.key", "folder"}


@pytest.mark.parametrize("role", sorted(PARTS))
def test_a_container_is_given_what_its_role_opens_and_nothing_else(role: str) -> None:
    service = composed().services[role]
    assert service.secrets == []
    mounts = [volume.split(":") for volume in service.volumes]
    given = {Path(target).name for _source, target, *_ in mounts} - {"deployment.json"}
    wanted = opened(role)
    if "folder" in wanted:
        # keys/field.key and what else it makes are in it; no other has any file of it but that
        assert ["./state/api", "/var/lib/berth"] in mounts
        given = given - {"berth"} | {"folder", "field.key"}
    named = {"berth-signer": "signer.sock"}
    assert {named.get(name, name) for name in given} == wanted
    for source, _target, *mode in mounts:
        assert source == "./state/api" or mode == ["ro"], source
        # no folder that others keep theirs in
        assert source in ("./state/api", "signer") or Path(source).suffix or Path(source).name in (
            "pgpass", "mqtt-backend", "keys-password",
        )  # fmt: skip
    files = {name for name in service.environment if name.endswith("_FILE")}
    assert files == {
        *(["BERTH_MQTT_PASSWORD_FILE"] if "mqtt-backend" in wanted else []),
        *(["BERTH_PASSWORD_FILE"] if "keys-password" in wanted else []),
    }
    for name in files:
        assert service.environment[name] in {target for _source, target, *_ in mounts}


def test_the_backup_is_given_the_field_key_and_a_folder_for_what_it_writes() -> None:
    service = composed().services["backup"]
    mounts = [volume.split(":") for volume in service.volumes]
    written = [target for _source, target, *mode in mounts if mode != ["ro"]]
    assert written == ["/var/lib/berth-backups"]
    assert {Path(target).name for _source, target, *mode in mounts if mode == ["ro"]} == {
        "deployment.json", "pgpass", "field.key",
    }  # fmt: skip
    assert service.networks == ["inside"]
    assert not [name for name in service.environment if name.endswith("_FILE")]


@pytest.mark.parametrize("role", sorted(PARTS))
def test_a_unit_is_given_what_its_role_opens_and_nothing_else(role: str) -> None:
    text = (DEPLOY / "systemd" / f"berth-{role}.service").read_text("utf-8")
    wanted = opened(role)
    # the database knows the user by its name; the key files are in a folder of the role's own
    credentials = re.findall(r"^LoadCredential=(\S+):/etc/berth/secrets/(\S+)$", text, re.MULTILINE)
    assert all(name == file for name, file in credentials)
    assert {name for name, _file in credentials} == wanted & {"mqtt-backend", "keys-password"}
    given = dict(re.findall(r"(BERTH_[A-Z_]+)=(\S+)", text))
    here = f"/run/credentials/berth-{role}.service"
    home = given.pop("BERTH_HOME", None)
    assert home == (f"/var/lib/berth-{role}" if wanted & {"field.key", "relay.json"} else None)
    named = {"BERTH_MQTT_PASSWORD_FILE": "mqtt-backend", "BERTH_PASSWORD_FILE": "keys-password"}
    assert given == {
        name: f"{here}/{file}"
        for name, file in named.items()
        if file in {n for n, _ in credentials}
    }
    service = unit(DEPLOY / "systemd" / f"berth-{role}.service")["Service"]
    assert service.get("StateDirectory") == (f"berth-{role}" if "folder" in wanted else None)


def test_no_two_units_run_as_the_same_user() -> None:
    """A process may look into any other of its user's."""
    users = [unit(path)["Service"]["User"] for path in UNITS]
    assert len(set(users)) == len(users)
    assert set(users) == {path.stem for path in UNITS}


def test_settings_for_all_name_no_secret_of_some() -> None:
    given = variables((DEPLOY / "berth.env.example").read_text("utf-8"))
    assert not [name for name in given if name.endswith("_FILE") or name == "BERTH_HOME"]
    assert not SECRETS & {Path(value).name for value in given.values()} - {"signer.sock"}


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
    assert signer["User"] == "berth-signer"
    assert signer["EnvironmentFile"] != others[0]["Service"]["EnvironmentFile"]
    assert signer["StateDirectory"] == "berth-signer"
    assert signer["StateDirectoryMode"] == "0700"
    # only the relay is let through to the socket
    group = signer["Group"]
    with_group = [
        one["Service"]["User"]
        for one in others
        if group in (one["Service"]["Group"], one["Service"].get("SupplementaryGroups"))
    ]
    assert with_group == ["berth-relay"]
    assert signer["LoadCredential"] == "keys-password:/etc/berth/signer-secrets/keys-password"


def test_the_signers_socket_is_of_the_group_that_its_unit_and_its_container_run_as() -> None:
    """So it need not change the socket's group, which their confinement forbids."""
    service = unit(DEPLOY / "systemd" / "berth-signer.service")["Service"]
    words = service["ExecStart"].split()
    assert words[words.index("--group") + 1] == service["Group"]
    container = composed().services["signer"]
    assert container.command == ["signer", "--group", "relay"]
    made = re.search(r"groupadd --gid (\d+) relay ", (DEPLOY / "Dockerfile").read_text("utf-8"))
    assert made is not None
    assert container.user == f"10002:{made[1]}"


#: Opens the signer's socket for a group, as `berth signer --group` does.
OPENING = """
import sys
from berth.cli.platform.signing import listening
from berth.relay.signer_wire import SignerAddress
with listening(SignerAddress.parse("unix:" + sys.argv[1]), sys.argv[2], None):
    print("listens")
"""


def test_the_signer_opens_its_socket_with_the_system_calls_that_its_unit_leaves_it() -> None:
    if (lacking := missing()) is not None:
        absent(lacking)
    calls = allowed(lines_of(DEPLOY / "systemd" / "berth-signer.service", "SystemCallFilter"))
    with tempfile.TemporaryDirectory(prefix="berth-", dir="/tmp") as folder:  # sockets: short paths

        def run(code: str) -> subprocess.CompletedProcess[str]:
            mine = grp.getgrgid(os.getgid()).gr_name
            words = [sys.executable, "-c", code, f"{folder}/s", mine]
            return subprocess.run(
                confined(calls, words), capture_output=True, text=True, check=False
            )

        done = run(OPENING)
        assert (done.returncode, done.stdout) == (0, "listens\n"), done.stderr
        # so near is the end: the call that gives a file to a group is not among them
        giving = run("import os, sys; os.chown(sys.argv[1], -1, os.getgid())")
        assert giving.returncode == -signal.SIGSYS


def said_by_systemd(folder: Path, changed: str = "", into: str = "") -> list[str]:
    """What systemd holds against our units, copied to `folder`, with a line of them changed."""
    if shutil.which("systemd-analyze") is None:
        absent("systemd-analyze is not here, which checks the units: apt-get install systemd")
    for path in (DEPLOY / "systemd").glob("berth*"):
        text = path.read_text("utf-8").replace("/opt/berth/.venv/bin/berth", "/bin/true")
        (folder / path.name).write_text(text.replace(changed, into) if changed else text)
    units = [str(path) for path in sorted(folder.iterdir())]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"},
    )
    return [line for line in done.stderr.splitlines() if str(folder) in line or "berth" in line]


def test_prometheus_asks_every_role_where_its_unit_tells_its_figures() -> None:
    folder = DEPLOY / "prometheus"
    document = yaml.safe_load((folder / "prometheus.yml").read_text("utf-8"))
    asked = {
        job["job_name"]: target
        for job in document["scrape_configs"]
        for one in job["static_configs"]
        for target in one["targets"]
    }
    told = {}
    for role in sorted(ROLES - {"api"}):
        words = unit(DEPLOY / "systemd" / f"berth-{role}.service")["Service"]["ExecStart"].split()
        told[f"berth-{role}"] = f"127.0.0.1:{words[words.index('--metrics-port') + 1]}"
    given = variables((DEPLOY / "berth.env.example").read_text("utf-8"))
    told["berth-api"] = f"{given['BERTH_HTTP_HOST']}:{given['BERTH_HTTP_PORT']}"
    assert asked == told
    assert len(set(told.values())) == len(told)
    (rules,) = document["rule_files"]
    named = re.findall(r'job=~?"([^"]+)"', (folder / rules).read_text("utf-8"))
    for job in asked:
        assert any(re.fullmatch(one, job) for one in named), job


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    assert said_by_systemd(tmp_path) == []


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("Restart=always", "Restrat=always", "Unknown key"),
        ("Restart=always", "Restart=ever", "Failed to parse"),
        ("ExecStart=", "ExecStart=bin/", "absolute path"),
    ],
)
def test_systemd_finds_what_is_wrong_with_a_unit(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    assert any(said in line for line in said_by_systemd(tmp_path, right, wrong))


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


def blocks_of_commands() -> list[str]:
    """What the operators' page has one type."""
    page = (ROOT / "docs" / "operators.md").read_text("utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [re.sub(r" \\\n\s+", " ", text) for language, text in blocks if not language]


def typed_on_the_page(word: str) -> list[list[str]]:
    """The lines of commands on the operators' page that have the word, whole, and in words."""
    lines = [line for block in blocks_of_commands() for line in block.splitlines()]
    return [line.split() for line in lines if word in line]


def test_mosquittos_example_is_what_the_command_on_the_operators_page_writes(
    tmp_path: Path,
) -> None:
    first, again = typed_on_the_page("broker-files")
    out = first[first.index("--out") + 1]
    options = ["--out", str(tmp_path / "out"), "--seen-at", out, *first[first.index("--out") + 2 :]]
    subprocess.run(
        [str(ROOT / ".venv/bin/berth"), *first[1 : first.index("--out")], *options],
        env={**os.environ, "BERTH_HOME": str(tmp_path / "home")},
        capture_output=True,
        check=True,
    )
    for name in ("mosquitto.conf", "acl"):
        written = (tmp_path / "out" / name).read_text("utf-8")
        assert (DEPLOY / "mosquitto" / name).read_text("utf-8") == written
    dropped = (DEPLOY / "systemd/mosquitto.service.d/berth.conf").read_text("utf-8")
    assert f" -c {out}/mosquitto.conf\n" in dropped
    # the folder is of Mosquitto's group before anything is written into it; and so it stays
    made = typed_on_the_page("install -d -g mosquitto")
    assert [words[-1] for words in made] == [out]
    assert again[again.index("--out") + 1 :] == [
        out, "--users-only", "&&", "systemctl", "reload", "mosquitto",
    ]  # fmt: skip


def test_the_password_is_named_before_anything_is_sealed_under_it() -> None:
    """Else `berth up` and `berth signer` make one of their own, which opens nobody else's keys."""
    sealing = ("berth keys new", "berth signer &")
    with_keys = [one for one in blocks_of_commands() if any(word in one for word in sealing)]
    assert len(with_keys) == 2
    for block in with_keys:
        assert block.splitlines()[0].startswith("export BERTH_PASSWORD_FILE=")


@pytest.mark.e2e  # with what needs the app built
def test_the_limits_on_the_operators_page_let_first_visits_through() -> None:
    page = (ROOT / "docs" / "operators.md").read_text("utf-8")
    said = re.search(r"all files of\nthe app, [^:]*: (\d+) today, (\d+) of them", page)
    assert said is not None
    files, assets = int(said[1]), int(said[2])
    zones = {z: int(r) for z, r in re.findall(r"zone=(\w+):10m rate=(\d+)r/s", page)}
    bursts = {z: int(b) for z, b in re.findall(r"limit_req zone=(\w+) burst=(\d+) nodelay", page)}
    assert zones.keys() == bursts.keys() == {"requests", "files"}
    # three visits begin at once and take no time at all
    assert bursts["files"] >= 3 * assets
    # one does, with as much of the API again
    assert bursts["requests"] >= files - assets + 20
    assert "location /assets/ { limit_req zone=files " in page
    built = ROOT / "dapp" / "dist" / "sw.js"
    if not built.exists():
        absent("the app is not built here: make dapp")
    kept = re.findall(r'url"?:\s*"([^"]+)"', built.read_text("utf-8"))
    # as many as the page says, or a few more or less since
    assert abs(len(kept) - files) <= 25
    assert bursts["files"] >= 2.5 * sum(one.startswith("/assets/") for one in kept)
