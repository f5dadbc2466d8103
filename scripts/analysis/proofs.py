"""Prove tests/forge with Halmos: no `check_` can fail, and every `canary_` does.

A proof counts when the solver answered, at least one path came through, and no loop was cut short.
A contract without a canary is refused: nothing would show that its proofs are not empty.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "scripts" / "analysis" / "forge" / "node_modules" / "@foundry-rs"
HALMOS = ROOT / ".venv-analysis" / "bin" / "halmos"
PROVEN, REFUTED = 0, 1

OPTIONS = [
    "--root=.",
    "--forge-build-out=build/forge",
    "--match-test=^(check|canary)_",
    # a stay touches four words of the calendar at most
    "--loop=5",
    # long enough to see that a path is none
    "--solver-timeout-branching=500ms",
    "--solver-timeout-assertion=600s",
    "--no-status",
]


def forge() -> Path:
    """The one that npm chose for this machine."""
    found = sorted(MODULES.glob("forge-*/bin/forge*"))
    if not found:
        sys.exit("proofs: there is no Forge for this machine, or `make analyze` did not install it")
    return found[0]


def prove(program: Path) -> dict[str, list[dict[str, Any]]]:
    """Halmos' results by contract."""
    with tempfile.NamedTemporaryFile(suffix=".json") as answer:
        env = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
        ended = subprocess.run(
            [HALMOS, *OPTIONS, f"--json-output={answer.name}", *sys.argv[1:]],
            cwd=ROOT,
            env=env,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        text = Path(answer.name).read_text("utf-8")
        if not text:
            sys.exit(f"{ended.stdout}\nproofs: Halmos gave no answer")
        results: dict[str, list[dict[str, Any]]] = json.loads(text)["test_results"]
        return results


def failing(test: dict[str, Any]) -> str | None:
    """Why a result is not what its name promises."""
    _, came_through, _ = test["num_paths"]
    if test["name"].startswith("canary_"):
        valid = any(model["is_valid"] for model in test["models"])
        return None if test["exitcode"] == REFUTED and valid else "should be refuted and is not"
    if test["exitcode"] == REFUTED:
        values = [
            f"{v['variable_name']} = {v['value']}"
            for model in test["models"]
            for v in model["model"].values()
        ]
        return f"refuted by {', '.join(values)}"
    if test["exitcode"] != PROVEN:
        return (
            f"not proven: Halmos ended it with {test['exitcode']} (3: the solver ran out of time)"
        )
    if test["num_bounded_loops"]:
        return "a loop was cut short"
    return None if came_through else "no path came through: the assumptions exclude everything"


def main() -> int:
    began = time.monotonic()
    results = prove(forge())
    wrong = checks = canaries = 0
    for contract, tests in sorted(results.items()):
        for test in tests:
            name = test["name"].split("(")[0]
            is_canary = name.startswith("canary_")
            canaries += is_canary
            checks += not is_canary
            problem = failing(test)
            seconds = test["time"][0]
            print(
                f"  {problem or ('refuted' if is_canary else 'proven')}: {name} ({seconds:.0f} s)"
            )
            if problem:
                wrong += 1
                print(f"proofs: {contract}: {name}: {problem}", file=sys.stderr)
        if not any(test["name"].startswith("canary_") for test in tests):
            wrong += 1
            print(f"proofs: {contract} has no canary", file=sys.stderr)
    for file in sorted((ROOT / "tests" / "forge").glob("*.t.sol")):
        if not any(file.name in contract for contract in results):
            wrong += 1
            print(f"proofs: nothing was proven of {file.name}", file=sys.stderr)
    if wrong:
        return 1
    print(
        f"proofs: {checks} proven, {canaries} canaries refuted as they must be, "
        f"in {time.monotonic() - began:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
