"""The index against the real contracts on Ganache: every figure equal to what the chain answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from berth.chain import timetravel
from berth.chain.contracts import Contracts
from berth.chain.deployer import run_deploy
from berth.chain.identity import verify_chain
from berth.chain.local import LocalChain, LocalChainOptions
from berth.chain.reverts import ChainRevertError
from berth.chain.rpc import Rpc
from berth.chain.sender import Sender
from berth.core import messages
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.ids import lease_hex, lease_id, space_hex, space_id
from berth.core.merkle import build
from berth.core.settings import load_settings
from berth.core.signing import address_of, new_private_key
from berth.core.tariff import Terms
from berth.core.title import Title, leaf, pack_attributes
from berth.indexer.digest import digest
from berth.indexer.rebuild import rebuild
from berth.indexer.run import Indexer
from berth.store import Store, open_store
from berth.store.derived import (
    accounts,
    attesters,
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

    async def register(self, index: int) -> int:
        title = self.titles[index]
        space = space_id(CITY, index)
        domain, owner = self.deployment.domain, self.address("owner")
        holder = messages.holder_attestation(domain, owner, title.salted_holder, FAR, index)
        lock = address_of(self.lock)
        registration = {
            "title": (
                title.city, title.index, title.salted_holder, title.address_hash, title.cell,
                title.attributes, title.valid_day,
            ),
            "proof": self.tree.proof(leaf(title)),
            "holder": (1, FAR, index, self.sign("attester", holder)),
            "lock": {
                "key": lock,
                "maker": 1,
                "validDay": FAR,
                "makerSignature": self.sign(
                    "attester", messages.lock_attestation(domain, lock, FAR)
                ),
                "possession": messages.sign(
                    messages.lock_possession(domain, lock, space, owner), self.lock
                ),
            },
            "connectors": 1,
            "power": 110,
        }  # fmt: skip
        await self.act("owner", "market", "registerSpace", registration)
        return space

    async def offer(self, space: int) -> None:
        terms = Terms(price_per_slot=250_000, price_per_kwh=300_000, reserve_minutes=60)
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

    async def book(self, driver: str, space: int, start: int, commitment: bytes) -> int:
        request = (space, start, 4, 1, 2, commitment, 10**12)
        await self.act(driver, "market", "lease", request)
        return lease_id(space, start, 1)

    async def saw(self, lease: int, kind: int, from_: int, until: int, energy: int = 0) -> None:
        message = messages.occupancy(self.deployment.domain, lease, kind, from_, until, energy)
        signature = messages.sign(message, self.lock)
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


async def test_every_figure_of_the_index_is_the_chains(town: Town, store: Store) -> None:
    ids = await live(town)
    with pytest.raises(ChainRevertError, match="Berth_WrongState"):
        await town.act("deployer", "market", "close", ids[0])
    status = await Indexer(store, town.rpc, town.deployment).sync_once()
    assert status.caught_up
    market, rpc = town.contracts.market, town.rpc
    with store.read() as conn:
        for row in conn.execute(select(accounts)).mappings():
            assert int(row["credit"]) == await market.read(rpc, "creditOf", row["account"])
        outcomes = {}
        for row in conn.execute(select(leases)).mappings():
            seen = await market.read(rpc, "leaseOf", int(row["lease_id"], 16))
            assert {
                "driver": row["driver"], "state": row["state"], "disputed": False,
                "slots": row["slots"], "offer": row["offer"], "epoch": row["epoch"],
                "kwhCap": row["kwh_cap"], "arrived": row["arrived"],
                "until": row["until_minute"], "energyUsed": row["energy_used"],
            } == seen  # fmt: skip
            deposit = await market.read(rpc, "depositOf", int(row["lease_id"], 16))
            assert int(row["deposit"]) == deposit
        for row in conn.execute(select(settlements)).mappings():
            outcomes[row["lease_id"]] = row["outcome"]
        state = conn.execute(select(market_state)).mappings().one()
        head, count, fees = await market.read(rpc, "ledger")
        assert (state["head"], state["ledger_count"]) == ("0x" + head.hex(), count)
        assert int(state["fees"]) == fees > 0
        assert state["fee_bps"] == (await market.read(rpc, "config"))[0]
        for row in conn.execute(select(offers)).mappings():
            words = await market.read(rpc, "offerOf", int(row["space_id"], 16), row["number"])
            assert (int(row["word_a"], 16), int(row["word_b"], 16)) == words
        registered = conn.execute(select(spaces)).mappings().all()
        edition = conn.execute(select(editions)).mappings().one()
        attester = conn.execute(select(attesters)).mappings().one()
    assert outcomes == dict(zip(map(lease_hex, ids), (1, 2, 5, 4), strict=True))
    assert [row["space_id"] for row in registered] == [space_hex(space_id(CITY, n)) for n in (0, 1)]
    assert registered[0]["width_cm"] == 250
    assert "0x" + town.tree.root.hex() == edition["root"]
    assert (attester["account"], attester["roles"]) == (town.address("attester"), 7)
    held = await town.contracts.asset.read(rpc, "balanceOf", town.deployment.market)
    credit = sum([await market.read(rpc, "creditOf", s.address) for s in town.senders.values()])
    assert held == credit + fees


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
