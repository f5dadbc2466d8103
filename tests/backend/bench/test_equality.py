"""What tells that two indexes are the same must see when they are not."""

from __future__ import annotations

from pathlib import Path

from berth.store.derived import accounts
from sqlalchemy import insert, update

from tests.backend.worlds import DINO, OLGA, World


def test_one_minor_unit_more_or_one_row_less_is_seen(tmp_path: Path) -> None:
    from equality import differences, digests

    world = World(tmp_path)
    with world.store.write() as conn:
        for person, credit in ((OLGA, "5"), (DINO, "7")):
            row = {"account": person.address, "credit": credit, "auto_payout": 0}
            conn.execute(insert(accounts).values(row))
    before = digests(world.store)
    assert before["accounts"]["rows"] == 2
    assert differences(before, digests(world.store)) == []
    with world.store.write() as conn:
        conn.execute(update(accounts).where(accounts.c.account == DINO.address).values(credit="8"))
    after = digests(world.store)
    assert differences(before, after) == ["accounts: 2 rows each, but their values differ"]
    with world.store.write() as conn:
        conn.execute(accounts.delete().where(accounts.c.account == DINO.address))
    assert differences(before, digests(world.store)) == ["accounts: 2 rows in one, 1 in the other"]
    world.close()
