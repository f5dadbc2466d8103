"""One step of a sequence, in facts: who signed what, not how the signature looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime

from berth.core.title import Title

from differential.cast import CITY, called

#: Verbs that look at the raw sender: relayed, they speak for the forwarder itself.
RAW = frozenset(
    [
        "withdraw",
        "resolve",
        "set_fee",
        "withdraw_fees",
        "set_attester",
        "revoke_attester",
        "revoke_attestation",
        "pause",
        "unpause",
        "grant_role",
        "revoke_role",
    ]
)
#: What the market is not asked: the asset, and the titles, of their authority,
#: their admin and another market.
ASIDE = frozenset(
    [
        "token.mint",
        "token.approve",
        "token.transfer",
        "token.permit",
        "titles.publish",
        "titles.revoke",
        "titles.reinstate",
        "titles.set_market",
        "titles.claim",
        "titles.release",
    ]
)


@dataclass(frozen=True)
class Step:
    """`verb` with these arguments, by `sender`, in a block of the time `at`. `relayed`: signed by
    the sender and sent by somebody else through the forwarder."""

    at: int
    sender: str
    verb: str
    args: tuple
    relayed: bool = False

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        relayed = " (relayed)" if self.relayed else ""
        shown = ", ".join(map(text, self.args))
        return f"{moment}  {called(self.sender)}{relayed}: {self.verb}({shown})"


def text(value: object) -> str:
    """A value for people: names for accounts, leases taken apart."""
    if isinstance(value, str):
        return called(value)
    if isinstance(value, bytes):
        return "0x" + (value.rstrip(b"\0") or b"\0").hex()
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return _number(value)
    if isinstance(value, Title):
        return f"title {value.index} (holder {text(value.salted_holder)}, day {value.valid_day})"
    if is_dataclass(value):
        # an Occupancy's `from_`: the underscore is Python's
        shown = ", ".join(
            f"{field.name.rstrip('_')}={text(getattr(value, field.name))}"
            for field in fields(value)
        )
        return f"{type(value).__name__}({shown})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {text(each)}" for name, each in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(text, value)) + "]"
    return str(value)


def _number(number: int) -> str:
    if number == (1 << 256) - 1:
        return "2^256-1"
    if number >> 80 == CITY:
        return f"lease {number >> 48 & 0xFFFFFFFF}/{number >> 16 & 0xFFFFFFFF}/{number & 0xFFFF}"
    if number >> 32 == CITY:
        return f"space {number & 0xFFFFFFFF}"
    return str(number)
