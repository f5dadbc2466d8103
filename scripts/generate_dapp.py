#!/usr/bin/env python3
"""Write what the dApp takes from the backend and the contracts; with --check only compare.

    dapp/src/api/schema.d.ts         the API's types, from the app's own OpenAPI document
    dapp/src/chain/abi/*.ts          the contracts' interfaces, a file for each use
    dapp/src/words/errors.{en,zh}.ts what the contracts say when they refuse, in words
    dapp/src/audit/verify/vectors.json what the model answers, for the tests of the app's arithmetic

Needs dapp/node_modules (`make setup`). `make dapp-types` runs it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from berth.market.refusals import OTHERS, SENTENCES
from berth.web.app import create_app
from berth.web.services import Services
from dapp_vectors import vectors

ROOT = Path(__file__).resolve().parents[1]
DAPP = ROOT / "dapp"
TOOLS = DAPP / "node_modules" / ".bin"
ABI = ROOT / "backend" / "berth" / "chain" / "abi"

HEADER = "// Written by scripts/generate_dapp.py (`make dapp-types`); do not edit.\n"

#: Verbs of the market that are nobody's who uses the app: roles, attesters, fees, pauses.
GOVERNANCE = frozenset(
    {
        *("grantRole", "renounceRole", "revokeRole"),
        *("setAttester", "revokeAttester", "revokeAttestation"),
        *("setFee", "withdrawFees", "pause", "unpause"),
    }
)
TOKEN = frozenset(
    {
        *("name", "symbol", "decimals", "totalSupply", "balanceOf", "allowance"),
        *("nonces", "DOMAIN_SEPARATOR", "eip712Domain"),
        *("approve", "permit", "transfer", "transferFrom"),
    }
)
#: Contracts whose refusals a call from the app may meet, the first to name an error counts.
REFUSING = ("ParkingMarket", "TitleRegistry", "BerthForwarder", "TestToken")

Entry = dict[str, Any]


def abi(contract: str) -> list[Entry]:
    """The contract's entries, without what only the compiler knows."""
    entries = json.loads((ABI / f"{contract}.json").read_text("utf-8"))["abi"]
    return [cast("Entry", slim(entry)) for entry in entries]


def slim(node: Any) -> Any:
    if isinstance(node, dict):
        dropped = {"internalType"}
        if node.get("anonymous") is False:
            dropped.add("anonymous")
        return {key: slim(value) for key, value in node.items() if key not in dropped}
    return [slim(one) for one in node] if isinstance(node, list) else node


def views(entry: Entry) -> bool:
    return entry["type"] == "function" and entry["stateMutability"] in ("view", "pure")


def verbs(entry: Entry) -> bool:
    return (
        entry["type"] == "function"
        and entry["stateMutability"] not in ("view", "pure")
        and entry["name"] not in GOVERNANCE
    )


def events(entry: Entry) -> bool:
    return entry["type"] == "event"


def refusals() -> list[Entry]:
    """Every error of the contracts once."""
    found: dict[str, Entry] = {}
    for contract in REFUSING:
        for entry in abi(contract):
            if entry["type"] == "error":
                found.setdefault(entry["name"], entry)
    return [found[name] for name in sorted(found)]


def constant(name: str, meaning: str, entries: list[Entry]) -> str:
    """One array, an entry a line."""
    if not entries:
        raise ValueError(f"{name} would be empty: {meaning}")
    lines = "".join(
        f"  {json.dumps(entry, ensure_ascii=False, separators=(', ', ': '))},\n"
        for entry in entries
    )
    return f"\n/** {meaning} */\nexport const {name} = [\n{lines}] as const;\n"


def picked(contract: str, wanted: Callable[[Entry], bool]) -> list[Entry]:
    return [entry for entry in abi(contract) if wanted(entry)]


