"""The embedded chain: Ganache as a child process whose chain lives in the data folder.

Ganache keeps every mined block over SIGTERM and SIGKILL (a transaction that was not mined yet is
lost: the sender sends it again). What it does not keep is its clock's shift after time travel, so a
restart would mine blocks that lie before their parents; the shift is put back here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from berth.chain import timetravel
from berth.chain.child import dying_with_parent
from berth.chain.rpc import NodeUnreachableError, Rpc
from berth.core.errors import BerthError

HOST = "127.0.0.1"
READY_SECONDS = 60.0
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class LocalChainOptions:
    """How to run it.

    `folder` holds the chain's database, the wallet's words and the log. `port` 0 takes a free one.
    `block_time` is in seconds; 0 mines each transaction at once. `genesis_time` (Unix seconds UTC)
    counts for a new chain only.
    """

    folder: Path
    port: int = 8545
    block_time: int = 1
    chain_id: int = 1337
    accounts: int = 10
    genesis_time: int | None = None


class LocalChain:
    """A running Ganache. `url` is its address; stop it when done."""

    def __init__(
        self,
        options: LocalChainOptions,
        port: int,
        process: asyncio.subprocess.Process,
        log_start: int,
    ) -> None:
        self.options = options
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self._process = process
        self._log_start = log_start

    @classmethod
    async def start(cls, options: LocalChainOptions) -> LocalChain:
        """Starts it and waits until it answers.

        Raises BerthError chain.ganache_missing, chain.port_taken, chain.in_use, chain.start.
        """
        command = _ganache()
        folder = options.folder
        folder.mkdir(parents=True, exist_ok=True)
        port = _port(options.port)
        known = (folder / "db").exists()
        _read_or_make_words(folder)
        began = options.genesis_time
        if known:
            latest = await _latest_timestamp(command, options, port)
            began = latest + 1 if latest > time.time() else None
        chain = await _spawn(command, options, port, options.block_time, began)
        try:
            await chain._ready()
        except BaseException:
            await chain.stop()
            raise
        return chain

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def words(self) -> str:
        """The wallet's mnemonic; its accounts hold play money only."""
        return _read_or_make_words(self.options.folder)

    def key(self, number: int) -> bytes:
        """Private key of account `number`, counted from 0."""
        from eth_account import Account

        Account.enable_unaudited_hdwallet_features()
        path = f"m/44'/60'/0'/0/{number}"
        return bytes(Account.from_mnemonic(self.words, account_path=path).key)

    async def wait(self) -> int:
        """Waits until the process ends, by whoever's doing; its exit status."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Ends it, politely first. Safe to call twice."""
        if self._process.returncode is not None:
            return
        try:
            self._process.terminate()
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        except ProcessLookupError:
            await self._process.wait()

    async def advance(self, seconds: int) -> int:
        """Moves the chain's clock forward; the new block's timestamp."""
        async with Rpc(self.url) as rpc:
            return await timetravel.advance(rpc, seconds)

    async def _ready(self) -> None:
        async with Rpc(self.url, retries=0, timeout=5.0) as rpc:
            found = await self._first_answer(rpc)
        if found != self.options.chain_id:
            message = f"the chain in {self.options.folder} has id {found}: use another data folder"
            raise BerthError("chain.id", message)

    async def _first_answer(self, rpc: Rpc) -> int:
        deadline = time.monotonic() + READY_SECONDS
        while self._process.returncode is None:
            try:
                return await rpc.chain_id()
            except NodeUnreachableError:
                if time.monotonic() > deadline:
                    message = f"Ganache did not answer within {READY_SECONDS:.0f} s"
                    raise BerthError("chain.start", message, status=503) from None
                await asyncio.sleep(0.05)
        raise self._start_error()

    def _start_error(self) -> BerthError:
        """Why it ended, by what it wrote since this start."""
        text = _log(self.options).read_bytes()[self._log_start :].decode("utf-8", "replace")
        if "EADDRINUSE" in text:
            return _port_taken(self.port)
        if "lock" in text.lower():
            message = f"the chain in {self.options.folder} is in use by another process"
            return BerthError("chain.in_use", message)
        last = [line.strip() for line in text.splitlines() if line.strip()][-3:]
        return BerthError("chain.start", f"Ganache did not start: {' / '.join(last)}")


