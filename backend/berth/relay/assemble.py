"""Puts a relay, and a keeper, together."""

from __future__ import annotations

from berth.chain.contracts import Contracts
from berth.chain.rpc import Rpc
from berth.chain.sender import Limits, Sender
from berth.core.clock import Clock
from berth.core.deployment import Deployment
from berth.core.sealed import Sealer
from berth.core.settings import Keep
from berth.devices.mqtt import BrokerLogin
from berth.relay.bookings import Bookings
from berth.relay.closer import Closer
from berth.relay.keeper import Keeper
from berth.relay.keeping import KeeperProgram
from berth.relay.orders import Signing
from berth.relay.policy import Policy
from berth.relay.retention import Retention
from berth.relay.run import Relay
from berth.relay.signer import DayKeys, Signer
from berth.store.engine import Store
from berth.store.transactions import TransactionJournal


def assemble_relay(
    *,
    store: Store,
    deployment: Deployment,
    rpc: Rpc,
    clock: Clock,
    sealer: Sealer,
    day_keys: DayKeys | None = None,
    broker: BrokerLogin,
    confirmations: int | None = None,
    signer_rpc: Rpc | None = None,
    signer: Signing | None = None,
) -> Relay:
    """A relay, with its signer in one process unless another one's `signer` is given.

    `day_keys` are needed by a signer in this process, and `signer_rpc` is its own node where it has
    one; `confirmations` overrides the depth policy.
    """
    policy = Policy(deployment, clock, confirmations)
    if signer is None:
        if day_keys is None:
            raise ValueError("a relay needs a signer, or the day keys for one")
        signer = Signer(day_keys, signer_rpc or rpc, policy)
    return Relay(
        store=store, policy=policy, clock=clock, sealer=sealer, signer=signer, broker=broker
    )


def assemble_keeper(
    *,
    store: Store,
    deployment: Deployment,
    rpc: Rpc,
    clock: Clock,
    transaction_key: bytes,
    limits: Limits | None = None,
    keep: Keep | None = None,
) -> KeeperProgram:
    """A keeper. `transaction_key` (32 bytes) pays for what it does and is no ticket key; `keep`
    says for how long rows are kept."""
    sender = _sender(store, deployment, rpc, transaction_key, limits)
    contracts = Contracts.of(deployment)
    return KeeperProgram(
        store,
        Keeper(store, rpc, contracts, sender, clock),
        Closer(store, contracts, sender, clock, least_payout=10**deployment.asset_decimals),
        Bookings(store, rpc, clock),
        Retention(store, Policy(deployment, clock), keep or Keep()),
    )


def assemble_closer(
    *,
    store: Store,
    deployment: Deployment,
    rpc: Rpc,
    clock: Clock,
    transaction_key: bytes,
    limits: Limits | None = None,
) -> Closer:
    """What `berth settle` needs."""
    sender = _sender(store, deployment, rpc, transaction_key, limits)
    return Closer(store, Contracts.of(deployment), sender, clock, eager=True)


def _sender(
    store: Store, deployment: Deployment, rpc: Rpc, key: bytes, limits: Limits | None
) -> Sender:
    return Sender(rpc, TransactionJournal(store), key, deployment.chain_id, limits=limits)
