"""Evidence on its way to the chain: once, in order, and never what the contract would refuse."""

from __future__ import annotations

from typing import Any

import pytest
from berth.chain.abi import load_abi
from berth.chain.contracts import Contracts
from berth.chain.rpc import NodeUnreachableError, RpcError
from berth.chain.sender import Sender
from berth.chain.wire import Block, Log, Receipt
from berth.core.hashing import keccak
from berth.core.ids import parse_lease
from berth.relay.keeper import Keeper
from berth.store.kept import evidence, sent_transactions
from berth.store.transactions import TransactionJournal
from eth_abi.abi import encode as abi_encode
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from sqlalchemy import update

from tests.backend.relay.street import Street
from tests.backend.worlds import DEPLOYMENT, NOW

_MARKET = load_abi("ParkingMarket")


class Chain:
    """Mines at once; keeps what was recorded; refuses like the contract."""

    where = "memory"

    def __init__(self, street: Street) -> None:
        self._street = street
        self.height = 100
        self.transactions: dict[str, dict[str, Any]] = {}
        self.records: list[tuple[int, int]] = []
        self.closed: list[int] = []
        self.revert: bytes | None = None
        self.die_after_sending = False
        self.view = (0, 0)  # arrived, until
        self.state: int | None = None
        self.no_show = False
        self.skips: set[int] = set()
        self.refuses: set[str] = set()  # verbs
        self.delisted: list[int] = []
        self.paid: list[str] = []
        self.reverted: set[str] = set()  # mined, and refused with `revert`

    async def block(self, _: int | str) -> Block:
        now = self._street.clock.now()
        return Block(
            "0x" + "bb" * 32, "0x" + "aa" * 32, hex(self.height), hex(now), base_fee_hex="0x7"
        )

    async def block_number(self) -> int:
        return self.height

    async def typed(self, kind: Any, method: str, *params: Any) -> Any:
        if method == "eth_estimateGas":
            verb = _verb(bytes.fromhex(params[0]["data"][2:10]))
            if self.revert is not None and (not self.refuses or verb in self.refuses):
                raise RpcError(method, 3, "execution reverted", self.revert)
            return "0x20000"
        if method == "eth_maxPriorityFeePerGas":
            return "0x1"
        assert method == "eth_getTransactionCount"
        return hex(len(self.transactions))

    async def call(self, method: str, *params: Any) -> Any:
        if method == "eth_getTransactionByHash":
            return self.transactions.get(params[0])
        assert method == "eth_sendRawTransaction"
        raw = bytes.fromhex(params[0][2:])
        tx_hash = "0x" + keccak(raw).hex()
        if tx_hash in self.transactions:
            raise RpcError(method, -32000, "already known", None)
        fields = dict(TypedTransaction.from_bytes(HexBytes(raw)).as_dict())
        assert fields["nonce"] == len(self.transactions)
        self.transactions[tx_hash] = fields
        data = bytes(fields["data"])
        name = _verb(data[:4])
        given = _MARKET.function(name).decode_inputs(data[4:])
        if name == "record":
            record = next(value for value in given.values() if isinstance(value, dict))
            self.records.append((record["leaseId"], record["kind"]))
        elif name == "delist":
            self.delisted.append(given["spaceId"])
        elif name in ("payout", "payoutBatch"):
            wanted = given["accounts"] if name == "payoutBatch" else [given["account"]]
            self.paid += [str(one).lower() for one in wanted]
        else:
            wanted = given["leaseIds"] if name == "closeBatch" else [given["leaseId"]]
            self.closed += [number for number in wanted if number not in self.skips]
        if self.die_after_sending:
            raise NodeUnreachableError(self.where, "killed")
        return tx_hash

    async def receipt(self, tx_hash: str) -> Receipt | None:
        if tx_hash not in self.transactions:
            return None
        return Receipt(
            transaction_hash=tx_hash,
            block_number_hex=hex(self.height),
            block_hash="0x" + "bb" * 32,
            gas_used_hex="0x10000",
            status_hex="0x0" if tx_hash in self.reverted else "0x1",
            logs=[_skipped(number) for number in self.skips],
        )

    async def eth_call(self, to: str, data: bytes, **_: Any) -> bytes:
        if self.reverted and data[:4] == _MARKET.function("record").selector:
            raise RpcError("eth_call", 3, "execution reverted", self.revert)
        outputs = [p.canonical for p in _MARKET.function("leaseOf").outputs]
        state = self.state or (2 if self.view[1] == 0 else 4)
        view = ("0x" + "11" * 20, state, False, 8, 1, 1, 0, *self.view, 0, self.no_show)
        return abi_encode(outputs, [view])


