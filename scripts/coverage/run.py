"""Which statements and branches of contracts/ the contract tests run: `make coverage`.

Brownie's own coverage does not see through the compiler's IR pipeline, and Forge's sees no Brownie
test. So: a copy of the contracts is compiled through the same pipeline without optimisation, which
keeps statement and instruction together; the tests run on it, on a Ganache that notes every
instruction (steps.js); measure.py finds the statements again.

Left out: tests of gas and of code size, which are of the optimised code, and random sequences. A
probe runs along whose gaps are known: when they are not found, nothing is believed.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from measure import measure, read_programs, read_runs
from sources import Source, read_sources

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / ".cache" / "coverage"
REPORT = ROOT / "build" / "coverage"
PROBE = "contracts/CoverageProbe.sol"
LEAST = 95.0

COPIED = ["contracts", "tests/contracts", "scripts", "package-lock.json", "brownie-config.yaml"]
LINKED = ["backend", "docs", "node_modules", ".venv-contracts", ".home/.solcx"]
IGNORED = ["tests/contracts/gas", "tests/contracts/stateful", "tests/contracts/lifecycle"]
DESELECTED = [
    "tests/contracts/test_deployment.py::TestWiring::test_every_contract_is_below_the_size_limit_with_room",
    "tests/contracts/test_lens.py::TestDeployment::test_it_is_below_the_size_limit_with_room",
]


def prepare() -> None:
    """The copy; what was compiled in it before stays, for as long as it fits."""
    for name in COPIED:
        there = TREE / name
        shutil.rmtree(there, ignore_errors=True)
        there.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, there, ignore=shutil.ignore_patterns("node_modules"))
        else:
            shutil.copy2(ROOT / name, there)
    for name in LINKED:
        there = TREE / name
        there.parent.mkdir(parents=True, exist_ok=True)
        there.unlink(missing_ok=True)
        there.symlink_to(ROOT / name)
    shutil.copy2(ROOT / "tests" / "analysis" / "CoverageProbe.sol", TREE / PROBE)
    shutil.copy2(
        ROOT / "tests" / "analysis" / "coverage_probe.py",
        TREE / "tests" / "contracts" / "test_coverage_probe.py",
    )
    (TREE / "brownie-config.yaml").write_text(json.dumps(settings(), indent=1))


def settings() -> dict[str, Any]:
    """Brownie's, without the optimiser's steps (before the colon) or its cleaning up (after)."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "brownie-config.yaml").read_text("utf-8"))
    config["compiler"]["solc"]["optimizer"] = {
        "enabled": False,
        "runs": 200,
        "details": {
            "yul": True,
            "yulDetails": {"stackAllocation": True, "optimizerSteps": ":"},
        },
    }
    # twice the size and the gas; still a limit that an account of the tests can pay for
    networks = config["networks"]
    networks["development"]["reverting_tx_gas_limit"] = 50_000_000
    networks["ganache-cli"]["cmd_settings"].update(
        gas_limit=150_000_000, unlimited_contract_size=True
    )
    return config


def run_tests(more: list[str]) -> None:
    """All tests must pass, by the report and not only by the exit code."""
    logs, result = TREE / "logs", TREE / "result.xml"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    result.unlink(missing_ok=True)
    hook = ROOT / "scripts" / "coverage" / "steps.js"
    command = [
        str(TREE / "scripts" / "brownie"),
        "test",
        "tests/contracts",
        "--network",
        "ganache-cli",
    ]
    command += [f"--ignore={name}" for name in IGNORED]
    command += [f"--deselect={name}" for name in DESELECTED]
    command += [f"--junitxml={result}", *more]
    env = {
        **os.environ,
        "NODE_OPTIONS": f"--require {hook}",
        "BERTH_COVERAGE_LOG": str(logs),
        # the slots of scripts/brownie are of one tree: another one's Ganache may be about to start
        "BERTH_GANACHE_PORT": str(free_port()),
    }
    code = subprocess.run(command, env=env, check=False, cwd=TREE).returncode
    suite = ET.parse(result).getroot() if result.is_file() else None
    counts = {} if suite is None else {**next(suite.iter("testsuite")).attrib}
    if code or int(counts.get("failures", 1)) or int(counts.get("errors", 1)):
        sys.exit("coverage: not all tests pass on the code compiled without optimisation")
    if not int(counts["tests"]) > int(counts["skipped"]):
        sys.exit("coverage: no test has run")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def check_probe(probe: Source) -> None:
    """The gaps of the probe, line by line, are those that it names itself."""
    wanted: list[tuple[int, str]] = []
    for number, line in enumerate(probe.text.decode().splitlines(), 1):
        note = re.fullmatch(r"(.*)// missed: (.*)", line)
        if note:
            about = number if note[1].strip() else number + 1
            wanted += [(about, what) for what in note[2].split(", ")]
    found = [(line, what) for line, what, _ in probe.missed()]
    if sorted(wanted) != sorted(found):
        unseen = sorted(set(wanted) - set(found))
        extra = sorted(set(found) - set(wanted))
        sys.exit(f"coverage: the probe's gaps are not found as they are: {unseen=} {extra=}")


class Count(NamedTuple):
    """Seen, of those there are."""

    seen: int
    there: int

    @property
    def share(self) -> float:
        return 100.0 * self.seen / self.there if self.there else 100.0

    def __str__(self) -> str:
        return f"{f'{self.seen}/{self.there}':>11} {self.share:>7.1f}%"


def report(sources: dict[str, Source]) -> bool:
    """The table, on screen and in build/coverage; is it enough?"""
    lines = [f"{'file':<32} {'statements':>20} {'branches':>20}"]
    missed: list[str] = []
    statements = branches = Count(0, 0)
    for path, source in sorted(sources.items()):
        if not source.statements:
            continue
        name = path.removeprefix("contracts/")
        mine = Count(len(source.seen_statements), len(source.statements))
        ways = Count(len(source.seen_branches), 2 * len(source.branches))
        lines.append(f"{name:<32} {mine} {ways}")
        missed += [f"{path}:{line}: {what}: {code}" for line, what, code in source.missed()]
        statements = Count(statements.seen + mine.seen, statements.there + mine.there)
        branches = Count(branches.seen + ways.seen, branches.there + ways.there)
    lines.append(f"{'all':<32} {statements} {branches}")
    REPORT.mkdir(parents=True, exist_ok=True)
    (REPORT / "table.txt").write_text("".join(f"{line}\n" for line in lines))
    (REPORT / "missed.txt").write_text("".join(f"{line}\n" for line in missed))
    print("\n".join([*lines, "", "not covered:", *(missed or ["nothing"])]))
    # an empty count would be 100 %
    enough = statements.there > 0 and min(statements.share, branches.share) >= LEAST
    if not enough:
        print(f"coverage: below {LEAST:g} % of statements or of branches", file=sys.stderr)
    return enough


def main() -> int:
    began = time.monotonic()
    prepare()
    run_tests(sys.argv[1:])
    sources = read_sources(TREE)
    unknown = measure(sources, read_programs(TREE), read_runs(TREE / "logs"))
    check_probe(sources.pop(PROBE))
    enough = report(sources)
    minutes = (time.monotonic() - began) / 60
    print(
        f"coverage: {minutes:.0f} min; {unknown} programs ran that are no contract of the build; "
        f"report in {REPORT.relative_to(ROOT)}"
    )
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
