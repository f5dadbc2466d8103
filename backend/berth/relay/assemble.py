"""Puts a relay together."""

from __future__ import annotations

from berth.chain.contracts import Contracts
from berth.chain.rpc import Rpc
from berth.chain.sender import Sender
from berth.core.clock import Clock
from berth.core.deployment import Deployment
from berth.core.sealed import Sealer
from berth.devices.mqtt import BrokerLogin
from berth.relay.closer import Closer
from berth.relay.keeper import Keeper
from berth.relay.policy import Policy
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
    day_keys: DayKeys,
    transaction_key: bytes,
    broker: BrokerLogin,
    confirmations: int | None = None,
    signer_rpc: Rpc | None = None,
) -> Relay:
    """A relay with its signer and keeper in one process.

    `transaction_key` (32 bytes) pays for evidence and is no ticket key; `signer_rpc` is the
    signer's own node where it has one; `confirmations` overrides the depth policy.
    """
    policy = Policy(deployment, clock, confirmations)
    return Relay(
        store=store,
        policy=policy,
        clock=clock,
        sealer=sealer,
        signer=Signer(day_keys, signer_rpc or rpc, policy),
        keeper=assemble_keeper(
            store=store,
            deployment=deployment,
            rpc=rpc,
            clock=clock,
            transaction_key=transaction_key,
        ),
        broker=broker,
    )


def assemble_keeper(
    *, store: Store, deployment: Deployment, rpc: Rpc, clock: Clock, transaction_key: bytes
) -> Keeper:
    """A keeper of its own, for the relay."""
    sender = Sender(rpc, TransactionJournal(store), transaction_key, deployment.chain_id)
    return Keeper(store, rpc, Contracts.of(deployment), sender, clock)


def assemble_closer(
    *, store: Store, deployment: Deployment, rpc: Rpc, clock: Clock, transaction_key: bytes
) -> Closer:
    """What `berth settle` needs."""
    sender = Sender(rpc, TransactionJournal(store), transaction_key, deployment.chain_id)
    return Closer(store, Contracts.of(deployment), sender, clock)
