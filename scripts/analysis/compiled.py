"""contracts/ through the compiler's front half: parsed and typed, no code generated; seconds."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOLC = ROOT / ".home" / ".solcx" / "solc-v0.8.30"


def compiler_input(wanted: list[str]) -> dict[str, Any]:
    sources = sorted((ROOT / "contracts").rglob("*.sol"))
    return {
        "language": "Solidity",
        "sources": {str(p.relative_to(ROOT)): {"content": p.read_text("utf-8")} for p in sources},
        "settings": {
            "evmVersion": "shanghai",
            "remappings": ["@openzeppelin=node_modules/@openzeppelin"],
            "outputSelection": {"*": {"": ["ast"], "*": wanted}},
        },
    }


def parse(wanted: list[str]) -> Any:
    """The compiler's answer, with these outputs for each contract."""
    answer = subprocess.run(
        [SOLC, "--standard-json"],
        input=json.dumps(compiler_input(wanted)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
    )
    output = json.loads(answer.stdout)
    wrong = [e for e in output.get("errors", []) if e["severity"] == "error"]
    if wrong:
        sys.exit("\n".join(error["formattedMessage"] for error in wrong))
    return output
