"""Settings: the environment's BERTH_* variables over defaults that work on one machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from berth.core.errors import BerthError

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
LOCAL_RPC = "http://127.0.0.1:8545"
#: Where `make dapp` leaves the app for browsers.
BUILT_DAPP = Path(__file__).resolve().parents[3] / "dapp" / "dist"
#: Blocks behind the head that a reorg may still change, where the node does not say.
FINALITY = 64
#: What the sender of transactions may spend on gas a day, wei.
SPEND_CAP = 10**18
#: What a sponsor pays for in a day: calls of one account, gas in all.
SPONSOR_CALLS = 40
SPONSOR_GAS = 300_000_000
#: A sponsor whose account pays for fewer calls than this is low.
SPONSOR_WARN = 50


@dataclass(frozen=True)
class Keep:
    """For how many days rows are kept that no chain gives back: `personal` where drivers were and
    what was read of their plates, `events` what screens were told (as long as a stream may be
    resumed) and the relay's outbox, `commands` what locks were told, and incidents."""

    personal: int = 30
    events: int = 30
    commands: int = 180


@dataclass(frozen=True)
class Settings:
    """Where everything is. Paths are absolute.

    `home` is the data folder; `data` the folder of source data sets; `deployment` the deployment
    file; `public_url` the origin that browsers see, which sign-in messages are bound to;
    `dapp` the folder of the built app for browsers; `tiles_url` a map tile template, None when
    there is none, `tiles_attribution` whose they are, as the map has to say; `confirmations`
    overrides the depth an unlock needs, None = by policy.

    `rpc_urls` are nodes, the preferred one first; `rpc_named` whether the environment names them,
    so that no embedded chain is wanted; `public_rpc_urls` are nodes that browsers may ask;
    `ws_url` a node's websocket, None = its heads are polled. `signer_url` is where the signer
    listens, `unix:PATH` or `http(s)://HOST:PORT`;
    `signer_secret_file` what its callers must know, None on a Unix socket; `signer_rpc_urls` the
    signer's own nodes, empty = it has none. `mqtt_url` is a broker elsewhere, None = the embedded
    one. `spend_cap` is wei of gas a day, `max_fee_gwei` the most paid a unit of gas, None = what
    the chain asks; `sponsor` whether accounts' signed calls are paid for, `sponsor_calls` of one
    account and `sponsor_gas` in all, a day, and `sponsor_warn` calls below which its account is
    said to be low; `finality` blocks. `ready_blocks` and
    `ready_seconds` bound how far the index may be behind, and how old its newest block may be
    (0 = any age), while the service counts as ready. `keep` says for how long what is kept.
    """

    home: Path
    data: Path
    deployment: Path
    rpc_urls: tuple[str, ...]
    rpc_named: bool
    public_rpc_urls: tuple[str, ...]
    ws_url: str | None
    signer_url: str
    signer_secret_file: Path | None
    signer_rpc_urls: tuple[str, ...]
    mqtt_url: str | None
    mqtt_password_file: Path | None
    mqtt_ca_file: Path | None
    spend_cap: int
    max_fee_gwei: int | None
    sponsor: bool
    sponsor_calls: int
    sponsor_gas: int
    sponsor_warn: int
    finality: int
    ready_blocks: int
    ready_seconds: int
    keep: Keep
    database_url: str
    http_host: str
    http_port: int
    public_url: str
    dapp: Path
    tiles_url: str | None
    tiles_attribution: str
    confirmations: int | None
    password_file: Path | None
    operator_token_file: Path
    log_level: str
    log_format: str

    @property
    def rpc_url(self) -> str:
        """The preferred node."""
        return self.rpc_urls[0]

    @property
    def max_fee(self) -> int | None:
        """The most paid a unit of gas, wei; None = what the chain asks."""
        return None if self.max_fee_gwei is None else self.max_fee_gwei * 10**9

    @property
    def keys(self) -> Path:
        """Folder of key files."""
        return self.home / "keys"

    @property
    def chain(self) -> Path:
        """Folder of the embedded chain's database."""
        return self.home / "chain"

    @property
    def titles(self) -> Path:
        """Folder of title trees."""
        return self.home / "titles"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment. Raises BerthError (exit code 2) naming the variable."""
    env = os.environ if environ is None else environ
    home = _path(env, "BERTH_HOME", Path(".berth"))
    host = _text(env, "BERTH_HTTP_HOST", "127.0.0.1")
    port = _number(env, "BERTH_HTTP_PORT", 8000, 0, 65535)
    level = _text(env, "BERTH_LOG_LEVEL", "info").lower()
    if level not in LOG_LEVELS:
        raise _bad("BERTH_LOG_LEVEL", f"{level!r} is none of {', '.join(LOG_LEVELS)}")
    form = _text(env, "BERTH_LOG_FORMAT", "text").lower()
    if form not in LOG_FORMATS:
        raise _bad("BERTH_LOG_FORMAT", f"{form!r} is none of {', '.join(LOG_FORMATS)}")
    nodes = _urls(env, "BERTH_RPC_URL", "http", "https")
    visible = f"[{host}]" if ":" in host else host
    return Settings(
        home=home,
        data=_path(env, "BERTH_DATA", Path("../shared/data")),
        deployment=_path(env, "BERTH_DEPLOYMENT", home / "deployment.json"),
        rpc_urls=nodes or (LOCAL_RPC,),
        rpc_named=bool(nodes),
        public_rpc_urls=_urls(env, "BERTH_PUBLIC_RPC_URLS", "http", "https"),
        ws_url=_url(env, "BERTH_WS_URL", "", "ws", "wss") or None,
        signer_url=_signer(env, home),
        signer_secret_file=_file(env, "BERTH_SIGNER_SECRET_FILE"),
        signer_rpc_urls=_urls(env, "BERTH_SIGNER_RPC_URL", "http", "https"),
        mqtt_url=_broker(env),
        mqtt_password_file=_file(env, "BERTH_MQTT_PASSWORD_FILE"),
        mqtt_ca_file=_file(env, "BERTH_MQTT_CA_FILE"),
        spend_cap=_number(env, "BERTH_SPEND_CAP", SPEND_CAP, 1, 10**27),
        max_fee_gwei=(
            _number(env, "BERTH_MAX_FEE_GWEI", 0, 1, 10**9)
            if _text(env, "BERTH_MAX_FEE_GWEI", "")
            else None
        ),
        sponsor=_switch(env, "BERTH_SPONSOR"),
        sponsor_calls=_number(env, "BERTH_SPONSOR_CALLS", SPONSOR_CALLS, 1, 10_000),
        sponsor_gas=_number(env, "BERTH_SPONSOR_GAS", SPONSOR_GAS, 1, 10**12),
        sponsor_warn=_number(env, "BERTH_SPONSOR_WARN", SPONSOR_WARN, 0, 1_000_000),
        finality=_number(env, "BERTH_FINALITY", FINALITY, 1, 100_000),
        ready_blocks=_number(env, "BERTH_READY_BLOCKS", 5, 0, 100_000),
        ready_seconds=_number(env, "BERTH_READY_SECONDS", 60, 0, 1_000_000),
        # the watch looks for drivers whom nobody served up to two days after their leases
        keep=Keep(
            personal=_number(env, "BERTH_KEEP_PERSONAL_DAYS", Keep.personal, 3, 3650),
            events=_number(env, "BERTH_KEEP_EVENTS_DAYS", Keep.events, 1, 3650),
            commands=_number(env, "BERTH_KEEP_COMMANDS_DAYS", Keep.commands, 30, 3650),
        ),
        database_url=_database(env, home),
        http_host=host,
        http_port=port,
        # not checked when it is our own: with port 0 the true one is known once it is taken
        public_url=(
            _url(env, "BERTH_PUBLIC_URL", "", "http", "https") or f"http://{visible}:{port}"
        ).rstrip("/"),
        dapp=_path(env, "BERTH_DAPP", BUILT_DAPP),
        tiles_url=_url(env, "BERTH_TILES_URL", "", "http", "https") or None,
        tiles_attribution=_text(env, "BERTH_TILES_ATTRIBUTION", ""),
        confirmations=(
            _number(env, "BERTH_CONFIRMATIONS", 0, 1, 1000)
            if _text(env, "BERTH_CONFIRMATIONS", "")
            else None
        ),
        password_file=_file(env, "BERTH_PASSWORD_FILE"),
        operator_token_file=_path(
            env, "BERTH_OPERATOR_TOKEN_FILE", home / "keys" / "operator.token"
        ),
        log_level=level,
        log_format=form,
    )


def _text(env: Mapping[str, str], name: str, default: str) -> str:
    return env.get(name, "").strip() or default


def _path(env: Mapping[str, str], name: str, default: Path) -> Path:
    text = _text(env, name, "")
    if "\0" in text:
        raise _bad(name, "holds a zero character")
    return (Path(text).expanduser() if text else default).absolute()


def _number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = _text(env, name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise _bad(name, f"{text!r} is not a whole number from {low} to {high}")
    return int(text)


def _switch(env: Mapping[str, str], name: str) -> bool:
    text = _text(env, name, "off").lower()
    if text not in ("on", "off"):
        raise _bad(name, f"{text!r} is neither on nor off")
    return text == "on"


def _file(env: Mapping[str, str], name: str) -> Path | None:
    return _path(env, name, Path()) if _text(env, name, "") else None


def _url(env: Mapping[str, str], name: str, default: str, *schemes: str) -> str:
    text = _text(env, name, default)
    if text:
        _check_url(name, "it", text, schemes)
    return text


def _urls(env: Mapping[str, str], name: str, *schemes: str) -> tuple[str, ...]:
    """Addresses between commas, none of them twice."""
    text = _text(env, name, "")
    if not text:
        return ()
    urls = tuple(part.strip() for part in text.split(","))
    for number, url in enumerate(urls, 1):
        _check_url(name, "it" if len(urls) == 1 else f"address {number}", url, schemes)
    if len(set(urls)) < len(urls):
        raise _bad(name, "names the same address twice")
    return urls


def _check_url(name: str, which: str, text: str, schemes: tuple[str, ...]) -> None:
    # The text is not repeated: a provider's address often holds a key.
    try:
        parts = urlsplit(text)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        raise _bad(name, f"{which} is not a URL") from None
    if parts.scheme not in schemes or not parts.hostname or not port_fits:
        raise _bad(name, f"{which} is not a URL of {', '.join(schemes)}")


def _signer(env: Mapping[str, str], home: Path) -> str:
    name = "BERTH_SIGNER_URL"
    text = _text(env, name, "")
    if not text:
        return f"unix:{home / 'signer.sock'}"
    if not text.startswith("unix:"):
        _check_url(name, "it", text, ("http", "https"))
        return text.rstrip("/")
    path = text.removeprefix("unix:")
    if not path.startswith("/") or "\0" in path:
        raise _bad(name, "must be unix: and an absolute path, or http(s)://HOST:PORT")
    return f"unix:{Path(path)}"


def _broker(env: Mapping[str, str]) -> str | None:
    name = "BERTH_MQTT_URL"
    text = _url(env, name, "", "mqtt", "mqtts")
    if "@" in urlsplit(text).netloc:
        raise _bad(name, "holds a password: it belongs into BERTH_MQTT_PASSWORD_FILE")
    return text or None


def _database(env: Mapping[str, str], home: Path) -> str:
    text = _text(env, "BERTH_DATABASE_URL", "")
    if not text:
        return f"sqlite:///{home / 'berth.sqlite'}"
    if not text.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise _bad("BERTH_DATABASE_URL", "must start with sqlite:/// or postgresql://")
    return text


def _bad(name: str, why: str) -> BerthError:
    return BerthError("settings.invalid", why, field=name, exit_code=2)
