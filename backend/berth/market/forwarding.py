"""Calls that somebody else brings to the chain for an account (ERC-2771): what may be brought, how
it is signed, and how it is read back from a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from berth.chain.abi import Entry
from berth.chain.contracts import Contract, Contracts
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.ids import lease_hex, space_hex
from berth.core.messages import Domain, TypedMessage, forward_request

#: Verbs of the market that speak for whom the forwarder names. Not among them: what moves money out
#: or governs, which sees the raw sender, and what anybody may do and the keeper does.
FORWARDED = (
    "registerSpace", "takeOver", "publishOffer", "withdrawOffers", "blockSlots", "unblock",
    "setManager", "rotateLock", "delist", "ownerCancel",
    "registerVehicle", "lease", "leaseWithVehicle", "leaseWithPermit", "extend", "changeVehicle",
    "cancel", "dispute", "agree", "close",
    "deposit", "depositFor", "depositWithPermit", "setAutoPayout",
)  # fmt: skip
#: Verbs after which a lease holds more money: it decides how deep they must be.
ESCROWING = ("lease", "leaseWithVehicle", "leaseWithPermit", "extend")
#: Bytes of the longest call: a registration's proof is far shorter.
MOST_DATA = 24_000
_DOMAIN_NAME, _DOMAIN_VERSION = "Berth Forwarder", "1"
_SPACE_BITS = 48


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one of our contracts. `lease_id` and `space_id`: what it is about, where that is
    known before it is mined; `most` is the money that may be in escrow then, minor units."""

    verb: str
    arguments: dict[str, Any]
    lease_id: str | None = None
    space_id: str | None = None
    most: int = 0


@dataclass(frozen=True, slots=True)
class ForwardRequest:
    """What an account signs for the forwarder, without value. `nonce` is the account's there."""

    account: str
    to: str
    gas: int
    nonce: int
    deadline: int
    data: bytes

    def message(self, deployment: Deployment) -> TypedMessage:
        """As it is signed."""
        domain = Domain(deployment.chain_id, deployment.forwarder, _DOMAIN_NAME, _DOMAIN_VERSION)
        return forward_request(
            domain,
            self.account,
            self.to,
            gas=self.gas,
            nonce=self.nonce,
            deadline=self.deadline,
            data=self.data,
        )

    def calldata(self, forwarder: Contract, signature: bytes) -> bytes:
        """The forwarder's `execute` of it."""
        return forwarder.calldata(
            "execute",
            {
                "from": self.account,
                "to": self.to,
                "value": 0,
                "gas": self.gas,
                "deadline": self.deadline,
                "data": self.data,
                "signature": signature,
            },
        )


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A request as it is found in a transaction of the forwarder: the nonce is not in there."""

    account: str
    to: str
    data: bytes
    deadline: int


def forwarder_domain(deployment: Deployment) -> Domain:
    """The EIP-712 domain of requests to the forwarder."""
    return Domain(deployment.chain_id, deployment.forwarder, _DOMAIN_NAME, _DOMAIN_VERSION)


def read_forwarded(contracts: Contracts, data: bytes) -> Forwarded | None:
    """The request that a forwarder's `execute` carries; None for any other call."""
    entry = contracts.forwarder.abi.function("execute")
    if data[:4] != entry.selector:
        return None
    try:
        (given,) = entry.decode_inputs(data[4:]).values()
    except BerthError:
        return None
    return Forwarded(
        str(given["from"]).lower(),
        str(given["to"]).lower(),
        bytes(given["data"]),
        int(given["deadline"]),
    )


def read_call(contracts: Contracts, to: str, data: bytes, field: str = "data") -> Call:
    """What a call says, letter by letter as we would write it: a second spelling of the same
    arguments, or more bytes behind them, is refused. `field` names the data in the request; `to`
    stands beside it. Raises BerthError intent.target, .data."""
    target = {one.address: one for one in (contracts.market, contracts.asset)}.get(to.lower())
    if target is None:
        raise BerthError(
            "intent.target",
            "is neither the market nor its currency",
            field=field.removesuffix("data") + "to",
            status=422,
        )
    if len(data) > MOST_DATA:
        raise BerthError(
            "intent.data", "is longer than {most} bytes", field=field, status=422, most=MOST_DATA
        )
    entry = next((e for e in target.abi.functions.values() if e.selector == data[:4]), None)
    if entry is None:
        raise BerthError("intent.data", "is no verb of that contract", field=field, status=422)
    arguments = _arguments(entry, data, field)
    if target is contracts.asset:
        return Call(entry.name, arguments)
    lease, space = _subject(entry.name, arguments)
    return Call(entry.name, arguments, lease, space, _most(entry.name, arguments))


def _arguments(entry: Entry, data: bytes, field: str) -> dict[str, Any]:
    wrong = BerthError(
        "intent.data", "is not what {verb} takes", field=field, status=422, verb=entry.name
    )
    try:
        arguments = entry.decode_inputs(data[4:])
        if entry.encode(*arguments.values()) == data:
            return arguments
    except BerthError as error:
        raise wrong from error
    raise wrong


def _subject(verb: str, arguments: dict[str, Any]) -> tuple[str | None, str | None]:
    """(lease, space) that a call is about, where it names one in its range."""
    named: dict[str, Any] = dict(arguments)
    for value in arguments.values():
        if isinstance(value, dict):
            named |= value
    if isinstance(title := named.get("title"), dict):
        named["spaceId"] = title["city"] << 32 | title["index"]
    lease, space = named.get("leaseId"), named.get("spaceId")
    if isinstance(lease, int) and lease < 1 << 112:
        # a block's id is shaped like a lease's, but it is none
        named_lease = None if verb == "unblock" else lease_hex(lease)
        return named_lease, space_hex(lease >> _SPACE_BITS)
    if isinstance(space, int) and space < 1 << 64:
        return None, space_hex(space)
    return None, None


def _most(verb: str, arguments: dict[str, Any]) -> int:
    if verb not in ESCROWING:
        return 0
    first = next(iter(arguments.values()))
    return min(int(first["maxCost"]), (1 << 128) - 1)
