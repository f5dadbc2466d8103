"""The event stream's rows and the record of sent transactions."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from berth.core.errors import BerthError
from berth.store import Store
from berth.store.events import append_event, last_seq, read_events, told_seq
from berth.store.kept import events, sent_transactions
from berth.store.transactions import DAY, TransactionJournal
from sqlalchemy import Connection, delete, select, update

from tests.backend.databases import Databases, Server

ALICE, BOB = "0x" + "aa" * 20, "0x" + "bb" * 20


@pytest.fixture
def store(databases: Databases) -> Store:
    return databases.open()


def test_a_listener_reads_what_is_for_everybody_and_for_itself(store: Store) -> None:
    with store.write() as conn:
        append_event(conn, "offer", None, None, "0x1", {"n": 1}, at=10)
        append_event(conn, "lease", (ALICE.upper().replace("X", "x"), BOB), "0x2", None, {}, at=11)
        append_event(conn, "credit", ALICE, None, None, {"credit": "5"}, at=12)
        append_event(conn, "nobody", (), None, None, {}, at=13)
    with store.read() as conn:
        assert [e.topic for e in read_events(conn, 0, None)] == ["offer"]
        assert [e.topic for e in read_events(conn, 0, ALICE)] == ["offer", "lease", "credit"]
        assert [e.topic for e in read_events(conn, 0, BOB)] == ["offer", "lease"]
        newest = read_events(conn, 0, ALICE)[-1]
        assert (newest.at, newest.audience, newest.payload) == (12, ALICE, {"credit": "5"})
        assert read_events(conn, newest.seq, ALICE) == []
        assert len(read_events(conn, 0, ALICE, limit=2)) == 2
        assert last_seq(conn) == newest.seq


def test_one_account_in_two_roles_is_told_once(store: Store) -> None:
    with store.write() as conn:
        append_event(conn, "lease", (ALICE, ALICE), "0x2", None, {})
    with store.read() as conn:
        assert len(read_events(conn, 0, ALICE)) == 1


def test_numbers_of_forgotten_events_are_never_used_again(store: Store) -> None:
    with store.write() as conn:
        append_event(conn, "old", None, None, None, {}, at=1)
        seq = last_seq(conn)
        conn.execute(delete(events))
        append_event(conn, "new", None, None, None, {}, at=3)
    with store.read() as conn:
        assert read_events(conn, seq, None)[0].seq == seq + 1


def test_a_page_ends_where_it_is_told_to(store: Store) -> None:
    with store.write() as conn:
        for topic in ("one", "two", "three"):
            append_event(conn, topic, None, None, None, {})
    with store.read() as conn:
        assert told_seq(conn) == last_seq(conn) == 3
        assert [e.topic for e in read_events(conn, 1, None, upto=2)] == ["two"]
        assert read_events(conn, 2, None, upto=2) == []


@pytest.mark.slow
def test_numbers_are_passed_by_only_when_nobody_writes_behind_them(
    postgresql_server: Server, tmp_path: Path
) -> None:
    """Several transactions write at once, and end in another order than they began."""
    databases = Databases("postgresql", tmp_path, postgresql_server)
    store = databases.open()

    def tell(conn: Connection, *topics: str) -> None:
        for topic in topics:
            append_event(conn, topic, None, None, None, {})

    def told() -> int:
        with store.read() as conn:
            return told_seq(conn)

    assert told() == 0
    with store.write() as one:
        tell(one, "1")
        with store.write() as two:
            tell(two, "2")
            with store.write() as three:
                tell(three, "3")
            assert told() == 0
        assert told() == 0  # 2 and 3 are seen, 1 is not
    assert told() == 3
    with store.write() as one:
        tell(one, "4")
        with store.write() as two:
            tell(two, "5")
            tell(one, "6")
        # 5 is behind the last number before the first row of who writes still
        assert told() == 3
    assert told() == 6
    with store.write() as one:
        with store.write() as two:
            tell(two, "7")
        tell(one, "8")
        assert told() == 7
        with store.write() as two:
            tell(two, "never")
            two.rollback()
        tell(one, "10")
        assert told() == 7
    assert told() == 10
    # another database of the same server has numbers of its own
    other = databases.open()
    with store.write() as one:
        tell(one, "11")
        with other.write() as two:
            tell(two, "1")
        with other.read() as conn:
            assert told_seq(conn) == 1
    databases.close()


@pytest.mark.slow
def test_of_many_who_write_at_once_no_row_is_passed_by(
    postgresql_server: Server, tmp_path: Path
) -> None:
    databases = Databases("postgresql", tmp_path, postgresql_server)
    store = databases.open()

    def write(who: int) -> None:
        for number in range(40):
            with store.write() as conn:
                # few by INSERT, many by COPY
                parties = [f"0x{party:040x}" for party in range(1 + 9 * (number % 2))]
                append_event(conn, "told", parties, None, None, {})
                if number % 3 == 0:
                    append_event(conn, "more", None, None, None, {})
                time.sleep(0.002 * ((who + number) % 4))  # who begins later may end earlier

    found: list[int] = []
    seen = 0
    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(write, who) for who in range(4)]
        ended = False
        while not ended:
            ended = all(one.done() for one in running)  # then once more
            with store.read() as conn:
                upto = told_seq(conn)
            with store.read() as conn:
                query = select(events.c.seq).where(events.c.seq > seen, events.c.seq <= upto)
                found += conn.execute(query.order_by(events.c.seq)).scalars()
            seen = max(seen, upto)
        for one in running:
            one.result()
    with store.read() as conn:
        assert found == list(conn.execute(select(events.c.seq).order_by(events.c.seq)).scalars())
    assert len(found) == 4 * (20 + 200 + 14)
    databases.close()


def test_a_purpose_is_given_one_nonce_for_good(store: Store) -> None:
    journal = TransactionJournal(store)
    signed: list[int] = []

    def sign(nonce: int) -> tuple[bytes, str]:
        signed.append(nonce)
        return bytes([nonce]), f"0x{nonce:064x}"

    first = journal.take(ALICE, "record:1", 5, sign)
    again = journal.take(ALICE, "record:1", 9, sign)
    assert first == again
    assert journal.take(ALICE, "record:2", 5, sign).nonce == 6
    assert journal.take(BOB, "record:3", 0, sign).nonce == 0
    assert signed == [5, 6, 0]
    journal.mark("record:2", "mined", block_number=7, gas_used=21000)
    journal.mark("record:1", "sent")
    assert [r.purpose for r in journal.open_records(ALICE, mined_after=6)] == [
        "record:1",
        "record:2",
    ]
    assert [r.purpose for r in journal.open_records(ALICE, mined_after=7)] == ["record:1"]


def test_a_refused_purpose_may_be_tried_again(store: Store) -> None:
    journal = TransactionJournal(store)

    def sign(nonce: int) -> tuple[bytes, str]:
        return b"\x02", f"0x{nonce:064x}"

    journal.take(ALICE, "p", 3, sign)
    journal.mark("p", "dropped", reason="no gas money")
    tried = journal.take(ALICE, "p", 4, sign)
    assert (tried.nonce, tried.state, tried.reason) == (4, "signed", None)
    # whoever asks for a receipt asks for the former one, too
    assert tried.former_hashes == (f"0x{3:064x}",)


def test_a_refused_purpose_keeps_its_nonce_while_nobody_has_it(store: Store) -> None:
    journal = TransactionJournal(store)

    def sign(nonce: int) -> tuple[bytes, str]:
        return b"\x02", f"0x{nonce:064x}"

    journal.take(ALICE, "p", 3, sign)
    journal.take(ALICE, "q", 3, sign)
    journal.mark("p", "dropped")
    assert journal.take(ALICE, "p", 3, sign).nonce == 3
    journal.mark("p", "dropped")
    assert journal.take(ALICE, "r", 3, sign).nonce == 3  # the gap is the next one's
    assert journal.take(ALICE, "p", 3, sign).nonce == 5


def test_a_mined_nonce_is_not_given_again_by_a_node_that_is_behind(store: Store) -> None:
    journal = TransactionJournal(store)

    def sign(nonce: int) -> tuple[bytes, str]:
        return b"\x02", f"0x{nonce:064x}"

    journal.take(ALICE, "p", 3, sign)
    journal.mark("p", "mined", block_number=9, gas_used=21000, cost=5)
    assert journal.take(ALICE, "q", 3, sign).nonce == 4


def test_what_is_set_aside_counts_until_the_receipt_says_what_it_cost(store: Store) -> None:
    journal = TransactionJournal(store)

    def sign(nonce: int) -> tuple[bytes, str]:
        return b"\x02", f"0x{nonce:064x}"

    journal.take(ALICE, "p", 0, sign, reserve=60, cap=100)
    with pytest.raises(BerthError, match="q may cost 50 wei; 60 of the 100") as caught:
        journal.take(ALICE, "q", 0, sign, reserve=50, cap=100)
    assert caught.value.code == "chain.spend_cap"
    assert journal.find("q") is None
    journal.take(BOB, "r", 0, sign, reserve=50, cap=100)  # another key's purse
    journal.mark("p", "mined", block_number=9, gas_used=1, cost=20)
    assert journal.spent(ALICE) == 20
    journal.take(ALICE, "q", 0, sign, reserve=50, cap=100)
    with pytest.raises(BerthError, match=r"chain.spend_cap|may cost 81 wei"):
        journal.resign("q", f"0x{1:064x}", b"\x03", "0xdd", reserve=81, cap=100)
    assert journal.resign("q", f"0x{1:064x}", b"\x03", "0xdd", reserve=80, cap=100).reserved == 80
    journal.mark("q", "dropped")
    assert journal.spent(ALICE) == 20


def test_what_was_spent_a_day_ago_counts_no_more_but_what_is_out_does(store: Store) -> None:
    journal = TransactionJournal(store)

    def sign(nonce: int) -> tuple[bytes, str]:
        return b"\x02", f"0x{nonce:064x}"

    journal.take(ALICE, "p", 0, sign, reserve=60)
    journal.take(ALICE, "q", 0, sign, reserve=30)
    journal.mark("p", "mined", block_number=9, gas_used=1, cost=20)
    before = int(time.time()) - DAY - 1
    with store.write() as conn:
        conn.execute(update(sent_transactions).values(submitted_at=before, updated_at=before))
    assert journal.spent(ALICE) == 30
    # it gets through at last: paid for now, whenever it was signed
    journal.mark("q", "mined", block_number=10, gas_used=1, cost=25)
    assert journal.spent(ALICE) == 25
    with pytest.raises(BerthError, match="may cost 76 wei"):
        journal.take(ALICE, "r", 0, sign, reserve=76, cap=100)


def test_a_nonce_that_is_taken_is_given_to_nobody_else(store: Store) -> None:
    journal = TransactionJournal(store)
    journal.take(ALICE, "p", 3, lambda _nonce: (b"\x02a", "0xaa"))
    with pytest.raises(BerthError, match=f"nonce 3 of {ALICE} is taken"):
        journal.take(ALICE, "gap", 3, lambda _nonce: (b"\x02b", "0xbb"), nonce=3)


def test_a_dearer_copy_keeps_the_former_hash_known(store: Store) -> None:
    journal = TransactionJournal(store)
    journal.take(ALICE, "p", 3, lambda _nonce: (b"\x02a", "0xaa"))
    journal.resign("p", "0xaa", b"\x02b", "0xbb")
    found = journal.resign("p", "0xbb", b"\x02c", "0xcc")
    # a second process that saw the first copy comes too late
    assert journal.resign("p", "0xaa", b"\x02d", "0xdd") == found
    assert (found.tx_hash, found.former_hashes, found.raw) == ("0xcc", ("0xaa", "0xbb"), b"\x02c")
