"""The embedded chain: persistence, time, ports, and its end with its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import textwrap
import time
from pathlib import Path

import pytest
from berth.chain import timetravel
from berth.chain.local import LocalChain, LocalChainOptions, free_port
from berth.chain.rpc import Rpc
from berth.chain.sender import Sender
from berth.core.errors import BerthError
from berth.store import open_store
from berth.store.transactions import TransactionJournal

pytestmark = pytest.mark.slow
TO = "0x" + "33" * 20


def options(folder: Path, block_time: int = 0, port: int = 0) -> LocalChainOptions:
    return LocalChainOptions(folder / "chain", port=port, block_time=block_time)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"


async def until_gone(pid: int, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not gone(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_mined_blocks_survive_the_end_and_lost_transactions_are_sent_again(
    tmp_path: Path, end: signal.Signals
) -> None:
    store = open_store(str(tmp_path / "berth.sqlite"))
    chain = await LocalChain.start(options(tmp_path, block_time=1))
    async with Rpc(chain.url) as rpc:
        sender = Sender(rpc, TransactionJournal(store), chain.key(0), 1337)
        mined = await sender.transact("first", TO, b"", value=5)
        genesis = await rpc.block(0)
        await sender.send("second", TO, b"", value=7)
    os.kill(chain.pid, end)
    await chain.wait()
    chain = await LocalChain.start(options(tmp_path, block_time=1))
    async with Rpc(chain.url) as rpc:
        assert await rpc.block(0) == genesis
        receipt = await rpc.receipt(mined.transaction_hash)
        assert receipt is not None
        assert receipt.block_hash == mined.block_hash
        sender = Sender(rpc, TransactionJournal(store), chain.key(0), 1337)
        await sender.resume()
        await sender.wait("second")
        await sender.transact("first", TO, b"", value=5)
        assert int(await rpc.call("eth_getBalance", TO, "latest"), 16) == 12
    await chain.stop()
    store.close()


async def test_block_time_never_goes_back_over_a_restart(tmp_path: Path) -> None:
    chain = await LocalChain.start(options(tmp_path, block_time=1))
    began = time.time()
    ahead = await chain.advance(86_400)
    assert began - 10 < ahead - 86_400 < time.time() + 10
    os.kill(chain.pid, signal.SIGKILL)
    await chain.wait()
    chain = await LocalChain.start(options(tmp_path, block_time=1))
    async with Rpc(chain.url) as rpc:
        before = await rpc.block_number()
        while await rpc.block_number() < before + 2:
            await asyncio.sleep(0.1)
        head = await rpc.block_number()
        times = [b.timestamp for b in await rpc.blocks(range(head + 1)) if b is not None]
    await chain.stop()
    assert times == sorted(times)
    assert times[-1] >= ahead


async def test_time_goes_forward_only(tmp_path: Path) -> None:
    start = LocalChainOptions(tmp_path / "chain", port=0, block_time=0, genesis_time=1_500_000_000)
    chain = await LocalChain.start(start)
    async with Rpc(chain.url) as rpc:
        assert await timetravel.chain_time(rpc) == 1_500_000_000
        assert await timetravel.advance_to(rpc, 1_500_086_400) == 1_500_086_400
        later = await timetravel.mine(rpc, 3)
        assert later >= 1_500_086_400
        with pytest.raises(BerthError, match="already"):
            await timetravel.advance_to(rpc, 1_500_000_001)
        with pytest.raises(BerthError, match="back in time"):
            await timetravel.advance(rpc, -1)
    await chain.stop()


async def test_a_taken_port_and_a_chain_in_use_are_named(tmp_path: Path) -> None:
    chain = await LocalChain.start(options(tmp_path))
    with pytest.raises(BerthError, match=f"port {chain.port} is in use") as caught:
        await LocalChain.start(options(tmp_path / "other", port=chain.port))
    assert caught.value.code == "chain.port_taken"
    with pytest.raises(BerthError, match="in use by another process") as caught:
        await LocalChain.start(options(tmp_path))
    assert caught.value.code == "chain.in_use"
    async with Rpc(chain.url) as rpc:
        assert await rpc.chain_id() == 1337
    await chain.stop()
    await chain.stop()


async def test_the_wallet_is_the_folders_own_and_private(tmp_path: Path) -> None:
    chain = await LocalChain.start(options(tmp_path))
    async with Rpc(chain.url) as rpc:
        accounts = await rpc.call("eth_accounts")
    words = tmp_path / "chain" / "words"
    assert stat.S_IMODE(words.stat().st_mode) == 0o600
    assert len(accounts) == 10
    from berth.core.signing import address_of

    assert [address_of(chain.key(n)) for n in range(10)] == accounts
    await chain.stop()
    again = await LocalChain.start(options(tmp_path, port=free_port()))
    assert again.words == chain.words
    await again.stop()


async def test_a_missing_ganache_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTH_GANACHE", str(tmp_path / "nothing"))
    with pytest.raises(BerthError, match="is not a program") as caught:
        await LocalChain.start(options(tmp_path))
    assert caught.value.field == "BERTH_GANACHE"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BerthError, match=r"Node\.js is missing"):
        await LocalChain.start(options(tmp_path))


async def test_a_killed_parent_leaves_no_chain_behind(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import asyncio, sys
        from pathlib import Path
        from berth.chain.local import LocalChain, LocalChainOptions
        async def main():
            chain = await LocalChain.start(
                LocalChainOptions(Path({str(tmp_path)!r}) / "chain", port=0, block_time=1))
            print(chain.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
        """
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), 60))
    assert not gone(pid)
    parent.kill()
    await parent.wait()
    await until_gone(pid)
