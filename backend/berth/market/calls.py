"""Reads of the chain that the market needs, and transactions that it prepares for wallets.

Nothing here signs or sends. Ids and amounts are integers, addresses lower-case hex text, hashes
bytes; a revert is a `ChainRevertError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from berth.chain.contracts import Contract, Contracts
from berth.chain.rpc import Rpc
from berth.core.title import Title
from berth.core.words import VehicleWord


@dataclass(frozen=True, slots=True)
class HolderProof:
    """A verifier's attestation of the wallet; `valid_day` UTC days since 1970."""

    verifier: int
    valid_day: int
    nonce: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class LockProof:
    """A lock's key, its maker's attestation and its own proof of possession."""

    key: str
    maker: int
    valid_day: int
    maker_signature: bytes
    possession: bytes

    def struct(self) -> dict[str, Any]:
        """The contract's `LockProof`."""
        return {
            "key": self.key,
            "maker": self.maker,
            "validDay": self.valid_day,
            "makerSignature": self.maker_signature,
            "possession": self.possession,
        }


@dataclass(frozen=True, slots=True)
class Registration:
    """All that an owner brings to register a space; `power` in units of 100 W."""

    title: Title
    proof: Sequence[bytes]
    holder: HolderProof
    lock: LockProof
    connectors: int
    power: int

    def struct(self) -> dict[str, Any]:
        """The contract's `SpaceRegistration`."""
        return {
            "title": {
                "city": self.title.city,
                "index": self.title.index,
                "saltedHolder": self.title.salted_holder,
                "addressHash": self.title.address_hash,
                "cell": self.title.cell,
                "attributes": self.title.attributes,
                "validDay": self.title.valid_day,
            },
            "proof": list(self.proof),
            "holder": {
                "verifier": self.holder.verifier,
                "validDay": self.holder.valid_day,
                "nonce": self.holder.nonce,
                "signature": self.holder.signature,
            },
            "lock": self.lock.struct(),
            "connectors": self.connectors,
            "power": self.power,
        }


@dataclass(frozen=True, slots=True)
class Transaction:
    """A call for the wallet to sign and send; `purpose` is the contract's verb."""

    purpose: str
    to: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Funds:
    """What a driver can pay with, minor units: credit in the market, tokens, and how many of those
    the market may take."""

    credit: int
    balance: int
    allowance: int


async def compliance(contracts: Contracts, rpc: Rpc, owner: str, registration: Registration) -> int:
    """The bitmap of reasons why `owner` may not register this space, as the chain sees it now."""
    return int(await contracts.market.read(rpc, "compliance", owner, registration.struct()))


async def quote(
    contracts: Contracts, rpc: Rpc, space_id: int, offer: int, slots: int, kwh_cap: int
) -> int:
    """The deposit that the chain would take, minor units."""
    return int(await contracts.market.read(rpc, "quote", space_id, offer, slots, kwh_cap))


async def vehicle(contracts: Contracts, rpc: Rpc, commitment: bytes) -> VehicleWord:
    """The vehicle behind a commitment; its driver is the zero address when the chain knows none."""
    driver, until_slot, verifier, size = await contracts.market.read(rpc, "vehicleOf", commitment)
    return VehicleWord(str(driver).lower(), int(until_slot), int(verifier), int(size))


async def funds(contracts: Contracts, rpc: Rpc, account: str) -> Funds:
    """What an account can pay with, now."""
    asset, market = contracts.asset, contracts.market
    return Funds(
        credit=int(await market.read(rpc, "creditOf", account)),
        balance=int(await asset.read(rpc, "balanceOf", account)),
        allowance=int(await asset.read(rpc, "allowance", account, market.address)),
    )


async def ledger(contracts: Contracts, rpc: Rpc, *, block: int | str = "latest") -> tuple[str, int]:
    """(head as hex text, count of records) of the chain's ledger."""
    head, count, _ = await contracts.market.read(rpc, "ledger", block=block)
    return "0x" + bytes(head).hex(), int(count)


def register_space(contracts: Contracts, registration: Registration) -> Transaction:
    """The registration of a space, by its owner."""
    return verb(contracts.market, "registerSpace", registration.struct())


def approve(contracts: Contracts, amount: int) -> Transaction:
    """Lets the market take `amount` minor units of the sender's tokens."""
    return verb(contracts.asset, "approve", contracts.market.address, amount)


def lease(
    contracts: Contracts,
    *,
    space_id: int,
    start_slot: int,
    slots: int,
    offer: int,
    kwh_cap: int,
    plate_commitment: bytes,
    maximum_cost: int,
    vehicle: dict[str, Any] | None = None,
) -> Transaction:
    """A lease, by its driver; reverts when it would cost more than `maximum_cost`. With `vehicle`
    (the contract's `VehicleProof`) that is registered by the same transaction."""
    request = {
        "spaceId": space_id,
        "startSlot": start_slot,
        "slots": slots,
        "offer": offer,
        "kwhCap": kwh_cap,
        "plateCommitment": plate_commitment,
        "maxCost": maximum_cost,
    }
    if vehicle is None:
        return verb(contracts.market, "lease", request)
    return verb(contracts.market, "leaseWithVehicle", request, vehicle)


def verb(contract: Contract, name: str, *args: Any) -> Transaction:
    """A call of a contract's verb."""
    return Transaction(name, contract.address, contract.calldata(name, *args))
