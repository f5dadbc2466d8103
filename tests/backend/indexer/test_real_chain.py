"""The index against the real contracts on Ganache: every figure equal to what the chain answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from berth.audit.charges import misbilled
from berth.chain import timetravel
from berth.chain.contracts import Contracts
from berth.chain.deployer import run_deploy
from berth.chain.identity import verify_chain
from berth.chain.local import LocalChain, LocalChainOptions
from berth.chain.reverts import ChainRevertError
from berth.chain.rpc import Rpc
from berth.chain.sender import Sender
from berth.core import messages
from berth.core.addresses import ZERO
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.ids import lease_hex, lease_id, space_hex, space_id
from berth.core.merkle import build
from berth.core.settings import load_settings
from berth.core.signing import address_of, new_private_key
from berth.core.tariff import Terms
from berth.core.title import Title, leaf, pack_attributes
from berth.core.words import RotationWord, SpaceWords
from berth.indexer.digest import digest
from berth.indexer.rebuild import rebuild
from berth.indexer.run import Indexer
from berth.market.spaces import taken
from berth.store import Store, open_store
from berth.store.derived import (
    accounts,
    attesters,
    blockings,
    editions,
    leases,
    market_state,
    offers,
    settlements,
    spaces,
)
from berth.store.transactions import TransactionJournal
from sqlalchemy import select

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
CITY = 777
FAR = 40_000  # a day that outlasts the test


class Town:
    """One deployed market with an authority, an attester, two owners' spaces and two drivers."""

    def __init__(self, chain: LocalChain, rpc: Rpc, deployment: Deployment, store: Store) -> None:
        self.chain, self.rpc, self.deployment = chain, rpc, deployment
        self.contracts = Contracts.of(deployment)
        journal = TransactionJournal(store)
        names = ("deployer", "authority", "attester", "owner", "driver", "other")
        self.keys = {name: chain.key(n) for n, name in enumerate(names)}
        self.senders = {
            name: Sender(rpc, journal, key, 1337, poll=0.02) for name, key in self.keys.items()
        }
        self.lock = new_private_key()
        self.done = 0

    def address(self, name: str) -> str:
        return self.senders[name].address

    async def act(self, who: str, contract: str, verb: str, *args: Any) -> None:
        target = getattr(self.contracts, contract)
        self.done += 1
        await self.senders[who].transact(
            f"{self.done}:{verb}", target.address, target.calldata(verb, *args)
        )

    def sign(self, who: str, message: messages.TypedMessage) -> bytes:
        return messages.sign(message, self.keys[who])

    async def publish_titles(self) -> None:
        attributes = pack_attributes(5, True, 0, 250, 520)
        self.titles = [
            Title(CITY, n, bytes([n + 1]) * 32, bytes([n + 9]) * 32, 12345, attributes, FAR)
            for n in range(3)
        ]
        self.tree = build([leaf(title) for title in self.titles])
        await self.act(
            "authority", "titles", "publishEdition", CITY, 1, self.tree.root, b"\x05" * 32, 3, []
        )

    async def publish_again(self) -> None:
        """The next edition, with the same titles."""
        await self.act(
            "authority", "titles", "publishEdition", CITY, 2, self.tree.root, b"\x06" * 32, 3, []
        )

    def lock_proof(self, space: int, who: str) -> dict[str, Any]:
        """The town's present lock, attested and possessing, for a space of somebody's."""
        domain, lock = self.deployment.domain, address_of(self.lock)
        return {
            "key": lock,
            "maker": 1,
            "validDay": FAR,
            "makerSignature": self.sign("attester", messages.lock_attestation(domain, lock, FAR)),
            "possession": messages.sign(
                messages.lock_possession(domain, lock, space, self.address(who)), self.lock
            ),
        }

    async def register(self, index: int) -> int:
        space = space_id(CITY, index)
        await self.act("owner", "market", "registerSpace", self.registration(index, "owner"))
        return space

    async def take_over(self, space: int, who: str) -> None:
        index = space & 0xFFFFFFFF
        await self.act(who, "market", "takeOver", self.registration(index, who))

    def registration(self, index: int, who: str) -> dict[str, Any]:
        title = self.titles[index]
        space = space_id(CITY, index)
        domain, owner = self.deployment.domain, self.address(who)
        holder = messages.holder_attestation(domain, owner, title.salted_holder, FAR, index)
        return {
            "title": (
                title.city, title.index, title.salted_holder, title.address_hash, title.cell,
                title.attributes, title.valid_day,
            ),
            "proof": self.tree.proof(leaf(title)),
            "holder": (1, FAR, index, self.sign("attester", holder)),
            "lock": self.lock_proof(space, who),
            "connectors": 1,
            "power": 110,
        }  # fmt: skip

    async def offer(self, space: int, **more: int) -> None:
        terms = Terms(price_per_slot=250_000, price_per_kwh=300_000, reserve_minutes=60, **more)
        names = {
            p.name for p in self.contracts.market.abi.function("publishOffer").inputs[1].components
        }
        values = {name: getattr(terms, _snake(name)) for name in names}
        await self.act("owner", "market", "publishOffer", space, values)

    async def enrol(self, driver: str, commitment: bytes) -> None:
        until = (1 << 32) - 1
        message = messages.vehicle_attestation(
            self.deployment.domain, self.address(driver), commitment, 2, until
        )
        proof = (commitment, 2, until, 1, self.sign("attester", message))
        await self.act(driver, "market", "registerVehicle", proof)

    async def fund(self, driver: str, amount: int) -> None:
        await self.act(driver, "asset", "mint", self.address(driver), amount)
        await self.act(driver, "asset", "approve", self.deployment.market, amount)

    async def book(
        self, driver: str, space: int, start: int, commitment: bytes, offer: int = 1
    ) -> int:
        request = (space, start, 4, offer, 2, commitment, 10**12)
        await self.act(driver, "market", "lease", request)
        return lease_id(space, start, 1)

    async def saw(self, lease: int, kind: int, from_: int, until: int, energy: int = 0) -> None:
        await self.saw_with(self.lock, lease, kind, from_, until, energy)

    async def saw_with(
        self, lock: bytes, lease: int, kind: int, from_: int, until: int, energy: int = 0
    ) -> None:
        message = messages.occupancy(self.deployment.domain, lease, kind, from_, until, energy)
        signature = messages.sign(message, lock)
        await self.act(
            "deployer", "market", "record", (lease, kind, from_, until, energy), signature
        )


