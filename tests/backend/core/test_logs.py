"""Logs: one format whoever speaks, and nothing in it that nobody may read."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from typing import Any

import pytest
import structlog
from berth.core.logs import about, configure_logs, hide_addresses

KEY = "0123456789abcdef"


@pytest.fixture
def lines() -> io.StringIO:
    """Where lines go."""
    return io.StringIO()


def read(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_structured_lines_and_those_of_libraries_look_alike(lines: io.StringIO) -> None:
    configure_logs("info", "json", stream=lines, role="relay")
    structlog.get_logger("berth.relay").warning("command waits", command="c0ffee", attempt=2)
    logging.getLogger("berth.indexer").info("index: block %d", 7)
    ours, theirs = read(lines)
    assert {name: ours[name] for name in ("event", "level", "logger", "role", "command")} == {
        "event": "command waits",
        "level": "warning",
        "logger": "berth.relay",
        "role": "relay",
        "command": "c0ffee",
    }
    assert ours["attempt"] == 2
    assert (theirs["event"], theirs["level"]) == ("index: block 7", "info")
    assert ours.keys() - {"command", "attempt"} == theirs.keys()


def test_text_is_a_line_of_fields(lines: io.StringIO) -> None:
    configure_logs("info", "text", stream=lines)
    structlog.get_logger("berth.relay").info("relay sleeps", reason="index.behind")
    (line,) = lines.getvalue().splitlines()
    assert 'level=info logger=berth.relay event="relay sleeps" reason=index.behind' in line


def test_what_strangers_say_moves_no_cursor_and_makes_no_line(lines: io.StringIO) -> None:
    configure_logs("info", "text", stream=lines)
    said = "gone\r\x1b[2J\x9b31m\nlevel=info event=fine"
    structlog.get_logger("berth.relay").warning("node", reason=said)
    logging.getLogger("berth.chain").warning("node %s", said)
    written = lines.getvalue()
    assert not set(written) & {"\r", "\x1b", "\x9b"}
    assert len(written.splitlines()) == 2


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exception_stays_one_line_with_its_trace(lines: io.StringIO, form: str) -> None:
    configure_logs("info", form, stream=lines)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        structlog.get_logger("x").exception("lost")
    (line,) = lines.getvalue().splitlines()
    assert "ValueError" in line
    assert "test_logs.py" in line


def test_a_level_is_kept_to_by_all(lines: io.StringIO) -> None:
    configure_logs("warning", "json", stream=lines)
    structlog.get_logger("a").info("no")
    logging.getLogger("b").info("no")
    logging.getLogger("httpx").warning("yes")
    assert [line["event"] for line in read(lines)] == ["yes"]


async def test_lease_and_command_are_in_every_line_of_their_task_and_no_other(
    lines: io.StringIO,
) -> None:
    configure_logs("info", "json", stream=lines)
    log = structlog.get_logger("berth.relay")

    async def work(lease: str) -> None:
        with about(lease=lease, command=f"of {lease}"):
            await asyncio.sleep(0)
            log.info("sent")

    await asyncio.gather(work("0x01"), work("0x02"))
    log.info("idle")
    said = [(line.get("lease"), line.get("command")) for line in read(lines)]
    assert said == [("0x01", "of 0x01"), ("0x02", "of 0x02"), (None, None)]


@pytest.mark.parametrize(
    "field",
    ["plate", "password", "mqtt_password", "salt", "secret", "token", "Authorization", "cookie"],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_secret_is_never_shown(lines: io.StringIO, form: str, field: str) -> None:
    configure_logs("debug", form, stream=lines)
    structlog.get_logger("x").error("refused", **{field: KEY})
    with about(**{field: KEY}):
        logging.getLogger("y").error("refused")
    assert KEY not in lines.getvalue()
    assert lines.getvalue().count("refused") == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            f"node at https://node.example/v3/{KEY} is slow",
            "node at https://node.example/… is slow",
        ),
        (f"https://user:{KEY}@node.example:8443/", "https://node.example:8443"),
        (f"wss://node.example/?apikey={KEY}", "wss://node.example/…"),
        (f"postgresql+psycopg://berth:{KEY}@db:5432/berth", "postgresql+psycopg://db:5432/…"),
        (f"mqtt://backend:{KEY}@[::1]:1883", "mqtt://[::1]:1883"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("ratio 3/4, see chain/ganache.log", "ratio 3/4, see chain/ganache.log"),
    ],
)
def test_an_address_is_shown_without_what_may_be_a_key(
    lines: io.StringIO, text: str, shown: str
) -> None:
    assert hide_addresses(text) == shown
    configure_logs("info", "json", stream=lines)
    structlog.get_logger("x").info("said", reason=text, more=[text], why={"reason": text})
    logging.getLogger("y").info("said: %s", text)
    try:
        raise RuntimeError(text)
    except RuntimeError:
        structlog.get_logger("x").exception("failed")
    assert KEY not in lines.getvalue()
