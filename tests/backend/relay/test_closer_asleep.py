"""What is due the index says: the closer pays for nothing by one that has not read the chain."""

from __future__ import annotations

from typing import Any, cast

import pytest
from berth.chain.contracts import Contracts
from berth.chain.rpc import Rpc, RpcError
from berth.chain.sender import Sender
from berth.core.errors import BerthError
from berth.core.ids import parse_lease
from berth.relay.closer import Closer
from berth.store.derived import accounts, attesters
from berth.store.kept import keeper_tasks, sent_transactions
from berth.store.transactions import TransactionJournal
from sqlalchemy import insert, update

from tests.backend.relay.street import Street
from tests.backend.relay.test_keeper import _MARKET, Chain, reverts
from tests.backend.worlds import DEPLOYMENT, DINO, NOW, OLGA

SLOT = NOW // 900
LONG_AGO = 30 * 86_400


class Ledger(Chain):
    """A chain that refuses single deeds of what is over, and batches of nothing: it passes over."""

    def __init__(self, street: Street) -> None:
        super().__init__(street)
        self.over: set[Any] = set()

    async def typed(self, kind: Any, method: str, *params: Any) -> Any:
        if method == "eth_estimateGas":
            data = bytes.fromhex(params[0]["data"][2:])
            entry = next(e for e in _MARKET.functions.values() if e.selector == data[:4])
            given = next(iter(entry.decode_inputs(data[4:]).values()))
            if given in self.over:
                raise RpcError(method, 3, "execution reverted", reverts("Berth_WrongState", 1, 5))
        return await super().typed(kind, method, *params)


@pytest.fixture
def chain(street: Street) -> Ledger:
    return Ledger(street)


def closer(street: Street, chain: Chain, **options: Any) -> Closer:
    journal = TransactionJournal(street.store)
    sender = Sender(cast("Rpc", chain), journal, b"\x07" * 32, DEPLOYMENT.chain_id, poll=0.01)
    return Closer(street.store, Contracts.of(DEPLOYMENT), sender, street.clock, **options)


def everything_due(street: Street) -> None:
    """Leases that ended long ago, an account to be paid, a space whose lock's maker is revoked."""
    for number in range(3):
        street.world.add_lease(street.space, SLOT + 10 * number)
    with street.store.write() as conn:
        conn.execute(insert(accounts).values(account=OLGA.address, credit="5000000", auto_payout=1))
        maker = {"id": 1, "account": "0x" + "01" * 20, "roles": 4, "revoked": 1}
        conn.execute(insert(attesters).values(**maker))


async def work(one: Closer) -> list[Any]:
    return [*await one.close_expired(), *await one.delist_revoked(), *await one.pay_out()]


def read_history(street: Street) -> None:
    """The index is far from the head that it knows of."""
    street.clock.at = NOW + LONG_AGO
    street.world.at_block(100, head=5000)


def behind_its_node(street: Street) -> None:
    """The index has all its node has, which is itself a day behind."""
    street.world.at_block(100)
    street.clock.at = NOW + LONG_AGO


@pytest.mark.parametrize("state", [read_history, behind_its_node])
async def test_nothing_is_sent_by_an_index_that_has_not_read_the_chain(
    street: Street, chain: Ledger, state: Any
) -> None:
    everything_due(street)
    state(street)
    assert await work(closer(street, chain)) == []
    assert chain.transactions == {}
    assert street.rows(sent_transactions) == []
    assert street.rows(keeper_tasks) == []
    # at the head all of it is done
    street.world.at_block(5000)
    assert {one.reason for one in await work(closer(street, chain))} == {None}
    assert len(chain.closed) == 3
    assert (len(chain.delisted), chain.paid) == (1, [OLGA.address])


@pytest.mark.parametrize("deed", ["close_expired", "delist_revoked", "pay_out"])
@pytest.mark.parametrize(
    ("state", "why"), [(read_history, "index.behind"), (behind_its_node, "clock.skew")]
)
async def test_an_operator_who_asks_now_is_told_why_nothing_is_settled(
    street: Street, chain: Ledger, deed: str, state: Any, why: str
) -> None:
    everything_due(street)
    state(street)
    with pytest.raises(BerthError) as told:
        await getattr(closer(street, chain, eager=True), deed)()
    assert (told.value.code, told.value.status) == ("closer.asleep", 503)
    assert why in told.value.message
    assert chain.transactions == {}


async def test_a_batch_that_would_only_be_passed_over_is_not_sent(
    street: Street, chain: Ledger
) -> None:
    leases = [street.world.add_lease(street.space, SLOT + 10 * n) for n in range(3)]
    street.clock.at = NOW + LONG_AGO
    street.world.at_block(100)
    chain.over = {parse_lease(lease) for lease in leases}
    chain.skips = set(chain.over)
    refused = await closer(street, chain).close_expired()
    assert [one.lease_id for one in refused] == leases
    assert all(str(one.reason).startswith("Berth_WrongState") for one in refused)
    assert chain.transactions == {}
    assert street.rows(sent_transactions) == []
    # one that can be closed is worth the transaction
    chain.over.discard(parse_lease(leases[2]))
    chain.skips.discard(parse_lease(leases[2]))
    await closer(street, chain, eager=True).close_expired()
    assert chain.closed == [parse_lease(leases[2])]


async def test_accounts_that_were_paid_by_somebody_else_are_not_paid_for(
    street: Street, chain: Ledger
) -> None:
    with street.store.write() as conn:
        for person in (OLGA, DINO):
            row = {"account": person.address, "credit": "5000000", "auto_payout": 1}
            conn.execute(insert(accounts).values(**row))
    chain.over = {person.address for person in (OLGA, DINO)}
    assert {one.tx_hash for one in await closer(street, chain).pay_out()} == {None}
    assert chain.transactions == {}


async def test_a_batch_that_a_dead_keeper_never_sent_is_not_sent_for_nothing(
    street: Street, chain: Ledger
) -> None:
    leases = [street.world.add_lease(street.space, SLOT + 10 * n) for n in range(2)]
    street.clock.at = NOW + LONG_AGO
    street.world.at_block(100)
    first = closer(street, chain)

    async def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    first._sender.send = killed  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        await first.close_expired()
    with street.store.write() as conn:
        conn.execute(update(keeper_tasks).values(claimed_until=1, next_at=0))
    chain.over = {parse_lease(lease) for lease in leases}
    await closer(street, chain).close_expired()
    assert chain.transactions == {}


async def test_a_batch_that_is_out_is_waited_for_whatever_became_of_its_leases(
    street: Street, chain: Ledger
) -> None:
    leases = [street.world.add_lease(street.space, SLOT + 10 * n) for n in range(2)]
    street.clock.at = NOW + LONG_AGO
    street.world.at_block(100)
    chain.die_after_sending = True
    await closer(street, chain).close_expired()
    chain.die_after_sending = False
    chain.over = {parse_lease(lease) for lease in leases}  # by that very batch
    done = await closer(street, chain, eager=True).close_expired()
    assert [one.lease_id for one in done] == leases
    assert {one.tx_hash for one in done} == set(chain.transactions)
    assert len(chain.transactions) == 1
