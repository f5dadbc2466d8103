"""Everything that somebody signs for Berth: EIP-712 messages and device envelopes.

The types are those of `contracts/interfaces/BerthTypes.sol`; one letter of difference makes every
signature worthless, so they are written here once for the whole backend. Fields out of their
Solidity range raise BerthError naming the field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_account.messages import encode_typed_data

from berth.core.addresses import parse_address
from berth.core.checks import octets, unsigned
from berth.core.envelope import open_envelope, seal
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.signing import recover_digest, sign_digest

__all__ = [
    "ARRIVED",
    "BLOCKED",
    "LEFT",
    "NOSHOW",
    "Domain",
    "TypedMessage",
    "agreement",
    "forward_request",
    "holder_attestation",
    "lock_attestation",
    "lock_possession",
    "occupancy",
    "open_envelope",
    "permit",
    "recover",
    "seal",
    "sign",
    "unlock_confirmation",
    "vehicle_attestation",
]

# Kinds of occupancy records.
ARRIVED = 1
LEFT = 2
BLOCKED = 3  # by somebody else's car
NOSHOW = 4

_DOMAIN_FIELDS = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)


@dataclass(frozen=True)
class Domain:
    """Where a signature counts: one market on one chain."""

    chain_id: int
    market: str
    name: str = "Berth Parking Market"
    version: str = "1"

    def __post_init__(self) -> None:
        unsigned(self.chain_id, "chainId", 53)
        object.__setattr__(self, "market", parse_address(self.market, "market"))


@dataclass(frozen=True)
class TypedMessage:
    """One message, ready to be signed.

    `typed_data` is the whole EIP-712 JSON that wallets take (integers wider than 53 bits as decimal
    text, for JSON readers round them); `digest` the 32 bytes that are signed.
    """

    primary_type: str
    typed_data: dict[str, Any]
    digest: bytes


def holder_attestation(
    domain: Domain, wallet: str, salted_holder: bytes, valid_day: int, nonce: int
) -> TypedMessage:
    """A verifier's word that `wallet` belongs to the title holder behind `salted_holder`.

    `valid_day` is its last day, days since 1970-01-01 UTC; `nonce` names it for revocation.
    """
    return _typed(
        domain,
        "HolderAttestation",
        ("wallet", "address", wallet),
        ("saltedHolder", "bytes32", salted_holder),
        ("validDay", "uint16", valid_day),
        ("nonce", "uint256", nonce),
    )


def lock_attestation(domain: Domain, lock: str, valid_day: int) -> TypedMessage:
    """A maker's word for a lock's key, until the end of `valid_day` UTC."""
    return _typed(
        domain, "LockAttestation", ("lock", "address", lock), ("validDay", "uint16", valid_day)
    )


def lock_possession(domain: Domain, lock: str, space_id: int, owner: str) -> TypedMessage:
    """A lock's own word that it serves a space of an owner."""
    return _typed(
        domain,
        "LockPossession",
        ("lock", "address", lock),
        ("spaceId", "uint64", space_id),
        ("owner", "address", owner),
    )


def vehicle_attestation(
    domain: Domain, driver: str, plate_commitment: bytes, size: int, until_slot: int
) -> TypedMessage:
    """A verifier's word that a driver may use a vehicle.

    `size` 1 small, 2 medium, 3 large, 4 van; `until_slot` is the first slot no longer covered.
    """
    return _typed(
        domain,
        "VehicleAttestation",
        ("driver", "address", driver),
        ("plateCommitment", "bytes32", plate_commitment),
        ("size", "uint8", size),
        ("untilSlot", "uint32", until_slot),
    )


def occupancy(
    domain: Domain, lease_id: int, kind: int, from_: int, until: int, energy_wh: int
) -> TypedMessage:
    """What a lock saw: kind ARRIVED, LEFT, BLOCKED or NOSHOW; `from_` and `until` Unix seconds,
    energy in Wh."""
    return _typed(
        domain,
        "Occupancy",
        ("leaseId", "uint256", lease_id),
        ("kind", "uint8", kind),
        ("from", "uint40", from_),
        ("until", "uint40", until),
        ("energyWh", "uint32", energy_wh),
    )


