"""Verification against the chain, and exports."""

from __future__ import annotations

import csv
import io
import json

import pytest
from berth.audit import Report, Verdict, verify
from berth.audit.export import COLUMNS, export
from berth.audit.records import recompute, rows
from berth.chain.rpc import NodeUnreachableError, RpcError
from berth.core.ledger import EMPTY_HEAD
from berth.core.slots import slot_at
from berth.store import derived

from tests.backend.worlds import DEPLOYMENT, NOW, World


@pytest.fixture
def ledger(world: World) -> World:
    """Four settlements, and a chain that has the same."""
    space = world.add_space()
    world.add_offer(space)
    for number in range(4):
        lease = world.add_lease(space, slot_at(NOW) - 100 + 10 * number, 8)
        world.settle(lease, minutes=30 + number)
    world.node.answers["ledger"] = lambda call: (world.head, world.count, 0)
    return world


async def report_of(world: World) -> Report:
    return await verify(world.store, world.services.rpc, world.services.contracts)


def sql(world: World, statement: str) -> None:
    with world.store.write() as conn:
        conn.exec_driver_sql(statement)


async def test_every_record_there_and_unaltered_is_complete(ledger: World) -> None:
    report = await report_of(ledger)
    assert (report.verdict, report.checked, report.ok) == (Verdict.COMPLETE, 4, True)
    assert report.head == report.chain_head == "0x" + ledger.head.hex()


async def test_the_chain_is_asked_at_the_indexed_block(ledger: World) -> None:
    ledger.at_block(77)
    assert (await report_of(ledger)).block == 77
    assert ledger.node.calls[-1][1]["block"] == 77


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("lease_id", "'0x011616ed0000002a001e6f2a0009'"),
        ("outcome", "2"),
        ("owner", "'0x" + "01" * 20 + "'"),
        ("driver", "'0x" + "02" * 20 + "'"),
        ("offer", "2"),
        ("rent", "'1'"),
        ("overstay", "'1'"),
        ("energy", "'1'"),
        ("fee", "'1'"),
        ("refund", "'1'"),
        ("arrived", "9"),
        ("until_minute", "9"),
        ("energy_wh", "100"),
        ("closed_at", "1"),
        ("record_hash", "'0x" + "00" * 32 + "'"),
        ("head", "'0x" + "00" * 32 + "'"),
    ],
)
async def test_one_altered_field_is_a_mismatch_at_its_number(
    ledger: World, column: str, value: str
) -> None:
    sql(ledger, f"UPDATE settlements SET {column} = {value} WHERE number = 2")
    report = await report_of(ledger)
    assert (report.verdict, report.at, report.ok) == (Verdict.MISMATCH, 2, False)


async def test_a_record_altered_with_its_hashes_is_a_mismatch_of_the_head(ledger: World) -> None:
    """Whoever rewrites history consistently still cannot rewrite the chain's head."""
    last = ledger.head
    sql(ledger, "DELETE FROM settlements WHERE number = 4")
    with ledger.store.read() as conn:
        ledger.count, ledger.head = 3, recompute(conn).head
    space = ledger.add_space(43)
    ledger.add_offer(space)
    ledger.settle(ledger.add_lease(space, slot_at(NOW) - 30, 8), minutes=31)
    ledger.node.answers["ledger"] = lambda call: (last, 4, 0)
    report = await report_of(ledger)
    assert (report.verdict, report.at) == (Verdict.MISMATCH, None)


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_missing_record_is_a_gap_at_its_number(ledger: World, number: int) -> None:
    sql(ledger, f"DELETE FROM settlements WHERE number = {number}")
    report = await report_of(ledger)
    assert (report.verdict, report.at) == (Verdict.GAP, number)
    assert str(number) in report.sentence()
    assert report.sentence("zh").startswith("缺少结算记录")


async def test_missing_the_newest_record_is_a_gap_too(ledger: World) -> None:
    sql(ledger, "DELETE FROM settlements WHERE number = 4")
    report = await report_of(ledger)
    assert (report.verdict, report.at) == (Verdict.GAP, 4)


async def test_records_that_the_chain_does_not_have_are_a_gap(ledger: World) -> None:
    ledger.node.answers["ledger"] = lambda call: (EMPTY_HEAD, 0, 0)
    assert (await report_of(ledger)).verdict is Verdict.GAP


async def test_where_the_node_forgot_the_block_a_chain_ahead_is_only_ahead(ledger: World) -> None:
    def forgetful(call: dict[str, object]) -> tuple[bytes, int, int]:
        if call["block"] if "block" in call else ledger.node.calls[-1][1]["block"] != "latest":
            raise RpcError("eth_call", -32000, "missing trie node", None)
        return b"\x01" * 32, 5, 0

    ledger.node.answers["ledger"] = forgetful
    report = await report_of(ledger)
    assert (report.verdict, report.block, report.ok) == (Verdict.SYNCING, None, True)


async def test_a_node_that_does_not_answer_is_an_error_and_no_verdict(ledger: World) -> None:
    def gone(call: object) -> None:
        raise NodeUnreachableError("fake node", "gone")

    ledger.node.answers["ledger"] = gone
    with pytest.raises(NodeUnreachableError):
        await report_of(ledger)


def test_an_export_as_csv_has_every_column_of_every_record(ledger: World) -> None:
    with ledger.store.read() as conn:
        text = "".join(export(conn, "csv", DEPLOYMENT.currency))
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["number"] for line in lines] == ["1", "2", "3", "4"]
    assert set(lines[0]) == set(COLUMNS)
    assert lines[-1]["head"] == "0x" + ledger.head.hex()
    assert lines[0]["currency"] == "tEUR"


def test_an_export_as_json_is_one_document(ledger: World) -> None:
    with ledger.store.read() as conn:
        found = json.loads("".join(export(conn, "json", DEPLOYMENT.currency)))
    assert [line["number"] for line in found] == [1, 2, 3, 4]
    assert isinstance(found[0]["rent"], str)


def test_an_export_marks_what_may_still_be_replaced(ledger: World) -> None:
    """Settlements of the block 100, final ten blocks later."""
    for block, final in ((109, False), (110, True)):
        ledger.at_block(block)
        with ledger.store.read() as conn:
            table = "".join(export(conn, "csv", DEPLOYMENT.currency))
            listed = json.loads("".join(export(conn, "json", DEPLOYMENT.currency)))
        assert {line["final"] for line in listed} == {final}
        told = {line["final"] for line in csv.DictReader(io.StringIO(table))}
        assert told == {json.dumps(final)}


def test_an_export_can_begin_after_a_number_and_filter(ledger: World) -> None:
    with ledger.store.read() as conn:
        later = export(conn, "json", DEPLOYMENT.currency, derived.settlements.c.number < 4, after=2)
        assert [line["number"] for line in json.loads("".join(later))] == [3]


def test_an_empty_export_is_still_a_document(world: World) -> None:
    with world.store.read() as conn:
        assert json.loads("".join(export(conn, "json", DEPLOYMENT.currency))) == []
        header = "".join(export(conn, "csv", DEPLOYMENT.currency))
    assert header == ",".join(COLUMNS) + "\n"


def test_rows_are_streamed_not_loaded(ledger: World) -> None:
    with ledger.store.read() as conn:
        first = next(iter(rows(conn)))
    assert first["number"] == 1
