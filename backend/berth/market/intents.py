"""Transactions of the verbs that change what there is: leases, spaces, accounts.

In the style of `berth.market.calls`: nothing here signs or sends; ids and amounts are integers,
addresses lower-case hex text, hashes and signatures bytes.
"""

from __future__ import annotations

from berth.chain.contracts import Contracts
from berth.chain.reverts import ChainRevertError, translate
from berth.chain.rpc import Rpc, RpcError
from berth.market.calls import LockProof, Registration, Transaction, verb


def extend(
    contracts: Contracts,
    *,
    lease_id: int,
    slots: int,
    kwh: int,
    plate_commitment: bytes,
    maximum_cost: int,
) -> Transaction:
    """More slots or energy, by the driver; reverts when the whole lease's deposit would be more
    than `maximum_cost`."""
    request = {
        "leaseId": lease_id,
        "slots": slots,
        "kwh": kwh,
        "plateCommitment": plate_commitment,
        "maxCost": maximum_cost,
    }
    return verb(contracts.market, "extend", request)


def change_vehicle(contracts: Contracts, lease_id: int, plate_commitment: bytes) -> Transaction:
    """Another vehicle for the rest of the lease, by the driver."""
    return verb(contracts.market, "changeVehicle", lease_id, plate_commitment)


def cancel(contracts: Contracts, lease_id: int) -> Transaction:
    """Ends a lease before its start, by the driver."""
    return verb(contracts.market, "cancel", lease_id)


def owner_cancel(contracts: Contracts, lease_id: int) -> Transaction:
    """Ends a lease that nobody has used, by whom it pays; what he owes comes from his credit."""
    return verb(contracts.market, "ownerCancel", lease_id)


def dispute(contracts: Contracts, lease_id: int) -> Transaction:
    """Stops every early end, by driver or payee."""
    return verb(contracts.market, "dispute", lease_id)


def close(contracts: Contracts, lease_id: int) -> Transaction:
    """Ends a lease whose time has come, by anybody; a claim at once, by its driver."""
    return verb(contracts.market, "close", lease_id)


def agree(
    contracts: Contracts,
    *,
    lease_id: int,
    deposit: int,
    cost: int,
    valid_until: int,
    driver_signature: bytes = b"",
    payee_signature: bytes = b"",
) -> Transaction:
    """Ends a lease as both agree, while its deposit is as it was when they did; the party that
    sends it need not sign."""
    agreement = {
        "leaseId": lease_id,
        "deposit": deposit,
        "cost": cost,
        "validUntil": valid_until,
    }
    return verb(contracts.market, "agree", agreement, driver_signature, payee_signature)


def block_slots(contracts: Contracts, *, space_id: int, start_slot: int, slots: int) -> Transaction:
    """Takes slots out of sharing, by owner or manager."""
    return verb(contracts.market, "blockSlots", space_id, start_slot, slots)


def unblock(contracts: Contracts, block_id: int) -> Transaction:
    """Gives a block's remaining slots back, by owner or manager."""
    return verb(contracts.market, "unblock", block_id)


def withdraw_offers(contracts: Contracts, space_id: int, first_live: int) -> Transaction:
    """No new leases under offers below `first_live`, by owner or manager."""
    return verb(contracts.market, "withdrawOffers", space_id, first_live)


def set_manager(contracts: Contracts, space_id: int, manager: str) -> Transaction:
    """The one manager of a space, by its owner; the zero address for nobody."""
    return verb(contracts.market, "setManager", space_id, manager)


def delist(contracts: Contracts, space_id: int) -> Transaction:
    """Ends sharing, by the owner; by anybody once title or lock's maker is revoked."""
    return verb(contracts.market, "delist", space_id)


def release(contracts: Contracts, space_id: int) -> Transaction:
    """Lets go of a space that was delisted long enough ago, by anybody."""
    return verb(contracts.market, "release", space_id)


def rotate_lock(contracts: Contracts, space_id: int, lock: LockProof) -> Transaction:
    """Another lock for a space, by its owner."""
    return verb(contracts.market, "rotateLock", space_id, lock.struct())


def take_over(contracts: Contracts, registration: Registration) -> Transaction:
    """A renewal by the owner, or a change of owner by the title's new holder."""
    return verb(contracts.market, "takeOver", registration.struct())


def set_auto_payout(contracts: Contracts, enabled: bool) -> Transaction:
    """Lets anybody have the sender's credit paid out, to the sender alone."""
    return verb(contracts.market, "setAutoPayout", enabled)


async def take_over_compliance(
    contracts: Contracts, rpc: Rpc, owner: str, registration: Registration
) -> int:
    """The bitmap of reasons why `owner` may not renew or take over this space, now."""
    return int(await contracts.market.read(rpc, "takeOverCompliance", owner, registration.struct()))


async def refusal(rpc: Rpc, transaction: Transaction, sender: str) -> ChainRevertError | None:
    """What the contract would answer `sender` now: None when it would do it."""
    try:
        await rpc.eth_call(transaction.to, transaction.data, sender=sender)
    except RpcError as error:
        told = translate(error)
        if isinstance(told, ChainRevertError):
            return told
        raise told from error
    return None


async def dry_run(
    rpc: Rpc, account: str, to: str, data: bytes
) -> tuple[int | None, ChainRevertError | None]:
    """(gas, refusal) of a call by `account` now: one of both is None. The call first, for only its
    refusals come with their reasons from every node."""
    refused = await refusal(rpc, Transaction("", to, data), account)
    if refused is not None:
        return None, refused
    call = {"from": account, "to": to, "data": "0x" + data.hex()}
    try:
        return int(await rpc.typed(str, "eth_estimateGas", call), 16), None
    except RpcError as error:
        told = translate(error)
        if isinstance(told, ChainRevertError):
            return None, told
        raise told from error
