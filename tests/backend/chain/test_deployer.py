"""Running the deploy script: its failures in one sentence, and nothing half-written."""

from __future__ import annotations

from pathlib import Path

import pytest
from berth.chain import deployer
from berth.chain.deployer import run_deploy
from berth.core.errors import BerthError
from berth.core.settings import load_settings


def script(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository whose scripts/brownie is this shell script."""
    (folder / "scripts").mkdir()
    (folder / "contracts").mkdir()
    program = folder / "scripts" / "brownie"
    program.write_text("#!/bin/sh\n" + text)
    program.chmod(0o755)
    monkeypatch.setattr(deployer, "_repository", lambda: folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo one; echo 'ConfigError: unknown keys: nope'; exit 1", "unknown keys: nope"),
        ("printf '\\033[31mRuntimeError: red\\033[0m\\n'; exit 0", "RuntimeError: red"),
        ("echo a; echo b; exit 3", "a / b"),
        ("exit 0", "it said nothing"),
    ],
)
async def test_a_failed_script_is_quoted_and_leaves_the_old_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    script(tmp_path, text, monkeypatch)
    settings = load_settings({"BERTH_HOME": str(tmp_path / "home")})
    out = tmp_path / "home" / "deployment.json"
    out.parent.mkdir()
    out.write_text("the old one")
    with pytest.raises(BerthError) as caught:
        await run_deploy(settings, {}, out)
    assert caught.value.code == "chain.deploy"
    assert said in caught.value.message
    assert "deploy.log" in caught.value.message
    assert "\x1b" not in caught.value.message
    assert out.read_text() == "the old one"


async def test_a_deployment_that_makes_no_sense_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, 'echo "{}" > "$BERTH_DEPLOYMENT_OUT"', monkeypatch)
    settings = load_settings({"BERTH_HOME": str(tmp_path / "home")})
    out = tmp_path / "deployment.json"
    with pytest.raises(BerthError) as caught:
        await run_deploy(settings, {}, out)
    assert caught.value.code == "deployment.missing"
    assert not out.exists()


async def test_the_script_gets_its_environment_and_its_lines_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(
        tmp_path,
        'echo "at $BERTH_RPC_URL"; cat "$BERTH_DEPLOY_CONFIG"; echo "key $BERTH_DEPLOYER_KEYSTORE"',
        monkeypatch,
    )
    monkeypatch.setenv("BERTH_DEPLOYER_KEYSTORE", "of another time")
    settings = load_settings({"BERTH_HOME": str(tmp_path / "home")})
    lines: list[str] = []
    with pytest.raises(BerthError):
        await run_deploy(
            settings,
            {"feeBps": 300},
            tmp_path / "out.json",
            rpc_url="http://127.0.0.1:1",
            on_line=lines.append,
        )
    assert lines[0] == "at http://127.0.0.1:1"
    assert '"feeBps": 300' in lines
    assert lines[-1] == "key"
    assert (tmp_path / "home" / "deploy.log").read_text().splitlines()[0] == lines[0]
