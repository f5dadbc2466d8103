"""What there is to cover: statements and branches of contracts/, from the compiler's syntax trees.

A statement is one that the language calls so, without blocks and the `_` of modifiers. A branch is
one of the two ways out of an `if`, of `?:`, of `&&` and `||`, and of `try`; loops have none of
their own.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Without code of ours to run: interfaces, and what only tests use.
LEFT_OUT = ("contracts/interfaces/", "contracts/mocks/")

_CONTAINERS = {"Block", "UncheckedBlock", "PlaceholderStatement", "TryCatchClause"}
_STATEMENTS = {
    "Break",
    "Continue",
    "DoWhileStatement",
    "EmitStatement",
    "ExpressionStatement",
    "ForStatement",
    "IfStatement",
    "InlineAssembly",
    "Return",
    "RevertStatement",
    "TryStatement",
    "VariableDeclarationStatement",
    "WhileStatement",
}
#: Of these only what lies outside their bodies counts as the statement itself.
_BODIES = {
    "IfStatement": ("trueBody", "falseBody"),
    "ForStatement": ("body", "initializationExpression", "loopExpression"),
    "WhileStatement": ("body",),
    "DoWhileStatement": ("body",),
    "TryStatement": ("clauses",),
}

Span = tuple[int, int]  # first byte, end


def span(node: dict[str, Any]) -> Span:
    start, length, _ = (int(part) for part in node["src"].split(":"))
    return start, start + length


def _branches(node: dict[str, Any]) -> tuple[str, str] | None:
    """What is missing when the JUMPI of this node never jumped, and when it always did.

    As the compiler lays them out: `if` jumps when true; with an `else`, and `?:`, when false; &&
    and || to their right side; `try` when the call succeeded. tests/analysis/CoverageProbe.sol
    holds it to that.
    """
    match node["nodeType"]:
        case "IfStatement" if node.get("falseBody") is None:
            return "never true", "never false"
        case "IfStatement" | "Conditional":
            return "never false", "never true"
        case "BinaryOperation" if node["operator"] == "&&":
            return "left never true", "left never false"
        case "BinaryOperation" if node["operator"] == "||":
            return "left never false", "left never true"
        case "TryStatement":
            return "never succeeds", "never fails"
    return None


@dataclass
class Source:
    """One file: where its statements and branches are, and what of them has been seen."""

    path: str
    text: bytes
    statements: dict[Span, list[Span]] = field(default_factory=dict)  # to the bodies within
    branches: dict[Span, tuple[str, str]] = field(default_factory=dict)
    seen_statements: set[Span] = field(default_factory=set)
    seen_branches: set[tuple[Span, int]] = field(default_factory=set)  # 0 jumped, 1 did not

    def missed(self) -> list[tuple[int, str, str]]:
        """Line, what was not seen, and the code it is about."""
        found = [(where, "statement") for where in self.statements.keys() - self.seen_statements]
        for where, ways in self.branches.items():
            found += [
                (where, way)
                for number, way in enumerate(ways)
                if (where, number) not in self.seen_branches
            ]
        return sorted((self._line(where), what, self._shown(where)) for where, what in found)

    def _line(self, where: Span) -> int:
        return self.text.count(b"\n", 0, where[0]) + 1

    def _shown(self, where: Span) -> str:
        return self.text[where[0] : where[1]].decode().split("\n")[0].strip()


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for child in node:
            yield from _nodes(child)
    elif isinstance(node, dict):
        if "nodeType" in node:
            if node["nodeType"].startswith("Yul"):
                return
            yield node
        for key, child in node.items():
            # names of what a node refers to, not parts of it
            if key not in ("typeDescriptions", "typeName", "documentation"):
                yield from _nodes(child)


def read_sources(tree: Path) -> dict[str, Source]:
    """All files of ours that hold code, from the build in `tree`."""
    sources: dict[str, Source] = {}
    for file in sorted((tree / "build" / "contracts").glob("*.json")):
        build = json.loads(file.read_text("utf-8"))
        path = build["sourcePath"]
        if path in sources or not path.startswith("contracts/") or path.startswith(LEFT_OUT):
            continue
        source = Source(path, (tree / path).read_bytes())
        for node in _nodes(build["ast"]):
            kind = node["nodeType"]
            if kind in _STATEMENTS:
                bodies = [node.get(name) for name in _BODIES.get(kind, ())]
                source.statements[span(node)] = [
                    span(body) for found in bodies for body in _listed(found)
                ]
            elif kind.endswith("Statement") and kind not in _CONTAINERS:
                raise ValueError(f"{path}: {kind} is a statement that nobody knows how to count")
            ways = _branches(node)
            if ways:
                source.branches[span(node)] = ways
        sources[path] = source
    return sources


def _listed(found: Any) -> list[dict[str, Any]]:
    if found is None:
        return []
    return found if isinstance(found, list) else [found]
