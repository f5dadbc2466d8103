"""Settings: the environment's BERTH_* variables over defaults that work on one machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from berth.core.errors import BerthError

LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Settings:
    """Where everything is. Paths are absolute.

    `home` is the data folder; `data` the folder of source data sets; `deployment` the deployment
    file; `public_url` the origin that browsers see, which sign-in messages are bound to;
    `tiles_url` a map tile template, None when there is none; `confirmations` overrides the depth an
    unlock needs, None = by policy.
    """

    home: Path
    data: Path
    deployment: Path
    rpc_url: str
    database_url: str
    http_host: str
    http_port: int
    public_url: str
    tiles_url: str | None
    confirmations: int | None
    password_file: Path | None
    log_level: str

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
    visible = f"[{host}]" if ":" in host else host
    return Settings(
        home=home,
        data=_path(env, "BERTH_DATA", Path("../shared/data")),
        deployment=_path(env, "BERTH_DEPLOYMENT", home / "deployment.json"),
        rpc_url=_url(env, "BERTH_RPC_URL", "http://127.0.0.1:8545", "http", "https"),
        database_url=_database(env, home),
        http_host=host,
        http_port=port,
        # not checked when it is our own: with port 0 the true one is known once it is taken
        public_url=(
            _url(env, "BERTH_PUBLIC_URL", "", "http", "https") or f"http://{visible}:{port}"
        ).rstrip("/"),
        tiles_url=_url(env, "BERTH_TILES_URL", "", "http", "https") or None,
        confirmations=(
            _number(env, "BERTH_CONFIRMATIONS", 0, 1, 1000)
            if env.get("BERTH_CONFIRMATIONS")
            else None
        ),
        password_file=(
            _path(env, "BERTH_PASSWORD_FILE", Path()) if env.get("BERTH_PASSWORD_FILE") else None
        ),
        log_level=level,
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


def _url(env: Mapping[str, str], name: str, default: str, *schemes: str) -> str:
    text = _text(env, name, default)
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        raise _bad(name, f"{text!r} is not a URL") from None
    if parts.scheme not in schemes or not parts.hostname or not port_fits:
        raise _bad(name, f"{text!r} is not a URL of {', '.join(schemes)}")
    return text


def _database(env: Mapping[str, str], home: Path) -> str:
    text = _text(env, "BERTH_DATABASE_URL", "")
    if not text:
        return f"sqlite:///{home / 'berth.sqlite'}"
    if not text.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise _bad("BERTH_DATABASE_URL", "must start with sqlite:/// or postgresql://")
    return text


def _bad(name: str, why: str) -> BerthError:
    return BerthError("settings.invalid", why, field=name, exit_code=2)