def _snake(name: str) -> str:
    from berth.chain.event_codegen import snake

    return snake(name)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = open_store(str(tmp_path / "berth.sqlite"))
    yield opened
    opened.close()


@pytest.fixture
async def town(tmp_path: Path, store: Store) -> AsyncIterator[Town]:
    chain = await LocalChain.start(LocalChainOptions(tmp_path / "chain", port=0, block_time=0))
    settings = load_settings({"BERTH_HOME": str(tmp_path)})
    config = {
        "attesters": {
            "1": {
                "account": address_of(chain.key(2)),
                "roles": ["holders", "vehicles", "locks"],
            }
        },
        "authorities": {str(CITY): address_of(chain.key(1))},
    }
    deployment = await run_deploy(settings, config, tmp_path / "deployment.json", rpc_url=chain.url)
    async with Rpc(chain.url) as rpc:
        await verify_chain(rpc, deployment)
        yield Town(chain, rpc, deployment, store)
    await chain.stop()


def digest_of(store: Store) -> str:
    with store.read() as conn:
        return digest(conn).sha256


async def live(town: Town) -> list[int]:
    """Leases that end in every way there is; their ids."""
    plate, other_plate = b"\x31" * 32, b"\x32" * 32
    await town.publish_titles()
    first, second = await town.register(0), await town.register(1)
    await town.offer(first)
    await town.offer(second)
    await town.enrol("driver", plate)
    await town.enrol("other", other_plate)
    await town.fund("driver", 100_000_000)
    await town.fund("other", 100_000_000)
    await town.act("driver", "market", "deposit", 7_000_000)
    start = await timetravel.chain_time(town.rpc) // 900 + 4
    begin = start * 900
    stayed = await town.book("driver", first, start, plate)
    overstayed = await town.book("other", second, start, other_plate)
    later = await town.book("driver", first, start + 8, plate)
    silent = await town.book("other", second, start + 8, other_plate)
    await timetravel.advance_to(town.rpc, begin + 200)
    await town.saw(stayed, messages.ARRIVED, begin + 61, begin + 61)
    await town.saw(overstayed, messages.ARRIVED, begin - 100, begin - 100)
    await timetravel.advance_to(town.rpc, begin + 2000)
    await town.saw(stayed, messages.LEFT, begin + 61, begin + 1900, 1234)
    await timetravel.advance_to(town.rpc, begin + 3600 + 1800)
    await town.saw(overstayed, messages.LEFT, begin - 100, begin + 3600 + 1700, 0)
    await timetravel.advance_to(town.rpc, (start + 8) * 900 + 100)
    await town.saw(silent, messages.ARRIVED, (start + 8) * 900 + 50, (start + 8) * 900 + 50)
    await timetravel.advance_to(town.rpc, (start + 12) * 900 + 3600 + 86_400 + 1)
    await town.act("deployer", "market", "close", later)
    await town.act("deployer", "market", "close", silent)
    await town.act("other", "market", "close", overstayed)
    await town.act("owner", "market", "withdraw", town.address("owner"), 1_000_000)
    word = {"word": 0, "bits": 0b110}
    await town.act("authority", "titles", "revoke", CITY, [word])
    await town.act("authority", "titles", "reinstate", CITY, [{"word": 0, "bits": 0b100}])
    return [stayed, overstayed, later, silent]


