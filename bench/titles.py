"""Titles: Berth's Merkle trees beside OpenZeppelin's JavaScript on the same values; import rates.

Run by `make bench-titles`. The trees are those of the real cities where their files are there,
else of a generated one, and of a generated set of 200,000. Each side builds each tree three times,
by turns; the best time of each counts. Roots must be equal, and so must some proofs of each tree.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from berth.core import merkle
from berth.core.clock import WallClock
from berth.core.hashing import hasher, keccak
from berth.core.ids import city_number
from berth.core.settings import load_settings
from berth.core.title import Kind, Title, leaf, pack_attributes
from berth.market.titles import Import, Imported, import_titles, storage
from berth.market.titles.edition import title_of
from berth.market.titles.salts import load_salts
from berth.store.engine import Store, open_store
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
RUNS = 3
PROOFS = 25
GENERATED = 200_000
SOURCES = (
    ("Melbourne", "AUMEL", "melbourne-bays", Path("melbourne") / "on-street-parking-bays.csv"),
    ("Taipei", "TWTPE", "taipei-titles", Path("taipei") / "parking_titles.csv"),
)

say = Console(stderr=True)


@dataclass(frozen=True)
class Built:
    """One tree, both ways; seconds are the best of the runs."""

    name: str
    records: int
    berth_seconds: float
    oz_seconds: float
    equal: bool


@dataclass(frozen=True)
class Loaded:
    """One import: parse, validate, build, store."""

    name: str
    records: int
    seconds: float


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    taken: list[float] = []
    start = time.perf_counter()
    yield taken
    taken.append(time.perf_counter() - start)


def load(store: Store, home: Path, wanted: Import) -> tuple[Imported, float]:
    with stopwatch() as taken:
        done = import_titles(store, home, wanted, WallClock())
    return done, taken[0]


def titles_of(store: Store, home: Path, done: Imported) -> list[Title]:
    """The edition as it is hashed."""
    salts = load_salts(home / "keys", done.edition.city_code)
    with store.read() as conn:
        entries = storage.entries_of(conn, done.edition.city, done.edition.edition)
        return [title_of(done.edition.city, entry, salts) for entry in entries]


def generated(count: int) -> list[Title]:
    """Made-up titles; the same every time."""
    city = city_number("XXGEN")
    attributes = pack_attributes(Kind.GARAGE, True, 210, 250, 550)
    return [
        Title(
            city,
            index,
            keccak(b"holder %d" % index),
            keccak(b"address %d" % index),
            index * 7919 % (1 << 30),
            attributes,
            65535,
        )
        for index in range(count)
    ]


def generated_file(path: Path, count: int) -> Path:
    """A made-up city as a file of format csv, for machines without the real ones."""
    with path.open("w", encoding="utf-8") as file:
        file.write("id,lat,lon,address,kind,height_cm,width_cm,length_cm,sharing\n")
        for number in range(count):
            lat, lon = 0.01 + number // 250 * 1e-4, 0.01 + number % 250 * 1e-4
            file.write(
                f"G-{number},{lat:.6f},{lon:.6f},{number} Generated Street,garage,210,250,550,yes\n"
            )
    return path


def values_of(titles: list[Title]) -> list[list[object]]:
    """As OpenZeppelin's library takes them; a 64-bit number only fits JavaScript as text."""
    return [
        [
            title.city,
            title.index,
            "0x" + title.salted_holder.hex(),
            "0x" + title.address_hash.hex(),
            title.cell,
            str(title.attributes),
            title.valid_day,
        ]
        for title in titles
    ]


def compare(name: str, titles: list[Title], folder: Path, runs: int) -> Built:
    """Builds one tree by turns here and there."""
    chosen = random.Random(name).sample(range(len(titles)), min(PROOFS, len(titles)))
    order = {"values": values_of(titles), "prove": chosen, "runs": 1}
    path = folder / "values.json"
    path.write_text(json.dumps(order))
    ours: list[float] = []
    theirs: list[float] = []
    equal = True
    for _ in range(runs):
        with stopwatch() as taken:
            leaves = [leaf(title) for title in titles]
            tree = merkle.build(leaves)
        ours += taken
        answer = run_node(path)
        theirs += answer["seconds"]
        proofs = [["0x" + node.hex() for node in tree.proof(leaves[one])] for one in chosen]
        equal = equal and answer["root"] == "0x" + tree.root.hex() and answer["proofs"] == proofs
    return Built(name, len(titles), min(ours), min(theirs), equal)


