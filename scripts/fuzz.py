"""Random sequences on the contracts and on the Python model, which must agree in every answer.

    make fuzz SEQUENCES=10000 FIRST=1
    .venv-contracts/bin/python scripts/fuzz.py --first 4711 --sequences 1

A sequence is all in its number (and --steps): a failing one is told, shortened, and comes back with
its number. The contracts run in an EVM inside this process; it needs their compiled files
(`make build`).
"""

import argparse
import multiprocessing
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [
    str(ROOT / place) for place in ("backend", "tests/contracts", "tests/contracts/stateful")
]

try:
    from differential.engines.revm import Revm
except ImportError:
    sys.exit(
        "fuzz: pyrevm, the EVM that this runs on, has no wheel for this machine; "
        "the state machine on Ganache needs none: make fuzz SEQUENCES=0"
    )
from differential.campaign import VERBS, Finding, run  # noqa: E402  (needs the path)
from differential.ground import Build, Ground, prepare  # noqa: E402
from differential.tally import Tally  # noqa: E402

CHUNK = 25

# what each process plays on
_build: Build


def take(build: Build) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    global _build  # noqa: PLW0603  # read once, however long the run
    _build = build


def fresh() -> Ground:
    return prepare(Revm(), _build)


def play(work: tuple[range, int]) -> tuple[int, Tally, list[Finding]]:
    seeds, steps = work
    tally, findings = run(seeds, fresh, steps=steps)
    return len(seeds), tally, findings


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=10_000, help="how many (%(default)s)")
    parser.add_argument("--first", type=int, default=1, help="number of the first (%(default)s)")
    parser.add_argument("--steps", type=int, default=64, help="of each, at least 40 (%(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="side by side (%(default)s)")
    parser.add_argument("--findings", type=int, default=5, help="stop after these (%(default)s)")
    parser.add_argument(
        "--build",
        type=Path,
        default=ROOT / "build" / "contracts",
        help="folder with the compiled contracts",
    )
    given = parser.parse_args()
    if given.steps < 40:
        parser.error("--steps: a sequence has at least 40")
    if given.sequences < 1 or given.processes < 1:
        parser.error("--sequences and --processes must be at least 1")
    return given


def main() -> int:
    given = arguments()
    end = given.first + given.sequences
    work = [
        (range(start, min(start + CHUNK, end)), given.steps)
        for start in range(given.first, end, CHUNK)
    ]
    tally, findings, played, began = Tally(), [], 0, time.monotonic()
    told = began
    with multiprocessing.Pool(given.processes, take, (Build.read(given.build),)) as pool:
        for count, part, found in pool.imap_unordered(play, work):
            tally.add(part)
            played += count
            for finding in found:
                print(finding, flush=True)
                print(f"  again: make fuzz FIRST={finding.seed} SEQUENCES=1 MINUTES=0\n")
            findings += found
            if time.monotonic() - told > 20:
                told = time.monotonic()
                print(progress(played, given.sequences, tally, told - began), flush=True)
            if len(findings) >= given.findings:
                break
    print(progress(played, given.sequences, tally, time.monotonic() - began))
    print(tally.table())
    never = sorted(VERBS - set(tally.accepted))
    if never and played >= 100:
        print(f"never accepted: {', '.join(never)}")
        return 1
    print(f"{len(findings)} findings" if findings else "no difference found")
    return 1 if findings else 0


def progress(played: int, wanted: int, tally: Tally, seconds: float) -> str:
    return (
        f"{played} of {wanted} sequences, {tally.steps} steps in {seconds:.0f} s: "
        f"{played / seconds:.1f} sequences/s, {tally.steps / seconds:.0f} steps/s"
    )


if __name__ == "__main__":
    # ended from outside: its processes with it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
