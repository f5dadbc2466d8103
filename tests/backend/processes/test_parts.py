"""Parts of a process: the first to end is why it ends, and the end comes in order."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from berth.cli.platform.home import held, held_role, make_operator_token
from berth.cli.platform.parts import Failed, Parts, parts, run_until_stopped
from berth.cli.platform.progress import facts_of, sentence
from berth.cli.platform.waiting import once_there
from berth.core.errors import BerthError
from berth.core.settings import load_settings
from berth.indexer.status import IndexStatus


def silent(_text: str) -> None:
    """Nobody listens."""


async def lasting(name: str, ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append(name)


async def broken(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


async def test_parts_end_in_the_opposite_order() -> None:
    ended: list[str] = []
    async with parts() as running:
        for name in ("chain", "index", "api"):
            running.start(name, lasting(name, ended))
        await asyncio.sleep(0)
    assert ended == ["api", "index", "chain"]


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (BerthError("chain.id", "another chain"), "chain.id", "another chain"),
        (ValueError("odd"), "up.ended", "the index ended: ValueError('odd')"),
        (ExceptionGroup("tasks", [BerthError("a.b", "from a task group")]), "a.b", "task group"),
    ],
)
async def test_the_first_part_to_fail_is_why_the_process_ends(
    error: Exception, code: str, words: str
) -> None:
    ended: list[str] = []

    @asynccontextmanager
    async def process() -> AsyncIterator[tuple[str, Failed]]:
        async with parts() as running:
            running.start("api", lasting("api", ended))
            running.start("index", broken(error))
            yield "ready", running.failed

    said: list[str] = []
    with pytest.raises(BerthError, match=words.replace("(", r"\(").replace(")", r"\)")) as refused:
        await run_until_stopped(process(), silent, said.append)
    assert refused.value.code == code
    assert (said, ended) == (["ready"], ["api"])


async def test_a_part_that_ends_by_itself_is_a_failure_too() -> None:
    async with parts() as running:
        running.start("index", asyncio.sleep(0))
        assert str(await running.failed) == "index"


async def test_a_start_is_not_waited_for_when_a_part_has_failed_already() -> None:
    async with parts() as running:
        running.start("index", broken(BerthError("chain.id", "another chain")))
        with pytest.raises(BerthError, match="another chain"):
            await running.unless_failed(asyncio.Event().wait())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("when", ["starting", "running"])
async def test_a_signal_ends_it_in_order_at_any_moment(number: int, when: str) -> None:
    ended, said = list[str](), list[str]()

    @asynccontextmanager
    async def process() -> AsyncIterator[tuple[str, Failed]]:
        async with parts() as running:
            running.start("index", lasting("index", ended))
            asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), number)
            if when == "starting":
                await asyncio.Event().wait()
            yield "ready", running.failed

    await run_until_stopped(process(), silent, said.append)
    assert ended == ["index"]
    assert said == ([] if when == "starting" else ["ready"])


async def test_parts_may_be_ended_twice() -> None:
    running = Parts()
    running.start("index", lasting("index", []))
    await running.end()
    await running.end()


# ---- waiting


async def test_an_outage_is_waited_out_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("berth.cli.platform.waiting._FIRST", 0.01)
    answers: list[str | BerthError] = [
        BerthError("store.unreachable", "away"),
        BerthError("store.unreachable", "away"),
        "there",
    ]

    async def attempt() -> str:
        answer = answers.pop(0)
        if isinstance(answer, BerthError):
            raise answer
        return answer

    assert await once_there("database", attempt) == "there"
    answers.append(BerthError("store.newer", "use the newer program"))
    with pytest.raises(BerthError, match="newer program"):
        await once_there("database", attempt)


# ---- the data folder


def test_one_process_holds_a_folder_and_one_a_role(tmp_path: Path) -> None:
    with held(tmp_path), held_role(tmp_path, "relay"):
        with pytest.raises(BerthError, match=f"in use by process {os.getpid()}"), held(tmp_path):
            pass
        with (
            pytest.raises(BerthError, match="there is a relay on the data folder") as refused,
            held_role(tmp_path, "relay"),
        ):
            pass
        assert (refused.value.code, refused.value.exit_code) == ("home.in_use", 2)
    with held(tmp_path), held_role(tmp_path, "relay"):
        pass  # both were let go


def test_the_operators_token_is_made_once(tmp_path: Path) -> None:
    settings = load_settings({"BERTH_HOME": str(tmp_path)})
    make_operator_token(settings)
    made = settings.operator_token_file.read_text()
    assert len(made.strip()) >= 32
    assert settings.operator_token_file.stat().st_mode & 0o777 == 0o600
    make_operator_token(settings)
    assert settings.operator_token_file.read_text() == made
    assert [path.name for path in settings.keys.iterdir()] == ["operator.token"]


def test_a_token_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    place = str(tmp_path / "file" / "token")
    settings = load_settings({"BERTH_OPERATOR_TOKEN_FILE": place})
    with pytest.raises(BerthError) as refused:
        make_operator_token(settings)
    assert refused.value.field == "BERTH_OPERATOR_TOKEN_FILE"


# ---- progress


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            IndexStatus(
                block_number=1200, head_number=90_000, blocks_per_second=840,
                events_per_second=2100, eta_seconds=105.7,
            ),
            "block 1,200 of 90,000 · 840 blocks/s · 2,100 events/s · 1 min 46 s left",
        ),
        (
            IndexStatus(block_number=1, head_number=9, eta_seconds=7300),
            "block 1 of 9 · 0 blocks/s · 0 events/s · 2 h 1 min left",
        ),
        (
            IndexStatus(block_number=1, head_number=9, eta_seconds=4),
            "block 1 of 9 · 0 blocks/s · 0 events/s · 4 s left",
        ),
        (
            IndexStatus(block_number=1, head_number=9, error="node unreachable"),
            "block 1 of 9 · 0 blocks/s · 0 events/s · waiting: node unreachable",
        ),
    ],
)  # fmt: skip
def test_progress_is_a_sentence_with_rate_and_time_left(status: IndexStatus, words: str) -> None:
    assert sentence(status) == words
    facts = facts_of(status)
    assert facts["state"] == ("waiting" if status.error else "running")
    assert facts["block"] == status.block_number
