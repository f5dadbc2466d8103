"""The loop, its processes and the signatures of the simulation itself."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from berth.core.envelope import open_envelope, seal
from berth.core.hashing import keccak
from berth.core.signing import address_of

from tests.sim.installed import Signatures, installed
from tests.sim.loop import Process, StuckError, VirtualLoop, check_alive

EPOCH = 1_800_000_000


def run(work: Callable[[], Awaitable[Any]], seed: int = 1) -> Any:
    loop = VirtualLoop(seed)
    try:
        with installed(loop, seed, EPOCH, Signatures()):
            return loop.run_until_complete(work())
    finally:
        loop.close()


def test_a_day_passes_at_once_and_every_clock_has_seen_it() -> None:
    async def sleeper() -> tuple[float, float]:
        await asyncio.sleep(86_400)
        return time.time(), time.monotonic()

    began = time.perf_counter()
    wall, monotonic = run(sleeper)
    assert (wall, monotonic) == (EPOCH + 86_400, 86_400)
    assert time.perf_counter() - began < 5
    assert abs(time.time() - EPOCH) > 86_400  # the machine's clock is back


def test_the_same_seed_gives_the_same_secrets() -> None:
    async def draw() -> tuple[str, str]:
        return str(uuid.uuid4()), secrets.token_hex(8)

    assert run(draw, 1) == run(draw, 1) != run(draw, 2)


def test_a_process_has_a_clock_of_its_own() -> None:
    async def ask() -> tuple[float, float]:
        process = Process("late")
        process.skew = -40.0

        async def tell() -> float:
            return await asyncio.to_thread(time.time)

        theirs = await process.start(tell())
        return round(theirs, 2), round(time.time(), 2)

    late, right = run(ask)
    assert late == pytest.approx(right - 40, abs=0.1)


def test_what_a_killed_process_would_still_do_does_not_happen() -> None:
    async def murder() -> list[str]:
        done: list[str] = []
        process = Process("victim")

        async def victim() -> None:
            try:
                done.append("began")
                await asyncio.to_thread(lambda: done.append("in a thread"))
                await asyncio.sleep(1000)
            finally:
                check_alive()
                done.append("cleaned up")

        process.start(victim())
        await asyncio.sleep(1)
        process.kill()
        await asyncio.sleep(1)
        return done

    assert run(murder) == ["began", "in a thread"]


def test_a_thread_that_has_not_begun_dies_with_its_process() -> None:
    async def murder() -> list[str]:
        done: list[str] = []
        process = Process("victim")

        async def victim() -> None:
            await asyncio.to_thread(lambda: done.append("in a thread"))

        process.start(victim())
        await asyncio.sleep(0)
        process.kill()
        await asyncio.sleep(1)
        return done

    assert run(murder) == []


def test_a_loop_in_which_nothing_can_happen_any_more_says_so() -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(StuckError):
        run(wait)


def test_a_signature_names_its_maker_and_nobody_can_forge_one() -> None:
    key, other = keccak(b"a key"), keccak(b"another")

    async def use() -> tuple[str, str]:
        envelope = seal({"a": 1}, key)
        _, signer = open_envelope(envelope)
        _, forged = open_envelope({**envelope, "payload": {"a": 2}})
        return signer, forged

    signer, forged = run(use)
    assert signer == address_of(key)
    assert forged not in (address_of(key), address_of(other))
