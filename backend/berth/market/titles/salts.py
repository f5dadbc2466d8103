"""The salts of a city's titles, all derived from one secret that never leaves the data folder.

Nothing else needs keeping: whoever has the secret and the plain records can make every leaf again;
whoever has the tree alone can guess none of them. A salt belongs to an index and stays the same in
every edition, so that an attested holder of an unchanged title needs no new attestation.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from pathlib import Path

from berth.core.errors import BerthError

SECRET_BYTES = 32


class Salts:
    """HMAC-SHA256 of purpose and index under the city's secret, 32 bytes each."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def holder(self, index: int) -> bytes:
        return self._make(b"berth titles holder", index)

    def address(self, index: int) -> bytes:
        return self._make(b"berth titles address", index)

    def content(self) -> bytes:
        """Makes the content hash of a small edition impossible to guess from."""
        return hmac.digest(self._secret, b"berth titles content", "sha256")

    def _make(self, purpose: bytes, index: int) -> bytes:
        return hmac.digest(self._secret, purpose + index.to_bytes(4, "big"), "sha256")


def secret_path(keys_folder: Path, city_code: str) -> Path:
    """Where a city's secret lies: `keys/titles-AUMEL.secret`."""
    return keys_folder / f"titles-{city_code}.secret"


def load_salts(keys_folder: Path, city_code: str) -> Salts:
    """The salts of a city that has a secret. BerthError `titles.secret` when there is none."""
    path = secret_path(keys_folder, city_code)
    try:
        text = path.read_bytes().strip()
        secret = bytes.fromhex(text.decode("ascii"))
    except FileNotFoundError as error:
        raise BerthError(
            "titles.secret",
            f"{path} is missing: restore it from a backup, the city's leaves depend on it",
            field="secret",
            exit_code=2,
            status=500,
        ) from error
    except (OSError, ValueError) as error:
        raise _unusable(path) from error
    if len(secret) != SECRET_BYTES:
        raise _unusable(path)
    return Salts(secret)


def create_salts(keys_folder: Path, city_code: str) -> Salts:
    """The salts of a city, with a new secret, mode 0600, if it has none yet."""
    path = secret_path(keys_folder, city_code)
    keys_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(SECRET_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename a link never replaces: of two imports at once, one secret counts.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return load_salts(keys_folder, city_code)


def _unusable(path: Path) -> BerthError:
    return BerthError(
        "titles.secret",
        f"{path} does not hold a secret of {SECRET_BYTES} bytes in hexadecimal",
        field="secret",
        exit_code=2,
        status=500,
    )
