"""Run Slither over the contracts and hold its findings against tests/analysis/slither-triage.json.

Fails on a finding that nobody has judged, on a judgement without a reason, and on one that nothing
calls for any more. Slither's every detector runs, at every level. A judgement is of one finding,
known by the hash of Slither's own words without line numbers, so that moving code does not touch it
and changing it does. `"finding": "*"` sets a whole detector aside; not one of high or medium
impact.

The syntax trees come from the compiler directly: no code is generated, and it takes seconds.
"""

import hashlib
import inspect
import json
import re
import sys
from typing import Any

from compiled import ROOT, compiler_input, parse
from crytic_compile import CryticCompile
from crytic_compile.compilation_unit import CompilationUnit
from crytic_compile.compiler.compiler import CompilerVersion
from crytic_compile.platform.solc_standard_json import (
    SolcStandardJson,
    parse_standard_json_output,
)
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector

TRIAGE = ROOT / "tests" / "analysis" / "slither-triage.json"
OUTPUTS = ["abi", "devdoc", "userdoc"]
NOT_OURS = ["node_modules", "contracts/mocks"]

Finding = dict[str, str]


class SyntaxTrees(SolcStandardJson):
    """The sources of contracts/, parsed but not compiled."""

    def compile(self, crytic_compile: CryticCompile, **_: Any) -> None:
        unit = CompilationUnit(crytic_compile, "contracts")
        unit.compiler_version = CompilerVersion(
            compiler="solc", version="0.8.30", optimized=True, optimize_runs=200
        )
        output = parse(OUTPUTS)
        nothing = {"object": "", "sourceMap": ""}
        for contracts in output["contracts"].values():
            for contract in contracts.values():
                contract["evm"] = {"bytecode": nothing, "deployedBytecode": nothing}
        parse_standard_json_output(output, unit, solc_working_dir=str(ROOT))


def detectors() -> list[type[AbstractDetector]]:
    """All that Slither has."""
    named = (getattr(all_detectors, name) for name in dir(all_detectors))
    return [c for c in named if inspect.isclass(c) and issubclass(c, AbstractDetector)]


def findings() -> list[Finding]:
    slither = Slither(CryticCompile(SyntaxTrees(compiler_input(OUTPUTS))), filter_paths=NOT_OURS)
    for detector in detectors():
        slither.register_detector(detector)
    found = []
    for result in (r for results in slither.run_detectors() for r in results):
        text = re.sub(r" ?\([\w./@-]+#[\d-]+\)", "", result["description"]).strip()
        about = result["elements"][0] if result["elements"] else {"name": "?", "source_mapping": {}}
        found.append(
            {
                "check": result["check"],
                "impact": result["impact"].lower(),
                "where": subject(about),
                "finding": hashlib.sha256(f"{result['check']}\n{text}".encode()).hexdigest()[:12],
                "text": text,
            }
        )
    return sorted(found, key=lambda f: (f["check"], f["where"], f["finding"]))


def subject(element: dict[str, Any]) -> str:
    """File and name of what a finding is about."""
    names = []
    at: dict[str, Any] | None = element
    while at:
        if at["type"] in ("contract", "function", "variable"):
            names.append(at["name"])
        at = at.get("type_specific_fields", {}).get("parent")
    return f"{element['source_mapping']['filename_relative']}: {'.'.join(reversed(names))}"


def judge(found: list[Finding], triage: list[Finding]) -> list[str]:
    """What is wrong: findings not judged, judgements without reason or use."""
    wrong, used = [], set()
    for number, entry in enumerate(triage):
        if set(entry) != {"check", "impact", "where", "finding", "reason"}:
            wrong.append(f"entry {number} of the triage has other fields than it should: {entry}")
        elif len(entry["reason"].split()) < 5:
            wrong.append(f"{entry['check']} at {entry['where']}: a judgement needs its reason")
        elif entry["finding"] == "*" and entry["impact"] in ("high", "medium"):
            wrong.append(f"{entry['check']}: of {entry['impact']} impact, so each one is judged")
    if wrong:
        return wrong
    for finding in found:
        match = [
            number
            for number, entry in enumerate(triage)
            if entry["check"] == finding["check"]
            and entry["impact"] == finding["impact"]
            and entry["finding"] in ("*", finding["finding"])
        ]
        used.update(match)
        if not match:
            shown = json.dumps({k: finding[k] for k in ("check", "impact", "where", "finding")})
            wrong.append(f'not judged:\n{finding["text"]}\n{shown[:-1]}, "reason": ""}}\n')
    for number, entry in enumerate(triage):
        if number not in used:
            wrong.append(f"stale: {entry['check']} at {entry['where']} ({entry['finding']})")
    return wrong


def main() -> int:
    found = findings()
    wrong = judge(found, json.loads(TRIAGE.read_text("utf-8")))
    for line in wrong:
        print(f"slither: {line}", file=sys.stderr)
    levels = ", ".join(
        f"{sum(f['impact'] == level for f in found)} {level}"
        for level in ("high", "medium", "low", "informational", "optimization")
    )
    if wrong:
        print(f"slither: {len(wrong)} to judge or to remove in {TRIAGE.relative_to(ROOT)}")
        return 1
    print(f"slither: {len(detectors())} detectors, {len(found)} findings ({levels}), each judged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
