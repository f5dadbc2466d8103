"""The report of a replay as tables for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from berth.cli.replay.report import Report, amounts, moment_text
from berth.core import ids

_REJECTED_SHOWN = 5


def show(report: Report, console: Console) -> None:
    """The report for people."""
    for table in (_summary(report), _spaces(report), _gas(report), _checks(report)):
        console.print(table)
        console.print()


def _summary(report: Report) -> Table:
    table = _table(f"Replay of {report.file}", "", "figure")
    table.columns[1].justify = "left"
    first, last = (moment_text(moment)[:16].replace("T", " ") for moment in report.period)
    timing, money = report.timing, report.currency.label
    table.add_row("rows usable / rejected", f"{report.rows_usable:,} / {len(report.rejected):,}")
    for row in report.rejected[:_REJECTED_SHOWN]:
        table.add_row("", f"[dim]line {row.line}: {row.reason}[/]")
    if len(report.rejected) > _REJECTED_SHOWN:
        rest = len(report.rejected) - _REJECTED_SHOWN
        table.add_row("", f"[dim]and {rest} more: --json names all[/]")
    table.add_row("period on the chain", f"{first} to {last}")
    table.add_row("spaces / drivers", f"{len(report.rows)} / {report.drivers}")
    table.add_row("leases asked", f"{report.asked:,}")
    table.add_row("leases granted", f"{report.granted:,}")
    share = f"{report.refused_share:.1%}"
    table.add_row("leases refused", f"{sum(report.refused.values()):,} ({share})")
    for reason, count in report.refused.items():
        table.add_row("", f"{count:,} × {reason}")
    for name in ("booked", "parked", "billed"):
        minutes = sum(getattr(row, f"{name}_minutes") for row in report.rows)
        table.add_row(f"minutes {name}", f"{minutes:,}")
    table.add_row("energy billed", f"{report.books.total('energy_wh') / 1000:,.1f} kWh")
    names = {"ownerShares": "owners' shares", "fees": f"fees ({report.fee_bps / 100:g} %)"}
    for name, amount in amounts(report.books):
        table.add_row(names.get(name, name), money(amount))
    total_gas = sum(total for _, total in report.gas.values())
    table.add_row("gas, all transactions", f"{total_gas:,}")
    table.add_row(
        "time",
        f"setup {timing.setup:.1f} s, play {timing.play:.1f} s, books {timing.reconcile:.1f} s",
    )
    table.add_row(
        "while playing",
        f"{timing.play_transactions:,} transactions in {timing.play_blocks:,} blocks,"
        f" {timing.per_second:.0f} a second",
    )
    return table


def _spaces(report: Report) -> Table:
    table = _table(
        "Spaces",
        *("space", "stalls", "asked", "granted", "refused", "booked h", "parked h"),
        *("utilisation", f"owner's share {report.currency.symbol}"),
    )
    for row in report.rows:
        table.add_row(
            ids.space_hex(row.space_id),
            *(
                f"{row.stalls}",
                f"{row.asked:,}",
                f"{row.granted:,}",
                f"{row.asked - row.granted:,}",
            ),
            *(f"{row.booked_minutes / 60:,.0f}", f"{row.parked_minutes / 60:,.0f}"),
            *(f"{row.utilisation:.1%}", report.currency.format(row.owner_share)),
        )
    return table


def _gas(report: Report) -> Table:
    table = _table("Gas", "verb", "calls", "mean", "total")
    for verb, (count, total) in report.gas.items():
        table.add_row(verb, f"{count:,}", f"{total / count:,.0f}", f"{total:,}")
    return table


def _checks(report: Report) -> Table:
    table = _table("Reconciliation (minor units)", "check", "expected", "found", "")
    for check in report.books.checks:
        mark = "[green]✓[/]" if check.holds else "[red]✗ differs[/]"
        table.add_row(check.name, _short(check.expected), _short(check.found), mark)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left")
    return table


def _short(value: int | str) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value[:10]}…{value[-8:]}" if len(value) == 66 else value
