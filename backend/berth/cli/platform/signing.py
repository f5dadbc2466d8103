"""The signer: in the process that needs it, in another one, or as that other one."""

from __future__ import annotations

import asyncio
import fcntl
import grp
import os
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from berth.chain.nodes import Nodes
from berth.chain.rpc import Rpc
from berth.cli.keyring import VARIABLE, find_password
from berth.cli.platform.enrolling import ticket_keys
from berth.core.clock import Clock
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.keys import load_ed25519
from berth.core.settings import Settings
from berth.relay.policy import LOCAL_CHAINS, Policy
from berth.relay.signer import Signer
from berth.relay.signer_app import SignerApp
from berth.relay.signer_audit import SignatureLog
from berth.relay.signer_client import RemoteSigner
from berth.relay.signer_limits import LOWERS_A_MINUTE, Limits
from berth.relay.signer_wire import SignerAddress, is_loopback, read_secret

#: How far the time of the signer's node may be from the clock, seconds. A local chain may travel.
MAX_AGE = 120
#: A line on which nothing was asked for so long is closed, seconds.
PATIENCE = 5.0
#: Requests that are worked on at once.
_AT_ONCE = 64
_PASSWORD = "BERTH_PASSWORD_FILE"  # noqa: S105 - a variable's name
_log = structlog.get_logger("berth.signer")


@asynccontextmanager
async def own_node(settings: Settings, deployment: Deployment) -> AsyncIterator[Rpc | None]:
    """The signer's own node or nodes; None where none is named."""
    if not settings.signer_rpc_urls:
        yield None
        return
    async with Nodes(settings.signer_rpc_urls, deployment) as nodes:
        yield nodes


def check_ticket_keys(settings: Settings) -> None:
    """The signer's own keys open, those that are here. Makes nothing.

    Raises BerthError key.password_missing, or whatever keeps the keys shut: a signer that began
    with them would run, and sign nothing.
    """
    folder = settings.keys / "tickets"
    tickets = [*folder.glob("*.pem")]
    own = settings.keys / "password"
    named = settings.password_file is not None or VARIABLE in os.environ
    if (tickets or [*settings.keys.glob("*.json")]) and not named and not own.exists():
        message = (
            f"the keys in {settings.keys} have a password of yours: name a file with it in"
            f" {_PASSWORD}"
        )
        raise BerthError("key.password_missing", message, field=_PASSWORD, exit_code=2)
    why = unopened(folder, find_password(settings, None)) if tickets else None
    if why is not None:
        says = why.message
        if why.code == "key.wrong_password":
            says += f", which has another one than {_PASSWORD if named else own} holds"
        raise BerthError(
            why.code, f"{says}: no ticket could be signed", field=_PASSWORD, exit_code=2
        ) from why


def unopened(folder: Path, password: str) -> BerthError | None:
    """Why neither the root nor a day key of a folder opens; None = one does, or there is none."""
    why = None
    for path in [folder / "root.pem", *sorted(folder.glob("day-*.pem"), reverse=True)]:
        if path.exists():
            try:
                load_ed25519(path, password)
                return None
            except BerthError as error:
                why = why or error
    return why


@contextmanager
def local_signer(
    settings: Settings,
    deployment: Deployment,
    rpc: Rpc,
    clock: Clock,
    *,
    lowers_a_minute: int = LOWERS_A_MINUTE,
) -> Iterator[Signer]:
    """A signer with the keys of this data folder. Raises BerthError when they do not open."""
    check_ticket_keys(settings)
    log = SignatureLog(settings.home / "signer")
    try:
        yield Signer(
            ticket_keys(settings, clock),
            rpc,
            Policy(deployment, clock, settings.confirmations),
            limits=Limits(lowers_a_minute=lowers_a_minute),
            log=log,
            max_age=None if deployment.chain_id in LOCAL_CHAINS else MAX_AGE,
        )
    finally:
        log.close()


def remote_signer(settings: Settings) -> RemoteSigner:
    """A signer elsewhere, at BERTH_SIGNER_URL."""
    address = SignerAddress.parse(settings.signer_url)
    return RemoteSigner(address, read_secret(settings.signer_secret_file, address))


