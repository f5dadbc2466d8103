"""What is forgotten, when, and what never is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from berth.core import telemetry
from berth.core.errors import BerthError
from berth.core.settings import Keep, load_settings
from berth.devices.protocol import LastCommand
from berth.relay.retention import Retention
from berth.store.clock import database_now
from berth.store.derived import cursor
from berth.store.events import append_event, last_seq
from berth.store.incidents import open_incident, settle_incidents
from berth.store.kept import (
    commands,
    confirmations,
    events,
    evidence,
    grants,
    keeper_tasks,
    outbox,
    plate_readings,
    presence,
    sent_transactions,
)
from sqlalchemy import Table, insert, update

from tests.backend.relay.street import Street
from tests.backend.worlds import NOW

DAY = 86_400
PERSONAL = (presence, plate_readings, confirmations)


def retention(street: Street, **keep: int) -> Retention:
    return Retention(street.store, street.policy, Keep(**keep), batch=3, pause=0)


def forget(street: Street, **keep: int) -> dict[str, int]:
    return asyncio.run(retention(street, **keep).forget())


def only_events(gone: dict[str, int]) -> bool:
    """Nothing but what screens were told has gone."""
    return {table for table, rows in gone.items() if rows} <= {"events"}


def pass_days(street: Street, days: int) -> None:
    """So much later, at the head of a chain that knows the time."""
    street.clock.at += days * DAY
    street.world.at_block(100 + days)


def end(street: Street, lease: str) -> None:
    street.set_lease(lease, state=4, closed_at=street.clock.now())


def put(street: Street, table: Table, **values: Any) -> None:
    with street.store.write() as conn:
        conn.execute(insert(table).values(**values))


def count(street: Street, *tables: Table) -> list[int]:
    return [len(street.rows(table)) for table in tables]


def command(street: Street, lease: str, number: int, **values: Any) -> str:
    """A lock's command on record; `done` unless it is said otherwise."""
    row = {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "lock_id": street.home.lock_id,
        "lease_id": lease,
        "epoch": 1,
        "cycle": number,
        "action": "lower",
        "state": "done",
        "outcome": "done",
        "published_at": NOW + number,
        "created_at": NOW,
        "expires_at": NOW + 120,
        "updated_at": NOW + number,
    }
    put(street, commands, **{**row, **values})
    return str({**row, **values}["id"])


# ---- where drivers were, and what was read of their plates


def test_where_a_driver_was_is_forgotten_a_month_after_the_lease(
    street: Street, lease: str
) -> None:
    with street.store.write() as conn:
        conn.execute(update(commands).values(state="done"))
    end(street, lease)
    pass_days(street, 29)
    assert forget(street)["presence"] == 0
    assert count(street, *PERSONAL) == [1, 1, 1]
    pass_days(street, 2)
    gone = forget(street)
    assert [gone[table.name] for table in PERSONAL] == [1, 1, 1]
    assert count(street, *PERSONAL) == [0, 0, 0]


def test_what_an_open_lease_needs_stays_however_old_it_is(street: Street, lease: str) -> None:
    street.set_lease(lease, disputed=1)
    with street.store.write() as conn:
        conn.execute(update(commands).values(state="done"))
    pass_days(street, 400)
    assert only_events(forget(street))
    assert count(street, *PERSONAL) == [1, 1, 1]
    assert street.rows(commands)


def test_what_an_open_incident_speaks_of_stays_until_it_is_resolved(
    street: Street, lease: str
) -> None:
    with street.store.write() as conn:
        conn.execute(update(commands).values(state="done"))
        open_incident(conn, "lease.unserved", "k", "x", now=NOW, lease_id=lease)
    end(street, lease)
    pass_days(street, 400)
    assert only_events(forget(street))
    with street.store.write() as conn:
        settle_incidents(conn, street.clock.now(), "paid back", "Ann", key="k")
    gone = forget(street)
    assert [gone[table.name] for table in PERSONAL] == [1, 1, 1]
    assert gone["incidents"] == 0  # resolved today
    pass_days(street, 181)
    assert forget(street)["incidents"] == 1


