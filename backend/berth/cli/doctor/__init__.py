"""`berth doctor`: holds chain, index and broker against each other and names what is off."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from dataclasses import asdict

import typer

from berth.cli.doctor.finding import Finding, Level

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

#: Rows of a kind that `--quick` compares with the chain.
SAMPLE = 50
_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.TROUBLE: "red"}


@app.command()
def doctor(
    quick: bool = typer.Option(False, "--quick", help="Compare a sample of rows with the chain."),
    deep: bool = typer.Option(
        False, "--deep", help="Also make the index anew from its raw logs, beside it, and compare."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
    within: float = typer.Option(120.0, min=1.0, help="Seconds that a topic may take."),
) -> None:
    """Look at everything and say what is off and what to do. Nothing is changed.

    Exit code 0 when all is well (perhaps with warnings), 1 with trouble.
    """
    from berth.cli.doctor.examination import examine
    from berth.cli.platform.running import settings_here

    logging.disable(logging.ERROR)  # what is off is told as a finding
    try:
        findings = asyncio.run(
            examine(settings_here(), sample=SAMPLE if quick else None, deep=deep, within=within)
        )
    finally:
        logging.disable(logging.NOTSET)
    if as_json:
        sys.stdout.write(json.dumps(_document(findings), indent=2, ensure_ascii=False) + "\n")
    else:
        _print(findings)
    if _worst(findings) is Level.TROUBLE:
        raise typer.Exit(1)


def _document(findings: list[Finding]) -> dict[str, object]:
    return {"result": _worst(findings).value, "findings": [asdict(one) for one in findings]}


def _worst(findings: list[Finding]) -> Level:
    order = list(Level)
    return max((one.level for one in findings), key=order.index, default=Level.OK)


def _print(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("check", "", "what, and what to do", box=None, pad_edge=False)
    for one in findings:
        level = Text(one.level.value, style=_STYLES[one.level])
        words = Text(one.says) if not one.do else Text(f"{one.says}\n-> {one.do}")
        table.add_row(Text(one.check), level, words)
    console = Console()
    console.print(table)
    counts = {level: sum(one.level is level for one in findings) for level in Level}
    console.print(
        f"{counts[Level.TROUBLE]} in trouble, {counts[Level.WARNING]} warnings,"
        f" {counts[Level.OK]} well",
        highlight=False,
    )
