"""The `berth` command: puts the parts together, turns refusals into a sentence and a code."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from berth.core.errors import BerthError

# name -> (module, attribute, help); imported only when asked for
COMMANDS: dict[str, tuple[str, str, str]] = {
    "up": ("berth.cli.up", "app", "run everything in one process, on embedded defaults"),
    "api": ("berth.cli.api", "app", "serve the HTTP API, as a process of its own"),
    "indexer": ("berth.cli.indexer", "app", "follow the chain, as a process of its own"),
    "relay": ("berth.cli.relay", "app", "serve the locks, as a process of its own"),
    "keeper": ("berth.cli.keeper", "app", "do the chain's chores, as a process of its own"),
    "signer": ("berth.cli.signer", "app", "hold the ticket key, as a process of its own"),
    "devices": ("berth.cli.devices", "app", "run the embedded broker and simulated locks"),
    "demo": ("berth.cli.demo", "app", "play one whole lease, told step by step"),
    "replay": ("berth.cli.replay", "app", "run recorded real stays through the contract"),
    "deploy": ("berth.cli.deploy", "app", "deploy and wire the contracts"),
    "titles": ("berth.cli.titles", "app", "import, publish and revoke a city's titles"),
    "attest": ("berth.cli.attest", "app", "attest owners, vehicles and locks"),
    "keys": ("berth.cli.keys", "app", "make keys in encrypted files"),
    "lock": ("berth.cli.lock", "app", "enrol and simulate locks"),
    "settle": ("berth.cli.settle", "app", "close leases that everybody forgot"),
    "commands": ("berth.cli.commands", "app", "list commands that were given up, and retry"),
    "incidents": ("berth.cli.incidents", "app", "list what went wrong, and resolve it"),
    "index": ("berth.cli.index", "app", "look at the index, make it anew, digest it"),
    "db": ("berth.cli.db", "app", "migrate, back up and restore the database"),
    "audit": ("berth.cli.audit", "app", "verify and export settlements"),
    "doctor": ("berth.cli.doctor", "app", "look at everything and name what is off"),
}


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, summary = COMMANDS[cmd_name]
        command = typer.main.get_command(getattr(importlib.import_module(module), attribute))
        command.name = cmd_name
        command.short_help = summary
        return command


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Berth: private parking spaces, shared by contracts that nobody has to trust.",
)


@app.callback()
def root() -> None:
    """Berth: private parking spaces, shared by contracts that nobody has to trust."""
    from berth.core.logs import configure_logs
    from berth.core.settings import LOG_FORMATS, LOG_LEVELS

    # Commands that run on set their own; a bad value is for the settings to name.
    level = os.environ.get("BERTH_LOG_LEVEL", "").strip().lower()
    form = os.environ.get("BERTH_LOG_FORMAT", "").strip().lower()
    configure_logs(
        level if level in LOG_LEVELS else "warning", form if form in LOG_FORMATS else "text"
    )


def main() -> None:
    """Entry point of the console script: a refusal is one sentence and its exit code."""
    try:
        app()
    except BerthError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