def test_what_an_unfinished_command_needs_stays(street: Street, lease: str) -> None:
    end(street, lease)
    pass_days(street, 400)
    assert street.command("lower")["state"] == "eligible"
    assert only_events(forget(street))


def test_a_reading_for_a_lease_that_is_on_no_chain_is_forgotten_too(
    street: Street, lease: str
) -> None:
    with street.store.write() as conn:
        conn.execute(update(commands).values(state="cancelled"))
    street.remove(lease)
    pass_days(street, 31)
    assert forget(street)["plate_readings"] == 1


# ---- commands


def test_commands_outlive_presence_and_go_in_small_batches(street: Street) -> None:
    lease = street.book()
    end(street, lease)
    old = [command(street, lease, number) for number in range(1, 9)]
    pass_days(street, 179)
    assert forget(street)["commands"] == 0
    pass_days(street, 2)
    last = old[-1]  # which its lock repeats at each hello
    assert forget(street)["commands"] == 7
    assert [row["id"] for row in street.rows(commands)] == [last]
    street.hello(last=LastCommand(command=last, outcome="done"))
    assert street.incidents() == []


def test_a_command_sent_after_the_last_answer_stays_for_its_lock_may_have_obeyed(
    street: Street,
) -> None:
    lease = street.book()
    end(street, lease)
    command(street, lease, 1)
    answered = command(street, lease, 2)
    silent = command(street, lease, 3, state="dead", outcome=None)
    never = command(street, lease, 4, state="expired", outcome=None, published_at=None)
    pass_days(street, 400)
    assert forget(street)["commands"] == 2
    assert {row["id"] for row in street.rows(commands)} == {answered, silent}
    assert never not in {answered, silent}


def test_a_bar_that_is_not_up_keeps_what_it_was_lowered_by(street: Street) -> None:
    lease = street.book()
    end(street, lease)
    lowered = command(street, lease, 1)
    raised = command(street, lease, 2, action="raise")
    street.hello(position="UNLOCKED")
    pass_days(street, 400)
    assert forget(street)["commands"] == 0
    street.hello(position="LOCKED")
    assert forget(street)["commands"] == 1
    assert [row["id"] for row in street.rows(commands)] == [raised]
    assert lowered != raised


# ---- events, outbox and what else grows


def test_events_go_when_no_stream_may_be_resumed_from_them(street: Street) -> None:
    with street.store.write() as conn:
        for number in range(10):
            append_event(conn, "lock.state", None, None, None, {"n": number}, at=NOW)
        append_event(conn, "chain.reorg", None, None, None, {"blocks": 2}, at=NOW)
        append_event(conn, "lock.state", None, None, None, {}, at=NOW + 20 * DAY)
        append_event(conn, "lock.state", None, None, None, {}, at=NOW)
        newest = last_seq(conn)
    before = telemetry.FORGOTTEN.labels("events")._value.get()
    pass_days(street, 31)
    assert forget(street)["events"] == 10
    assert telemetry.FORGOTTEN.labels("events")._value.get() == before + 10
    kept = street.rows(events)
    # reorgs are counted for ever; the newest number is where a stream begins
    assert [row["topic"] for row in kept] == ["chain.reorg", "lock.state", "lock.state"]
    assert kept[-1]["seq"] == newest
    pass_days(street, 30)
    assert forget(street)["events"] == 1


def handed_over(street: Street, lease: str, state: str, block: int = 5) -> None:
    with street.store.read() as conn:
        wall = database_now(conn)
    put(
        street,
        outbox,
        kind="lease.booked",
        key=f"{lease}:{state}:{block}",
        lease_id=lease,
        payload_json="{}",
        created_block=block,
        block_hash="0x",
        block_timestamp=NOW,
        created_at=wall - 31 * DAY,
        state=state,
    )


