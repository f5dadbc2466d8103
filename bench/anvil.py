"""anvil as a child process: the chain of the benchmarks.

The program is the one that npm put into bench/node, else `anvil` on PATH; BERTH_ANVIL insists.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec
from berth.chain.child import dying_with_parent
from berth.chain.local import free_port

ROOT = Path(__file__).resolve().parents[1]
CHAIN_ID = 1337
#: Longest wait for a fresh chain to answer.
READY_SECONDS = 30.0


class NodeError(Exception):
    """The node refused a call; the message is its own."""


class Anvil:
    """A running chain: blocks come from transactions (`mine=True`) or by `evm_mine` only."""

    def __init__(self, folder: Path, *, mine: bool = True, options: tuple[str, ...] = ()) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws = f"ws://127.0.0.1:{self.port}"
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            program(),
            *("--host", "127.0.0.1"),
            *("--port", str(self.port)),
            *("--chain-id", str(CHAIN_ID)),
            *("--hardfork", "shanghai"),
            *("--order", "fifo"),
            *("--block-base-fee-per-gas", "0"),
            *("--gas-price", "0"),
            *("--gas-limit", "30000000000"),
            "--disable-min-priority-fee",
            "--auto-impersonate",
            "--no-request-size-limit",
            *(() if mine else ("--no-mining",)),
            *options,
        ]
        with (folder / "anvil.log").open("wb") as log:
            self.process = subprocess.Popen(
                dying_with_parent(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._http = httpx.Client(base_url=self.url, timeout=120, trust_env=False)
        self._wait()

    def call(self, method: str, *params: Any) -> Any:
        """One call's result. Raises NodeError."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = msgspec.json.decode(self._http.post("/", json=body).content)
        return _result(method, answer)

    def batch(self, calls: list[tuple[str, list[Any]]]) -> list[Any]:
        """Results of many calls in one request, in their order. Raises the first NodeError."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        content = self._http.post("/", content=msgspec.json.encode(body), headers=_JSON).content
        answers = sorted(msgspec.json.decode(content), key=lambda answer: int(answer["id"]))
        return [_result(calls[number][0], answer) for number, answer in enumerate(answers)]

    def stop(self) -> None:
        self._http.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                self.call("eth_chainId")
                return
            except httpx.TransportError:
                time.sleep(0.05)
        self.process.kill()
        raise NodeError("anvil does not answer; its log is in the folder of the benchmark")


def program() -> str:
    """anvil's path; says what to do where there is none."""
    own = ROOT / "bench" / "node" / "node_modules" / ".bin" / "anvil"
    found = os.environ.get("BERTH_ANVIL") or (str(own) if own.exists() else shutil.which("anvil"))
    if not found:
        sys.exit(
            "bench: anvil is missing: run this through make, which installs it for Linux on x86-64,"
            " or put an anvil 1.7 on PATH"
        )
    return found


def _result(method: str, answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise NodeError(f"{method}: {answer['error'].get('message', answer['error'])}")
    return answer.get("result")


_JSON = {"Content-Type": "application/json"}
