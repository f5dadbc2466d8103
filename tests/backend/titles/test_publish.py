"""Editions on a real chain: anchored once, dropped titles revoked, proofs taken by the contract."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from berth.chain.contracts import Contracts
from berth.chain.deployer import run_deploy
from berth.chain.local import LocalChain, LocalChainOptions
from berth.chain.rpc import Rpc
from berth.core.clock import WallClock
from berth.core.compliance import Reason
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.ids import city_code, city_number
from berth.core.settings import load_settings
from berth.core.signing import address_of
from berth.core.title import Title
from berth.market.titles import publish as publishing
from berth.market.titles import storage
from berth.store.kept import sent_transactions, title_revocations
from sqlalchemy import select

from .sources import row, rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

REGISTRY, STRANGER = b"\x11" * 32, b"\x12" * 32
# A city a test: what one publishes is for good.
CITIES = [city_number(f"AU{first}{second}A") for first in "ABCD" for second in "ABCD"]


@dataclass
class World:
    """A chain with Berth's contracts on it."""

    loop: asyncio.AbstractEventLoop
    url: str
    deployment: Deployment

    def run(self, doing: Callable[[Rpc], Coroutine[Any, Any, Any]]) -> Any:
        async def within() -> Any:
            async with Rpc(self.url) as rpc:
                return await doing(rpc)

        return self.loop.run_until_complete(within())

    def read(self, name: str, *arguments: object) -> Any:
        titles = Contracts.of(self.deployment).titles
        return self.run(lambda rpc: titles.read(rpc, name, *arguments))


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    home: Path = tmp_path_factory.mktemp("chain")
    loop = asyncio.new_event_loop()

    async def start() -> tuple[LocalChain, Deployment]:
        chain = await LocalChain.start(
            LocalChainOptions(folder=home / "chain", port=0, block_time=0)
        )
        try:
            deployment = await run_deploy(
                replace(load_settings(), home=home),
                {"authorities": {str(city): address_of(REGISTRY) for city in CITIES}},
                home / "deployment.json",
                rpc_url=chain.url,
            )
            async with Rpc(chain.url) as rpc:
                rich = (await rpc.call("eth_accounts"))[0]
                for key in (REGISTRY, STRANGER):
                    gift = {"from": rich, "to": address_of(key), "value": hex(10**18)}
                    await rpc.call("eth_sendTransaction", gift)
        except BaseException:
            await chain.stop()
            raise
        return chain, deployment

    chain, deployment = loop.run_until_complete(start())
    yield World(loop, chain.url, deployment)
    loop.run_until_complete(chain.stop())
    loop.close()


@pytest.fixture
def city() -> int:
    return CITIES.pop()


@pytest.fixture
def publish(world, store, city):
    def run(key: bytes = REGISTRY, deployment: Deployment = world.deployment):
        return world.run(lambda rpc: publishing.publish_titles(store, rpc, deployment, key, city))

    return run


@pytest.fixture
def revoke(world, store, city):
    def run(*indices: int, reason: str = "a test"):
        return world.run(
            lambda rpc: publishing.revoke_titles(
                store,
                rpc,
                world.deployment,
                REGISTRY,
                city,
                indices,
                reason=reason,
                clock=WallClock(),
            )
        )

    return run


@pytest.fixture
def put(load, city):
    """Imports into the test's own city."""

    def run(path: Path):
        return load(path, city=city_code(city), max_dropped_percent=100)

    return run


def struct(title: Title) -> dict[str, object]:
    return {
        "city": title.city,
        "index": title.index,
        "saltedHolder": title.salted_holder,
        "addressHash": title.address_hash,
        "cell": title.cell,
        "attributes": title.attributes,
        "validDay": title.valid_day,
    }


