"""What a lock obeys: tickets for one action now, grants for a lease, receipts for its evidence.

All are compact JWS of a certified day key, each of its own `typ`. A ticket answers one challenge:
it quotes the lock's boot and a nonce that the lock said at most 120 s ago by its own monotonic
clock, and is good once. No clock, counter or memory of old tickets is needed to refuse a replay.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from berth.core.errors import BerthError
from berth.devices.certificates import DayKey, read_certificate
from berth.devices.jws import (
    CERTIFICATE_HEADER,
    peek_type,
    read_header,
    sign_compact,
    verify_compact,
)

TICKET_TYPE: Final = "berth-ticket+jwt"
GRANT_TYPE: Final = "berth-grant+jwt"
RECEIPT_TYPE: Final = "berth-receipt+jwt"
#: A ticket is good this long after the lock said the nonce, seconds of its monotonic clock.
TICKET_SECONDS = 120

Action = Literal["camera_on", "camera_off", "lower", "raise"]

Address = Annotated[str, msgspec.Meta(pattern="^0x[0-9a-f]{40}$")]
LeaseHex = Annotated[str, msgspec.Meta(pattern="^0x[0-9a-f]{28}$")]
Hash = Annotated[str, msgspec.Meta(pattern="^0x[0-9a-f]{64}$")]
Seconds = Annotated[int, msgspec.Meta(ge=0, lt=1 << 40)]
Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
Token = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{24,64}$")]
CommandId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f-]{8,64}$")]


class _Claims(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """To whom, and for which contract on which chain."""

    lock: Address
    chain: Annotated[int, msgspec.Meta(ge=1, lt=1 << 53)]
    market: Address


class Ticket(_Claims, frozen=True, kw_only=True):
    """One action, now. `issued` is Unix seconds of the signer, for logs only."""

    id: CommandId
    lease: LeaseHex
    cycle: Count
    action: Action
    boot: Token
    nonce: Token
    issued: Seconds
    seconds: Annotated[int, msgspec.Meta(ge=1, le=TICKET_SECONDS)] = TICKET_SECONDS


class Grant(_Claims, frozen=True, kw_only=True):
    """A lease as its lock keeps it. Times in Unix seconds, half-open: [opens, end).

    `opens` is 15 minutes before `start`. The higher `version` of a lease wins. `requires` may hold
    "plate": the lock itself then lowers only in front of the leased vehicle.
    """

    lease: LeaseHex
    version: Count
    state: Literal["granted", "revoked"]
    opens: Seconds
    start: Seconds
    end: Seconds
    plate: Hash
    salt: Hash
    requires: list[Literal["plate", "confirm", "near"]]
    issued: Seconds


class Receipt(_Claims, frozen=True, kw_only=True):
    """The backend keeps this evidence: the lock need not send it again."""

    lease: LeaseHex
    kind: Literal[1, 2, 3, 4]
    digest: Hash


@dataclass(frozen=True)
class Pins:
    """What a lock knows from its enrolment: itself, its contract, its group and its roots."""

    lock: str
    chain: int
    market: str
    group: str
    roots: tuple[bytes, ...]


_C = TypeVar("_C", Ticket, Grant, Receipt)
_TYPES: Final[dict[type[Ticket | Grant | Receipt], str]] = {
    Ticket: TICKET_TYPE,
    Grant: GRANT_TYPE,
    Receipt: RECEIPT_TYPE,
}


def sign_claims(claims: Ticket | Grant | Receipt, key: DayKey) -> str:
    """A compact JWS that carries the day key's certificate."""
    body: dict[str, Any] = msgspec.to_builtins(claims)
    return sign_compact(_TYPES[type(claims)], body, key.private, certificate=key.certificate)


def type_of(text: str) -> type[Ticket | Grant | Receipt]:
    """What a message claims to be, unverified. Raises BerthError `jws.malformed` or `jws.typ`."""
    typ = peek_type(text)
    for kind, name in _TYPES.items():
        if name == typ:
            return kind
    raise BerthError("jws.typ", f"{typ!r} is unknown", field="typ")


def read_claims(text: str, kind: type[_C], pins: Pins, now: int) -> _C:
    """The claims of a ticket, grant or receipt, once its type, certificate (at `now`, Unix
    seconds), signature, lock, chain and contract are right.

    Raises BerthError: `jws.*`, `certificate.*`, `ticket.malformed`, `.lock`, `.chain`, `.contract`.
    """
    typ = _TYPES[kind]
    certificate = read_header(text, typ).get(CERTIFICATE_HEADER)
    if not isinstance(certificate, str):
        raise BerthError("certificate.root", "there is none", field="certificate")
    day_key = read_certificate(certificate, pins.roots, pins.group, now)
    raw = verify_compact(text, typ, day_key.public)
    try:
        claims = msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise _refused("malformed", str(error), _path_of(error)) from error
    if claims.lock != pins.lock:
        raise _refused("lock", "is for another lock", "lock")
    if claims.chain != pins.chain:
        raise _refused("chain", "is for another chain", "chain")
    if claims.market != pins.market:
        raise _refused("contract", "is for another contract", "market")
    return claims


class Challenges:
    """The nonces that a lock has said in this boot, and which of them are spent."""

    KEPT = 32

    def __init__(self, boot: str, monotonic: Callable[[], float], fresh: Callable[[], str]) -> None:
        self.boot = boot
        self._monotonic = monotonic
        self._fresh = fresh
        self._said: OrderedDict[str, float] = OrderedDict()
        self._spent: OrderedDict[str, None] = OrderedDict()

    def new(self) -> str:
        """A nonce for the next hello."""
        nonce = self._fresh()
        self._said[nonce] = self._monotonic()
        while len(self._said) > self.KEPT:
            self._said.popitem(last=False)
        return nonce

    def spend(self, ticket: Ticket) -> None:
        """Use up the ticket's nonce, whatever becomes of the ticket.

        Raises BerthError `ticket.boot`, `.replayed`, `.nonce` or `.expired`.
        """
        if ticket.boot != self.boot:
            raise _refused("boot", "answers a hello from before the last restart", "boot")
        if ticket.nonce in self._spent:
            raise _refused("replayed", "was used already", "nonce")
        said = self._said.pop(ticket.nonce, None)
        if said is None:
            raise _refused("nonce", "answers no hello of this lock", "nonce")
        self._spent[ticket.nonce] = None
        while len(self._spent) > self.KEPT:
            self._spent.popitem(last=False)
        if self._monotonic() - said > ticket.seconds:
            raise _refused("expired", f"came more than {ticket.seconds} s after the hello", "nonce")


def _path_of(error: msgspec.ValidationError) -> str | None:
    _, found, path = str(error).partition(" - at `$")
    return path.rstrip("`").lstrip(".") or None if found else None


def _refused(code: str, why: str, field: str | None) -> BerthError:
    return BerthError(f"ticket.{code}", why, field=field)
