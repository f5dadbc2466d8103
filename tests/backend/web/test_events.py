"""The event stream: who sees what, resuming, and a real server that stops."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from berth.core.errors import BerthError
from berth.core.zones import rfc3339
from berth.market.accounts import SESSION_SECONDS, open_session
from berth.store.events import append_event
from berth.web import create_app
from berth.web.server import Server
from berth.web.stream import Hub

from tests.backend.databases import Databases
from tests.backend.databases import Server as DatabaseServer
from tests.backend.web.people import Api, fields
from tests.backend.worlds import DINO, EVE, NOW, World


def tell(world: World, topic: str, audience: str | None, **payload: Any) -> None:
    with world.store.write() as conn:
        append_event(conn, topic, audience, "0x" + "1e" * 14, None, payload, at=NOW)


@pytest.fixture
async def hub(world: World) -> AsyncIterator[Hub]:
    made = Hub(world.services)
    await made.start()
    yield made
    await made.stop()


def session(world: World) -> str:
    with world.store.write() as conn:
        return open_session(conn, DINO.address, world.wall.now())


async def take(stream: AsyncIterator[str], count: int) -> list[dict[str, Any]]:
    """The next events that are rows; index events and comments are passed by."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        async for block in stream:
            found += [event for event in parse(block) if "id" in event]
            if len(found) >= count:
                return found
    return found


def parse(text: str) -> list[dict[str, Any]]:
    events = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line[1:])
        if "data" in lines:
            events.append(lines | {"data": json.loads(lines["data"])})
    return events


async def test_a_stream_begins_with_where_the_index_is(world: World, hub: Hub) -> None:
    async for first in hub.listen(None, None, None):
        assert first.startswith("retry: 2000\n\n")
        (event,) = parse(first.removeprefix("retry: 2000\n\n"))
        assert event["event"] == "index"
        assert event["data"] == {"block": 100, "lagBlocks": 0, "settlements": 0}
        break


async def test_resuming_after_an_id_gives_exactly_what_came_since(world: World, hub: Hub) -> None:
    for number in range(6):
        tell(world, "news", None, number=number)
    events = await take(hub.listen(2, None, None), 4)
    assert [event["id"] for event in events] == ["3", "4", "5", "6"]
    assert [event["data"]["data"]["number"] for event in events] == [2, 3, 4, 5]
    assert events[0]["data"]["at"] == rfc3339(NOW)


async def test_resuming_over_many_pages_loses_nothing(world: World, hub: Hub) -> None:
    with world.store.write() as conn:
        for number in range(450):
            audience = DINO.address if number % 3 else EVE.address
            append_event(conn, "mine", audience, None, None, {"number": number}, at=NOW)
    events = await take(hub.listen(0, DINO.address, session(world)), 300)
    assert len(events) == 300
    assert all(event["data"]["data"]["number"] % 3 for event in events)


async def test_rows_that_come_while_others_are_handed_on_are_not_passed_by(
    world: World, hub: Hub
) -> None:
    """A phone reads slowly, and meanwhile somebody looks."""
    tell(world, "first", None)
    stream = hub.listen(0, None, None)
    await take(stream, 1)
    tell(world, "second", None)
    hub._see(hub._look())
    (event,) = await take(stream, 1)
    assert event["event"] == "second"
    await stream.aclose()


