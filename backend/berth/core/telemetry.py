"""Counters of one process, in Prometheus' terms: every part counts here, whoever serves them reads
`REGISTRY`.

What can be counted in the database (rows by state, the index's block) is not here: the API's
`/metrics` reads it from there, once for all processes.
"""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

# ---- nodes

#: `node` is scheme, host and port: the rest of an address may hold a key.
RPC_REQUESTS = Counter(
    "berth_rpc_requests",
    "Requests to a node, tries included",
    ("node", "method"),
    registry=REGISTRY,
)
#: `kind`: timeout, transport, status (HTTP), answer (no proper JSON-RPC), error (the node's own).
RPC_ERRORS = Counter(
    "berth_rpc_errors", "Requests that failed", ("node", "method", "kind"), registry=REGISTRY
)
RPC_SECONDS = Histogram(
    "berth_rpc_seconds",
    "Time to a node's answer, one try",
    ("node", "method"),
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=REGISTRY,
)
NODE_SWITCHES = Counter(
    "berth_node_switches", "Changes to another node, by the new one", ("node",), registry=REGISTRY
)

# ---- index

INDEX_BLOCKS = Counter("berth_index_blocks", "Blocks indexed", registry=REGISTRY)
INDEX_EVENTS = Counter("berth_index_events", "Contract events indexed", registry=REGISTRY)
#: Its count is how many there were, its buckets how deep.
INDEX_REORG_BLOCKS = Histogram(
    "berth_index_reorg_blocks",
    "Blocks taken back by a reorg",
    buckets=(1, 2, 3, 6, 12, 32, 64),
    registry=REGISTRY,
)

# ---- relay

#: `step`: published = eligible until its ticket left; done = from there to the lock's outcome.
COMMAND_SECONDS = Histogram(
    "berth_command_seconds",
    "Time that a command to a lock spent",
    ("action", "step"),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120),
    registry=REGISTRY,
)
#: `direction`: in, out; `leaf`: the last part of the topic.
MQTT_MESSAGES = Counter(
    "berth_mqtt_messages", "Messages from and to locks", ("direction", "leaf"), registry=REGISTRY
)
MQTT_LOSSES = Counter("berth_mqtt_losses", "Lost connections to the broker", registry=REGISTRY)

# ---- keeper

FORGOTTEN = Counter(
    "berth_rows_forgotten",
    "Rows whose time was over",
    ("table",),
    registry=REGISTRY,
)

# ---- signer

#: `kind`: ticket, grant, receipt.
SIGNED = Counter("berth_signer_signatures", "What was signed", ("kind",), registry=REGISTRY)
SIGNER_REFUSALS = Counter(
    "berth_signer_refusals", "What was not signed, by code", ("code",), registry=REGISTRY
)

# ---- database

DATABASE_ERRORS = Counter(
    "berth_database_errors", "Statements that failed, by kind", ("kind",), registry=REGISTRY
)


def rpc(node: str, method: str, seconds: float, error: str | None = None) -> None:
    """One try of one request. `error` is the kind of failure, None when it was answered."""
    RPC_REQUESTS.labels(node, method).inc()
    if error is None:
        RPC_SECONDS.labels(node, method).observe(seconds)
    else:
        RPC_ERRORS.labels(node, method, error).inc()
