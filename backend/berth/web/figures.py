"""The platform's figures for Prometheus, read from the database: the same from every process.

What the database does not tell at the moment is left out, not told as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from berth.market.operations import ROLES, Work
from berth.market.sponsor_purse import Purse

if TYPE_CHECKING:
    from berth.web.status import Holdings, PlatformStatus

_OUTBOX = ("new", "claimed", "done", "cancelled", "dead")
_EVIDENCE = ("received", "submitted", "mined", "refused")
_TRANSACTIONS = ("signed", "sent", "mined", "reverted", "dropped", "replaced")


class PlatformFigures(Collector):
    """Told by the newest status; nothing before the first."""

    def __init__(self) -> None:
        self.status: PlatformStatus | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing: what there is depends on what can be read."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The families of the newest status."""
        status = self.status
        if status is None:
            return
        yield _labelled(
            "berth_check_ok",
            "1: the part answers as it must",
            "check",
            {check.name: int(check.ok) for check in status.found.checks},
        )
        yield from _index(status)
        if status.held is not None:
            yield from _holdings(status.held)
            yield from _work(status.held.work, status.spend_cap)
        yield from _sponsor(status.sponsor)


def _index(status: PlatformStatus) -> Iterator[Metric]:
    index = status.index
    if index is None:
        return
    yield _gauge("berth_index_block", "Newest indexed block", index.block)
    yield _gauge("berth_index_head_block", "Newest block of the node", index.head)
    yield _gauge("berth_index_lag_blocks", "Blocks behind the node", index.lag)
    yield _gauge(
        "berth_index_lag_seconds", "Age of the newest indexed block", status.found.lag_seconds
    )
    yield _gauge(
        "berth_index_block_timestamp_seconds", "Time of the newest indexed block", index.block_at
    )
    yield _gauge(
        "berth_index_beat_timestamp_seconds", "Last sign of life of the index", index.updated_at
    )


def _holdings(held: Holdings) -> Iterator[Metric]:
    sums = held.totals
    yield _gauge("berth_spaces", "Registered spaces", sums.spaces)
    yield _gauge("berth_open_leases", "Leases with money in escrow", sums.open_leases)
    yield _gauge("berth_settlements", "Settlements in the ledger", sums.settlements)
    yield _gauge("berth_escrow_minor_units", "Deposits of open leases", sums.escrow)
    yield _gauge("berth_locks", "Locks heard of", held.locks)
    yield _gauge("berth_locks_online", "Locks online", held.locks_online)


def _work(work: Work, spend_cap: int) -> Iterator[Metric]:
    yield _labelled("berth_outbox_rows", "Outbox by state", "state", work.outbox, _OUTBOX)
    yield _gauge(
        "berth_outbox_oldest_seconds", "How long the oldest row has waited", work.outbox_age
    )
    commands = GaugeMetricFamily(
        "berth_commands", "Commands to locks by action and state", labels=("action", "state")
    )
    for (action, state), count in work.commands.items():
        commands.add_metric((action, state), count)
    yield commands
    yield _gauge("berth_commands_late", "Commands beyond their deadline", work.commands_late)
    yield _labelled(
        "berth_evidence_rows", "Locks' records by state", "state", work.evidence, _EVIDENCE
    )
    yield _gauge(
        "berth_evidence_oldest_seconds",
        "How long the oldest record is not on the chain",
        work.evidence_age,
    )
    yield _labelled(
        "berth_transactions",
        "Transactions of the platform's keys by state",
        "state",
        work.transactions,
        _TRANSACTIONS,
    )
    yield _gauge("berth_spent_today_wei", "Gas paid and at stake today, UTC", work.spent)
    yield _gauge("berth_spend_cap_wei", "What may be spent on gas a day", spend_cap)
    yield _labelled("berth_incidents_open", "Open incidents by kind", "kind", work.incidents)
    yield _gauge("berth_dead_letters", "Outbox rows and commands given up", work.dead)
    yield CounterMetricFamily(
        "berth_index_reorgs", "Reorgs since the index was made", value=work.reorgs.count
    )
    yield _gauge("berth_index_deepest_reorg_blocks", "The deepest of them", work.reorgs.deepest)
    yield from _roles(work)


def _sponsor(purse: Purse | None) -> Iterator[Metric]:
    """Without a sponsor, or while it cannot be asked, the families are there and hold nothing."""
    told: tuple[tuple[str, str, Callable[[Purse], int]], ...] = (
        ("balance_wei", "What the sponsor's account has", lambda one: one.balance),
        ("calls_left", "Calls that it pays for at today's price of gas", lambda one: one.calls),
        ("calls_warn", "Below so many it is low", lambda one: one.warn),
        ("waiting", "Calls that it brought and are out", lambda one: one.waiting.count),
        ("oldest_seconds", "How long the oldest of them is out", lambda one: one.waiting.oldest),
    )
    for name, text, figure in told:
        family = GaugeMetricFamily(f"berth_sponsor_{name}", text)
        if purse is not None:
            family.add_metric((), figure(purse))
        yield family


def _roles(work: Work) -> Iterator[Metric]:
    living = dict.fromkeys(ROLES, 0)
    beats = GaugeMetricFamily(
        "berth_role_beat_timestamp_seconds", "Last sign of life", labels=("role", "name")
    )
    for role in work.roles:
        living[role.role] = living.get(role.role, 0) + (not role.silent(work.now))
        beats.add_metric((role.role, role.name), role.beat_at)
    yield _labelled("berth_roles_alive", "Living processes", "role", living)
    yield beats


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _labelled(
    name: str, text: str, label: str, values: Mapping[str, int], known: Iterable[str] = ()
) -> Metric:
    """A sample for each label; 0 for known ones of which there is nothing to count."""
    family = GaugeMetricFamily(name, text, labels=(label,))
    for key, value in (dict.fromkeys(known, 0) | dict(values)).items():
        family.add_metric((key,), value)
    return family
