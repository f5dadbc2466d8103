"""Encryption of single fields at rest (plates, salts, instructions), under the data folder's key.

Fernet: AES-128-CBC with HMAC-SHA-256. The key file holds one key a line: the first seals, all of
them open, so that a new first line rotates the key without touching what is stored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from berth.core.errors import BerthError

KEY_FILE = "field.key"


class Sealer:
    """Seals JSON objects into text and opens them again."""

    def __init__(self, keys: list[bytes]) -> None:
        if not keys:
            raise BerthError("sealed.key", "there is no key", field="keyFile")
        self._keys = list(keys)
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise BerthError("sealed.key", "is no Fernet key", field="keyFile") from error

    def seal(self, fields: Mapping[str, Any]) -> str:
        """Encrypted text of a JSON object."""
        plain = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return self._fernet.encrypt(plain.encode("utf-8")).decode("ascii")

    def open(self, sealed: str) -> dict[str, Any]:
        """The object behind `seal`'s text. Raises BerthError `sealed.broken` when the text was
        changed or sealed under a key that is not here."""
        try:
            plain = json.loads(self._fernet.decrypt(sealed.encode("ascii", "replace")))
        except (InvalidToken, ValueError) as error:
            raise _broken() from error
        if not isinstance(plain, dict):
            raise _broken()
        return plain

    def derived(self, purpose: str) -> list[bytes]:
        """Keys of 32 bytes for another purpose, one for each of ours, the newest first. Who has one
        of them learns nothing of what is sealed."""
        info = purpose.encode("utf-8")
        return [HKDF(SHA256(), 32, salt=None, info=info).derive(key) for key in self._keys]

    def reseal(self, sealed: str) -> str:
        """The same fields under the newest key."""
        try:
            return self._fernet.rotate(sealed.encode("ascii", "replace")).decode("ascii")
        except InvalidToken as error:
            raise _broken() from error


def open_sealer(keys_folder: Path, *, create: bool = False) -> Sealer:
    """The sealer of a data folder's keys (`Settings.keys`).

    With `create` a missing key file is made, mode 0600; without, it is a BerthError: an existing
    database whose key is gone must not silently get another one.
    """
    path = keys_folder / KEY_FILE
    try:
        return Sealer(path.read_bytes().split())
    except FileNotFoundError as error:
        if not create:
            raise BerthError(
                "sealed.key_missing", f"there is no key file {path}", field="keyFile"
            ) from error
    except OSError as error:
        raise BerthError("sealed.key", f"cannot read {path}", field="keyFile") from error
    try:
        _make_key(path)
        return Sealer(path.read_bytes().split())
    except OSError as error:
        # a role that shares the key with another has it copied, and may not make one of its own
        message = f"there is no key file {path}, and it cannot be made: {error.strerror}"
        raise BerthError("sealed.key_missing", message, field="keyFile") from error


def _make_key(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written aside and linked into place: of two processes that start together one wins, whole.
    draft = path.with_name(f"{KEY_FILE}.{os.getpid()}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(Fernet.generate_key() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _broken() -> BerthError:
    return BerthError(
        "sealed.broken", "was changed, or sealed under another key", field="sealed", status=500
    )
