"""Sign-in with Ethereum (EIP-4361): what a message must say, and who signed it.

Everything is checked on the parsed message: domain and URI against our own origin (a message made
for another site is refused), chain, nonce, times. Plain keys are recovered; an account with code is
asked by ERC-1271.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from pydantic import ValidationError
from siwe import SiweMessage

from berth.chain.rpc import Rpc, RpcError
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.signing import recover_digest, text_digest

#: A wallet's clock may be this far ahead, seconds; a message is good this long after it was made.
AHEAD_SECONDS = 120
MAX_AGE_SECONDS = 600
MAX_MESSAGE = 2000
_MAGIC = keccak(b"isValidSignature(bytes32,bytes)")[:4]


@dataclass(frozen=True, slots=True)
class Statement:
    """What a good message says: the account (lower case) and the nonce it uses up."""

    address: str
    nonce: str


def check_message(message: str, *, origins: tuple[str, ...], chain_id: int, now: int) -> Statement:
    """The account and nonce of a message that is meant for us, now (Unix seconds UTC).

    Raises BerthError (401) session.message, .domain, .uri, .chain, .expired, .not_yet, .stale.
    """
    parsed = _parse(message)
    if parsed.domain not in {urlsplit(origin).netloc for origin in origins}:
        raise _refused("session.domain", f"is for {parsed.domain}, not for this site")
    uri = urlsplit(parsed.uri)
    if f"{uri.scheme}://{uri.netloc}" not in origins or uri.netloc != parsed.domain:
        raise _refused("session.uri", f"is for {parsed.uri}, not for this site")
    if parsed.scheme is not None and parsed.scheme != uri.scheme:
        raise _refused("session.uri", f"is for scheme {parsed.scheme}, not {uri.scheme}")
    if parsed.chain_id != chain_id:
        raise _refused("session.chain", f"is for chain {parsed.chain_id}, not {chain_id}")
    issued = _seconds(parsed.issued_at)
    if issued is None or not now - MAX_AGE_SECONDS <= issued <= now + AHEAD_SECONDS:
        raise _refused("session.stale", f"was issued at {parsed.issued_at}: sign a new one")
    if parsed.expiration_time is not None:
        expires = _seconds(parsed.expiration_time)
        if expires is None or expires <= now:
            raise _refused("session.expired", "has expired: sign a new one")
    if parsed.not_before is not None:
        begins = _seconds(parsed.not_before)
        if begins is None or begins > now:
            raise _refused("session.not_yet", "is not valid yet")
    return Statement(str(parsed.address).lower(), parsed.nonce)


async def check_signature(rpc: Rpc, address: str, message: str, signature: bytes) -> None:
    """Passes when `address` signed the message. Raises BerthError session.signature (401)."""
    digest = text_digest(message.encode("utf-8"))
    try:
        if recover_digest(digest, signature) == address:
            return
    except BerthError:
        pass  # perhaps not a plain key's signature
    if not await _contract_agrees(rpc, address, digest, signature):
        raise BerthError(
            "session.signature", "is not this account's", field="signature", status=401
        )


async def _contract_agrees(rpc: Rpc, address: str, digest: bytes, signature: bytes) -> bool:
    """ERC-1271. An account without code answers nothing, which is a no."""
    data = _MAGIC + encode(("bytes32", "bytes"), (digest, signature))
    try:
        (magic,) = decode(("bytes4",), await rpc.eth_call(address, data))
    except (DecodingError, RpcError):  # no code there, or its code refused
        return False
    return bool(magic == _MAGIC)


def _parse(message: str) -> SiweMessage:
    if len(message) > MAX_MESSAGE:
        raise _refused("session.message", f"is longer than {MAX_MESSAGE} characters")
    try:
        return SiweMessage.from_message(message)
    except (ValueError, ValidationError, AttributeError, TypeError) as error:
        raise _refused("session.message", "is not a sign-in message (EIP-4361)") from error


def _seconds(text: str) -> float | None:
    """Unix seconds of an RFC 3339 time; None for one without an offset."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None


def _refused(code: str, why: str) -> BerthError:
    return BerthError(code, f"the message {why}", field="message", status=401)