def free_port() -> int:
    """A port of this machine that nothing listens on right now, and that no connection that is
    going out is given before somebody listens there: systems give those away from 32768 on."""
    while True:
        port = 10_240 + secrets.randbelow(32_768 - 10_240)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port


def _port(asked: int) -> int:
    if asked == 0:
        return free_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, asked))
        except OSError as error:
            raise _port_taken(asked) from error
    return asked


def _port_taken(port: int) -> BerthError:
    message = f"port {port} is in use: end what listens there, or name another port for the chain"
    return BerthError("chain.port_taken", message, field="port")


def _ganache() -> list[str]:
    """Ganache's command: BERTH_GANACHE, the repository's own, or the one on PATH."""
    if shutil.which("node") is None:
        message = "Node.js is missing: install Node 20 or newer, then run `make setup`"
        raise BerthError("chain.node_missing", message)
    named = os.environ.get("BERTH_GANACHE", "").strip()
    if named:
        if not os.access(named, os.X_OK):
            message = f"{named} is not a program"
            raise BerthError("chain.ganache_missing", message, field="BERTH_GANACHE")
        return [named]
    for base in (Path.cwd(), *Path(__file__).resolve().parents):
        candidate = base / "node_modules" / ".bin" / "ganache"
        if candidate.exists():
            return [str(candidate)]
    found = shutil.which("ganache")
    if found is None:
        message = "Ganache is missing: run `make setup`, or name its program in BERTH_GANACHE"
        raise BerthError("chain.ganache_missing", message)
    return [found]


def _read_or_make_words(folder: Path) -> str:
    path = folder / "words"
    if not path.exists():
        from eth_account.hdaccount import generate_mnemonic
        from eth_account.types import Language

        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(generate_mnemonic(num_words=12, lang=Language.ENGLISH) + "\n")
    return path.read_text("ascii").strip()


async def _latest_timestamp(command: list[str], options: LocalChainOptions, port: int) -> int:
    """The newest block's time, asked without a block timer: not even one block may go back."""
    quiet = await _spawn(command, options, port, 0, None)
    try:
        await quiet._ready()
        async with Rpc(quiet.url) as rpc:
            return await timetravel.chain_time(rpc)
    finally:
        await quiet.stop()


async def _spawn(
    command: list[str],
    options: LocalChainOptions,
    port: int,
    block_time: int,
    began: int | None,
) -> LocalChain:
    arguments = [
        *("--server.host", HOST),
        *("--server.port", str(port)),
        *("--chain.chainId", str(options.chain_id)),
        *("--chain.networkId", str(options.chain_id)),
        *("--chain.hardfork", "shanghai"),
        *("--database.dbPath", str(options.folder / "db")),
        *("--wallet.mnemonic", _read_or_make_words(options.folder)),
        *("--wallet.totalAccounts", str(options.accounts)),
        *("--miner.blockGasLimit", "0x1c9c380"),
        "--logging.quiet",
    ]
    if block_time:
        arguments += ["--miner.blockTime", str(block_time)]
    if began is not None:
        moment = datetime.fromtimestamp(began, UTC)
        arguments += ["--chain.time", moment.strftime("%Y-%m-%dT%H:%M:%SZ")]
    with _log(options).open("ab") as log:
        log_start = log.tell()
        process = await asyncio.create_subprocess_exec(
            *dying_with_parent([*command, *arguments]),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C goes to the whole terminal; the chain shall end last, by our hand
            start_new_session=True,
        )
    return LocalChain(options, port, process, log_start)


def _log(options: LocalChainOptions) -> Path:
    return options.folder / "ganache.log"
