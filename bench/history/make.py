"""Plays the story on a chain: deploy, send, mine, count.

    python bench/history/make.py --events 100000 --folder .cache/bench/history

leaves anvil running until Ctrl-C or SIGTERM, with `deployment.json` and `history.json` (the node's
URL, the number of blocks and events) in the folder: index it as often as you like.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench")] if str(ROOT / "bench") not in sys.path else []

from anvil import Anvil  # noqa: E402  (needs the path)
from berth.chain.deployer import run_deploy  # noqa: E402
from berth.core.deployment import Deployment  # noqa: E402
from berth.core.settings import load_settings  # noqa: E402

from history.blocks import Block  # noqa: E402
from history.cast import DEPLOY_CONFIG  # noqa: E402
from history.story import Story  # noqa: E402

#: For each so many events beyond the first so many the market grows once more by its size.
EVENTS_OF_GROWTH = 50_000
#: Transactions in one request.
BATCH = 250
#: 2026-12-01 00:00 UTC: the chain begins; the story begins an hour later.
GENESIS_TIME = 1_796_083_200


@dataclass(frozen=True)
class History:
    """A market's history on a running node."""

    url: str
    events: int
    last_block: int
    transactions: int
    seconds: float


class HistoryError(Exception):
    """The chain did not take the story as it was told."""


def start_chain(folder: Path, *, began: int | None = GENESIS_TIME) -> tuple[Anvil, Deployment]:
    """A fresh chain with the contracts on it, which mines when it is told to. It begins at `began`,
    Unix seconds, None = now."""
    options = ("--prune-history", "16", "--quiet")
    if began is not None:
        options += ("--timestamp", str(began))
    node = Anvil(folder, options=options)
    try:
        settings = load_settings({"BERTH_HOME": str(folder)})
        deploying = run_deploy(
            settings, DEPLOY_CONFIG, folder / "deployment.json", rpc_url=node.url
        )
        deployment = asyncio.run(deploying)
        node.call("evm_setAutomine", False)
    except BaseException:
        node.stop()
        raise
    return node, deployment


def play(
    node: Anvil,
    deployment: Deployment,
    events: int,
    progress: Callable[[int], None] | None = None,
) -> History:
    """At least so many events of our contracts, in whole blocks, and 70 empty blocks after them.

    Raises HistoryError when a transaction failed: its logs are missing.
    """
    began = time.monotonic()
    growth = max(1, events // EVENTS_OF_GROWTH - 1)
    story = Story(deployment, GENESIS_TIME + 3600, events, growth=growth)
    miner = Miner(node)
    before = _logs(node, deployment, 0, int(node.call("eth_blockNumber"), 16))
    told = before
    timestamp = GENESIS_TIME
    for block in story.blocks():
        miner.mine(block)
        told, timestamp = told + block.logs, block.timestamp
        if progress is not None:
            progress(told)
        if told >= events:
            break
    # beyond what an index takes for final, so that a run measures the way of a long history
    for number in range(70):
        miner.mine(Block(timestamp + 12 * (number + 1)))
    last = int(node.call("eth_blockNumber"), 16)
    found = miner.check(deployment, before, told)
    return History(node.url, found, last, miner.sent, round(time.monotonic() - began, 1))


class Miner:
    """Sends transactions with nonces of its own: a batch without them fails."""

    def __init__(self, node: Anvil) -> None:
        self._node = node
        self._nonces: defaultdict[str, int] = defaultdict(int)
        self._told: dict[int, int] = {}
        self._number = int(node.call("eth_blockNumber"), 16)
        self._first = self._number + 1
        self.sent = 0

    def mine(self, block: Block) -> None:
        """Sends a block's transactions and mines them."""
        self.send(block)
        self._node.call("evm_mine", {"timestamp": block.timestamp})
        self._number += 1
        self._told[self._number] = block.logs

    def send(self, block: Block) -> None:
        """Hands a block's transactions to the node."""
        calls = []
        for sender, to, data, gas in block.transactions:
            nonce = self._nonces[sender]
            self._nonces[sender] = nonce + 1
            values = {
                "from": sender,
                "to": to,
                "data": data,
                "gas": hex(gas),
                "gasPrice": "0x0",
                "nonce": hex(nonce),
            }
            calls.append(("eth_sendTransaction", [values]))
        for first in range(0, len(calls), BATCH):
            self._node.batch(calls[first : first + BATCH])
        self.sent += len(calls)

    def check(self, deployment: Deployment, before: int, told: int) -> int:
        """The number of logs on the chain. Raises HistoryError naming the first wrong block."""
        found = before
        for first in range(self._first, self._number + 1, 200):
            last = min(first + 199, self._number)
            counted = _logs(self._node, deployment, first, last)
            if counted != sum(self._told[number] for number in range(first, last + 1)):
                self._blame(deployment, first, last)
            found += counted
        if found != told:
            raise HistoryError(f"{told} events were told, {found} are on the chain")
        return found

    def _blame(self, deployment: Deployment, first: int, last: int) -> None:
        for number in range(first, last + 1):
            counted = _logs(self._node, deployment, number, number)
            if counted == self._told[number]:
                continue
            receipts = self._node.call("eth_getBlockReceipts", hex(number))
            failed = [r["transactionHash"] for r in receipts if r["status"] != "0x1"]
            raise HistoryError(
                f"block {number} holds {counted} events instead of {self._told[number]};"
                f" {len(receipts)} transactions, failed: {failed[:3]}"
            )


def _logs(node: Anvil, deployment: Deployment, first: int, last: int) -> int:
    addresses = [deployment.titles, deployment.market]
    query = {"fromBlock": hex(first), "toBlock": hex(last), "address": addresses}
    return len(node.call("eth_getLogs", query))


def main() -> int:
    parser = argparse.ArgumentParser(description="A market's history on a chain that stays.")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache" / "bench" / "history")
    arguments = parser.parse_args()
    node, deployment = start_chain(arguments.folder)
    with node:
        history = play(node, deployment, arguments.events)
        (arguments.folder / "history.json").write_text(json.dumps(asdict(history), indent=2) + "\n")
        print(json.dumps(asdict(history)), flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


if __name__ == "__main__":
    sys.exit(main())
