"""Runs the Brownie deploy script as a child process and hands back the deployment it wrote."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from berth.chain.child import dying_with_parent
from berth.chain.rpc import Rpc
from berth.core.deployment import Deployment, load_deployment, save_deployment
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.settings import Settings

#: A first run compiles the contracts; on a slow machine with the npm compiler that takes minutes.
LIMIT_SECONDS = 900.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


async def run_deploy(
    settings: Settings,
    config: Mapping[str, Any],
    out: Path,
    *,
    rpc_url: str | None = None,
    keystore: Path | None = None,
    password_file: Path | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Deployment:
    """Deploys with the script's configuration `config` and writes the deployment to `out`.

    `rpc_url` goes before the settings' one. Without a keystore the first unlocked account of a
    local node deploys. Output goes to deploy.log in the data folder, and line by line to `on_line`.
    Raises BerthError chain.deploy with the script's last words; `out` is then as it was.
    """
    root = _repository()
    settings.home.mkdir(parents=True, exist_ok=True)
    draft = settings.home / "deployment.new"
    draft.unlink(missing_ok=True)
    config_file = settings.home / "deploy-config.json"
    config_file.write_text(json.dumps(dict(config), indent=2) + "\n", "utf-8")
    environment = {
        **os.environ,
        "BERTH_RPC_URL": rpc_url or settings.rpc_url,
        "BERTH_DEPLOY_CONFIG": str(config_file),
        "BERTH_DEPLOYMENT_OUT": str(draft),
    }
    for name, path in (
        ("BERTH_DEPLOYER_KEYSTORE", keystore),
        ("BERTH_DEPLOYER_PASSWORD_FILE", password_file),
    ):
        if path is None:
            environment.pop(name, None)
        else:
            environment[name] = str(path.absolute())
    command = [str(root / "scripts" / "brownie"), "run", "scripts/deploy.py", "--network", "berth"]
    log = settings.home / "deploy.log"
    status, lines = await _run(command, root, environment, log, on_line)
    # Brownie has ended with status 0 after a failed script: what counts is the file
    if status != 0 or not draft.exists():
        raise _failure(lines, log)
    deployment = await _with_code_hashes(load_deployment(draft), rpc_url or settings.rpc_url)
    save_deployment(deployment, out)
    draft.unlink()
    return deployment


async def _with_code_hashes(deployment: Deployment, rpc_url: str) -> Deployment:
    """With what stands at its addresses now: whoever looks later can see whether it still does."""
    async with Rpc(rpc_url) as rpc:
        hashes = {
            name: "0x" + keccak(await rpc.code(address)).hex()
            for name in ("titles", "market", "forwarder", "timelock", "lens", "extension")
            if (address := getattr(deployment, name)) is not None
        }
    return replace(deployment, code_hashes=hashes)


def _repository() -> Path:
    """The folder with contracts and scripts: an installed package alone cannot deploy."""
    for folder in (Path.cwd(), *Path(__file__).resolve().parents):
        if (folder / "scripts" / "brownie").exists() and (folder / "contracts").is_dir():
            return folder
    message = "deploying needs the repository: run it there, where scripts/brownie is"
    raise BerthError("chain.deploy", message)


async def _run(
    command: list[str],
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    on_line: Callable[[str], None] | None,
) -> tuple[int, list[str]]:
    process = await asyncio.create_subprocess_exec(
        *dying_with_parent(command),
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    lines: list[str] = []
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            with log.open("w", encoding="utf-8") as file:
                assert process.stdout is not None  # noqa: S101  # asked for above
                async for raw in process.stdout:
                    line = _COLOUR.sub("", raw.decode("utf-8", "replace")).rstrip()
                    file.write(line + "\n")
                    if line.strip():
                        lines.append(line.strip())
                        if on_line is not None:
                            on_line(line.strip())
            return await process.wait(), lines
    except TimeoutError:
        message = f"the deploy script did not end within {LIMIT_SECONDS:.0f} s; see {log}"
        raise BerthError("chain.deploy", message) from None
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def _failure(lines: list[str], log: Path) -> BerthError:
    """The script's last words: the error's own line where there is one, else the last three."""
    errors = [line for line in lines if re.search(r"(Error|Exception|scripts/brownie):? ", line)]
    last = errors[-1:] or lines[-3:] or ["it said nothing"]
    return BerthError("chain.deploy", f"the deploy script failed: {' / '.join(last)} (see {log})")
