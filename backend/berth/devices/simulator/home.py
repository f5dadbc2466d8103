"""A lock's home folder: who it is and whom it obeys."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from berth.core.errors import BerthError
from berth.core.ids import parse_space, space_hex
from berth.core.keys import LIGHT_SCRYPT_N, STANDARD_SCRYPT_N, create_keystore, load_keystore
from berth.core.messages import Domain, lock_possession, sign
from berth.devices.certificates import decode_key, encode_key
from berth.devices.tickets import Address, Pins

_FILE, _KEYSTORE, _PASSWORD = "lock.json", "key.json", "password"


class _Config(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    lock: Address
    chain: Annotated[int, msgspec.Meta(ge=1)]
    market: Address
    group: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    roots: Annotated[list[str], msgspec.Meta(min_length=1, max_length=2)]
    space: str
    owner: Address
    mqtt_password: str


@dataclass(frozen=True)
class LockHome:
    """An enrolled lock. `mqtt_password` is its password at the broker, the user is its id."""

    folder: Path
    pins: Pins
    space: int
    owner: str
    private_key: bytes
    mqtt_password: str

    @property
    def lock_id(self) -> str:
        """Address of its key, lower-case hex."""
        return self.pins.lock

    @property
    def domain(self) -> Domain:
        """Where its evidence counts."""
        return Domain(self.pins.chain, self.pins.market)

    @property
    def possession(self) -> bytes:
        """Its own word, 65 bytes, that it serves its space of its owner."""
        return sign(
            lock_possession(self.domain, self.lock_id, self.space, self.owner), self.private_key
        )


def enrol(
    folder: Path,
    *,
    domain: Domain,
    space: int,
    owner: str,
    group: str,
    roots: tuple[bytes, ...],
    admit: Callable[[str], str],
    password: str | None = None,
) -> str:
    """Make a home with a new key; returns the lock's id.

    `admit` gives the lock's id a password at the broker (`Credentials.add`). Without `password`
    the key's password is 256 random bits in a file beside it: a lock starts without anybody there,
    and a thief of the whole home has the lock anyway. The home counts once `lock.json` is there,
    which is written last.
    """
    if (folder / _FILE).exists():
        raise BerthError("lock.enrolled", f"{folder} holds a lock already", field="home")
    cost = STANDARD_SCRYPT_N
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if password is None:
        password, cost = secrets.token_urlsafe(32), LIGHT_SCRYPT_N
        _write_private(folder / _PASSWORD, password.encode("ascii"))
    lock = create_keystore(folder / _KEYSTORE, password, scrypt_n=cost)
    config = _Config(
        lock=lock,
        chain=domain.chain_id,
        market=domain.market,
        group=group,
        roots=[encode_key(root) for root in roots],
        space=space_hex(space),
        owner=owner.lower(),
        mqtt_password=admit(lock),
    )
    draft = folder / f"{_FILE}.new"
    draft.unlink(missing_ok=True)
    _write_private(draft, msgspec.json.encode(config))
    draft.replace(folder / _FILE)
    return lock


def lock_id_of(folder: Path) -> str:
    """The id of the lock that lives in a folder, without its key."""
    return _load(folder).lock


def open_home(folder: Path, password: str | None = None) -> LockHome:
    """The lock that lives in a folder. Raises BerthError when there is none, the file is damaged or
    the password is wrong."""
    config = _load(folder)
    if password is None:
        try:
            password = (folder / _PASSWORD).read_text("ascii").strip()
        except OSError as error:
            raise BerthError(
                "key.password_missing", "give a password file", field="password", exit_code=2
            ) from error
    private_key = load_keystore(folder / _KEYSTORE, password, expect=config.lock)
    return LockHome(
        folder=folder,
        pins=Pins(
            lock=config.lock,
            chain=config.chain,
            market=config.market,
            group=config.group,
            roots=tuple(decode_key(root, "roots") for root in config.roots),
        ),
        space=parse_space(config.space),
        owner=config.owner,
        private_key=private_key,
        mqtt_password=config.mqtt_password,
    )


def _load(folder: Path) -> _Config:
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=_Config)
    except OSError as error:
        raise BerthError(
            "lock.missing", f"there is no lock in {folder}; enrol one", field="home", exit_code=2
        ) from error
    except msgspec.DecodeError as error:
        raise BerthError(
            "lock.damaged", f"{folder / _FILE}: {error}", field="home", exit_code=2
        ) from error


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