async def check_against_chain(town: Town, store: Store) -> None:
    """Every figure of the index is what the chain answers; no minor unit is missing."""
    market, rpc = town.contracts.market, town.rpc
    with store.read() as conn:
        rows = {
            table.name: conn.execute(select(table)).mappings().all()
            for table in (accounts, leases, offers, spaces, blockings)
        }
        state = conn.execute(select(market_state)).mappings().one()
    for row in rows["accounts"]:
        account = row["account"]
        assert int(row["credit"]) == await market.read(rpc, "creditOf", account)
        assert bool(row["auto_payout"]) == await market.read(rpc, "autoPayoutOf", account)
    for row in rows["leases"]:
        number = int(row["lease_id"], 16)
        assert {
            "driver": row["driver"], "state": row["state"], "disputed": bool(row["disputed"]),
            "noShow": bool(row["no_show"]), "slots": row["slots"], "offer": row["offer"],
            "epoch": row["epoch"], "kwhCap": row["kwh_cap"], "arrived": row["arrived"],
            "until": row["until_minute"], "energyUsed": row["energy_used"],
        } == await market.read(rpc, "leaseOf", number)  # fmt: skip
        assert int(row["deposit"]) == await market.read(rpc, "depositOf", number)
        space = int(row["space_id"], 16)
        assert row["owner"] == await market.read(rpc, "payeeOf", space, row["offer"])
    for row in rows["offers"]:
        words = await market.read(rpc, "offerOf", int(row["space_id"], 16), row["number"])
        assert (int(row["word_a"], 16), int(row["word_b"], 16)) == words
    for row in rows["spaces"]:
        space = int(row["space_id"], 16)
        word0, word1, word2 = await market.read(rpc, "spaceOf", space)
        words = SpaceWords.decode(word0, word1)
        for name in ("owner", "first_live", "last_offer", "since", "valid_day", "cell",
                     "lock_key", "height_cm", "width_cm", "length_cm", "connectors", "power",
                     "maker"):  # fmt: skip
            assert row[name] == getattr(words, name), name
        past = RotationWord.decode(word2)
        assert (row["previous_key"] or ZERO, row["rotated_at"] or 0, row["delisted_day"]) == (
            past.previous_key, past.rotated_at, past.delisted_day,
        )  # fmt: skip
        assert (row["manager"] or ZERO) == await market.read(rpc, "managerOf", space)
    for row in rows["blockings"]:
        view = await market.read(rpc, "leaseOf", int(row["lease_id"], 16))
        assert (view["state"], view["slots"]) == (6 if row["ended_at"] is None else 5, row["slots"])
    await _check_calendars(town, store, [row["space_id"] for row in rows["spaces"]])
    head, count, fees = await market.read(rpc, "ledger")
    assert (state["head"], state["ledger_count"]) == ("0x" + head.hex(), count)
    assert int(state["fees"]) == fees
    credit = sum(int(row["credit"]) for row in rows["accounts"])
    escrow = sum(int(row["deposit"]) for row in rows["leases"] if row["state"] < 4)
    held = await town.contracts.asset.read(rpc, "balanceOf", town.deployment.market)
    assert held == credit + escrow + fees


async def _check_calendars(town: Town, store: Store, ids: list[str]) -> None:
    """From now on a slot is taken in the index exactly when it is on the chain."""
    first = await timetravel.chain_time(town.rpc) // 900 + 1
    for hexed in ids:
        with store.read() as conn:
            runs = taken(conn, hexed, first, first + 200)
        ours = {slot for begin, end in runs for slot in range(begin, end)}
        words = {
            word: await town.contracts.market.read(town.rpc, "calendarOf", int(hexed, 16), word)
            for word in range(first >> 8, ((first + 200) >> 8) + 1)
        }
        theirs = {s for s in range(first, first + 200) if words[s >> 8] >> (s & 255) & 1}
        assert ours == theirs