def _verb(selector: bytes) -> str:
    return next(e.name for e in _MARKET.functions.values() if e.selector == selector)


def _skipped(number: int) -> Log:
    topic = "0x" + _MARKET.events["Skipped"].topic.hex()
    return Log(
        address=DEPLOYMENT.market,
        topics=[topic, f"0x{number:064x}"],
        data_hex="0x",
        block_number_hex="0x64",
        block_hash="0x" + "bb" * 32,
        transaction_hash="0x" + "00" * 32,
        transaction_index_hex="0x0",
        log_index_hex="0x0",
    )


@pytest.fixture
def chain(street: Street) -> Chain:
    return Chain(street)


def keeper(street: Street, chain: Chain) -> Keeper:
    """A keeper as a freshly started process has it: nothing in memory."""
    journal = TransactionJournal(street.store)
    sender = Sender(chain, journal, b"\x07" * 32, DEPLOYMENT.chain_id, poll=0.01)  # type: ignore[arg-type]
    return Keeper(street.store, chain, Contracts.of(DEPLOYMENT), sender, street.clock)  # type: ignore[arg-type]


def reverts(name: str, *arguments: object) -> bytes:
    entry = next(e for e in _MARKET.errors.values() if e.name == name)
    return entry.selector + abi_encode([p.canonical for p in entry.inputs], list(arguments))


def again(street: Street) -> None:
    with street.store.write() as conn:
        conn.execute(update(evidence).values(next_at=0))


async def test_arrival_and_departure_are_brought_in_order(street: Street, chain: Chain) -> None:
    lease = street.book()
    street.clock.at += 3600
    street.occupancy(lease, 2, until=NOW + 3000)
    street.occupancy(lease, 1)
    assert await keeper(street, chain).work() == 2
    assert chain.records == [(parse_lease(lease), 1), (parse_lease(lease), 2)]
    assert [row["state"] for row in street.evidence()] == ["mined", "mined"]
    assert all(row["tx_hash"] in chain.transactions for row in street.evidence())
    assert await keeper(street, chain).work() == 0


async def test_a_keeper_killed_after_sending_does_not_send_again(
    street: Street, chain: Chain
) -> None:
    lease = street.book()
    street.occupancy(lease)
    chain.die_after_sending = True
    assert await keeper(street, chain).work() == 0
    chain.die_after_sending = False
    for _ in range(3):
        again(street)
        await keeper(street, chain).work()
    assert chain.records == [(parse_lease(lease), 1)]
    assert street.evidence()[0]["state"] == "mined"
    assert len(street.rows(sent_transactions)) == 1


async def test_evidence_of_a_moment_the_chain_has_not_reached_waits(
    street: Street, chain: Chain
) -> None:
    lease = street.book()
    street.occupancy(lease, from_=NOW + 10)
    assert await keeper(street, chain).work() == 0
    assert street.evidence()[0]["state"] == "received"
    street.clock.at += 10
    again(street)
    assert await keeper(street, chain).work() == 1


async def test_what_the_contract_would_refuse_is_not_sent_and_the_reason_is_kept(
    street: Street, chain: Chain
) -> None:
    lease = street.book()
    street.occupancy(lease)
    chain.revert = reverts("Berth_BadSignature", b"lock".ljust(32, b"\0"), "0x" + "11" * 20)
    await keeper(street, chain).work()
    row = street.evidence()[0]
    assert row["state"] == "refused"
    assert row["reason"].startswith("Berth_BadSignature")
    assert chain.transactions == {}
    assert {e["state"] for e in street.events("lock.evidence") if "state" in e} == {"refused"}


async def test_evidence_that_the_driver_brought_first_counts_as_mined(
    street: Street, chain: Chain
) -> None:
    lease = street.book()
    street.occupancy(lease)
    chain.revert = reverts("Berth_WrongState", parse_lease(lease), 2)
    chain.view = (1, 0)
    await keeper(street, chain).work()
    assert street.evidence()[0]["state"] == "mined"


async def test_a_record_that_came_too_late_is_refused_for_good(
    street: Street, chain: Chain
) -> None:
    lease = street.book()
    street.occupancy(lease)
    chain.revert = reverts("Berth_WrongState", parse_lease(lease), 4)
    await keeper(street, chain).work()
    assert street.evidence()[0]["state"] == "refused"


