"""`berth deploy`: deploy and wire the contracts, write the deployment file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from berth.chain.deployer import run_deploy
from berth.core.deployment import deployment_json
from berth.core.errors import BerthError
from berth.core.settings import load_settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def deploy(
    config: Path | None = typer.Option(
        None,
        help="JSON with feeBps, timelockDelay, proposers, executors, guardian, arbiter, attesters, "
        "authorities, asset.",
    ),
    out: Path | None = typer.Option(None, help="Deployment file to write."),
    keystore: Path | None = typer.Option(
        None, help="Deployer's keystore; a local node's first account deploys without one."
    ),
    password_file: Path | None = typer.Option(None, help="File with the keystore's password."),
    force: bool = typer.Option(False, help="Replace an existing deployment file."),
    as_json: bool = typer.Option(False, "--json", help="Print the deployment as JSON."),
) -> None:
    """Deploy titles, market, forwarder and timelock to the node at BERTH_RPC_URL."""
    settings = load_settings()
    target = out or settings.deployment
    if target.exists() and not force:
        message = f"{target} exists: give --force to replace it, or another --out"
        raise BerthError("deployment.exists", message, field="out", exit_code=2)
    if keystore is not None and password_file is None:
        message = "give the file with the keystore's password"
        raise BerthError("deploy.password", message, field="password-file", exit_code=2)
    console = Console(stderr=True)
    with console.status("deploying…") as status:
        deployment = asyncio.run(
            run_deploy(
                settings,
                _read(config),
                target,
                keystore=keystore,
                password_file=password_file,
                on_line=lambda line: status.update(f"deploying… {line[:100]}"),
            )
        )
    if as_json:
        typer.echo(json.dumps(deployment_json(deployment), indent=2))
        return
    typer.echo(f"market {deployment.market} on chain {deployment.chain_id}, written to {target}")


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot read {path}: {error}"
        raise BerthError("deploy.config", message, field="config", exit_code=2) from error
    except ValueError as error:
        message = f"{path} is not JSON: {error}"
        raise BerthError("deploy.config", message, field="config", exit_code=2) from error
    if not isinstance(document, dict):
        raise BerthError("deploy.config", "must be an object", field="config", exit_code=2)
    return document
