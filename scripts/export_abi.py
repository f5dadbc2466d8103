#!/usr/bin/env python3
"""Write backend/berth/chain/abi/<Contract>.json from Brownie's build; with --check only compare.

The backend reads these files and never the build, so that it runs without Brownie. `make abi`
compiles first.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from joined_abi import joined

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "contracts"
TARGET = ROOT / "backend" / "berth" / "chain" / "abi"

CONTRACTS = (
    "TitleRegistry",
    "ParkingMarket",
    "MarketLens",
    "BerthForwarder",
    "BerthTimelock",
    "TestToken",
    "SignatureProbe",
)
#: Their code comes along: the backend runs it in calls.
WITH_BYTECODE = ("SignatureProbe",)


def rendered(artifact: dict) -> str:
    """The file's text; the order of entries does not depend on the order in the source."""
    abi = sorted(
        artifact["abi"],
        key=lambda entry: (
            entry["type"],
            entry.get("name", ""),
            [parameter["type"] for parameter in entry.get("inputs", [])],
        ),
    )
    content = {"contractName": artifact["contractName"], "abi": abi}
    if artifact["contractName"] in WITH_BYTECODE:
        content["bytecode"] = artifact["bytecode"].removeprefix("0x")
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="fail where a file does not fit the build"
    )
    check = parser.parse_args().check
    require_all = bool(os.environ.get("BERTH_REQUIRE_ALL"))

    TARGET.mkdir(parents=True, exist_ok=True)
    drift, missing = [], []
    for name in CONTRACTS:
        source, target = BUILD / f"{name}.json", TARGET / f"{name}.json"
        if not source.is_file():
            missing.append(name)
            continue
        artifact = json.loads(source.read_text("utf-8"))
        if name == "ParkingMarket":
            extension = json.loads((BUILD / "MarketExtension.json").read_text("utf-8"))
            artifact["abi"] = joined(artifact["abi"], extension["abi"])
        text = rendered(artifact)
        if target.is_file() and target.read_text("utf-8") == text:
            continue
        if check:
            drift.append(name)
        else:
            target.write_text(text, "utf-8")
            print(f"wrote {target.relative_to(ROOT)}")
    drift += sorted(path.stem for path in TARGET.glob("*.json") if path.stem not in CONTRACTS)

    if missing:
        print(f"not in the build, skipped: {', '.join(missing)}", file=sys.stderr)
    if drift:
        print(f"do not fit the contracts: {', '.join(drift)}; run `make abi`", file=sys.stderr)
    return 1 if drift or (missing and require_all) else 0


if __name__ == "__main__":
    sys.exit(main())