async def test_evidence_for_a_lease_lost_in_a_reorg_waits_for_it_to_be_mined_again(
    street: Street, chain: Chain
) -> None:
    lease = street.book()
    street.occupancy(lease)
    chain.revert = reverts("Berth_LeaseUnknown", parse_lease(lease))
    await keeper(street, chain).work()
    assert street.evidence()[0]["state"] == "received"
    chain.revert = None
    again(street)
    assert await keeper(street, chain).work() == 1
    # but not for ever
    street.occupancy(lease, 2, until=NOW)
    chain.revert = reverts("Berth_LeaseUnknown", parse_lease(lease))
    street.clock.at += 601
    again(street)
    await keeper(street, chain).work()
    assert street.evidence()[1]["state"] == "refused"


async def test_evidence_that_was_mined_before_its_lease_was_there_again_has_another_go(
    street: Street, chain: Chain
) -> None:
    lease = street.book()
    street.occupancy(lease)
    assert await keeper(street, chain).work() == 1
    # a reorg: the record comes first in the new chain, the booking only afterwards
    with street.store.write() as conn:
        conn.execute(update(evidence).values(state="submitted", next_at=0))
    chain.revert = reverts("Berth_LeaseUnknown", parse_lease(lease))
    chain.reverted = set(chain.transactions)
    await keeper(street, chain).resume()
    assert await keeper(street, chain).work() == 0
    assert street.evidence()[0]["state"] == "submitted"
    chain.revert = None
    again(street)
    assert await keeper(street, chain).work() == 1
    row = street.evidence()[0]
    assert row["state"] == "mined"
    assert row["tx_hash"] not in chain.reverted
    assert chain.records == [(parse_lease(lease), 1)] * 2
    purposes = sorted(row["purpose"] for row in street.rows(sent_transactions))
    assert purposes[1] == f"{purposes[0]}, 2"


async def test_the_departure_waits_while_the_arrival_cannot_be_brought(
    street: Street, chain: Chain
) -> None:
    lease = street.book()
    street.occupancy(lease)
    street.occupancy(lease, 2)
    chain.revert = reverts("Berth_LeaseUnknown", parse_lease(lease))
    await keeper(street, chain).work()
    assert [row["state"] for row in street.evidence()] == ["received", "received"]


async def test_what_somebody_else_brought_of_an_empty_bay_or_a_strangers_car_counts_as_mined(
    street: Street, chain: Chain
) -> None:
    for number, (kind, outcome) in enumerate(((3, 8), (4, 9))):
        lease = street.book(start_slot=NOW // 900 + 20 * number)
        street.clock.at = NOW + 20 * 900 * number + 8 * 900
        until = street.clock.at
        street.occupancy(lease, kind, until=until)
        chain.revert = reverts("Berth_WrongState", parse_lease(lease), 5)
        chain.state = 5 if kind == 3 else 4
        await keeper(street, chain).work()
        # the index does not know yet how it ended
        assert street.evidence()[number]["state"] == "received"
        street.world.settle(lease, outcome=outcome, rent=0, fee=0)
        again(street)
        await keeper(street, chain).work()
        assert street.evidence()[number]["state"] == "mined"


async def test_a_second_no_show_of_a_disputed_lease_is_on_chain_already(
    street: Street, chain: Chain
) -> None:
    lease = street.book(disputed=1)
    street.clock.at += 8 * 900
    street.occupancy(lease, 4, until=street.clock.at)
    chain.revert = reverts("Berth_WrongState", parse_lease(lease), 1)
    chain.state, chain.no_show = 1, True
    await keeper(street, chain).work()
    assert street.evidence()[0]["state"] == "mined"


async def test_a_no_show_of_a_lease_that_ended_otherwise_is_refused(
    street: Street, chain: Chain
) -> None:
    lease = street.book()
    street.clock.at += 8 * 900
    street.occupancy(lease, 4, until=street.clock.at)
    street.world.settle(lease, outcome=7, rent=0, fee=0)
    chain.revert = reverts("Berth_WrongState", parse_lease(lease), 5)
    chain.state = 5
    await keeper(street, chain).work()
    assert street.evidence()[0]["state"] == "refused"


async def test_a_record_in_the_place_of_a_refused_one_is_brought(
    street: Street, chain: Chain
) -> None:
    lease = street.book()
    street.clock.at += 8 * 900
    street.occupancy(lease, 4, until=street.clock.at)
    chain.revert = reverts("Berth_EvidenceTime", b"until".ljust(32, b"\0"), 1, 2, 3)
    await keeper(street, chain).work()
    assert street.evidence()[0]["state"] == "refused"
    chain.revert = None
    street.clock.at += 60
    street.occupancy(lease, 4, until=street.clock.at)
    assert await keeper(street, chain).work() == 1
    (row,) = street.evidence()
    assert (row["state"], row["until"]) == ("mined", street.clock.at)