async def check_signer(signer: RemoteSigner, deployment: Deployment) -> dict[str, Any]:
    """What the signer says of itself, if it signs for this deployment. Raises BerthError."""
    said = await signer.status()
    ours = (deployment.chain_id, deployment.market.lower())
    theirs = (said.get("chainId"), str(said.get("market")).lower())
    if theirs != ours:
        message = (
            f"the signer at {signer.where} signs for market {theirs[1]} on chain {theirs[0]},"
            f" not for {ours[1]} on chain {ours[0]}"
        )
        raise BerthError("signer.market", message, field="BERTH_SIGNER_URL")
    return said


class _Impatient(H11Protocol):
    """Closes lines on which nothing is asked: 64 silent callers must not keep the relay out."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._was_idle = False
        self._look()

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle  # None before the first request
        idle = cycle is None or cycle.response_complete
        if idle and self._was_idle:
            self.transport.close()
            return
        self._was_idle = idle
        self.loop.call_later(PATIENCE, self._look)


class SignerServer(uvicorn.Server):
    """Serves a signer inside somebody else's event loop."""

    def __init__(self, signer: Signer, secret: str | None) -> None:
        app: Any = SignerApp(signer, secret)
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                ws="none",
                http=_Impatient,
                h11_max_incomplete_event_size=16 * 1024,
                limit_concurrency=_AT_ONCE,
                timeout_graceful_shutdown=3,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the caller's."""
        yield


@contextmanager
def listening(address: SignerAddress, group: str | None, listen: str | None) -> Iterator[Any]:
    """The socket that the signer serves: yields it, and where it is for people.

    A Unix socket is its owner's alone, or of a `group`; `listen` is HOST:PORT of this machine
    behind a proxy that speaks TLS. Raises BerthError signer.socket, signer.in_use, signer.listen.
    """
    if address.path is not None and listen is None:
        with _unix(address.path, group) as listener:
            yield listener, f"unix:{address.path}"
        return
    host, port = _tcp(address, listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(_AT_ONCE)
        except OSError as error:
            message = f"cannot listen on {host}:{port}: {error.strerror}"
            raise BerthError(
                "signer.in_use", message, field="BERTH_SIGNER_URL", exit_code=2
            ) from error
        shown = f"[{host}]" if ":" in host else host
        yield listener, f"http://{shown}:{listener.getsockname()[1]}"


def _tcp(address: SignerAddress, listen: str | None) -> tuple[str, int]:
    if listen is None:
        if not is_loopback(address.host):
            message = "name with --listen where a proxy that speaks TLS finds the signer"
            raise BerthError("signer.listen", message, field="--listen", exit_code=2)
        return "127.0.0.1" if address.host == "localhost" else address.host, address.port
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not is_loopback(host) or not port.isascii() or not port.isdigit() or int(port) > 65535:
        message = f"{listen!r} must be HOST:PORT, HOST an address of this machine alone"
        raise BerthError("signer.listen", message, field="--listen", exit_code=2)
    return "127.0.0.1" if host == "localhost" else host, int(port)


@contextmanager
def _unix(path: Path, group: str | None) -> Iterator[socket.socket]:
    with _alone(path), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            if path.exists() and not stat.S_ISSOCK(path.lstat().st_mode):
                raise _unusable(path, "something else has this name")
            path.unlink(missing_ok=True)  # of a signer that was killed
            before = os.umask(0o177)
            try:
                listener.bind(str(path))
            finally:
                os.umask(before)
            if group is not None:
                _let_in(path, grp.getgrnam(group).gr_gid)
            listener.listen(_AT_ONCE)
        except KeyError:
            raise _unusable(path, f"there is no group {group!r}") from None
        except OSError as error:
            raise _unusable(path, str(error.strerror)) from error
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


def _let_in(path: Path, group: int) -> None:
    # Where the process is of that group its socket is, too: then nothing is asked for that only
    # the privileged may, and whose very attempt ends a process that systemd has shut in.
    if path.stat().st_gid != group:
        os.chown(path, -1, group)
    path.chmod(0o660)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One signer a socket: a file beside it is held as long as the signer lives."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(path, str(error.strerror)) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        message = f"another signer listens on {path}"
        raise BerthError("signer.in_use", message, field="BERTH_SIGNER_URL", exit_code=2) from error
    finally:
        os.close(handle)


def _unusable(path: Path, why: str) -> BerthError:
    message = f"cannot listen on {path}: {why}"
    return BerthError("signer.socket", message, field="BERTH_SIGNER_URL", exit_code=2)