async def test_every_figure_of_the_index_is_the_chains(town: Town, store: Store) -> None:
    ids = await live(town)
    with pytest.raises(ChainRevertError, match="Berth_WrongState"):
        await town.act("deployer", "market", "close", ids[0])
    status = await Indexer(store, town.rpc, town.deployment).sync_once()
    assert status.caught_up
    await check_against_chain(town, store)
    with store.read() as conn:
        outcomes = {row.lease_id: row.outcome for row in conn.execute(select(settlements))}
        registered = conn.execute(select(spaces)).mappings().all()
        edition = conn.execute(select(editions)).mappings().one()
        attester = conn.execute(select(attesters)).mappings().one()
        fee_bps = conn.execute(select(market_state.c.fee_bps)).scalar_one()
    assert fee_bps == (await town.contracts.market.read(town.rpc, "config"))[0]
    assert outcomes == dict(zip(map(lease_hex, ids), (1, 2, 5, 4), strict=True))
    assert [row["space_id"] for row in registered] == [space_hex(space_id(CITY, n)) for n in (0, 1)]
    assert registered[0]["width_cm"] == 250
    assert "0x" + town.tree.root.hex() == edition["root"]
    assert (attester["account"], attester["roles"]) == (town.address("attester"), 7)
    assert misbilled_of(store) is None


async def change(town: Town) -> list[int]:
    """Leases, spaces and accounts that change in every way there is; the leases, and how they end:
    cancelled late, by the owner, obstructed, no-show, agreed, lapsed; the last two stay open."""
    plate, second = b"\x31" * 32, b"\x33" * 32
    await town.publish_titles()
    first, other = await town.register(0), await town.register(1)
    for space in (first, other):
        await town.offer(space, cancel_pct=20, no_show_pct=50, free_cancel_hours=24)
    await town.enrol("driver", plate)
    await town.enrol("driver", second)
    await town.fund("driver", 10**9)
    await town.fund("owner", 10**8)
    await town.act("owner", "market", "deposit", 10**7)
    await town.act("driver", "market", "setAutoPayout", True)
    start = await timetravel.chain_time(town.rpc) // 900 + 8
    begin = start * 900
    booked = [await town.book("driver", first, start + 8 * n, plate) for n in range(5)]
    cancelled, by_owner, obstructed, nobody, agreed = booked
    lapsed = await town.book("driver", other, start, plate)
    await town.act("driver", "market", "extend", (lapsed, 2, 3, second, 10**12))
    await town.act("driver", "market", "changeVehicle", agreed, second)
    await town.act("driver", "market", "cancel", cancelled)
    await town.act("owner", "market", "ownerCancel", by_owner)
    await town.act("owner", "market", "setManager", first, town.address("other"))
    block = lease_id(first, start + 60, 1)
    await town.act("other", "market", "blockSlots", first, start + 60, 4)
    await town.act("owner", "market", "blockSlots", first, start + 70, 4)
    await town.act("other", "market", "unblock", block)
    await timetravel.advance_to(town.rpc, begin + 100)
    await town.act("driver", "market", "dispute", lapsed)
    await timetravel.advance_to(town.rpc, begin + 6 * 900 + 3600)
    await town.saw(lapsed, messages.LEFT, begin + 61, begin + 6 * 900 + 3000, 1234)
    await timetravel.advance_to(town.rpc, (start + 16) * 900 + 700)
    moment = (start + 16) * 900
    await town.saw(obstructed, messages.BLOCKED, moment - 50, moment + 600)
    await timetravel.advance_to(town.rpc, (start + 28) * 900 + 400)
    end = (start + 28) * 900
    await town.saw(nobody, messages.NOSHOW, end - 4000, end + 300)
    held = await town.contracts.market.read(town.rpc, "depositOf", agreed)
    until = (1 << 40) - 1
    typed = messages.agreement(town.deployment.domain, agreed, held, 777_777, until)
    agreement = (agreed, held, 777_777, until)
    signature = town.sign("owner", typed)
    await town.act("driver", "market", "agree", agreement, b"", signature)
    await town.offer(first)
    await town.act("owner", "market", "withdrawOffers", first, 2)
    former, town.lock = town.lock, new_private_key()
    await town.act("owner", "market", "rotateLock", first, town.lock_proof(first, "owner"))
    assert former != town.lock
    unclosed = await town.book("driver", first, start + 90, plate, offer=2)
    disputed = await town.book("driver", other, start + 90, plate)
    await timetravel.advance_to(town.rpc, (start + 90) * 900 + 1)
    await town.act("owner", "market", "dispute", disputed)
    moment = (start + 94) * 900
    await timetravel.advance_to(town.rpc, moment + 400)
    await town.saw_with(former, disputed, messages.NOSHOW, moment - 7200, moment + 300)
    await timetravel.advance_to(town.rpc, begin + 6 * 900 + 3600 + 86_400 + 9 * 86_400)
    await town.act("deployer", "market", "close", lapsed)
    await town.publish_again()
    await town.take_over(first, "other")
    await town.act("deployer", "market", "payout", town.address("driver"))
    await town.act("owner", "market", "delist", other)
    return [cancelled, by_owner, obstructed, nobody, agreed, lapsed, unclosed, disputed]


