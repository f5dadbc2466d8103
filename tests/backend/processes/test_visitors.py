"""The local parties' desk: what it gives, that it gives it once, and where it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from berth.chain.abi import load_abi
from berth.cli.platform import visitors
from berth.cli.platform.enrolling import broker_credentials, locks_folder
from berth.cli.platform.parties import Parties, local_parties
from berth.cli.platform.visitors import Daily, LocalDesk
from berth.core.errors import BerthError
from berth.core.ids import space_id
from berth.core.messages import holder_attestation, lock_attestation, lock_possession, recover
from berth.core.settings import load_settings
from berth.devices.broker import EmbeddedBroker
from berth.devices.mqtt import BrokerAddress, client
from berth.devices.topics import WORLD, topic
from berth.market.titles.importer import Import, import_titles
from berth.store.transactions import TransactionJournal
from berth.web.visitors import Bay

from tests.backend.titles.sources import CITY, COLUMNS, row
from tests.backend.worlds import (
    DEPLOYMENT,
    DINO,
    EVE,
    LOCK,
    MELBOURNE,
    NOW,
    OLGA,
    PLATE,
    StillClock,
    World,
)

UNIT = 10**6


class PlayNode:
    """A node with an account of its own: balances that transactions change."""

    where = "play node"

    def __init__(self) -> None:
        self.gas: dict[str, int] = {}
        self.tokens: dict[str, int] = {}
        self.credit: dict[str, int] = {}
        self.sent: list[str] = []
        self.now = NOW
        self._functions = {
            entry.selector: entry
            for name in ("ParkingMarket", "TestToken")
            for entry in load_abi(name).functions.values()
        }

    async def call(self, method: str, *params: Any) -> Any:
        if method == "eth_accounts":
            return [EVE.address]
        if method == "eth_getBalance":
            return hex(self.gas.get(params[0], 0))
        if method == "eth_getTransactionCount":
            return hex(len(self.sent))
        if method == "eth_sendTransaction":
            return self._send(params[0])
        if method == "evm_increaseTime":
            self.now += params[0]
        return None

    def _send(self, given: dict[str, str]) -> str:
        assert (given["from"], int(given["nonce"], 16)) == (EVE.address, len(self.sent))
        data = bytes.fromhex(given["data"][2:])
        if not data:
            self.sent.append("transfer")
            self.gas[given["to"]] = self.gas.get(given["to"], 0) + int(given["value"], 16)
            return "0x01"
        entry = self._functions[data[:4]]
        values = entry.decode_inputs(data[4:])
        self.sent.append(entry.name)
        if entry.name == "mint":
            self.tokens[values["to"]] = self.tokens.get(values["to"], 0) + values["amount"]
        elif entry.name == "depositFor":
            self.tokens[EVE.address] -= values["amount"]
            self.credit[values["account"]] = values["amount"]
        return "0x02"

    async def receipt(self, _tx_hash: str) -> Any:
        return SimpleNamespace(succeeded=True)

    async def block(self, _which: object) -> Any:
        return SimpleNamespace(timestamp=self.now)

    async def eth_call(self, _to: str, data: bytes, **_more: Any) -> bytes:
        entry = self._functions[data[:4]]
        account = entry.decode_inputs(data[4:])["account"]
        held = self.credit if entry.name == "creditOf" else self.tokens
        return held.get(account.lower(), 0).to_bytes(32, "big")


@pytest.fixture
def parties(tmp_path: Path) -> Parties:
    return local_parties(load_settings({"BERTH_HOME": str(tmp_path)}), "a password of tests")


@pytest.fixture
async def desk(tmp_path: Path, parties: Parties) -> AsyncIterator[LocalDesk]:
    """A desk with twelve titles in a row, northernmost first."""
    made = World(tmp_path)
    table = tmp_path / "titles.csv"
    table.write_text("\n".join([COLUMNS, *(row(number) for number in range(12))]) + "\n")
    import_titles(
        made.store, tmp_path, Import(table, "csv", city=CITY, name="Melbourne"), StillClock(NOW)
    )
    attesters = {1: parties.address("verifier"), 2: parties.address("maker")}
    node: Any = PlayNode()
    desk = LocalDesk(
        replace(made.services.settings, password_file=None),
        replace(DEPLOYMENT, attesters=attesters),
        made.store,
        node,
        made.clock,
        parties,
        BrokerAddress.parse("mqtt://127.0.0.1:9"),
    )
    desk.world = made  # type: ignore[attr-defined]
    yield desk
    await desk.close()
    made.close()


def world_of(desk: LocalDesk) -> World:
    found: World = desk.world  # type: ignore[attr-defined]
    return found


def node_of(desk: LocalDesk) -> PlayNode:
    node: Any = desk._rpc
    found: PlayNode = node
    return found


def takings(desk: LocalDesk) -> int:
    with world_of(desk).store.read() as conn:
        count = conn.exec_driver_sql("SELECT count(*) FROM title_takings").scalar_one()
    return int(count)


class TestPapers:
    def test_every_signature_is_the_right_party_s(self, desk: LocalDesk, parties: Parties) -> None:
        found = desk.papers(OLGA.address, None)
        title, holder, lock = found.taken.title.title, found.taken.holder, found.lock
        domain = DEPLOYMENT.domain
        said = holder_attestation(
            domain, OLGA.address, title.salted_holder, holder.valid_day, holder.nonce
        )
        assert recover(said, holder.signature) == parties.address("verifier")
        made = lock_attestation(domain, lock.key, lock.valid_day)
        assert recover(made, lock.maker_signature) == parties.address("maker")
        space = space_id(title.city, title.index)
        possession = lock_possession(domain, lock.key, space, OLGA.address)
        assert recover(possession, found.possession) == lock.key

    def test_the_nearest_free_title_is_taken(self, desk: LocalDesk) -> None:
        found = desk.papers(OLGA.address, (-37.8007, 144.96))
        assert found.taken.title.entry.reference == "S-7"

    def test_asked_again_they_are_the_same(self, desk: LocalDesk) -> None:
        first = desk.papers(OLGA.address, None)
        again = desk.papers(OLGA.address, (-37.8011, 144.96))
        assert again.taken.title.title == first.taken.title.title
        assert again.lock.key == first.lock.key
        assert again.possession == first.possession
        assert (takings(desk), desk._locks()) == (1, 1)

    def test_two_at_once_get_one_title_each(self, desk: LocalDesk) -> None:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(6) as pool:
            found = list(
                pool.map(lambda who: desk.papers(who.address, None), [OLGA, DINO, OLGA, DINO, OLGA])
            )
        assert len({one.lock.key for one in found}) == 2
        assert takings(desk) == 2

    def test_a_crash_between_title_and_lock_is_made_good_by_asking_again(
        self, desk: LocalDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(*_args: Any, **_more: Any) -> None:
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr(visitors, "enrol_lock", crash)
            with pytest.raises(SystemExit):
                desk.papers(OLGA.address, (-37.8005, 144.96))
        assert (takings(desk), desk._locks()) == (1, 0)
        found = desk.papers(OLGA.address, None)
        assert found.taken.title.entry.reference == "S-5"
        assert (takings(desk), desk._locks()) == (1, 1)

    def test_a_lock_that_was_enrolled_in_part_is_enrolled_anew(self, desk: LocalDesk) -> None:
        first = desk.papers(OLGA.address, None)
        folder = next(locks_folder(desk._settings).iterdir())
        (folder / "lock.json").unlink()  # which is written last
        again = desk.papers(OLGA.address, None)
        assert again.taken.title.title == first.taken.title.title
        assert again.lock.key != first.lock.key
        assert (takings(desk), desk._locks()) == (1, 1)

    def test_registered_ones_count_and_three_are_enough(self, desk: LocalDesk) -> None:
        seen = set()
        for _ in range(visitors.SPACES):
            index = desk.papers(OLGA.address, None).taken.title.title.index
            assert index not in seen
            seen.add(index)
            world_of(desk).add_space(index)
        with pytest.raises(BerthError) as refusal:
            desk.papers(OLGA.address, None)
        assert (refusal.value.code, refusal.value.status) == ("local.enough", 429)
        assert takings(desk) == visitors.SPACES
        desk.papers(DINO.address, None)  # somebody else still may

    def test_one_that_is_registered_meanwhile_gives_way_to_the_next(
        self, desk: LocalDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = desk.papers(OLGA.address, None).taken.title.title.index
        world_of(desk).add_space(first)
        # as it was seen a moment before
        monkeypatch.setattr(visitors, "titles_in_hand", lambda *_: [(MELBOURNE, first)])
        assert desk.papers(OLGA.address, None).taken.title.title.index != first

    def test_when_there_are_locks_enough_no_title_is_taken(
        self, desk: LocalDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(visitors, "LOCKS", 1)
        desk.papers(OLGA.address, None)
        with pytest.raises(BerthError, match="simulated locks"):
            desk.papers(DINO.address, None)
        assert takings(desk) == 1
        desk.papers(OLGA.address, None)  # hers are there still

    def test_the_keys_are_opened_once(
        self, desk: LocalDesk, parties: Parties, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened = []
        real = Parties.key
        monkeypatch.setattr(
            Parties, "key", lambda self, role: (opened.append(role), real(self, role))[1]
        )
        assert opened == []
        for _ in range(3):
            desk.papers(OLGA.address, None)
            desk.vehicle(DINO.address, PLATE, 2)
        assert sorted(opened) == ["maker", "verifier"]

    def test_vehicles_run_out_too(self, desk: LocalDesk) -> None:
        for _ in range(visitors.VEHICLES[0]):
            desk.vehicle(DINO.address, PLATE, 2)
        with pytest.raises(BerthError, match="a day for one account"):
            desk.vehicle(DINO.address, PLATE, 2)
        with pytest.raises(BerthError) as wrong:
            desk.vehicle(OLGA.address, "?", 2)
        assert wrong.value.field == "plate"


class TestFunds:
    async def test_an_empty_purse_is_filled(self, desk: LocalDesk) -> None:
        purse = await desk.fund(DINO.address)
        assert purse.gas == visitors.GAS
        assert (purse.tokens, purse.credit) == (100 * UNIT, 50 * UNIT)
        assert node_of(desk).sent == ["transfer", "mint", "mint", "approve", "depositFor"]
        assert node_of(desk).tokens[EVE.address] == 0

    async def test_who_has_enough_gets_nothing_more(self, desk: LocalDesk) -> None:
        await asyncio.gather(*(desk.fund(DINO.address) for _ in range(4)))
        assert len(node_of(desk).sent) == 5

    async def test_only_what_is_low_is_filled_up(self, desk: LocalDesk) -> None:
        node = node_of(desk)
        await desk.fund(DINO.address)
        node.sent, node.credit[DINO.address] = [], 1
        await desk.fund(DINO.address)
        assert node.sent == ["mint", "approve", "depositFor"]

    async def test_a_purse_that_is_emptied_again_and_again_stays_empty(
        self, desk: LocalDesk
    ) -> None:
        node = node_of(desk)
        for _ in range(visitors.GIFTS[0]):
            node.gas.clear()
            await desk.fund(DINO.address)
        node.gas.clear()
        with pytest.raises(BerthError) as refusal:
            await desk.fund(DINO.address)
        assert (refusal.value.code, refusal.value.status) == ("local.enough", 429)
        assert (await desk.fund(OLGA.address)).gas == visitors.GAS


class TestDaily:
    def test_an_account_all_of_them_and_the_next_day(self) -> None:
        clock = StillClock(NOW)
        daily = Daily("apples", 2, 3, clock)
        daily.take("a")
        daily.take("a")
        with pytest.raises(BerthError, match="apples: 2 a day for one account"):
            daily.take("a")
        daily.take("b")
        with pytest.raises(BerthError, match="apples: 3 a day in all"):
            daily.take("c")
        clock.at += 86_400
        daily.take("a")
        daily.take("c")


class TestCar:
    @pytest.fixture
    async def seen(self, desk: LocalDesk) -> AsyncIterator[asyncio.Queue[dict[str, Any]]]:
        """What the lock hears of the world, through a real broker."""
        credentials = broker_credentials(desk._settings)
        heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        async with EmbeddedBroker(credentials) as broker:
            address = BrokerAddress.parse(broker.url)
            desk._broker = address
            password = credentials.add(LOCK.address)
            async with client(address, LOCK.address, password) as lock:
                await lock.subscribe(topic(LOCK.address, WORLD), qos=1)

                async def listen() -> None:
                    async for message in lock.messages:
                        heard.put_nowait(json.loads(bytes(message.payload)))  # type: ignore[arg-type]

                task = asyncio.create_task(listen())
                yield heard
                task.cancel()

    @pytest.fixture
    def bay(self, desk: LocalDesk) -> Bay:
        world = world_of(desk)
        space = world.add_space()
        world.add_offer(space)
        world.set_lock()
        lease = world.add_lease(space)
        return Bay(lease, LOCK.address, PLATE, open=True, occupied=False, unlocked=False)

    async def test_it_stands_before_the_camera_and_drives_on_when_the_bar_is_down(
        self, desk: LocalDesk, seen: asyncio.Queue[dict[str, Any]], bay: Bay
    ) -> None:
        await desk.car(DINO.address, "arrives", bay)
        assert await soon(seen) == {"vehicle": False, "plate": PLATE}
        await asyncio.sleep(0.7)
        assert seen.empty()
        world_of(desk).set_lock(position="UNLOCKED")
        assert await soon(seen) == {"vehicle": True, "plate": PLATE}
        inside = replace(bay, occupied=True, unlocked=True)
        with pytest.raises(BerthError, match="a car stands in the space"):
            await desk.car(DINO.address, "stranger", inside)
        await desk.car(DINO.address, "leaves", inside)
        assert await soon(seen) == {"vehicle": False, "plate": None}
        assert desk._waiting == {}

    async def test_a_stranger_comes_before_the_camera_and_one_who_leaves_does_not_come_back(
        self, desk: LocalDesk, seen: asyncio.Queue[dict[str, Any]], bay: Bay
    ) -> None:
        await desk.car(DINO.address, "stranger", bay)
        assert await soon(seen) == {"vehicle": False, "plate": visitors.STRANGER}
        await desk.car(DINO.address, "arrives", bay)
        assert await soon(seen) == {"vehicle": False, "plate": PLATE}
        await desk.car(DINO.address, "leaves", bay)
        assert await soon(seen) == {"vehicle": False, "plate": None}
        world_of(desk).set_lock(position="UNLOCKED")
        await asyncio.sleep(0.7)
        assert seen.empty()

    async def test_the_car_of_another_lease_is_left_alone(
        self, desk: LocalDesk, seen: asyncio.Queue[dict[str, Any]], bay: Bay
    ) -> None:
        await desk.car(DINO.address, "arrives", replace(bay, unlocked=True))
        assert await soon(seen) == {"vehicle": True, "plate": PLATE}
        other = replace(bay, lease_id=bay.lease_id[:-1] + "2", occupied=True)
        with pytest.raises(BerthError, match="somebody else's car"):
            await desk.car(EVE.address, "leaves", other)
        over = replace(bay, open=False, occupied=True)
        await desk.car(DINO.address, "leaves", over)
        assert await soon(seen) == {"vehicle": False, "plate": None}
        with pytest.raises(BerthError, match="no car of this lease"):
            await desk.car(DINO.address, "leaves", replace(bay, open=False))


async def soon(seen: asyncio.Queue[dict[str, Any]]) -> dict[str, Any]:
    return await asyncio.wait_for(seen.get(), 60)


async def test_time_goes_ahead_and_not_for_ever(
    desk: LocalDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(desk)
    world.clock.at += 10**9  # the clock follows at once
    assert await desk.travel(DINO.address, 3600) == NOW + 3600
    for _ in range(visitors.TRAVELS[0] - 1):
        await desk.travel(DINO.address, 1)
    with pytest.raises(BerthError) as refusal:
        await desk.travel(DINO.address, 1)
    assert refusal.value.code == "local.enough"


async def test_time_goes_ahead_once_what_was_signed_is_mined(
    desk: LocalDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would have expired under whoever signed it."""
    world, node = world_of(desk), node_of(desk)
    world.clock.at += 10**9
    journal = TransactionJournal(world.store)
    journal.take(OLGA.address, "intent:1", 0, lambda _: (b"\x02", "0x" + "ab" * 32), reserve=1)
    seen: list[tuple[bool, int]] = []

    def look(self: TransactionJournal) -> bool:
        seen.append((is_out(self), node.now))
        if len(seen) == 2:
            journal.mark("intent:1", "mined", block_number=1)
        return seen[-1][0]

    is_out = TransactionJournal.anything_out
    monkeypatch.setattr(TransactionJournal, "anything_out", look)
    assert await desk.travel(DINO.address, 900) == NOW + 900
    assert seen == [(True, NOW), (True, NOW), (False, NOW)]


async def test_a_transaction_that_is_stuck_does_not_hold_time_up(
    desk: LocalDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(desk)
    world.clock.at += 10**9
    journal = TransactionJournal(world.store)
    journal.take(OLGA.address, "intent:1", 0, lambda _: (b"\x02", "0x" + "ab" * 32), reserve=1)
    monkeypatch.setattr(visitors, "MINED_SECONDS", 0.01)
    assert await desk.travel(DINO.address, 900) == NOW + 900
