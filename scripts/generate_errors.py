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
from typing import NamedTuple

from berth.core.access_texts import NEEDS, SENTENCES
from berth.core.compliance import Reason
from berth.market import refusals
from berth.market.quotes import OBJECTIONS
from berth.web import problemtexts

LANGUAGES = ("English", "中文")
#: How a figure is written, which is of no interest on the page.
FORMAT = re.compile(r"{(\w*)(![rs])?(:[^}]*)?}")
ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "contracts" / "interfaces" / "BerthErrors.sol"
TARGET = ROOT / "docs" / "errors.md"
PACKAGE = ROOT / "backend" / "berth"

#: Modules whose refusals come back over HTTP.
ANSWERING = [
    *(
        PACKAGE / "core" / f"{name}.py"
        for name in ("addresses", "checks", "geo", "ids", "plate", "signing", "zones")
    ),
    *sorted((PACKAGE / "web").rglob("*.py")),
    *sorted((PACKAGE / "market").glob("*.py")),
    PACKAGE / "market" / "titles" / "library.py",
    PACKAGE / "market" / "titles" / "taking.py",
    PACKAGE / "cli" / "platform" / "visitors.py",
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

SENTENCES_OF_ERRORS = """\
## What people read of a contract's refusal

In problems (`chain.<Error>`) and refusals of the API and in the app; the last ones are errors of
token, forwarder, roles and timelock.
"""

PROBLEMS = """\
## Problems of the API

RFC 9457 documents with a stable `code`; a sentence in `detail`, in the language of
`Accept-Language`; for fields `errors` with a JSON pointer. What stands in braces is filled in.
Beside these come the codes of checks that fail (`/ready`) and of the node (`chain.…`, 502 and 503).
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


class Raised(NamedTuple):
    """A problem where it is written out: with the sentence that its code goes with there, and the
    names of the figures that come along."""

    code: str
    status: str
    template: str
    figures: frozenset[str]


def problem_codes() -> dict[str, set[Raised]]:
    """code -> where it is raised, of every problem written out in the modules that answer."""
    found: dict[str, set[Raised]] = {}
    for path in ANSWERING:
        if path.name in COMMANDS_ONLY:
            continue
        module = Module.of(ast.parse(path.read_text("utf-8")))
        for function in module.functions:
            for call in calls_in(function):
                for one in problems_of(call, function, module):
                    found.setdefault(one.code, set()).add(one)
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
) -> Iterator[Raised]:
    """What `BerthError(code, ...)` raises, or `problem(request, status, code, ...)`, or a function
    of the module that makes one from the code that it is given."""
    given = given or defaults_of(function)
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
        if helper is not None and given == defaults_of(function):
            names = [one.arg for one in helper.args.args]
            values = defaults_of(helper) | dict(zip(names, call.args, strict=False)) | keywords
            for inner in calls_in(helper):
                used = (one for given in inner.args for one in ast.walk(given))
                if any(getattr(one, "id", "") in values for one in used):
                    yield from problems_of(inner, helper, module, values)
        return
    code = given.get(getattr(code, "id", ""), code)
    if not isinstance(code, ast.Constant) or not isinstance(status, ast.Constant):
        return
    own = {one.arg for one in function.args.args} - set(given)
    if name == "BerthError" and any(getattr(one, "id", "") in own for one in ast.walk(words)):
        return  # of whoever calls the function
    template = text_of(words, function, module.values | given)
    figures = frozenset(keywords) - {"field", "status"}
    yield Raised(str(code.value), str(status.value), template, figures)


def defaults_of(function: Function) -> Given:
    """The arguments that a function has values for."""
    names = [one.arg for one in function.args.args]
    values = function.args.defaults
    return dict(zip(names[len(names) - len(values) :], values, strict=True))


def text_of(node: ast.AST, function: Function, given: Given) -> str:
    """A sentence with … where a value stands; a name is looked up where it was given its text."""
    if isinstance(node, ast.FormattedValue):
        node = node.value
        return text_of(node, function, given) if getattr(node, "id", "") in given else "…"
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text_of(node.left, function, given) + text_of(node.right, function, given)
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
    rows = [
        (str(one.value), f"`{one.code}`", f"`{one.field}`", one.sentence(), one.sentence("zh"))
        for one in Reason
    ]
    parts += [REASONS, table(("bit", "code", "field", *LANGUAGES), rows)]
    told = {**refusals.SENTENCES, **refusals.OTHERS}
    rows = [(f"`{name}`", *words) for name, words in told.items()]
    parts += [SENTENCES_OF_ERRORS, table(("error", *LANGUAGES), rows)]
    rows = []
    for code, places in sorted(problem_codes().items()):
        # 400 of a field becomes 422, which is what comes back
        statuses = sorted({"422" if one.status == "400" else one.status for one in places})
        rows.append((f"`{code}`", ", ".join(statuses), *sentences_of(code)))
    parts += [PROBLEMS, table(("code", "status", *LANGUAGES), rows)]
    rows = [(f"`{code}`", *words) for code, words in SENTENCES.items()]
    parts += [UNLOCK, table(("reason", *LANGUAGES), rows)]
    rows = [(f"`{code}`", *words) for code, words in NEEDS.items()]
    parts += [table(("need", *LANGUAGES), rows)]
    rows = [(f"`{code}`", *words) for code, words in OBJECTIONS.items()]
    parts += [QUOTE, table(("objection", *LANGUAGES), rows)]
    return "\n".join(parts)


def sentences_of(code: str) -> tuple[str, str]:
    """All that is said with a code, in both languages."""
    pairs = [*problemtexts.VARIANTS.get(code, {}).values()]
    if code in problemtexts.SENTENCES:
        pairs.append(problemtexts.SENTENCES[code])
    english, chinese = ("<br>".join(pair[place] for pair in pairs) for place in (0, 1))
    return FORMAT.sub(r"{\1}", english), FORMAT.sub(r"{\1}", chinese)


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