class TestPublish:
    def test_the_root_is_anchored_and_every_proof_is_taken(
        self, world, put, write, publish, library, city
    ):
        edition = put(write(*rows(*range(1, 8)), row(8, sharing="no"))).edition
        (done,) = publish()
        assert done.edition.published_tx == done.tx_hash
        assert done.gas_used < 130_000
        number, count, _, root, content = world.read("editionOf", city)
        assert (number, count) == (1, 8)
        assert ("0x" + root.hex(), "0x" + content.hex()) == (edition.root, edition.content_hash)
        for index in range(8):
            found = library.proof_of(city, index)
            reasons = world.read("titleReasons", struct(found.title), list(found.proof))
            assert reasons == (0 if index < 7 else Reason.SHARING_NOT_ALLOWED.mask)
        other = library.proof_of(city, 1)
        assert world.read("titleReasons", struct(found.title), list(other.proof)) == (
            Reason.NOT_IN_EDITION.mask
        )

    def test_publishing_again_sends_nothing(self, put, write, publish, store):
        put(write(*rows(1, 2)))
        (first,) = publish()
        (again,) = publish()
        assert (again.gas_used, again.tx_hash) == (None, first.tx_hash)
        with store.read() as conn:
            assert len(conn.execute(select(sent_transactions.c.id)).all()) == 1

    def test_the_next_edition_revokes_what_it_dropped_in_the_same_transaction(
        self, world, put, write, publish, library, city
    ):
        put(write(*rows(*range(1, 301))))
        publish()
        put(write(*rows(*range(2, 257), *range(258, 303))))
        (done,) = publish()
        assert (done.edition.edition, done.dropped) == (2, 2)
        revoked = [i for i in (0, 1, 255, 256, 257, 301) if world.read("isRevoked", city, i)]
        assert revoked == [0, 256]
        newest = library.by_reference(city, "S-302").number
        found = library.proof_of(city, newest)
        # the count on the chain is above every index, not the number of titles
        assert (found.edition.count, world.read("editionOf", city)[1]) == (300, 302)
        assert world.read("titleReasons", struct(found.title), list(found.proof)) == 0

    def test_several_waiting_editions_are_anchored_in_their_order(
        self, world, put, write, publish, store, city
    ):
        put(write(*rows(1, 2, 3)))
        with store.write() as conn:  # as if the transaction was on its way
            storage.mark_published(conn, city, 1, "0x" + "00" * 32)
        put(write(*rows(2, 3)))
        assert [one.edition.edition for one in publish()] == [1, 2]
        assert world.read("isRevoked", city, 0)

    def test_more_revocations_than_fit_go_just_before(
        self, world, put, write, publish, city, monkeypatch
    ):
        monkeypatch.setattr(publishing, "MAX_WORDS", 2)
        put(write(*rows(*range(1, 1300))))
        publish()
        put(write(*rows(1299)))
        (done,) = publish()
        assert done.dropped == 1298
        assert all(world.read("isRevoked", city, index) for index in (0, 600, 1200, 1297))
        assert not world.read("isRevoked", city, 1298)

    def test_a_crash_after_sending_is_made_good(
        self, put, write, publish, monkeypatch, store, city
    ):
        put(write(*rows(1)))

        def crash(*_arguments):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(storage, "mark_published", crash)
            with pytest.raises(KeyboardInterrupt):
                publish()
        # it may be on the chain: so it is no draft any more
        assert put(write(*rows(1, 2))).edition.edition == 2
        assert [one.edition.edition for one in publish()] == [2]
        with store.read() as conn:
            first = storage.edition_row(conn, city, 1)
        assert first is not None
        assert first.published_tx is not None
        assert len(first.published_tx) == 66


class TestRefusals:
    def test_a_key_that_is_not_the_authoritys_is_refused_before_anything_is_sent(
        self, put, write, publish, store
    ):
        put(write(*rows(1)))
        with pytest.raises(BerthError) as refused:
            publish(STRANGER)
        assert (refused.value.code, refused.value.field) == ("titles.not_authority", "keystore")
        with store.read() as conn:
            assert conn.execute(select(sent_transactions.c.id)).all() == []

    def test_another_chain_than_the_deployments_is_refused(self, world, put, write, publish):
        put(write(*rows(1)))
        with pytest.raises(BerthError) as refused:
            publish(deployment=replace(world.deployment, chain_id=31337))
        assert refused.value.code == "chain.id"

    def test_an_edition_from_another_database_is_not_continued(
        self, put, write, publish, home, store
    ):
        put(write(*rows(1)))
        publish()
        with store.write() as conn:
            conn.exec_driver_sql("UPDATE title_editions SET root = '0x' || hex(zeroblob(32))")
        with pytest.raises(BerthError) as refused:
            publish()
        assert refused.value.code == "titles.foreign"

    def test_a_chain_that_is_ahead_is_not_continued(self, put, write, publish, store, city):
        put(write(*rows(1)))
        publish()
        put(write(*rows(1, 2)))
        publish()
        with store.write() as conn:
            storage.delete_edition(conn, city, 2)
        with pytest.raises(BerthError) as refused:
            publish()
        assert refused.value.code == "titles.behind"

    def test_a_city_without_an_edition_has_nothing_to_publish(self, publish):
        with pytest.raises(BerthError) as refused:
            publish()
        assert refused.value.code == "titles.unknown"


class TestRevoke:
    def test_titles_are_revoked_at_once_and_the_reason_is_kept(
        self, world, put, write, publish, revoke, library, store, city
    ):
        put(write(*rows(1, 2, 3)))
        publish()
        done = revoke(0, 2, 2, reason=" sold twice ")
        assert (done.indices, done.already) == ((0, 2), ())
        found = library.proof_of(city, 2)
        assert world.read("titleReasons", struct(found.title), list(found.proof)) == (
            Reason.TITLE_REVOKED.mask
        )
        assert not world.read("isRevoked", city, 1)
        with store.read() as conn:
            kept = conn.execute(
                select(
                    title_revocations.c.index,
                    title_revocations.c.reason,
                    title_revocations.c.tx_hash,
                )
            ).all()
        assert [tuple(one) for one in kept] == [
            (0, "sold twice", done.tx_hash),
            (2, "sold twice", done.tx_hash),
        ]

    def test_what_is_revoked_already_is_left_out(self, put, write, publish, revoke):
        put(write(*rows(1, 2)))
        publish()
        revoke(0)
        again = revoke(0, 1)
        assert (again.indices, again.already) == ((1,), (0,))
        assert revoke(0, 1).tx_hash is None

    def test_an_index_that_was_never_given_is_refused(self, put, write, publish, revoke):
        put(write(*rows(1)))
        publish()
        with pytest.raises(BerthError) as refused:
            revoke(0, 1)
        assert (refused.value.code, refused.value.field) == ("titles.absent", "index")

    def test_without_a_reason_nothing_is_revoked(self, put, write, publish, revoke):
        put(write(*rows(1)))
        publish()
        with pytest.raises(BerthError) as refused:
            revoke(0, reason="  ")
        assert refused.value.code == "titles.reason"
