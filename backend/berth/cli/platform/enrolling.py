"""Enrolling a simulated lock with an installation: its key, whom it obeys, its broker password."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from berth.cli.platform.home import password
from berth.core.clock import Clock, WallClock
from berth.core.deployment import Deployment
from berth.core.settings import Settings
from berth.devices.credentials import Credentials
from berth.devices.keyring import KeyRing
from berth.devices.simulator.home import enrol, open_home

#: All locks of a local installation are one group.
GROUP = "local"


@dataclass(frozen=True)
class Enrolled:
    """A lock that is ready to be registered with its space. `possession`: its own signature
    that it serves `space` of `owner`."""

    folder: Path
    lock_id: str
    possession: bytes
    private_key: bytes
    space: int
    owner: str


def locks_folder(settings: Settings) -> Path:
    """Where the simulated locks live, a folder each."""
    return settings.home / "locks"


def broker_credentials(settings: Settings) -> Credentials:
    """Who may connect to the embedded broker."""
    return Credentials(settings.home / "broker" / "broker.json")


def ticket_keys(settings: Settings, clock: Clock | None = None) -> KeyRing:
    """Roots and day keys of the locks' tickets; the roots are made when they are missing. `clock`
    is the locks': where it follows a chain that travels in time, day keys must follow too."""
    folder = settings.keys / "tickets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ring = KeyRing(folder, password(settings), GROUP, clock or WallClock())
    ring.create_roots()
    return ring


def enrol_lock(
    settings: Settings, deployment: Deployment, *, name: str, space: int, owner: str
) -> Enrolled:
    """A new simulated lock for a space of an owner. A running platform starts it by itself."""
    folder = locks_folder(settings) / name
    enrol(
        folder,
        domain=deployment.domain,
        space=space,
        owner=owner,
        group=GROUP,
        roots=ticket_keys(settings).roots(),
        admit=broker_credentials(settings).add,
    )
    return _enrolled(folder)


def enrolled_lock(settings: Settings, name: str) -> Enrolled | None:
    """The simulated lock of this name; None where there is none, or none that was made whole."""
    folder = locks_folder(settings) / name
    return _enrolled(folder) if (folder / "lock.json").exists() else None


def _enrolled(folder: Path) -> Enrolled:
    home = open_home(folder)
    return Enrolled(folder, home.lock_id, home.possession, home.private_key, home.space, home.owner)
