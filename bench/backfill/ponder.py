"""Ponder as a child process: one backfill, timed by its own log."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from berth.chain.child import dying_with_parent
from berth.chain.local import free_port
from equality import Digests, keys

HOME = Path(__file__).resolve().parents[1] / "ponder"
PROGRAM = HOME / "node_modules" / ".bin" / "ponder"
#: Longest silence of a Ponder at work.
SILENCE_SECONDS = 900.0
#: It has read its configuration and begins to look at the chain, or finds all of it in its cache.
_BEGAN = re.compile(r"(Started|Skipped) '\w+' historical sync")
_READY = "Started returning 200 responses from /ready endpoint"


@dataclass(frozen=True)
class PonderRun:
    """`seconds` from the beginning of the sync to /ready; starting the program comes before."""

    seconds: float
    cpu_seconds: float
    peak_rss_mb: float
    digests: Digests


def backfill(
    deployment: Path, node: str, end_block: int, schema: str, *, pglite: Path, postgres: str | None
) -> PonderRun:
    """Indexes into a fresh schema; what the database's sync cache holds is not fetched again."""
    if not PROGRAM.exists():
        sys.exit("bench: Ponder is missing: run this through make, which installs it")
    port = free_port()
    environment = {
        **os.environ,
        "PONDER_TELEMETRY_DISABLED": "true",
        "DO_NOT_TRACK": "1",
        "NODE_OPTIONS": "--max-old-space-size=8192",
        "BENCH_DEPLOYMENT": str(deployment),
        "BENCH_RPC_URL": node,
        "BENCH_END_BLOCK": str(end_block),
        "BENCH_PGLITE": str(pglite),
        "BENCH_KEYS": json.dumps(keys()),
        **({"BENCH_DATABASE_URL": postgres} if postgres else {}),
    }
    for name in ("DATABASE_URL", "DATABASE_PRIVATE_URL"):
        environment.pop(name, None)
    command = [str(PROGRAM), "start", "--schema", schema, "--port", str(port)]
    command += ["--hostname", "127.0.0.1", "--log-format", "json"]
    process = subprocess.Popen(
        dying_with_parent(command),
        cwd=HOME,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        seconds, cpu = _follow(process)
        peak = _peak_mb(process.pid)
        url = f"http://127.0.0.1:{port}/digests"
        answer = httpx.get(url, timeout=SILENCE_SECONDS, trust_env=False).raise_for_status()
        return PonderRun(seconds, cpu, peak, answer.json())
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # it writes its types here for editors
        (HOME / "ponder-env.d.ts").unlink(missing_ok=True)


def _follow(process: subprocess.Popen[str]) -> tuple[float, float]:
    """Seconds between the two lines of its log; seconds of CPU meanwhile."""
    assert process.stdout is not None
    last: list[str] = []
    began, busy = None, 0.0
    deadline = time.monotonic() + SILENCE_SECONDS
    for line in process.stdout:
        last = [*last[-8:], line.rstrip()]
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if not isinstance(entry, dict) or time.monotonic() > deadline:
            break
        deadline = time.monotonic() + SILENCE_SECONDS
        message = str(entry.get("msg", ""))
        if int(entry.get("level", 0)) >= 50:
            break
        if began is None and _BEGAN.search(message):
            began, busy = entry["time"], _cpu_seconds(process.pid)
        if message == _READY:
            if began is None:
                break
            return float(entry["time"] - began) / 1000, _cpu_seconds(process.pid) - busy
    sys.exit("bench: Ponder did not get to its end; its last words:\n" + "\n".join(last))


def _cpu_seconds(pid: int) -> float:
    """What a process has used so far; 0 where the kernel does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    """The kernel's high-water mark, MB of 10^6 bytes; 0 where it does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return round(int(found.group(1)) * 1024 / 1e6, 1) if found else 0.0
