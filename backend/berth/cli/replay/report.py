"""What a replay came to: one set of figures, and its JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from berth.cli.replay.books import Books
from berth.cli.replay.play import Played
from berth.cli.replay.schedule import Ask
from berth.cli.replay.sessions import Rejected, Sessions
from berth.cli.replay.waves import Waves
from berth.cli.replay.world import World
from berth.core import ids
from berth.core.addresses import checksum
from berth.core.money import Currency
from berth.core.slots import SLOT_MINUTES, SLOT_SECONDS


@dataclass(frozen=True)
class Timing:
    """Wall-clock seconds of the three phases, and what was sent while playing."""

    setup: float
    play: float
    reconcile: float
    play_transactions: int
    play_blocks: int

    @property
    def per_second(self) -> float:
        return self.play_transactions / self.play if self.play else 0.0


@dataclass(frozen=True)
class SpaceRow:
    """One space; minutes of granted leases: booked, parked (by the recorded times), billed."""

    space_id: int
    owner: str
    stalls: int
    asked: int
    granted: int
    booked_minutes: int
    parked_minutes: int
    billed_minutes: int
    owner_share: int
    period_minutes: int

    @property
    def utilisation(self) -> float:
        """Part of the period that a car stood there."""
        return self.parked_minutes / self.period_minutes if self.period_minutes else 0.0


@dataclass(frozen=True)
class Report:
    """All figures of one replay. Amounts in minor units of the currency."""

    file: str
    rows_usable: int
    rejected: list[Rejected]
    drivers: int
    period: tuple[int, int]
    refused: dict[str, int]
    rows: list[SpaceRow]
    books: Books
    gas: dict[str, tuple[int, int]]
    timing: Timing
    currency: Currency
    fee_bps: int

    @property
    def asked(self) -> int:
        return sum(row.asked for row in self.rows)

    @property
    def granted(self) -> int:
        return sum(row.granted for row in self.rows)

    @property
    def refused_share(self) -> float:
        return sum(self.refused.values()) / self.asked


def make_report(
    file: str,
    sessions: Sessions,
    asks: Sequence[Ask],
    played: Played,
    world: World,
    books: Books,
    waves: Waves,
    timing: Timing,
) -> Report:
    """Gathers the figures. The period runs from the first window's start to the last one's end."""
    period = (
        min(ask.start_slot for ask in asks) * SLOT_SECONDS,
        max(ask.end_slot for ask in asks) * SLOT_SECONDS,
    )
    return Report(
        file=file,
        rows_usable=len(sessions.stays),
        rejected=sessions.rejected,
        drivers=len(world.drivers),
        period=period,
        refused=dict(Counter(played.refused.values()).most_common()),
        rows=_space_rows(asks, played, world, books, (period[1] - period[0]) // 60),
        books=books,
        gas={verb: (meter.count, meter.total) for verb, meter in waves.gas.items()},
        timing=timing,
        currency=world.deployment.currency,
        fee_bps=world.deployment.fee_bps,
    )


def _space_rows(
    asks: Sequence[Ask], played: Played, world: World, books: Books, period_minutes: int
) -> list[SpaceRow]:
    rows = []
    for index, space in enumerate(world.spaces):
        mine = [ask for ask in asks if ask.space == index]
        granted = [ask for ask in mine if ask.number in played.granted]
        bills = [books.bills[played.granted[ask.number]] for ask in granted]
        parked = sum(ask.stay.plugged_out - ask.stay.plugged_in for ask in granted)
        rows.append(
            SpaceRow(
                space_id=space.id,
                owner=space.owner,
                stalls=len({ask.stay.user for ask in mine}),
                asked=len(mine),
                granted=len(granted),
                booked_minutes=SLOT_MINUTES * sum(ask.slots for ask in granted),
                parked_minutes=parked // 60,
                billed_minutes=sum(bill.billed_minutes for bill in bills),
                owner_share=sum(bill.owner for bill in bills),
                period_minutes=period_minutes,
            )
        )
    return rows


def as_json(report: Report) -> dict[str, Any]:
    """The report for programs: amounts as decimal text of minor units, times in RFC 3339 UTC."""
    books, timing = report.books, report.timing
    return {
        "file": report.file,
        "rowsUsable": report.rows_usable,
        "rowsRejected": [{"line": row.line, "reason": row.reason} for row in report.rejected],
        "drivers": report.drivers,
        "from": moment_text(report.period[0]),
        "until": moment_text(report.period[1]),
        "currency": {"symbol": report.currency.symbol, "decimals": report.currency.decimals},
        "feeBps": report.fee_bps,
        "leases": {
            "asked": report.asked,
            "granted": report.granted,
            "refused": report.refused,
            "refusedShare": round(report.refused_share, 4),
        },
        "minutes": {
            "booked": sum(row.booked_minutes for row in report.rows),
            "parked": sum(row.parked_minutes for row in report.rows),
            "billed": sum(row.billed_minutes for row in report.rows),
        },
        "energyWh": books.total("energy_wh"),
        "money": {name: str(amount) for name, amount in amounts(books)},
        "spaces": [
            {
                "spaceId": ids.space_hex(row.space_id),
                "owner": checksum(row.owner),
                "stalls": row.stalls,
                "asked": row.asked,
                "granted": row.granted,
                "bookedMinutes": row.booked_minutes,
                "parkedMinutes": row.parked_minutes,
                "billedMinutes": row.billed_minutes,
                "utilisation": round(row.utilisation, 4),
                "ownerShare": str(row.owner_share),
            }
            for row in report.rows
        ],
        "gas": {
            verb: {"count": count, "total": total, "mean": round(total / count)}
            for verb, (count, total) in report.gas.items()
        },
        "checks": [
            {
                "name": check.name,
                "expected": str(check.expected),
                "found": str(check.found),
                "holds": check.holds,
            }
            for check in books.checks
        ],
        "seconds": {
            "setup": round(timing.setup, 2),
            "play": round(timing.play, 2),
            "reconcile": round(timing.reconcile, 2),
        },
        "playTransactions": timing.play_transactions,
        "playBlocks": timing.play_blocks,
        "transactionsPerSecond": round(timing.per_second, 1),
    }


def amounts(books: Books) -> list[tuple[str, int]]:
    """The sums of the books by name, minor units."""
    return [
        ("deposits", books.deposits),
        ("rent", books.total("rent")),
        ("energy", books.total("energy")),
        ("overstay", books.total("overstay")),
        ("revenue", books.revenue),
        ("ownerShares", books.owner_shares),
        ("fees", books.total("fee")),
        ("refunds", books.total("refund")),
    ]


def moment_text(at: int) -> str:
    """Unix seconds in RFC 3339 UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
