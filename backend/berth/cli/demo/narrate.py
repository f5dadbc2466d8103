"""The demo's voice: numbered steps, facts, transactions, and tables, in plain words."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from berth.chain.wire import Receipt
from berth.core.errors import BerthError


@dataclass
class Spent:
    """One transaction: who sent it, what it did, what it used."""

    who: str
    what: str
    tx_hash: str
    gas: int


@dataclass
class Narrator:
    """Tells the story and keeps the list of transactions for its end."""

    console: Console
    step_number: int = 0
    spent: list[Spent] = field(default_factory=list)
    current: str = ""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One step; a failure inside it names it."""
        self.step_number += 1
        self.current = f"step {self.step_number}, {title}"
        self.console.print(f"\n[bold cyan]{self.step_number:>2}[/] [bold]{title}[/]")
        started = time.monotonic()
        try:
            yield
        except BerthError as error:
            raise BerthError(
                error.code, f"{self.current}: {error}", exit_code=error.exit_code or 1
            ) from error
        self.console.print(f"   [dim]{time.monotonic() - started:.1f} s[/]")

    def say(self, text: str) -> None:
        self.console.print(f"   {text}")

    def reasons(self, sentences: Sequence[str]) -> None:
        """Reasons for a refusal, one a line."""
        for sentence in sentences:
            self.console.print(f"   [yellow]✗[/] {escape(sentence)}")

    def sent(self, who: str, what: str, receipt: Receipt) -> None:
        """A mined transaction."""
        self.spent.append(Spent(who, what, receipt.transaction_hash, receipt.gas_used))
        self.console.print(f"   [green]✓[/] {who}: {what}")
        self.console.print(
            f"     [dim]tx {receipt.transaction_hash} · block {receipt.block_number} · "
            f"gas {receipt.gas_used:,}[/]",
            soft_wrap=True,
        )

    def table(
        self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], words: Set[int]
    ) -> None:
        """A table; the columns numbered in `words` hold words, the others figures."""
        table = Table(title=title, title_justify="left", header_style="bold")
        for number, name in enumerate(columns):
            table.add_column(name, justify="left" if number in words else "right")
        for row in rows:
            table.add_row(*row)
        self.console.print(table)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """A spinner (a plain line where there is no terminal) while something takes its time."""
        if self.console.is_terminal:
            with self.console.status(f"   {text} …"):
                yield
        else:
            yield