def run_node(path: Path) -> dict[str, list[float]]:
    done = subprocess.run(
        ["node", "--max-old-space-size=4096", str(HERE / "titles_oz.mjs"), str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    if done.returncode:
        sys.exit(f"OpenZeppelin's side failed: {done.stderr.strip().splitlines()[-1:]}")
    answer: dict[str, list[float]] = json.loads(done.stdout)
    return answer


def measure(
    folder: Path, data: Path, runs: int, count: int
) -> tuple[list[Built], list[Loaded], bool]:
    """All trees and imports; whether the cities are real."""
    store = open_store(str(folder / "berth.sqlite"))
    built: list[Built] = []
    loaded: list[Loaded] = []
    real = [source for source in SOURCES if (data / source[3]).is_file()]
    wanted = [(name, Import(data / path, kind)) for name, _, kind, path in real]
    if not wanted:
        say.print(f"no real cities in {data}: taking a generated one")
        made = Import(generated_file(folder / "city.csv", 50_000), "csv", city="XXGEN")
        wanted = [("generated city", made)]
    for name, each in wanted:
        say.print(f"{name}: importing")
        done, seconds = load(store, folder, each)
        loaded.append(Loaded(name, done.edition.count, seconds))
        say.print(f"{name}: {done.edition.count:,} titles, both trees")
        built.append(compare(name, titles_of(store, folder, done), folder, runs))
    store.close()
    if count:
        say.print(f"generated: {count:,} titles, both trees")
        built.append(compare("generated", generated(count), folder, 1))
    return built, loaded, bool(real)


def show(built: list[Built], loaded: list[Loaded]) -> None:
    table = Table(title="Merkle trees, records a second")
    for head in ("titles", "records", "Berth", "OpenZeppelin JS", "ratio", "root and proofs"):
        table.add_column(head, justify="left" if head == "titles" else "right")
    for one in built:
        table.add_row(
            one.name,
            f"{one.records:,}",
            f"{one.records / one.berth_seconds:,.0f}",
            f"{one.records / one.oz_seconds:,.0f}",
            f"{one.oz_seconds / one.berth_seconds:.1f}",
            "equal" if one.equal else "DIFFERENT",
        )
    say.print(table)
    for one in loaded:
        say.print(
            f"import of {one.name}: {one.records:,} titles in {one.seconds:.2f} s,"
            f" {one.records / one.seconds:,.0f}/s (parse, validate, build, store)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="runs of each side, a city")
    parser.add_argument("--generated", type=int, default=GENERATED, help="titles; 0 leaves it out")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        built, loaded, real = measure(
            Path(folder), load_settings().data, wanted.runs, wanted.generated
        )
    show(built, loaded)
    cities = [one for one in built if one.name != "generated"]
    records = sum(one.records for one in cities)
    berth = records / sum(one.berth_seconds for one in cities)
    oz = records / sum(one.oz_seconds for one in cities)
    equal = all(one.equal for one in built)
    print(
        json.dumps(
            {
                "bench": "titles",
                "real": real,
                "records": records,
                "berth_per_s": round(berth),
                "oz_per_s": round(oz),
                "ratio": round(berth / oz, 1),
                "roots_equal": equal,
                "proofs_equal": equal,
                "import_per_s": round(
                    sum(one.records for one in loaded) / sum(one.seconds for one in loaded)
                ),
                "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "keccak": hasher.__module__,
                "trees": [
                    {
                        "name": one.name,
                        "records": one.records,
                        "berth_per_s": round(one.records / one.berth_seconds),
                        "oz_per_s": round(one.records / one.oz_seconds),
                    }
                    for one in built
                ],
            }
        )
    )
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
