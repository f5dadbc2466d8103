"""The keeper as a program: several at work, killed at any point, a deed is done once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from berth.chain.contracts import Contracts
from berth.chain.rpc import NodeUnreachableError, Rpc, RpcError
from berth.chain.sender import Sender
from berth.core.hashing import keccak
from berth.core.ids import parse_lease
from berth.core.settings import Keep
from berth.relay.bookings import WANTED_SECONDS, Bookings
from berth.relay.closer import PAYOUT_SECONDS, Closer
from berth.relay.keeping import KeeperProgram
from berth.relay.outbox import Outbox
from berth.relay.retention import Retention
from berth.store.derived import accounts, cursor
from berth.store.kept import keeper_tasks, lease_transactions, sent_transactions
from berth.store.transactions import TransactionJournal
from eth_account import Account
from sqlalchemy import insert, update

from tests.backend.databases import Databases
from tests.backend.relay.street import Street
from tests.backend.relay.test_keeper import Chain, keeper, reverts
from tests.backend.relay.wire import put
from tests.backend.worlds import DEPLOYMENT, DINO, EVE, NOW, OLGA

SLOT = NOW // 900


@pytest.fixture
def chain(street: Street) -> Chain:
    return Chain(street)


def closer(street: Street, chain: Chain, store: Any = None, **options: Any) -> Closer:
    """As a freshly started process has it: nothing in memory."""
    journal = TransactionJournal(store or street.store)
    sender = Sender(cast("Rpc", chain), journal, b"\x07" * 32, DEPLOYMENT.chain_id, poll=0.01)
    contracts = Contracts.of(DEPLOYMENT)
    street.world.at_block(100)  # the index is at the head
    return Closer(store or street.store, contracts, sender, street.clock, **options)


def forgotten(street: Street, count: int = 3) -> list[str]:
    leases = [street.world.add_lease(street.space, SLOT + 10 * n) for n in range(count)]
    street.clock.at = NOW + 30 * 86_400
    return leases


def lapse(street: Street) -> None:
    """All claims run out, and nothing has to wait."""
    with street.store.write() as conn:
        conn.execute(update(keeper_tasks).values(claimed_until=1, next_at=0))


# ---- closing


async def test_two_keepers_close_a_lease_once(
    street: Street, chain: Chain, databases: Databases
) -> None:
    leases = forgotten(street)
    url = street.store.engine.url.render_as_string(hide_password=False)
    keepers = [closer(street, chain, databases.again(url)) for _ in range(3)]
    done = await asyncio.gather(*(one.close_expired() for one in keepers))
    assert sorted(closing.lease_id for found in done for closing in found) == sorted(leases)
    assert sorted(chain.closed) == sorted(parse_lease(lease) for lease in leases)
    assert len(chain.transactions) <= 3


async def test_a_keeper_killed_after_it_sent_is_followed_by_one_that_waits_for_the_same(
    street: Street, chain: Chain
) -> None:
    leases = forgotten(street)
    first = closer(street, chain)
    sent = first._sender.wait

    async def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    first._sender.wait = killed  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        await first.close_expired()
    assert sent is not None
    assert len(chain.transactions) == 1
    assert await closer(street, chain).close_expired() == []  # they are somebody's
    # one more is due by now, so that a new batch would be another one
    leases.append(street.world.add_lease(street.space, SLOT + 100))
    lapse(street)
    done = await closer(street, chain).close_expired()
    assert sorted(closing.lease_id for closing in done) == sorted(leases)
    assert sorted(chain.closed) == sorted(parse_lease(lease) for lease in leases)
    assert len(chain.transactions) == 2


async def test_a_keeper_killed_before_it_sent_is_followed_by_one_that_sends_the_same(
    street: Street, chain: Chain
) -> None:
    leases = forgotten(street)
    first = closer(street, chain)

    async def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    first._sender.send = killed  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        await first.close_expired()
    lapse(street)
    await closer(street, chain).close_expired()
    assert sorted(chain.closed) == sorted(parse_lease(lease) for lease in leases)
    assert len(chain.transactions) == 1


async def test_what_failed_waits_longer_each_time_but_not_for_an_operator(
    street: Street, chain: Chain
) -> None:
    (lease,) = forgotten(street, 1)
    chain.revert = reverts("Berth_LeaseUnknown", 1)
    (closing,) = await closer(street, chain).close_expired()
    assert closing.tx_hash is None
    assert "Berth_LeaseUnknown" in str(closing.reason)
    assert await closer(street, chain).close_expired() == []
    chain.revert = None
    (closing,) = await closer(street, chain, eager=True).close_expired()
    assert (closing.lease_id, closing.reason) == (lease, None)
    assert len(chain.transactions) == 1
    row = street.rows(keeper_tasks)[0]
    assert (row["attempts"], row["done_at"] is not None) == (1, True)


async def test_a_node_that_is_away_fails_nothing_for_good(street: Street, chain: Chain) -> None:
    leases = forgotten(street)
    chain.die_after_sending = True
    done = await closer(street, chain).close_expired()
    assert {closing.tx_hash for closing in done} == {None}
    chain.die_after_sending = False
    await closer(street, chain, eager=True).close_expired()
    assert sorted(chain.closed) == sorted(parse_lease(lease) for lease in leases)
    assert len(chain.transactions) == 1  # it had left after all


# ---- payouts


def credit(street: Street, account: str, amount: int, asked: bool = True) -> None:
    with street.store.write() as conn:
        row = {"account": account, "credit": str(amount), "auto_payout": int(asked)}
        conn.execute(insert(accounts).values(row))


async def test_who_asked_for_it_is_paid_once_a_day_and_nobody_else(
    street: Street, chain: Chain
) -> None:
    credit(street, OLGA.address, 5_000_000)
    credit(street, DINO.address, 7_000_000, asked=False)
    credit(street, EVE.address, 999_999)
    one = closer(street, chain, least_payout=1_000_000)
    (paid,) = await one.pay_out()
    assert (paid.account, paid.reason) == (OLGA.address, None)
    assert chain.paid == [OLGA.address]
    assert await one.pay_out() == []
    assert await closer(street, chain, least_payout=1_000_000).pay_out() == []
    street.clock.at += PAYOUT_SECONDS
    await closer(street, chain, least_payout=1_000_000).pay_out()
    assert chain.paid == [OLGA.address] * 2


async def test_credit_that_comes_again_waits_for_the_next_day_whoever_else_is_paid(
    street: Street, chain: Chain
) -> None:
    credit(street, OLGA.address, 5_000_000)
    await closer(street, chain).pay_out()
    with street.store.write() as conn:
        conn.execute(update(keeper_tasks).values(done_at=0))  # hours ago
    credit(street, DINO.address, 5_000_000)  # a batch of both would be another transaction
    await closer(street, chain).pay_out()
    assert chain.paid == [OLGA.address, DINO.address]
    street.clock.at += PAYOUT_SECONDS
    await closer(street, chain).pay_out()
    assert sorted(chain.paid) == sorted([OLGA.address, DINO.address] * 2)


async def test_many_are_paid_in_one_transaction(street: Street, chain: Chain) -> None:
    for person in (OLGA, DINO, EVE):
        credit(street, person.address, 5_000_000)
    await closer(street, chain).pay_out()
    assert sorted(chain.paid) == sorted(person.address for person in (OLGA, DINO, EVE))
    assert len(chain.transactions) == 1


async def test_an_account_without_credit_is_not_paid_whatever_the_least_is(
    street: Street, chain: Chain
) -> None:
    credit(street, OLGA.address, 0)
    assert await closer(street, chain, least_payout=0).pay_out() == []
    assert chain.transactions == {}


# ---- bookings that a reorg takes out


class Node:
    """Knows transactions by hash, and takes what is sent."""

    where = "memory"

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {}
        self.sent: list[str] = []
        self.refuse: str | None = None
        self.away = False

    def add(self, signed: Any, kind: str) -> None:
        fields = signed | {"type": kind}
        self.known[fields["hash"]] = fields

    async def call(self, method: str, *params: Any) -> Any:
        if self.away:
            raise NodeUnreachableError(self.where, "away")
        if method == "eth_getTransactionByHash":
            return self.known.get(params[0])
        if method == "eth_sendRawTransaction":
            if self.refuse is not None:
                raise RpcError(method, -32000, self.refuse, None)
            self.sent.append(params[0])
            return "0x"
        raise RpcError(method, -32601, "method not found", None)


def booking(kind: int = 2) -> tuple[str, str, dict[str, Any]]:
    """(hash, raw, as a node tells it) of a signed transaction."""
    fields: dict[str, Any] = {
        "to": DEPLOYMENT.market if kind != 9 else None,
        "nonce": 0,
        "gas": 300_000,
        "value": 0,
        "data": "0x" + "ab" * 68,
        "chainId": 1337,
    }
    if kind == 2:
        fields |= {"maxFeePerGas": 9, "maxPriorityFeePerGas": 1, "type": 2}
    elif kind == 1:
        fields |= {"gasPrice": 9, "type": 1}
        fields["accessList"] = [
            {"address": DEPLOYMENT.asset, "storageKeys": ["0x" + "01" * 32]},
        ]
    else:
        fields |= {"gasPrice": 9}
    from berth.core.addresses import checksum

    signed = Account.sign_transaction(fields | {"to": checksum(fields["to"])}, DINO.key)
    raw, tx_hash = "0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex()
    told = {
        "hash": tx_hash,
        "type": hex(kind),
        "nonce": "0x0",
        "gas": hex(300_000),
        "gasPrice": "0x9",
        "maxFeePerGas": "0x9",
        "maxPriorityFeePerGas": "0x1",
        "to": fields["to"],
        "value": "0x0",
        "input": fields["data"],
        "chainId": hex(1337),
        "accessList": fields.get("accessList", []),
        "v": hex(signed.v),
        "r": hex(signed.r),
        "s": hex(signed.s),
    }
    return tx_hash, raw, told


def booked(street: Street, tx_hash: str) -> str:
    street.world.at_block(95)  # what was booked in block 90 is not final
    lease = street.world.add_lease(street.space, booked_tx=tx_hash)
    put(street, "lease.booked", lease, txHash=tx_hash)
    Outbox(street.store, street.clock).work()
    return lease


def gone(street: Street, lease: str) -> None:
    street.remove(lease)
    put(street, "undone.lease.booked", lease)
    Outbox(street.store, street.clock).work()


def kept_row(street: Street) -> Any:
    return street.rows(lease_transactions)[0]


@pytest.mark.parametrize("kind", [0, 1, 2])
async def test_a_booking_that_a_reorg_took_out_is_sent_again_at_once_as_it_was(
    street: Street, kind: int
) -> None:
    node = Node()
    tx_hash, raw, told = booking(kind)
    node.known[tx_hash] = told
    lease = booked(street, tx_hash)
    keeps = Bookings(street.store, cast("Rpc", node), street.clock)
    assert await keeps.work() == 1
    assert kept_row(street)["raw"] == raw
    assert await keeps.work() == 0
    assert node.sent == []
    node.known.clear()  # no node has it any more
    gone(street, lease)
    assert await keeps.work() == 1
    assert node.sent == [raw]
    # mined again: no more
    street.world.add_lease(street.space, booked_tx=tx_hash)
    with street.store.write() as conn:
        conn.execute(update(lease_transactions).values(next_at=0))
    await keeps.work()
    assert len(node.sent) == 1
    assert kept_row(street)["wanted_at"] is None


async def test_bytes_that_do_not_fit_the_hash_are_not_kept(street: Street) -> None:
    node = Node()
    tx_hash, _raw, told = booking()
    node.known[tx_hash] = told | {"value": "0x1"}  # the node lies
    booked(street, tx_hash)
    keeps = Bookings(street.store, cast("Rpc", node), street.clock)
    assert await keeps.work() == 0
    assert kept_row(street)["raw"] is None


async def test_a_booking_that_can_not_be_mined_any_more_is_given_up(street: Street) -> None:
    node = Node()
    tx_hash, _raw, told = booking()
    node.known[tx_hash] = told
    lease = booked(street, tx_hash)
    keeps = Bookings(street.store, cast("Rpc", node), street.clock)
    await keeps.work()
    node.refuse = "nonce too low"
    gone(street, lease)
    await keeps.work()
    assert kept_row(street)["reason"] == "nonce too low"
    street.clock.at += WANTED_SECONDS + 1
    with street.store.write() as conn:
        conn.execute(update(lease_transactions).values(next_at=0))
    await keeps.work()
    row = kept_row(street)
    assert (row["wanted_at"], row["reason"]) == (None, "booking.lost")


async def test_a_node_that_is_away_forgets_no_booking(street: Street) -> None:
    node = Node()
    tx_hash, raw, told = booking()
    node.known[tx_hash] = told
    lease = booked(street, tx_hash)
    keeps = Bookings(street.store, cast("Rpc", node), street.clock)
    await keeps.work()
    gone(street, lease)
    node.away = True
    with pytest.raises(NodeUnreachableError):
        await keeps.work()
    node.away = False
    await keeps.work()
    assert node.sent == [raw]


async def test_what_is_final_is_forgotten_and_what_is_wanted_is_not(street: Street) -> None:
    node = Node()
    tx_hash, _raw, told = booking()
    node.known[tx_hash] = told
    booked(street, tx_hash)
    keeps = Bookings(street.store, cast("Rpc", node), street.clock)
    await keeps.work()
    with street.store.write() as conn:
        conn.execute(update(cursor).values(final_number=1 << 40))
        conn.execute(update(lease_transactions).values(wanted_at=NOW, next_at=1 << 40))
    await keeps.work()
    assert len(street.rows(lease_transactions)) == 1
    with street.store.write() as conn:
        conn.execute(update(lease_transactions).values(wanted_at=None))
    await keeps.work()
    assert street.rows(lease_transactions) == []


def test_a_hash_is_what_a_booking_is_known_by() -> None:
    tx_hash, raw, _told = booking()
    assert "0x" + keccak(bytes.fromhex(raw[2:])).hex() == tx_hash


# ---- the program


@contextlib.asynccontextmanager
async def at_work(
    street: Street, chain: Chain, bookings: type[Bookings] = Bookings, **periods: float
) -> AsyncIterator[tuple[KeeperProgram, asyncio.Task[None]]]:
    """A keeper's program and the task that runs it, for at most 20 seconds."""
    program = KeeperProgram(
        street.store,
        keeper(street, chain),
        closer(street, chain),
        bookings(street.store, cast("Rpc", chain), street.clock),
        Retention(street.store, street.policy, Keep()),
        **periods,
    )
    running = asyncio.create_task(program.run())
    try:
        async with asyncio.timeout(20):
            yield program, running
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_one_part_that_fails_holds_up_no_other(street: Street, chain: Chain) -> None:
    (lease,) = forgotten(street, 1)

    class Broken(Bookings):
        async def work(self) -> int:
            raise ZeroDivisionError("a bug")

    async with at_work(street, chain, Broken, close_seconds=0.05) as (program, running):
        while not chain.closed or "bookings" not in program.troubles:
            await asyncio.sleep(0.02)
        assert chain.closed == [parse_lease(lease)]
        assert "a bug" in program.troubles["bookings"]
        assert not running.done()


async def test_what_a_reorg_took_that_the_index_never_followed_is_sent_again(
    street: Street, chain: Chain
) -> None:
    lease = street.book()
    street.occupancy(lease)
    async with at_work(street, chain, tend_seconds=0.05):
        while street.evidence()[0]["state"] != "mined":
            await asyncio.sleep(0.02)
        chain.transactions.clear()
        while not chain.transactions:
            await asyncio.sleep(0.02)
        assert chain.records == [(parse_lease(lease), 1)] * 2
        assert len(street.rows(sent_transactions)) == 1
