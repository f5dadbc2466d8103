"""The programs of docs/recompute.md, as they stand there, against the real contracts."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest
from berth.core.addresses import checksum
from berth.core.ledger import EMPTY_HEAD
from berth.core.signing import address_of

from tests.backend.indexer import test_real_chain as real

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "recompute.md"
SETTLED = "Settled"

store, town = real.store, real.town


def program(name: str) -> str:
    """The page's block of Python whose first line names it."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return next(block for block in blocks if block.startswith(f"# {name} "))


async def run(name: str, *arguments: object) -> tuple[int, str]:
    """Exit status and all that was said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program(name), *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def settled(town: real.Town, lease: int) -> str:
    """Hash of the transaction that ended the lease."""
    topic = "0x" + town.contracts.market.abi.events[SETTLED].topic.hex()
    found = await town.rpc.call(
        "eth_getLogs",
        {
            "address": town.deployment.market,
            "topics": [topic, "0x" + lease.to_bytes(32, "big").hex()],
            "fromBlock": hex(town.deployment.block),
        },
    )
    return str(found[0]["transactionHash"])


async def test_the_pages_programs_say_what_the_chain_says(town: real.Town) -> None:
    node, market, first = town.chain.url, town.deployment.market, town.deployment.block
    status, said = await run("head.py", node, market, first)
    assert (status, said) == (
        0,
        f"complete: 0 settlements, 0 minor units billed, head 0x{EMPTY_HEAD.hex()}\n",
    )

    stayed, overstayed, unused, silent = await real.live(town)
    head, count, _fees = await town.contracts.market.read(town.rpc, "ledger")
    status, said = await run("head.py", node, market, first)
    assert status == 0
    assert said.startswith(f"complete: {count} settlements, ")
    assert said.endswith(f"head 0x{bytes(head).hex()}\n")
    assert count == len({stayed, overstayed, unused, silent})

    # without the first settlement's block the rest is not complete
    first_end = await town.rpc.receipt(await settled(town, stayed))
    assert first_end is not None
    status, said = await run("head.py", node, market, first_end.block_number + 1)
    assert (status, said) == (1, "settlement 1 is missing\n")

    status, said = await run("lock.py", node, market, await settled(town, stayed))
    assert status == 0, said
    assert f"'leaseId': {stayed}, 'kind': 2" in said
    assert said.strip().endswith(f"signed by {checksum(address_of(town.lock))}")