def test_the_outbox_keeps_what_is_undone_dead_open_or_not_final(street: Street) -> None:
    lease = street.book()
    with street.store.write() as conn:
        conn.execute(update(grants).values(state="revoked"))
    for state in ("new", "dead", "cancelled", "done"):
        handed_over(street, lease, state)
    assert forget(street, events=30)["outbox"] == 0  # the lease is open
    end(street, lease)
    pass_days(street, 31)
    handed_over(street, lease, "done", block=125)  # final up to 121
    assert forget(street)["outbox"] == 2
    assert [row["state"] for row in street.rows(outbox)] == ["new", "dead", "done"]


def test_evidence_that_was_refused_and_deeds_that_are_done_go_with_the_commands(
    street: Street,
) -> None:
    lease = street.book()
    end(street, lease)
    for kind, state in ((1, "mined"), (2, "refused"), (3, "received")):
        put(
            street,
            evidence,
            lease_id=lease,
            kind=kind,
            from_=0,
            until=0,
            energy_wh=0,
            signature="0x",
            lock_id=street.home.lock_id,
            state=state,
            received_at=NOW,
        )
    with street.store.read() as conn:
        wall = database_now(conn)
    for key, done_at in (("a", wall - 181 * DAY), ("b", wall - 179 * DAY), ("c", None)):
        common = {"kind": "payout", "subject": "s", "created_at": NOW, "updated_at": NOW}
        put(street, keeper_tasks, key=key, done_at=done_at, **common)
    pass_days(street, 181)
    gone = forget(street)
    assert (gone["evidence"], gone["keeper_tasks"]) == (1, 1)
    assert {row["state"] for row in street.rows(evidence)} == {"mined", "received"}
    assert {row["key"] for row in street.rows(keeper_tasks)} == {"b", "c"}


def test_what_a_lock_knew_of_a_lease_goes_half_a_year_after_its_window(street: Street) -> None:
    ended, disputed = street.book(epoch=1), street.book(epoch=2)
    end(street, ended)
    street.set_lease(disputed, disputed=1)
    pass_days(street, 179)
    assert forget(street)["grants"] == 0
    pass_days(street, 2)
    assert forget(street, events=300)["grants"] == 0  # the outbox asks for it
    assert forget(street)["grants"] == 1
    assert [row["lease_id"] for row in street.rows(grants)] == [disputed]
    street.hello()  # it holds none of them, and is sent none
    assert [row["lease_id"] for row in street.rows(grants)] == [disputed]


def sent(street: Street, nonce: int, purpose: str, state: str, **values: Any) -> None:
    with street.store.read() as conn:
        long_ago = database_now(conn) - 181 * DAY
    row = {"account": "0xaa", "tx_hash": f"0x{nonce}", "raw": "0x", "block_number": 90}
    times = {"submitted_at": long_ago, "updated_at": long_ago}
    told = {**row, **times, "nonce": nonce, "purpose": purpose, "state": state, **values}
    put(street, sent_transactions, **told)


