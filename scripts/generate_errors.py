#!/usr/bin/env python3
"""Write docs/errors.md from the contracts and the backend's own words; --check only compares.

.venv/bin/python scripts/generate_errors.py [--check]

Contract errors are read from contracts/interfaces/BerthErrors.sol, reasons and sentences from the
package, problem codes from the syntax trees of the modules that answer requests.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from berth.core.access_texts import NEEDS, SENTENCES
from berth.core.compliance import Reason
from berth.market.quotes import OBJECTIONS

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "contracts" / "interfaces" / "BerthErrors.sol"
TARGET = ROOT / "docs" / "errors.md"
PACKAGE = ROOT / "backend" / "berth"

#: Modules whose refusals come back over HTTP.
ANSWERING = [
    *sorted((PACKAGE / "web").rglob("*.py")),
    *sorted((PACKAGE / "market").glob("*.py")),
    PACKAGE / "market" / "titles" / "library.py",
    PACKAGE / "relay" / "letters.py",
    PACKAGE / "store" / "incidents.py",
]
#: Of these, what only commands use.
COMMANDS_ONLY = {"attest.py"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Given = dict[str, ast.expr]

INTRODUCTION = """\
# Errors

<!-- Written by scripts/generate_errors.py; do not edit. `make abi` writes it anew. -->

What contract, API and lock say when they say no, with the numbers that help to mend it.

## Contracts

Custom errors of `TitleRegistry` and `ParkingMarket` (`contracts/interfaces/BerthErrors.sol`). Names
of fields are ASCII, padded with zeros. Roles that are missing are OpenZeppelin's
`AccessControlUnauthorizedAccount(account, role)`.
"""

REASONS = """\
## Why a space may not be registered

The bits of `Berth_NotCompliant(reasons)`, of `compliance(owner, registration)` and of
`POST /v1/spaces/check`: the same everywhere. The field is the part of the registration at fault.
"""

PROBLEMS = """\
## Problems of the API

RFC 9457 documents with a stable `code`; a sentence in `detail`; for fields `errors` with a JSON
pointer. Beside these come the codes of malformed values (such as `address.invalid`), of requests
that are none (`request.…`) and of the node (`chain.…`).
"""

UNLOCK = """\
## Why the bar stays up

`decision.reasons` of a lease's unlocking, with the numbers filled in, and what would help
(`decision.needs`).
"""

QUOTE = """\
## Why a quote cannot be leased

`objections` of `POST /v1/quotes`: what the contract would refuse.
"""


@dataclass
class ContractError:
    """One custom error with its NatSpec."""

    name: str
    arguments: str
    meaning: str = ""
    parameters: list[str] = field(default_factory=list)


def contract_errors(source: str) -> Iterator[tuple[str, list[ContractError]]]:
    """(section, errors) in the order of the file. Raises ValueError for one without a meaning."""
    section, found = "any", []
    words: list[str] = []
    for line in source.splitlines():
        if line.startswith("// ---- "):
            yield section, found
            section, found = line.removeprefix("// ---- "), []
        elif line.startswith("/// @"):
            words.append(line.removeprefix("/// @"))
        elif line.startswith("/// "):
            # a line without a tag goes on with the one before
            if not words:
                raise ValueError(f"{line!r} has no tag before it in {SOURCE.name}")
            words[-1] += " " + line.removeprefix("/// ").strip()
        elif match := re.fullmatch(r"error (\w+)\((.*)\);", line):
            meaning, parameters = natspec(words)
            if not meaning:
                raise ValueError(f"{match[1]} has no @notice in {SOURCE.name}")
            arguments = ", ".join(one.split()[-1].rstrip("_") for one in match[2].split(",") if one)
            found.append(ContractError(match[1], arguments, meaning, parameters))
            words = []
    yield section, found


def natspec(words: list[str]) -> tuple[str, list[str]]:
    """(meaning, parameters) of an error's tags, each with all its lines."""
    meaning, parameters = "", []
    for tagged in words:
        tag, text = tagged.split(" ", 1)
        if tag == "notice":
            meaning = text
        elif tag == "param":
            name, told = text.split(" ", 1)
            parameters.append(f"`{name.rstrip('_')}`: {told}")
        else:
            raise ValueError(f"@{tag} is not read from {SOURCE.name}")
    return meaning, parameters


@dataclass
class Module:
    """The functions of a module and the values of its own names."""

    functions: list[Function]
    values: Given

    @classmethod
    def of(cls, tree: ast.Module) -> "Module":
        return cls(
            [one for one in ast.walk(tree) if isinstance(one, Function)],
            {
                getattr(one.targets[0], "id", ""): one.value
                for one in tree.body
                if isinstance(one, ast.Assign)
            },
        )


def problem_codes() -> dict[str, set[tuple[str, str]]]:
    """code -> (status, sentence) of every problem written out in the modules that answer."""
    found: dict[str, set[tuple[str, str]]] = {}
    for path in ANSWERING:
        if path.name in COMMANDS_ONLY:
            continue
        module = Module.of(ast.parse(path.read_text("utf-8")))
        for function in module.functions:
            for call in calls_in(function):
                for one in problems_of(call, function, module):
                    found.setdefault(one[0], set()).add(one[1:])
    return found