def agreement(
    domain: Domain, lease_id: int, deposit: int, cost: int, valid_until: int
) -> TypedMessage:
    """What driver and payee agree to: `deposit` (as the lease has it now) and `cost` in minor
    units, `valid_until` Unix seconds."""
    return _typed(
        domain,
        "Agreement",
        ("leaseId", "uint256", lease_id),
        ("deposit", "uint256", deposit),
        ("cost", "uint256", cost),
        ("validUntil", "uint256", valid_until),
    )


def permit(
    domain: Domain, owner: str, spender: str, value: int, nonce: int, deadline: int
) -> TypedMessage:
    """An allowance by signature (ERC-2612). The domain is the token's: its name, version, address.

    `value` in minor units, `deadline` Unix seconds.
    """
    return _typed(
        domain,
        "Permit",
        ("owner", "address", owner),
        ("spender", "address", spender),
        ("value", "uint256", value),
        ("nonce", "uint256", nonce),
        ("deadline", "uint256", deadline),
    )


def forward_request(
    domain: Domain,
    account: str,
    to: str,
    *,
    gas: int,
    nonce: int,
    deadline: int,
    data: bytes,
) -> TypedMessage:
    """A call that a forwarder may bring for `account` (ERC-2771), without value. The domain is the
    forwarder's; `nonce` is the account's there, `deadline` Unix seconds."""
    return _typed(
        domain,
        "ForwardRequest",
        ("from", "address", account),
        ("to", "address", to),
        ("value", "uint256", 0),
        ("gas", "uint256", gas),
        ("nonce", "uint256", nonce),
        ("deadline", "uint48", deadline),
        ("data", "bytes", data),
    )


def unlock_confirmation(domain: Domain, lease_id: int, cycle: int, at: int) -> TypedMessage:
    """A driver's fresh word: lower the bar for me now. Checked off-chain only.

    `cycle` is the lock's occupancy counter, `at` Unix seconds of signing.
    """
    return _typed(
        domain,
        "UnlockConfirmation",
        ("leaseId", "uint256", lease_id),
        ("cycle", "uint32", cycle),
        ("at", "uint40", at),
    )


def sign(message: TypedMessage, private_key: bytes) -> bytes:
    """65 bytes r ‖ s ‖ v."""
    return sign_digest(message.digest, private_key)


def recover(message: TypedMessage, signature: bytes | str) -> str:
    """The signer's address, lower-case; BerthError for malformed or malleable signatures."""
    return recover_digest(message.digest, signature)


def _typed(domain: Domain, primary_type: str, *fields: tuple[str, str, Any]) -> TypedMessage:
    typed_data: dict[str, Any] = {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in _DOMAIN_FIELDS],
            primary_type: [{"name": name, "type": kind} for name, kind, _ in fields],
        },
        "primaryType": primary_type,
        "domain": {
            "name": domain.name,
            "version": domain.version,
            "chainId": domain.chain_id,
            "verifyingContract": domain.market,
        },
        "message": {name: _value(name, kind, value) for name, kind, value in fields},
    }
    encoded = encode_typed_data(full_message=typed_data)
    digest = keccak(b"\x19" + encoded.version + encoded.header + encoded.body)
    return TypedMessage(primary_type, typed_data, digest)


def _value(name: str, kind: str, value: Any) -> str | int:
    if kind == "address":
        return parse_address(value, name)
    if kind == "bytes32":
        return "0x" + octets(value, name, 32).hex()
    if kind == "bytes":
        return "0x" + bytes(value).hex()
    if kind.startswith("uint"):
        bits = int(kind.removeprefix("uint"))
        number = unsigned(value, name, bits)
        return number if bits <= 53 else str(number)
    raise BerthError("message.type", f"type {kind} is not used by Berth", field=name)
