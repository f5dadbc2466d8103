"""From what Ganache carried out to the statements and branches that were seen.

The contracts are compiled for this without optimisation, so that every statement has code of its
own and every branch a JUMPI of its own, each with its place in the source map. What has no code,
because no contract uses it, was not seen: it counts as not covered.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sources import Source, Span

PUSH0, PUSH1, PUSH32, JUMPI = 0x5F, 0x60, 0x7F, 0x57
JUMPED, STEPPED = 2, 4


@dataclass
class Program:
    """Code of a contract, with the place in the sources of each instruction."""

    code: bytes
    places: dict[int, tuple[str, Span]]  # by pc
    creation: bool

    def is_this(self, run: bytes) -> bool:
        """Creation code has arguments appended; in the other, immutables are filled in."""
        if self.creation:
            return run.startswith(self.code)
        if len(run) != len(self.code):
            return False
        start = 0
        for first, end in self.immutables:
            if run[start:first] != self.code[start:first]:
                return False
            start = end
        return run[start:] == self.code[start:]

    @cached_property
    def deciding(self) -> set[int]:
        """The JUMPI of each place. Of several it is the first: `try` goes on to choose a clause."""
        first: dict[tuple[str, Span], int] = {}
        for pc, place in self.places.items():
            if self.code[pc] == JUMPI:
                first.setdefault(place, pc)
        return set(first.values())

    def __post_init__(self) -> None:
        self.immutables: list[tuple[int, int]] = [
            (pc + 1, pc + 33)
            for pc in _instructions(self.code)
            if self.code[pc] == PUSH32 and not any(self.code[pc + 1 : pc + 33])
        ]


def _instructions(code: bytes) -> Iterator[int]:
    pc = 0
    while pc < len(code):
        yield pc
        pc += 1 + (code[pc] - PUSH0 if PUSH1 <= code[pc] <= PUSH32 else 0)


def read_programs(tree: Path) -> list[Program]:
    """Creation and runtime code of every contract in the build."""
    builds = [
        json.loads(file.read_text("utf-8"))
        for file in sorted((tree / "build" / "contracts").glob("*.json"))
    ]
    # All were compiled at once and share one numbering of files. Brownie keeps for each contract
    # the part that it thinks it needs, and misses libraries that are reached through a type.
    paths: dict[str, str] = {}
    for build in builds:
        for number, path in build["allSourcePaths"].items():
            if paths.setdefault(number, path) != path:
                raise ValueError(
                    f"file {number} is {paths[number]} and {path}: not one compilation"
                )
    programs = []
    for build in builds:
        for code, places, creation in (
            (build["bytecode"], build["sourceMap"], True),
            (build["deployedBytecode"], build["deployedSourceMap"], False),
        ):
            if code:
                raw = bytes.fromhex(code)
                programs.append(Program(raw, _places(raw, places, paths), creation))
    return programs


def _places(code: bytes, source_map: str, paths: dict[str, str]) -> dict[int, tuple[str, Span]]:
    places = {}
    start, length, file = 0, 0, "-1"
    for pc, entry in zip(_instructions(code), source_map.split(";"), strict=False):
        parts = entry.split(":")
        if parts[0]:
            start = int(parts[0])
        if len(parts) > 1 and parts[1]:
            length = int(parts[1])
        if len(parts) > 2 and parts[2]:
            file = parts[2]
        if file in paths:
            places[pc] = (paths[file], (start, start + length))
    return places


@dataclass
class Run:
    """Code that ran, and what of it: JUMPED and STEPPED by pc."""

    code: bytes
    done: dict[int, int]


def read_runs(folder: Path) -> list[Run]:
    runs = []
    for file in sorted(folder.glob("*.log")):
        mine: list[Run] = []
        for line in file.read_text("ascii").splitlines():
            first, second, third = line.split()
            if first == "code":
                mine.append(Run(bytes.fromhex(third), defaultdict(int)))
            else:
                mine[int(first)].done[int(second)] |= int(third)
        runs += mine
    return runs


def measure(sources: dict[str, Source], programs: list[Program], runs: list[Run]) -> int:
    """Note in the sources what has been seen; the number of programs that ran but are nobody's."""
    spans: dict[str, set[Span]] = defaultdict(set)
    unknown = 0
    for run in runs:
        program = next((p for p in programs if p.is_this(run.code)), None)
        if program is None:
            unknown += 1
            continue
        for pc, what in run.done.items():
            path, where = program.places.get(pc, ("", (0, 0)))
            source = sources.get(path)
            if source is None:
                continue
            spans[path].add(where)
            if where in source.branches and pc in program.deciding:
                for number, flag in enumerate((JUMPED, STEPPED)):
                    if what & flag:
                        source.seen_branches.add((where, number))
    for path, seen in spans.items():
        _note_statements(sources[path], seen)
    return unknown


def _note_statements(source: Source, seen: set[Span]) -> None:
    for statement, bodies in source.statements.items():
        for where in seen:
            if _within(where, statement) and not any(_within(where, body) for body in bodies):
                source.seen_statements.add(statement)
                break


def _within(inner: Span, outer: Span) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]