def calls_in(node: ast.AST) -> Iterator[ast.Call]:
    """All calls in a function but those of functions in it, which are visited themselves."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Function):
            if isinstance(child, ast.Call):
                yield child
            yield from calls_in(child)


def problems_of(
    call: ast.Call, function: Function, module: Module, given: Given | None = None
) -> Iterator[tuple[str, str, str]]:
    """(code, status, sentence) of `BerthError(code, ...)`, of `problem(request, status, code, ...)`
    or of a function of the module that makes one from the code that it is given."""
    given = given or {}
    name = getattr(call.func, "id", "")
    keywords = {one.arg: one.value for one in call.keywords if one.arg}
    if "exit_code" in keywords:  # ends a command, answers no request
        return
    if name == "BerthError" and len(call.args) > 1:
        code, words, status = call.args[0], call.args[1], keywords.get("status", ast.Constant(400))
    elif name == "problem" and len(call.args) > 3:
        status, code, words = call.args[1:4]
    else:
        helper = next((one for one in module.functions if one.name == name), None)
        if helper is not None and not given:
            names = [one.arg for one in helper.args.args]
            values = dict(zip(names, call.args, strict=False)) | keywords
            for inner in calls_in(helper):
                if any(getattr(one, "id", "") in values for one in inner.args):
                    yield from problems_of(inner, helper, module, values)
        return
    code = given.get(getattr(code, "id", ""), code)
    if not isinstance(code, ast.Constant) or not isinstance(status, ast.Constant):
        return
    where = keywords.get("field")
    where = given.get(getattr(where, "id", ""), where)
    sentence = text_of(words, function, module.values | given)
    if isinstance(where, ast.Constant) and where.value:
        sentence = f"{where.value}: {sentence}"
    yield str(code.value), str(status.value), sentence


def text_of(node: ast.AST, function: Function, given: Given) -> str:
    """A sentence with … where a value stands; a name is looked up where it was given its text."""
    if isinstance(node, ast.FormattedValue):
        node = node.value
        return text_of(node, function, given) if getattr(node, "id", "") in given else "…"
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.IfExp):
        return text_of(node.orelse, function, given)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part, function, given) for part in node.values)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        named = given.get(getattr(node.value, "id", ""))
        for key, value in (
            zip(named.keys, named.values, strict=True) if isinstance(named, ast.Dict) else ()
        ):
            if isinstance(key, ast.Constant) and key.value == node.slice.value:
                return text_of(value, function, given)
    if isinstance(node, ast.Name):
        if node.id in given:
            return text_of(given[node.id], function, {})
        for other in ast.walk(function):
            if isinstance(other, ast.Assign) and getattr(other.targets[0], "id", "") == node.id:
                return text_of(other.value, function, given)
    return "…"


def table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [" | ".join(columns), "|".join("---" for _ in columns)]
    lines += [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    return "\n".join(f"| {line} |" if "---" not in line else f"|{line}|" for line in lines) + "\n"


def document() -> str:
    parts = [INTRODUCTION]
    for section, errors in contract_errors(SOURCE.read_text("utf-8")):
        rows = [
            (f"`{one.name}({one.arguments})`", " ".join([one.meaning, *one.parameters]))
            for one in errors
        ]
        parts += [f"### {section[0].upper()}{section[1:]}\n", table(("error", "meaning"), rows)]
    rows = [(str(one.value), f"`{one.code}`", f"`{one.field}`", one.sentence()) for one in Reason]
    parts += [REASONS, table(("bit", "code", "field", "meaning"), rows)]
    rows = []
    for code, places in sorted(problem_codes().items()):
        statuses = sorted({status for status, _ in places})
        sentences = sorted({sentence for _, sentence in places if sentence != "…"})
        rows.append((f"`{code}`", ", ".join(statuses), "<br>".join(sentences)))
    parts += [PROBLEMS, table(("code", "status", "says"), rows)]
    rows = [(f"`{code}`", words[0]) for code, words in SENTENCES.items()]
    parts += [UNLOCK, table(("reason", "says"), rows)]
    rows = [(f"`{code}`", words[0]) for code, words in NEEDS.items()]
    parts += [table(("need", "says"), rows)]
    rows = [(f"`{code}`", words[0]) for code, words in OBJECTIONS.items()]
    parts += [QUOTE, table(("objection", "says"), rows)]
    return "\n".join(parts)


def main() -> int:
    text = document()
    if TARGET.is_file() and TARGET.read_text("utf-8") == text:
        return 0
    if "--check" in sys.argv[1:]:
        message = (
            f"docs/{TARGET.name} does not fit contracts and code: run scripts/{Path(__file__).name}"
        )
        print(message, file=sys.stderr)
        return 1
    TARGET.write_text(text, "utf-8")
    print(f"wrote {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