async def test_changes_of_leases_spaces_and_accounts_leave_the_index_equal_to_the_chain(
    town: Town, store: Store, tmp_path: Path
) -> None:
    ids = await change(town)
    await Indexer(store, town.rpc, town.deployment).sync_once()
    await check_against_chain(town, store)
    with store.read() as conn:
        outcomes = {row.lease_id: row.outcome for row in conn.execute(select(settlements))}
        lapsed = (
            conn.execute(select(leases).where(leases.c.lease_id == lease_hex(ids[5])))
            .mappings()
            .one()
        )
        compensations = [row.compensation for row in conn.execute(select(leases))]
        known = {row.space_id: row for row in conn.execute(select(spaces))}
    assert outcomes == dict(zip(map(lease_hex, ids), (6, 7, 8, 9, 11, 12), strict=False))
    assert (lapsed["slots"], lapsed["kwh_cap"], lapsed["disputed"]) == (6, 5, 1)
    assert lapsed["plate_commitment"] == "0x" + "33" * 32
    assert sum(one is not None for one in compensations) == 1
    first, other = (known[space_hex(space_id(CITY, n))] for n in (0, 1))
    assert (first.owner, first.since, first.manager) == (town.address("other"), 3, None)
    assert (other.delisted_day > 0, other.valid_day) == (True, 0)
    assert misbilled_of(store) is None
    before = digest_of(store)
    rebuild(store, town.deployment)
    assert digest_of(store) == before
    # one way to the same index: block by block, taking back and reading again
    clean = open_store(str(tmp_path / "clean.sqlite"))
    await Indexer(clean, town.rpc, town.deployment).sync_once()
    assert digest_of(clean) == before
    clean.close()


def misbilled_of(store: Store) -> Any:
    with store.read() as conn:
        return misbilled(conn)


async def test_a_snapshot_reverted_on_ganache_is_followed(
    town: Town, store: Store, tmp_path: Path
) -> None:
    await town.publish_titles()
    following = Indexer(store, town.rpc, town.deployment, finality=32, poll=0.05)
    await following.sync_once()
    snapshot = await town.rpc.call("evm_snapshot")
    await town.register(0)
    await town.fund("driver", 100)
    await town.act("driver", "market", "deposit", 60)
    await following.sync_once()
    await town.rpc.call("evm_revert", snapshot)
    await timetravel.mine(town.rpc, 6)
    status = await following.sync_once()
    assert status.reorgs == 1
    with store.read() as conn:
        assert conn.execute(select(spaces)).first() is None
        assert conn.execute(select(accounts)).first() is None
    clean = open_store(str(tmp_path / "clean.sqlite"))
    await Indexer(clean, town.rpc, town.deployment).sync_once()
    assert digest_of(clean) == digest_of(store)
    rebuild(store, town.deployment)
    assert digest_of(clean) == digest_of(store)
    clean.close()


async def test_a_fresh_chain_under_an_old_database_is_refused(
    town: Town, store: Store, tmp_path: Path
) -> None:
    await Indexer(store, town.rpc, town.deployment).sync_once()
    fresh = await LocalChain.start(LocalChainOptions(tmp_path / "fresh", port=0, block_time=0))
    async with Rpc(fresh.url) as rpc:
        with pytest.raises(BerthError) as caught:
            await asyncio.wait_for(Indexer(store, rpc, town.deployment).run(), 20)
        assert caught.value.code == "chain.genesis"
    await fresh.stop()