def test_our_transactions_go_but_for_what_is_open_may_be_taken_back_or_is_waited_for(
    street: Street,
) -> None:
    with street.store.read() as conn:
        wall = database_now(conn)
    sent(street, 1, "mined", "mined")
    sent(street, 2, "reverted", "reverted")
    sent(street, 3, "replaced", "replaced", block_number=None)
    sent(street, 4, "out", "sent", block_number=None)
    sent(street, 5, "not final", "mined", block_number=99)
    sent(street, 6, "a deed", "mined")
    sent(street, 7, "a record", "mined")
    sent(street, 8, "lately", "mined", submitted_at=wall - 179 * DAY)
    sent(street, 9, "the last one", "mined")
    sent(street, 1, "another's", "mined", account="0xbb")
    deed = {"kind": "payout", "subject": "s", "created_at": NOW, "updated_at": NOW}
    put(street, keeper_tasks, key="k", batch="a deed", **deed)
    refused = {"kind": 1, "from_": 0, "until": 0, "energy_wh": 0, "signature": "0x"}
    put(
        street,
        evidence,
        **refused,
        lease_id=street.book(),
        lock_id=street.home.lock_id,
        state="submitted",
        tx_hash="0x7",
        received_at=NOW,
    )
    street.world.at_block(101)
    with street.store.write() as conn:
        conn.execute(update(cursor).values(final_number=95))
    assert forget(street)["sent_transactions"] == 3
    assert [row["purpose"] for row in street.rows(sent_transactions)] == [
        "out", "not final", "a deed", "a record", "lately", "the last one", "another's",
    ]  # fmt: skip


# ---- when, and who


def test_nothing_goes_while_the_index_is_behind_or_the_clock_is_wrong(street: Street) -> None:
    with street.store.write() as conn:
        for _ in range(3):
            append_event(conn, "lock.state", None, None, None, {}, at=NOW)
    street.clock.at += 400 * DAY  # a clock that leaps ahead: the chain does not
    with pytest.raises(BerthError) as caught:
        forget(street)
    assert caught.value.code == "retention.asleep"
    street.world.at_block(500, head=501)
    with pytest.raises(BerthError):
        forget(street)
    assert len(street.rows(events)) == 3
    street.world.at_block(501)
    assert forget(street)["events"] == 2


async def test_a_keeper_waits_for_the_index_and_then_forgets(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.relay.retention._WAIT", 0.01)
    with street.store.write() as conn:
        for _ in range(3):
            append_event(conn, "lock.state", None, None, None, {}, at=NOW)
    street.clock.at += 400 * DAY
    working = asyncio.create_task(retention(street).work())
    await asyncio.sleep(0.1)
    assert len(street.rows(events)) == 3
    street.world.at_block(500)
    async with asyncio.timeout(20):
        assert (await working)["events"] == 2


async def test_two_keepers_at_once_remove_each_row_once(street: Street) -> None:
    with street.store.write() as conn:
        for _ in range(40):
            append_event(conn, "lock.state", None, None, None, {}, at=NOW)
    pass_days(street, 31)
    both = await asyncio.gather(retention(street).forget(), retention(street).forget())
    assert sum(gone["events"] for gone in both) == 39
    assert len(street.rows(events)) == 1


def test_every_kept_table_that_grows_is_forgotten_or_named_here() -> None:
    from berth.relay.retention import rules
    from berth.store.kept import metadata

    # bounded by the chain, by cities, by keys of ours, by locks, by people; or forgotten elsewhere
    stays = {
        "deployment", "lease_transactions", "lock_states", "nonces", "roles", "sessions",
        "space_private", "title_editions", "title_revocations", "title_takings", "titles",
        "vehicles_private",
    }  # fmt: skip
    forgotten = {rule.table.name for rule in rules(NOW, Keep())}
    assert forgotten | stays == set(metadata.tables)
    assert not forgotten & stays


@pytest.mark.parametrize("text", ["0", "2", "-1", "a month", "3651", "3.5"])
def test_what_is_kept_too_shortly_or_for_ever_is_refused(text: str) -> None:
    with pytest.raises(BerthError) as caught:
        load_settings({"BERTH_KEEP_PERSONAL_DAYS": text})
    assert caught.value.field == "BERTH_KEEP_PERSONAL_DAYS"


def test_how_long_is_said_by_the_environment() -> None:
    names = ("PERSONAL", "EVENTS", "COMMANDS")
    given = {f"BERTH_KEEP_{name}_DAYS": str(40 + n) for n, name in enumerate(names)}
    assert load_settings(given).keep == Keep(40, 41, 42)
    assert load_settings({}).keep == Keep(30, 30, 180)