async def test_rows_that_come_while_the_page_is_read_are_not_passed_by(
    world: World, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = hub._page
    looked = False

    def page(*asked: Any) -> Any:
        nonlocal looked
        found = read(*asked)
        if not looked:
            looked = True
            tell(world, "second", None)
            hub.tide = hub._look()
        return found

    monkeypatch.setattr(hub, "_page", page)
    tell(world, "first", None)
    stream = hub.listen(0, None, None)
    assert [event["event"] for event in await take(stream, 2)] == ["first", "second"]
    await stream.aclose()


@pytest.mark.slow
async def test_a_row_that_is_committed_after_later_ones_is_told_before_them(
    tmp_path: Path, postgresql_server: DatabaseServer
) -> None:
    """The index writes rows and goes on for a while; the relay writes one and commits at once."""
    databases = Databases("postgresql", tmp_path, postgresql_server)
    world = World(tmp_path, databases.url())
    hub = Hub(world.services)
    await hub.start()
    first, late = hub.listen(None, None, None), hub.listen(0, None, None)
    try:
        await anext(first)
        with world.store.write() as conn:
            append_event(conn, "lease.booked", None, None, None, {}, at=NOW)
            tell(world, "lock.state", None)
            waiting = asyncio.create_task(take(first, 2))
            await anext(late)
            hub._see(hub._look())
            done, _ = await asyncio.wait([waiting], timeout=1)
            assert not done
            assert hub.tide.seq == 0
        assert [event["id"] for event in await waiting] == ["1", "2"]
        assert [event["event"] for event in await take(late, 2)] == ["lease.booked", "lock.state"]
    finally:
        await hub.stop()
        await first.aclose()
        await late.aclose()
        world.close()
        databases.close()


async def test_new_rows_come_by_themselves(world: World, hub: Hub) -> None:
    stream = hub.listen(None, None, None)
    waiting = asyncio.create_task(take(stream, 1))
    await asyncio.sleep(0.5)
    tell(world, "space.registered", None, cell=7)
    (event,) = await waiting
    assert event["event"] == "space.registered"
    assert event["data"]["data"] == {"cell": 7}


async def test_an_account_sees_its_own_rows_and_everybodys_and_no_others(
    world: World, hub: Hub
) -> None:
    for audience in (DINO.address, EVE.address, None, DINO.address):
        tell(world, "told", audience, to=audience)
    token = session(world)
    mine = await take(hub.listen(0, DINO.address, token), 3)
    assert [event["data"]["data"]["to"] for event in mine] == [DINO.address, None, DINO.address]
    nobody = await take(hub.listen(0, None, None), 1)
    assert [event["data"]["data"]["to"] for event in nobody] == [None]


async def test_the_index_is_told_as_it_moves(world: World, hub: Hub) -> None:
    stream = hub.listen(None, None, None)
    await anext(stream)
    world.at_block(103, head=105)
    async with asyncio.timeout(60):
        (event,) = parse(await anext(stream))
    assert event["data"] == {"block": 103, "lagBlocks": 2, "settlements": 0}
    await stream.aclose()


async def test_a_stream_ends_when_its_session_does(world: World, hub: Hub) -> None:
    token = session(world)
    stream = hub.listen(0, DINO.address, token)
    await anext(stream)
    world.wall.at += SESSION_SECONDS
    tell(world, "secret", DINO.address)
    async with asyncio.timeout(60):
        rest = [block async for block in stream]
    assert rest[-1].startswith("event: session.over")
    assert not any("secret" in block for block in rest)


async def test_streams_end_with_the_application(world: World, hub: Hub) -> None:
    stream = hub.listen(None, None, None)
    await anext(stream)
    rest = asyncio.create_task(anext(stream, None))
    await asyncio.sleep(0.1)
    await hub.stop()
    async with asyncio.timeout(60):
        assert await rest is None


async def test_listeners_are_counted_and_limited(
    world: World, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.web.stream.MAX_LISTENERS", 1)
    hub.check_room(None)
    stream = hub.listen(None, None, None)
    await anext(stream)
    assert hub.listeners == 1
    for account in (None, DINO.address):
        with pytest.raises(BerthError) as caught:
            hub.check_room(account)
        assert caught.value.status == 503
    await stream.aclose()
    assert hub.listeners == 0
    hub.check_room(None)


async def test_strangers_and_one_account_leave_room_for_the_others(
    world: World, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.web.stream.MAX_STRANGERS", 2)
    monkeypatch.setattr("berth.web.stream.MAX_OF_ACCOUNT", 1)
    token = session(world)
    streams = [
        hub.listen(None, None, None),
        hub.listen(None, None, None),
        hub.listen(None, DINO.address, token),
    ]
    for stream in streams:
        await anext(stream)
    for account in (None, DINO.address):
        with pytest.raises(BerthError, match="too many listeners"):
            hub.check_room(account)
    hub.check_room("0x" + "e7" * 20)
    for stream in streams:
        await stream.aclose()
    hub.check_room(None)
    hub.check_room(DINO.address)


def test_an_id_that_is_none_is_refused(api: Api) -> None:
    headers = {"Last-Event-ID": "abc"}
    problem = api.get("/v1/events", headers=headers, expect=422)
    assert fields(problem) == ["Last-Event-ID"]
    api.get("/v1/events?after=-1", expect=422)


async def test_a_real_server_streams_resumes_and_stops_with_streams_open(world: World) -> None:
    tell(world, "news", None, number=1)
    tell(world, "news", None, number=2)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = Server(create_app(world.services))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as http:
            while not server.started:
                await asyncio.sleep(0.05)
            async with http.stream(
                "GET",
                f"http://127.0.0.1:{port}/v1/events",
                headers={"Last-Event-ID": "1"},
                timeout=60,
            ) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                text = ""
                lines = answer.aiter_text()
                while '"number":2' not in text:
                    text += await anext(lines)
                assert '"number":1' not in text
                server.should_exit = True
                with contextlib.suppress(StopAsyncIteration, httpx.RemoteProtocolError):
                    while True:
                        await anext(lines)
    finally:
        server.should_exit = True
        async with asyncio.timeout(60):
            await running


def test_every_event_for_everybody_has_words_on_the_page() -> None:
    """What the projections tell to everybody, read from their source."""
    import ast

    from berth.indexer import projections
    from berth.web.pagewords import event_words

    public = set()
    for path in Path(str(projections.__file__)).parent.glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call) or getattr(call.func, "attr", "") != "tell":
                continue
            topic, _place, parties = call.args[:3]
            if isinstance(topic, ast.Constant) and getattr(parties, "value", 0) is None:
                public.add(topic.value)
    assert {"space.delisted", "offer.withdrawn", "market.paused"} <= public
    for topic in public | {"space.blocked", "space.unblocked"}:
        assert event_words(topic, "en") != topic
        assert event_words(topic, "zh") != event_words(topic, "en")
