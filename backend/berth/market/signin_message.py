"""Sign-in messages (EIP-4361), read line by line.

What is read here comes from anybody, before anything is known of whoever sends it. So a line is
looked at once: no pattern goes back over what it has taken (`*+`, `++`), and nothing is kept. The
standard's own grammar, run by a program that tries all its ways, takes time and memory by the
square of the length; one regular expression over the whole text takes far more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from berth.core.addresses import checksum

_WANTS = " wants you to sign in with your Ethereum account:"
_NAME = r"[-A-Za-z0-9._~!$&'()*+,;=]|%[0-9A-Fa-f]{2}"
_PCHAR = rf"{_NAME}|[:@]"
_SCHEME = r"[A-Za-z][-A-Za-z0-9+.]*+"
_HOST = rf"(?:\[[0-9A-Fa-f:.]++\]|(?:{_NAME})*+)"
_AUTHORITY = rf"(?:(?:{_NAME}|:)*+@)?{_HOST}(?::[0-9]*+)?"
_PATH = rf"(?:/|{_PCHAR})*+"
_URI = (
    rf"{_SCHEME}:(?://{_AUTHORITY}(?:/{_PATH})?|(?!//){_PATH})"
    rf"(?:\?(?:[/?]|{_PCHAR})*+)?(?:#(?:[/?]|{_PCHAR})*+)?"
)
_TIME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]++)?"
    r"(?:Z|[-+][0-9]{2}:[0-9]{2})"
)
_HEADER = re.compile(rf"(?:(?P<scheme>{_SCHEME})://)?(?P<domain>{_AUTHORITY})")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_STATEMENT = re.compile(r"[-A-Za-z0-9._~:/?#\[\]@!$&'()*+,;= ]++")
_LINE_URI = re.compile(_URI)
_VERSION = re.compile("1")
_CHAIN = re.compile(r"[0-9]{1,78}+")
_NONCE = re.compile(r"[A-Za-z0-9]{8,}+")
_MOMENT = re.compile(_TIME)
_REQUEST = re.compile(rf"(?:{_PCHAR})*+")


@dataclass(frozen=True, slots=True)
class SignInMessage:
    """What a message says, as it says it: only the chain has become a number. The address has its
    checksum, the times are times."""

    scheme: str | None
    domain: str
    address: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: str
    expiration_time: str | None
    not_before: str | None


def read_message(text: str) -> SignInMessage:
    """Reads a message. Raises ValueError for anything that EIP-4361 does not allow, an address
    without its checksum (EIP-55), and times that there are not."""
    lines = _Lines(text)
    header = _HEADER.fullmatch(lines.ending(_WANTS))
    if header is None or not header["domain"]:
        raise ValueError("no domain")
    address = lines.named("", _ADDRESS)
    if checksum(address) != address:
        raise ValueError("no checksum")
    lines.exactly("")
    if lines.following != "":
        lines.named("", _STATEMENT)
    lines.exactly("")
    uri = lines.named("URI: ", _LINE_URI)
    lines.named("Version: ", _VERSION)
    chain = lines.named("Chain ID: ", _CHAIN)
    nonce = lines.named("Nonce: ", _NONCE)
    issued = lines.moment("Issued At: ")
    expiration = lines.moment("Expiration Time: ") if lines.begins("Expiration Time: ") else None
    not_before = lines.moment("Not Before: ") if lines.begins("Not Before: ") else None
    if lines.begins("Request ID: "):
        lines.named("Request ID: ", _REQUEST)
    if lines.following == "Resources:":
        lines.exactly("Resources:")
        while lines.following is not None:
            lines.named("- ", _LINE_URI)
    if lines.following is not None:
        raise ValueError("more lines")
    return SignInMessage(
        scheme=header["scheme"],
        domain=header["domain"],
        address=address,
        uri=uri,
        chain_id=int(chain),
        nonce=nonce,
        issued_at=issued,
        expiration_time=expiration,
        not_before=not_before,
    )


def seconds(text: str) -> float | None:
    """Unix seconds of an RFC 3339 time; None for one without an offset, and for no time."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None


class _Lines:
    """The lines of a message, one after the other. Whoever wants another one than comes next gets a
    ValueError."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._taken = 0

    @property
    def following(self) -> str | None:
        """The next line, left where it is; None at the end."""
        return self._lines[self._taken] if self._taken < len(self._lines) else None

    def begins(self, name: str) -> bool:
        """Does the next line begin so?"""
        return (self.following or "").startswith(name)

    def exactly(self, words: str) -> None:
        """Takes the next line, which says this and no more."""
        if self._take() != words:
            raise ValueError("another line")

    def ending(self, words: str) -> str:
        """Takes the next line, which ends so: what stands before."""
        line = self._take()
        if not line.endswith(words):
            raise ValueError("another line")
        return line.removesuffix(words)

    def named(self, name: str, pattern: re.Pattern[str]) -> str:
        """Takes the next line, which begins so: what stands behind, all of it by the pattern."""
        line = self._take()
        said = line.removeprefix(name)
        if not line.startswith(name) or pattern.fullmatch(said) is None:
            raise ValueError("another line")
        return said

    def moment(self, name: str) -> str:
        """Takes the next line: a time behind a name."""
        said = self.named(name, _MOMENT)
        if seconds(said) is None:
            raise ValueError("no time")
        return said

    def _take(self) -> str:
        line = self.following
        if line is None:
            raise ValueError("no more lines")
        self._taken += 1
        return line
