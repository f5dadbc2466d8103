"""What goes between the relay and a signer in a process of its own: small JSON, strictly typed.

`POST /v1/ticket | /v1/grant | /v1/receipt` answer `{"jws": …}`, `POST /v1/status` the signer's
state; a refusal is `{"code": …, "message": …}` with a status of 400 and above. Over TCP every
request carries `Authorization: Bearer SECRET`.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from berth.core.errors import BerthError
from berth.devices.tickets import Action, Address, CommandId, Count, Hash, LeaseHex, Seconds, Token
from berth.relay.orders import GrantOrder, Guess, ReceiptOrder, TicketOrder

#: The largest request and answer, bytes. A grant's order has 500, its signature 2,000.
LARGEST: Final = 8192
#: The shortest secret, characters.
SHORTEST_SECRET: Final = 32
#: How long the signer looks at its node for one request, and how long the relay waits, seconds.
SIGNER_SECONDS, RELAY_SECONDS = 8.0, 10.0

Salt = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
BlockNumber = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]


class _Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Nothing may be missing, too much, or of another type."""


class GuessRequest(_Wire, frozen=True, kw_only=True):
    """A `Guess`."""

    at: BlockNumber
    deep: BlockNumber
    offer: Annotated[int, msgspec.Meta(ge=0, lt=1 << 16)]

    def guess(self) -> Guess:
        return Guess(**_fields(self))


class TicketRequest(_Wire, frozen=True, kw_only=True):
    """A `TicketOrder`."""

    command_id: CommandId
    lock_id: Address
    lease_id: LeaseHex
    cycle: Count
    action: Action
    boot: Token
    nonce: Token
    guess: GuessRequest | None = None

    def order(self) -> TicketOrder:
        guess = None if self.guess is None else self.guess.guess()
        return TicketOrder(**_fields(self) | {"guess": guess})


class GrantRequest(_Wire, frozen=True, kw_only=True):
    """A `GrantOrder`; the salt as hex."""

    lease_id: LeaseHex
    lock_id: Address
    version: Count
    revoked: bool
    window_end: Seconds
    plate_commitment: Hash
    salt: Salt | None = None
    plate_block: BlockNumber | None = None
    guess: GuessRequest | None = None

    def order(self) -> GrantOrder:
        salt = None if self.salt is None else bytes.fromhex(self.salt)
        guess = None if self.guess is None else self.guess.guess()
        return GrantOrder(**_fields(self) | {"salt": salt, "guess": guess})


class ReceiptRequest(_Wire, frozen=True, kw_only=True):
    """A `ReceiptOrder`."""

    lock_id: Address
    lease_id: LeaseHex
    kind: Literal[1, 2, 3, 4]
    digest: Hash

    def order(self) -> ReceiptOrder:
        return ReceiptOrder(**_fields(self))


class Signed(msgspec.Struct, frozen=True):
    """A compact JWS."""

    jws: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]+$", max_length=LARGEST)]


class Refused(msgspec.Struct, frozen=True):
    """Why not."""

    code: Annotated[str, msgspec.Meta(pattern=r"^[a-z_.]{1,60}$")]
    message: Annotated[str, msgspec.Meta(max_length=1000)]


_R = TypeVar("_R", TicketRequest, GrantRequest, ReceiptRequest)


def ticket_request(order: TicketOrder) -> TicketRequest:
    """Raises BerthError signer.malformed, as the others do."""
    return _request(order, TicketRequest, guess=_guessed(order.guess))


def grant_request(order: GrantOrder) -> GrantRequest:
    salt = None if order.salt is None else order.salt.hex()
    return _request(order, GrantRequest, salt=salt, guess=_guessed(order.guess))


def receipt_request(order: ReceiptOrder) -> ReceiptRequest:
    return _request(order, ReceiptRequest)


def _guessed(guess: Guess | None) -> dict[str, int] | None:
    return None if guess is None else dict(vars(guess))


def _request(order: object, kind: type[_R], **others: Any) -> _R:
    names = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    body = {names[name]: value for name, value in (vars(order) | others).items()}
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise BerthError("signer.malformed", str(error)) from error


def _fields(request: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(request, name) for name in request.__struct_fields__}


# ---- where, and with what secret


@dataclass(frozen=True)
class SignerAddress:
    """A Unix socket (`path`), or a host and port; `url` is what HTTP calls it."""

    path: Path | None
    url: str
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> SignerAddress:
        """From `unix:PATH`, `http://HOST:PORT` on this machine, or `https://HOST:PORT`.

        Raises BerthError signer.url.
        """
        if text.startswith("unix:"):
            path = Path(text.removeprefix("unix:"))
            if len(bytes(path)) > 100:  # the kernel takes 107
                raise _bad(f"the path of a Unix socket may have 100 bytes, not {path}")
            return cls(path, "http://signer")
        parts = urlsplit(text)
        if parts.path not in ("", "/") or parts.query or parts.username:
            raise _bad("must be http(s)://HOST:PORT and nothing behind")
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise _bad("the secret would cross the network in the clear: use https")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return cls(None, text.rstrip("/"), parts.hostname or "", port)

    @property
    def where(self) -> str:
        """For people."""
        return str(self.path) if self.path is not None else self.url


def is_loopback(host: str) -> bool:
    """Is this address only of this machine?"""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def read_secret(file: Path | None, address: SignerAddress) -> str | None:
    """The shared secret; None where a Unix socket's permissions are enough.

    Raises BerthError signer.secret.
    """
    if file is None:
        if address.path is not None:
            return None
        raise _secret("is needed where the signer listens on TCP")
    try:
        mode, text = file.stat().st_mode, file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not ASCII"
        raise _secret(f"cannot read {file}: {why}") from error
    if mode & 0o007:
        raise _secret(f"everybody may read {file}: chmod o-rwx")
    if len(text) < SHORTEST_SECRET or not text.isprintable() or " " in text:
        raise _secret(f"{file} must hold {SHORTEST_SECRET} characters or more, and no blanks")
    return text


def _secret(why: str) -> BerthError:
    return BerthError("signer.secret", why, field="BERTH_SIGNER_SECRET_FILE", exit_code=2)


def _bad(why: str) -> BerthError:
    return BerthError("signer.url", why, field="BERTH_SIGNER_URL", exit_code=2)
