"""Helpers of the lock tests: an enrolled lock, its signer, and what it said."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from berth.core.ids import lease_hex, lease_id, space_id
from berth.core.messages import Domain
from berth.core.plate import commitment
from berth.core.slots import SLOT_SECONDS
from berth.devices.certificates import DayKey, certify_day_key
from berth.devices.jws import public_bytes
from berth.devices.protocol import AnyMessage, Hello, decode
from berth.devices.simulator.hardware import Hardware
from berth.devices.simulator.home import LockHome, enrol, open_home
from berth.devices.simulator.lock import Lock
from berth.devices.simulator.stay import Timing
from berth.devices.tickets import Grant, Receipt, Ticket, sign_claims
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DOMAIN = Domain(1337, "0x" + "c0" * 20)
SPACE = space_id(17_000_000, 42)
GROUP = "AUMEL"
OWNER = "0x" + "0e" * 20
START_SLOT = 2_000_000
START = START_SLOT * SLOT_SECONDS
END = START + 8 * SLOT_SECONDS
LEASE = lease_hex(lease_id(SPACE, START_SLOT, 1))
SALT = bytes(range(32))
PLATE = "ABC 123"
TIMING = Timing(travel=0.01, debounce=5.0, idle=600.0, camera=300.0, resend=30.0)


class Time:
    """A clock and a monotonic clock that stand until told."""

    def __init__(self, at: int = START) -> None:
        self.at = at
        self.mono = 1000.0

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return self.mono

    def pass_(self, seconds: float) -> None:
        self.at += int(seconds)
        self.mono += seconds


def new_home(
    folder: Path, roots: tuple[bytes, ...], admit: Callable[[str], str] = lambda _: "unused"
) -> LockHome:
    enrol(folder, domain=DOMAIN, space=SPACE, owner=OWNER, group=GROUP, roots=roots, admit=admit)
    return open_home(folder)


class Bench:
    """One lock on a bench: tell it things, read what it says."""

    def __init__(self, folder: Path, admit: Callable[[str], str] = lambda _: "unused") -> None:
        self.root, self.spare = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self.time = Time()
        roots = (public_bytes(self.root), public_bytes(self.spare))
        self.home = new_home(folder, roots, admit)
        self.day_key = self.new_day_key()
        self.said: list[AnyMessage] = []
        self._ids = itertools.count(1)
        self.start()

    def start(self, hardware: Hardware | None = None) -> None:
        """Boot (again) and connect."""
        self.lock = Lock(
            self.home, self.time, TIMING, monotonic=self.time.monotonic, hardware=hardware
        )
        self.lock.greet(self._hear)

    def new_day_key(self, root: Ed25519PrivateKey | None = None, group: str = GROUP) -> DayKey:
        private = Ed25519PrivateKey.generate()
        return certify_day_key(root or self.root, private, group, self.time.now())

    def ticket(self, action: str, **changes: Any) -> str:
        """A ticket as the backend would sign it now, with changes."""
        key = changes.pop("key", self.day_key)
        hello = self.last(Hello)
        fields: dict[str, Any] = {
            "lock": self.home.lock_id,
            "chain": DOMAIN.chain_id,
            "market": DOMAIN.market,
            "id": f"00000000-{next(self._ids):04x}",
            "lease": LEASE,
            "cycle": self.lock.memory.cycle,
            "action": action,
            "boot": hello.boot,
            "nonce": hello.nonce,
            "issued": self.time.now(),
        }
        return sign_claims(Ticket(**{**fields, **changes}), key)

    def grant(self, **changes: Any) -> str:
        """A grant for LEASE, with changes."""
        key = changes.pop("key", self.day_key)
        fields: dict[str, Any] = {
            "lock": self.home.lock_id,
            "chain": DOMAIN.chain_id,
            "market": DOMAIN.market,
            "lease": LEASE,
            "version": 1,
            "state": "granted",
            "opens": START - 900,
            "start": START,
            "end": END,
            "plate": "0x" + commitment(SALT, PLATE).hex(),
            "salt": "0x" + SALT.hex(),
            "requires": ["plate", "confirm", "near"],
            "issued": self.time.now(),
        }
        return sign_claims(Grant(**{**fields, **changes}), key)

    def receipt(self, kind: int, digest: str) -> str:
        claims = Receipt(
            lock=self.home.lock_id,
            chain=DOMAIN.chain_id,
            market=DOMAIN.market,
            lease=LEASE,
            kind=kind,  # type: ignore[arg-type]
            digest=digest,
        )
        return sign_claims(claims, self.day_key)

    def tell(self, text: str) -> None:
        """A ticket or receipt arrives."""
        self.lock.hear_command(text.encode())

    def give(self, text: str) -> None:
        """A grant arrives."""
        self.lock.hear_grant(text.encode())

    def world(self, *, vehicle: bool = False, plate: str | None = None, **more: Any) -> None:
        self.lock.hear_world(json.dumps({"vehicle": vehicle, "plate": plate, **more}).encode())

    async def lower(self) -> None:
        """The usual way down: grant, right plate in view, ticket."""
        self.give(self.grant())
        self.world(plate=PLATE)
        self.tell(self.ticket("lower"))
        await self.lock.settled()
        assert self.lock.reports.position == "UNLOCKED"

    def all(self, kind: type) -> list[Any]:
        return [message for message in self.said if isinstance(message, kind)]

    def last(self, kind: type) -> Any:
        return self.all(kind)[-1]

    def _hear(self, leaf: str, data: bytes, kept: bool) -> None:
        assert kept == (leaf in ("state", "availability"))
        self.said.append(decode(self.home.lock_id, leaf, data))


async def until(condition: Any, seconds: float = 60.0) -> None:
    """Wait for something that other tasks bring about."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
