"""What only PostgreSQL has: two schemas, and a server that holds many databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from berth.core.errors import BerthError
from berth.store import bind_deployment, derived, kept, migrations, open_store
from sqlalchemy import inspect

from tests.backend.databases import Databases, Server
from tests.backend.worlds import DEPLOYMENT

pytestmark = pytest.mark.slow


@pytest.fixture
def databases(postgresql_server: Server, tmp_path):
    made = Databases("postgresql", tmp_path, postgresql_server)
    yield made
    made.close()


def test_the_groups_are_schemas_and_migrations_go_down_and_up(databases: Databases) -> None:
    url = databases.url(migrated=False)
    store = open_store(url)
    inspector = inspect(store.engine)
    assert set(derived.metadata.tables) <= set(inspector.get_table_names(schema="derived"))
    assert set(kept.metadata.tables) <= set(inspector.get_table_names(schema="kept"))
    with store.write() as conn:
        migrations.downgrade(conn, "base")
    assert inspect(store.engine).get_table_names(schema="derived") == []
    store.close()
    databases.again(url)


def test_another_deployments_server_database_is_refused(databases: Databases) -> None:
    url = databases.url()
    bind_deployment(databases.again(url), DEPLOYMENT)
    with pytest.raises(BerthError) as caught:
        open_store(url, replace(DEPLOYMENT, market="0x" + "99" * 20))
    assert caught.value.code == "store.deployment"
