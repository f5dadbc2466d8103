"""Sign-in with Ethereum (EIP-4361): what a message must say, and who signed it.

Everything is checked on the parsed message: domain and URI against our own origin (a message made
for another site is refused), chain, nonce, times. Plain keys are recovered; an account with code is
asked by ERC-1271; one that is not deployed yet, and says how it will be (ERC-6492), is made and
asked in a call that changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from eth_abi.abi import decode, encode

from berth.chain.abi import UNREADABLE, load_bytecode
from berth.chain.rpc import Rpc, RpcError
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.signing import recover_digest, text_digest
from berth.market.signin_message import SignInMessage, read_message, seconds

#: A wallet's clock may be this far ahead, seconds; a message is good this long after it was made.
AHEAD_SECONDS = 120
MAX_AGE_SECONDS = 600
#: Characters. One of ours, with the longest domain that there is, has some 940.
MAX_MESSAGE = 1000
_MAGIC = keccak(b"isValidSignature(bytes32,bytes)")[:4]
#: Behind a signature of an account that is not deployed yet (ERC-6492).
_WRAPPER = bytes.fromhex("6492") * 16
#: What a stranger's code may use up at the node: making an account costs a million at most, asking
#: one less.
_PROBE_GAS, _ASK_GAS = 8_000_000, 3_000_000
#: Who asks the probe: nobody. Some wallets take the zero address for a simulation and say yes.
_ASKER = "0x" + keccak(b"berth: asks whether an account would sign")[12:].hex()


@dataclass(frozen=True, slots=True)
class Statement:
    """What a good message says: the account (lower case) and the nonce it uses up."""

    address: str
    nonce: str


@dataclass(frozen=True, slots=True)
class _Wrapped:
    """How an account will be made, and what it will be asked."""

    factory: str
    making: bytes
    signature: bytes


def check_message(message: str, *, origins: tuple[str, ...], chain_id: int, now: int) -> Statement:
    """The account and nonce of a message that is meant for us, now (Unix seconds UTC).

    Raises BerthError (401) session.message, .domain, .uri, .chain, .expired, .not_yet, .stale.
    """
    parsed = _parse(message)
    if parsed.domain not in {urlsplit(origin).netloc for origin in origins}:
        raise _refused("session.domain", "is for {given}, not for this site", parsed.domain)
    scheme, authority = _origin_of(parsed.uri)
    if f"{scheme}://{authority}" not in origins or authority != parsed.domain:
        raise _refused("session.uri", "is for {given}, not for this site", parsed.uri)
    if parsed.scheme is not None and parsed.scheme != scheme:
        raise _refused("session.uri", "is for scheme {given}, not that of its URI", parsed.scheme)
    if parsed.chain_id != chain_id:
        raise _refused("session.chain", "is for chain {given}, not the one here", parsed.chain_id)
    issued = seconds(parsed.issued_at)
    if issued is None or not now - MAX_AGE_SECONDS <= issued <= now + AHEAD_SECONDS:
        raise _refused("session.stale", "was issued at {given}: sign a new one", parsed.issued_at)
    if parsed.expiration_time is not None:
        expires = seconds(parsed.expiration_time)
        if expires is None or expires <= now:
            raise _refused("session.expired", "has expired: sign a new one")
    if parsed.not_before is not None:
        begins = seconds(parsed.not_before)
        if begins is None or begins > now:
            raise _refused("session.not_yet", "is not valid yet")
    return Statement(parsed.address.lower(), parsed.nonce)


class Asking:
    """Room for asking accounts that are contracts. Whoever signs in may be a contract that computes
    for ever: so many are asked at once and no longer, and people with plain keys do not wait."""

    def __init__(self, at_once: int = 4, within: float = 5.0) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._within = within

    async def answer(self, asked: Coroutine[Any, Any, bool]) -> bool:
        """What an account says. Raises BerthError session.busy (503) when it takes too long, or too
        many are being asked."""
        try:
            async with asyncio.timeout(self._within), self._places:
                return await asked
        except TimeoutError as error:
            raise BerthError(
                "session.busy", "too many sign-ins at once; try again in a minute", status=503
            ) from error
        finally:
            asked.close()  # where it never began


async def check_signature(
    rpc: Rpc, address: str, message: str, signature: bytes, asking: Asking | None = None
) -> None:
    """Passes when `address` signed the message. Raises BerthError session.signature (401),
    session.busy (503)."""
    digest = text_digest(message.encode("utf-8"))
    try:
        if recover_digest(digest, signature) == address:
            return
    except BerthError:
        pass  # perhaps not a plain key's signature
    agrees = _account_agrees(rpc, address, digest, signature)
    if not await (asking or Asking()).answer(agrees):
        raise BerthError(
            "session.signature", "is not this account's", field="signature", status=401
        )


async def _account_agrees(rpc: Rpc, address: str, digest: bytes, signature: bytes) -> bool:
    """An account that is a contract, or is to be one. One that is there is asked as it is, with
    what is inside the wrapper: nobody's call may prepare it first."""
    wrapped = _unwrap(signature)
    if wrapped is None:
        return await _contract_agrees(rpc, address, digest, signature)
    if await rpc.code(address):
        return await _contract_agrees(rpc, address, digest, wrapped.signature)
    return await _will_agree(rpc, address, digest, wrapped)


def _unwrap(signature: bytes) -> _Wrapped | None:
    """What is in an ERC-6492 wrapper; None for any other signature."""
    if not signature.endswith(_WRAPPER):
        return None
    try:
        inside = decode(("address", "bytes", "bytes"), signature[: -len(_WRAPPER)])
    except UNREADABLE:
        return None
    return _Wrapped(*inside)


async def _will_agree(rpc: Rpc, address: str, digest: bytes, wrapped: _Wrapped) -> bool:
    """Runs the probe's constructor: whatever the factory and the account do there, it is undone,
    and costs the node no more than `_PROBE_GAS`."""
    given = (address, digest, wrapped.factory, wrapped.making, wrapped.signature)
    data = load_bytecode("SignatureProbe") + encode(
        ("address", "bytes32", "address", "bytes", "bytes"), given
    )
    call = {"from": _ASKER, "data": "0x" + data.hex(), "gas": hex(_PROBE_GAS)}
    try:
        return bool(await rpc.call("eth_call", call, "latest") == "0x01")
    except RpcError:  # out of gas, or refused
        return False


async def _contract_agrees(rpc: Rpc, address: str, digest: bytes, signature: bytes) -> bool:
    """ERC-1271. An account without code answers nothing, which is a no."""
    data = _MAGIC + encode(("bytes32", "bytes"), (digest, signature))
    try:
        (magic,) = decode(("bytes4",), await rpc.eth_call(address, data, gas=_ASK_GAS))
    except (*UNREADABLE, RpcError):  # no code there, or its code refused
        return False
    return bool(magic == _MAGIC)


def _parse(message: str) -> SignInMessage:
    if len(message) > MAX_MESSAGE:
        raise _refused("session.message", "is longer than {given} characters", MAX_MESSAGE)
    try:
        return read_message(message)
    except ValueError as error:
        raise _refused("session.message", "is not a sign-in message (EIP-4361)") from error


def _origin_of(uri: str) -> tuple[str, str]:
    """Scheme and authority of a URI."""
    try:
        parts = urlsplit(uri)
    except ValueError as error:  # brackets that are no IPv6 address
        raise _refused("session.message", "is not a sign-in message (EIP-4361)") from error
    return parts.scheme, parts.netloc


def _refused(code: str, why: str, given: object = None) -> BerthError:
    return BerthError(code, "the message " + why, field="message", status=401, given=given)
