"""`berth titles`: a city's titles, from its files into the library and onto the chain."""

from __future__ import annotations

import typer

from berth.cli.titles import anchor, library

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Import, publish and revoke a city's titles.",
)
app.command("import")(library.import_file)
app.command()(anchor.publish)
app.command()(anchor.revoke)
app.command()(library.take)
app.command("list")(library.list_cities)
