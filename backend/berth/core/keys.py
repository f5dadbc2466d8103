"""Private keys at rest: always encrypted, readable by their owner only, never overwritten.

secp256k1 keys (accounts, attesters, locks) are V3 keystores, the JSON that wallets read; Ed25519
keys (the tickets that locks obey) are encrypted PKCS 8 in PEM.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from eth_account import Account

from berth.core.addresses import parse_address
from berth.core.checks import octets
from berth.core.errors import BerthError
from berth.core.signing import address_of, new_private_key

# scrypt's cost: the wallets' standard, and one for tests and throw-away local chains.
STANDARD_SCRYPT_N = 1 << 18
LIGHT_SCRYPT_N = 1 << 12


def read_password(
    *,
    file: str | Path | None = None,
    env: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> str:
    """A password from a file (one trailing newline dropped) or else from variable `env`.

    Raises BerthError when neither is there, the file cannot be read, or the password is empty.
    """
    if file is not None:
        password = _read(Path(file), "password file", "passwordFile").removesuffix(b"\n")
        field, text = "passwordFile", password.decode("utf-8", "surrogateescape")
    elif env is not None and env in environ:
        field, text = env, environ[env]
    else:
        hint = f" or set {env}" if env else ""
        raise BerthError(
            "key.password_missing", f"give a password file{hint}", field="password", exit_code=2
        )
    if not text:
        raise BerthError("key.password_empty", "the password is empty", field=field, exit_code=2)
    return text


def create_keystore(
    path: str | Path,
    password: str,
    *,
    private_key: bytes | None = None,
    scrypt_n: int = STANDARD_SCRYPT_N,
) -> str:
    """Write a V3 keystore of a new key (or of `private_key`); returns its address, lower-case.

    The file has mode 0600; BerthError `key.exists` when there is one already.
    """
    secret = new_private_key() if private_key is None else octets(private_key, "privateKey", 32)
    address = address_of(secret)
    _check_password(password)
    _refuse_existing(Path(path))
    keystore = Account.encrypt(secret, password, kdf="scrypt", iterations=scrypt_n)
    _create(Path(path), json.dumps(keystore).encode("ascii"))
    return address


def load_keystore(path: str | Path, password: str, *, expect: str | None = None) -> bytes:
    """The 32-byte private key of a V3 keystore; with `expect`, only if it is that address."""
    try:
        keystore = json.loads(_read(Path(path), "keystore", "keystore"))
        if not isinstance(keystore, dict):
            raise ValueError("not an object")
    except ValueError as error:
        raise _malformed(path, "keystore", "no V3 keystore") from error
    try:
        secret = bytes(Account.decrypt(keystore, password))
    except ValueError as error:
        if "MAC mismatch" in str(error):
            raise _wrong_password(path) from error
        raise _malformed(path, "keystore", "no V3 keystore") from error
    except (KeyError, TypeError, NotImplementedError) as error:
        raise _malformed(path, "keystore", "no V3 keystore") from error
    address = address_of(secret)
    if expect is not None and address != parse_address(expect, "expect"):
        raise BerthError(
            "key.wrong_address", f"{path} holds {address}, not {expect.lower()}", field="keystore"
        )
    return secret


def keystore_address(path: str | Path) -> str:
    """The address that a keystore claims, without its password."""
    try:
        keystore = json.loads(_read(Path(path), "keystore", "keystore"))
        return parse_address("0x" + str(keystore["address"]).removeprefix("0x").lower(), "keystore")
    except (ValueError, KeyError, TypeError) as error:
        raise _malformed(path, "keystore", "no V3 keystore with an address") from error


def create_ed25519(path: str | Path, password: str) -> Ed25519PrivateKey:
    """Write a new Ed25519 key as encrypted PEM, mode 0600; `key.exists` when there is one."""
    _check_password(password)
    _refuse_existing(Path(path))
    key = Ed25519PrivateKey.generate()
    _create(
        Path(path),
        key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode("utf-8"))
        ),
    )
    return key


def load_ed25519(path: str | Path, password: str) -> Ed25519PrivateKey:
    """The Ed25519 key of an encrypted PEM file; an unencrypted file is refused."""
    _check_password(password)
    pem = _read(Path(path), "key file", "keyFile")
    try:
        key = load_pem_private_key(pem, password.encode("utf-8"))
    except TypeError as error:
        raise _malformed(path, "keyFile", "not encrypted") from error
    except ValueError as error:
        if b"ENCRYPTED PRIVATE KEY" in pem and "password" in str(error).lower():
            raise _wrong_password(path, "keyFile") from error
        raise _malformed(path, "keyFile", "no encrypted PEM key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _malformed(path, "keyFile", "no Ed25519 key")
    return key


def _check_password(password: str) -> None:
    if not password:
        raise BerthError(
            "key.password_empty", "the password is empty", field="password", exit_code=2
        )


def _refuse_existing(path: Path) -> None:
    # Checked before the slow encryption; the exclusive open below is what really protects.
    if path.exists():
        raise _exists(path)


def _create(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise BerthError(
            "key.unwritable", f"cannot write {path}: {error.strerror}", field="path"
        ) from error


def _read(path: Path, what: str, field: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise BerthError("key.missing", f"there is no {what} {path}", field=field) from error
    except OSError as error:
        raise BerthError(
            "key.unreadable", f"cannot read {path}: {error.strerror}", field=field
        ) from error


def _exists(path: Path) -> BerthError:
    return BerthError(
        "key.exists", f"{path} exists; keys are never overwritten", field="path", exit_code=2
    )


def _wrong_password(path: str | Path, field: str = "keystore") -> BerthError:
    return BerthError("key.wrong_password", f"wrong password for {path}", field=field)


def _malformed(path: str | Path, field: str, why: str) -> BerthError:
    return BerthError("key.malformed", f"{path} is {why}", field=field)