def abi_files() -> Iterator[tuple[str, str]]:
    """(name, text) of each file."""
    market = "ParkingMarket"
    yield (
        "verbs",
        constant(
            "marketVerbs",
            "What people call on the market: drivers, owners, and anybody.",
            picked(market, verbs),
        ),
    )
    yield (
        "reads",
        constant("marketReads", "What the market tells anybody.", picked(market, views)),
    )
    yield (
        "events",
        constant("marketEvents", "What the market logs.", picked(market, events)),
    )
    yield (
        "errors",
        constant(
            "refusals", "Why a contract refuses: the market, or what it calls on.", refusals()
        ),
    )
    yield (
        "token",
        constant(
            "tokenAbi",
            "The currency: ERC-20 with EIP-2612 permits.",
            picked("TestToken", lambda e: e["type"] == "function" and e["name"] in TOKEN),
        ),
    )
    yield (
        "forwarder",
        constant(
            "forwarderAbi",
            "Who sends a signed request for somebody else (ERC-2771).",
            picked("BerthForwarder", lambda e: e["type"] in ("function", "event")),
        ),
    )
    yield (
        "titles",
        constant(
            "titlesAbi",
            "The cities' titles, for whoever verifies them.",
            picked("TitleRegistry", lambda e: views(e) or events(e)),
        ),
    )


def schema() -> str:
    """The types of the API. No service is needed to tell what it is."""
    document = create_app(cast("Services", None)).openapi()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "openapi.json", Path(folder) / "schema.d.ts"
        source.write_text(json.dumps(document), "utf-8")
        tool("openapi-typescript", source, "--output", target)
        return target.read_text("utf-8")


def sentences(language: str) -> str:
    """What each error says to people."""
    place, known = ("en", "zh").index(language), {**SENTENCES, **OTHERS}
    words = {entry["name"]: known[entry["name"]][place] for entry in refusals()}
    text = (
        f"{HEADER}\n/** By the error's name. */\nexport const errors: Readonly<Record<string, "
        f"string>> = {json.dumps(words, ensure_ascii=False, indent=2)};\n"
    )
    return tool("prettier", "--stdin-filepath", DAPP / "src" / "words" / "errors.ts", given=text)


def tool(name: str, *arguments: object, given: str | None = None) -> str:
    """Runs a program of dapp/node_modules."""
    command = [str(TOOLS / name), *(str(one) for one in arguments)]
    ended = subprocess.run(
        command, cwd=DAPP, input=given, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        raise RuntimeError(f"{name} failed: {ended.stderr.strip() or ended.stdout.strip()}")
    return ended.stdout


def wanted() -> dict[Path, str]:
    """Every file with the text that it must have."""
    source = DAPP / "src"
    files = {source / "api" / "schema.d.ts": schema()}
    for name, text in abi_files():
        files[source / "chain" / "abi" / f"{name}.ts"] = HEADER + text
    for language in ("en", "zh"):
        files[source / "words" / f"errors.{language}.ts"] = sentences(language)
    cases = source / "audit" / "verify" / "vectors.json"
    files[cases] = tool("prettier", "--stdin-filepath", cases, given=vectors())
    return files


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail where a file does not fit")
    check = parser.parse_args().check
    if not (TOOLS / "openapi-typescript").exists():
        print("dapp/node_modules is missing: run `make setup`", file=sys.stderr)
        return 1
    files = wanted()
    stray = sorted(set((DAPP / "src" / "chain" / "abi").glob("*.ts")) - files.keys())
    drift = [
        path
        for path, text in files.items()
        if not (path.is_file() and path.read_text("utf-8") == text)
    ]
    if check:
        names = ", ".join(str(path.relative_to(ROOT)) for path in drift + stray)
        if names:
            print(f"not what is generated: {names}; run `make dapp-types`", file=sys.stderr)
        return 1 if names else 0
    for path in stray:
        path.unlink()
        print(f"removed {path.relative_to(ROOT)}")
    for path in drift:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], "utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
