"""Fail where requirements/*.txt lack a pin of pyproject.toml: someone forgot `make lock`."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def pins(requirements: list[str]) -> set[str]:
    """`name==version`, without extras and markers."""
    return {re.sub(r"\[.*?\]|\s*;.*", "", line).lower() for line in requirements}


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    backend, groups = project["project"]["dependencies"], project["dependency-groups"]
    wanted = {
        "bootstrap": groups["bootstrap"],
        "contracts": groups["contracts"],
        "analysis": groups["analysis"],
        "runtime": backend,
        "dev": backend + groups["dev"],
    }
    forgotten = False
    for name, requirements in wanted.items():
        text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
        there = set(re.findall(r"^[a-z0-9._-]+==[^\s;\\]+", text, re.MULTILINE))
        for pin in sorted(pins(requirements) - there):
            print(f"requirements/{name}.txt lacks {pin}: run `make lock`", file=sys.stderr)
            forgotten = True
    return 1 if forgotten else 0


if __name__ == "__main__":
    sys.exit(main())
