"""The same editions on PostgreSQL."""

from __future__ import annotations

import pytest
from berth.core.clock import WallClock
from berth.core.ids import city_number
from berth.market.titles import Import, import_titles, storage
from berth.market.titles.library import TitleLibrary
from berth.store.engine import open_store

from .sources import rows

pytestmark = pytest.mark.slow

CITY = city_number("AUMEL")


def test_editions_drafts_and_proofs_are_the_same_on_postgresql(
    write, store, home, postgresql_server
):
    other = open_store(postgresql_server.url(postgresql_server.create()))
    answers = [_story(each, home, write) for each in (store, other)]
    other.close()
    assert answers[0] == answers[1]


def _story(store, home, write):
    """The same secret in both, so that every hash must agree."""

    def load(*numbers):
        path = write(*rows(*numbers))
        wanted = Import(path, "csv", city="AUMEL", max_dropped_percent=100)
        return import_titles(store, home, wanted, WallClock())

    done = [load(*range(1, 30)), load(*range(1, 31))]
    with store.write() as conn:
        storage.mark_published(conn, CITY, 1, "0x" + "ab" * 32)
    done += [load(*range(3, 33)), load(*range(3, 33))]
    library = TitleLibrary(store, home)
    with store.read() as conn:
        dropped = storage.dropped_indices(conn, CITY, 2)
        current, latest = storage.current_edition(conn, CITY), storage.latest_edition(conn, CITY)
    proofs = [library.proof_of(CITY, index, edition) for index in (5, 20) for edition in (1, 2)]
    near = library.near(CITY, -37.8005, 144.96, 40)
    library.close()
    assert current is not None
    assert latest is not None
    return (
        [(one.unchanged, one.added, one.dropped, one.edition.root) for one in done],
        dropped,
        (current.edition, latest.edition),
        [(one.title, one.proof, one.entry) for one in proofs],
        near,
    )
