"""One format for all that is logged, whoever logs it: text for people, JSON for machines.

Structured lines (`structlog`) and those of libraries (`logging`) come out alike, on standard error.
What must not be in a log is taken out here, whoever put it in: secrets and plates by their names,
and user, password, path and query of an address, where providers put their keys.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import IO, Any

import structlog
from structlog.contextvars import bound_contextvars

#: Libraries that say more than anybody asked for.
_TALKATIVE = ("httpx", "httpcore", "alembic", "asyncio", "uvicorn", "amqtt", "transitions")
#: Fields that are never shown, whatever they hold.
_SECRET = re.compile(
    r"(^|_)(plate|salt|password|secret|token|authorization|cookie|private|privatekey|keystore)$",
    re.IGNORECASE,
)
#: An address with anything behind host and port, or a user before them.
_ADDRESS = re.compile(
    r"\b(?P<scheme>https?|wss?|mqtts?|postgresql(?:\+\w+)?)://(?:[^\s/@'\"]*@)?"
    r"(?P<host>\[[0-9a-f:.]+\]|[^\s/:?#@'\"\\]+)(?P<port>:\d+)?(?P<rest>[/?#][^\s'\"]*)?",
    re.IGNORECASE,
)
_HIDDEN = "…"
#: What would move the cursor, or worse, on the terminal of whoever reads a line of text.
_CONTROL = {number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160)) if number != 10}


def configure_logs(level: str, form: str, *, stream: IO[str] | None = None, **facts: str) -> None:
    """Sends all lines of a `level` and above to standard error, as `text` or `json`; `facts` (the
    role, say) are in every line. May be called again."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with(facts),
        structlog.processors.format_exc_info,
        without_secrets,
    ]
    last: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False
        )
    )
    handler = _StandardError() if stream is None else logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _in_lines if form == "text" else _as_is,
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


class _StandardError(logging.StreamHandler[IO[str]]):
    """Writes to what standard error is now: a progress bar puts itself in between."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


@contextmanager
def about(**facts: Any) -> Iterator[None]:
    """Every line within the block has these fields: `about(lease=…, command=…)`. Each task has its
    own."""
    with bound_contextvars(**facts):
        yield


def without_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A line without what nobody may read in a log."""
    for name, value in event.items():
        if _SECRET.search(name):
            event[name] = _HIDDEN
        elif isinstance(value, str):
            event[name] = hide_addresses(value)
        elif isinstance(value, dict | list | tuple):
            event[name] = hide_addresses(repr(value))
    return event


def hide_addresses(text: str) -> str:
    """Addresses in a text as scheme, host and port alone."""
    return _ADDRESS.sub(_shorter, text)


def _shorter(found: re.Match[str]) -> str:
    rest = f"/{_HIDDEN}" if len(found["rest"] or "") > 1 else ""
    return f"{found['scheme']}://{found['host']}{found['port'] or ''}{rest}"


def _with(facts: dict[str, str]) -> Any:
    def add(
        _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        for name, value in facts.items():
            event.setdefault(name, value)
        return event

    return add


def _as_is(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return event


def _in_lines(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The trace of an exception as one value: a line stays a line, and is only read."""
    if isinstance(event.get("exception"), str):
        event["exception"] = event["exception"].replace("\n", " | ")
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = value.translate(_CONTROL)
    return event
