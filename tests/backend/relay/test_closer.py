"""What nobody ended: leases past their deadline, spaces whose title or lock's maker is revoked."""

from __future__ import annotations

import pytest
from berth.chain.contracts import Contracts
from berth.chain.sender import Sender
from berth.core.ids import parse_lease, parse_space, split_space
from berth.core.states import Times
from berth.relay.closer import Closer
from berth.store.derived import attesters, revocations
from berth.store.transactions import TransactionJournal
from sqlalchemy import delete, insert

from tests.backend.relay.street import Street
from tests.backend.relay.test_keeper import Chain, reverts
from tests.backend.worlds import DEPLOYMENT, NOW

SLOT = NOW // 900


@pytest.fixture
def chain(street: Street) -> Chain:
    return Chain(street)


def closer(street: Street, chain: Chain) -> Closer:
    """As a freshly started process has it: nothing in memory."""
    journal = TransactionJournal(street.store)
    sender = Sender(chain, journal, b"\x07" * 32, DEPLOYMENT.chain_id, poll=0.01)  # type: ignore[arg-type]
    street.world.at_block(100)  # the index is at the head
    return Closer(street.store, Contracts.of(DEPLOYMENT), sender, street.clock)


def times(street: Street, slots: int = 8) -> Times:
    with street.store.read() as conn:
        reserve = street.world.terms(conn, street.space, 1).reserve_minutes
    return Times.of(SLOT, slots, reserve)


@pytest.mark.parametrize(
    ("fields", "deadline"),
    [
        ({}, "t1"),
        ({"state": 2}, "t1"),
        ({"state": 3}, "t2"),
        ({"disputed": 1}, "t3"),
        ({"state": 2, "disputed": 1}, "t3"),
        ({"state": 3, "disputed": 1}, "t3"),
    ],
)
async def test_a_lease_is_closed_from_its_deadline_on_and_not_before(
    street: Street, chain: Chain, fields: dict[str, int], deadline: str
) -> None:
    lease = street.book(**fields)
    moment: int = getattr(times(street), deadline)
    street.clock.at = moment - 1
    assert await closer(street, chain).close_expired() == []
    street.clock.at = moment
    (closing,) = await closer(street, chain).close_expired()
    assert (closing.lease_id, closing.reason) == (lease, None)
    assert chain.closed == [parse_lease(lease)]


async def test_an_extended_lease_is_closed_by_its_new_end(street: Street, chain: Chain) -> None:
    lease = street.book()
    street.set_lease(lease, slots=16, end_slot=SLOT + 16)
    street.clock.at = times(street, 16).t1 - 1
    assert await closer(street, chain).close_expired() == []
    street.clock.at += 1
    assert len(await closer(street, chain).close_expired()) == 1


def three(street: Street) -> list[str]:
    """Three leases that nobody ended, long ago."""
    leases = [street.book(start_slot=SLOT + 10 * number) for number in range(3)]
    street.clock.at = NOW + 30 * 86_400
    return leases


async def test_several_are_closed_in_one_transaction(street: Street, chain: Chain) -> None:
    leases = three(street)
    closings = await closer(street, chain).close_expired()
    assert [closing.lease_id for closing in closings] == leases
    assert {closing.tx_hash for closing in closings} == set(chain.transactions)
    assert len(chain.transactions) == 1
    assert chain.closed == [parse_lease(lease) for lease in leases]


async def test_one_that_somebody_else_closed_meanwhile_is_left_out(
    street: Street, chain: Chain
) -> None:
    leases = three(street)
    chain.skips = {parse_lease(leases[1])}
    closings = await closer(street, chain).close_expired()
    assert [closing.lease_id for closing in closings] == [leases[0], leases[2]]


async def test_when_a_batch_is_refused_each_is_closed_by_itself(
    street: Street, chain: Chain
) -> None:
    leases = three(street)
    chain.revert = reverts("Berth_OutOfTime", 1, 2, 3, 4)
    chain.refuses = {"closeBatch"}
    closings = await closer(street, chain).close_expired()
    assert [closing.lease_id for closing in closings] == leases
    assert len(chain.transactions) == 3
    chain.refuses = {"closeBatch", "close"}
    later = street.book(start_slot=SLOT + 40)
    street.clock.at += 30 * 86_400
    (refused,) = [c for c in await closer(street, chain).close_expired() if c.lease_id == later]
    assert refused.tx_hash is None
    assert str(refused.reason).startswith("Berth_OutOfTime")


async def test_a_space_whose_title_is_revoked_is_delisted_once(
    street: Street, chain: Chain
) -> None:
    street.world.add_space(299)
    assert await closer(street, chain).delist_revoked() == []
    city, index = split_space(parse_space(street.space))
    for number in (index, 299 + 1):
        row = {"city": city, "word": number >> 8, "bits": f"0x{1 << (number & 255):064x}"}
        with street.store.write() as conn:
            conn.execute(insert(revocations).values(row))
    (delisting,) = await closer(street, chain).delist_revoked()
    assert (delisting.space_id, delisting.reason) == (street.space, None)
    assert chain.delisted == [parse_space(street.space)]
    street.world.set_space(street.space, delisted_day=1, valid_day=0)
    assert await closer(street, chain).delist_revoked() == []


async def test_a_space_whose_locks_maker_is_revoked_is_delisted(
    street: Street, chain: Chain
) -> None:
    row = {"id": 1, "account": "0x" + "01" * 20, "roles": 4}
    for revoked, spaces in ((0, []), (1, [street.space])):
        with street.store.write() as conn:
            conn.execute(delete(attesters))
            conn.execute(insert(attesters).values(**row, revoked=revoked))
        found = await closer(street, chain).delist_revoked()
        assert [delisting.space_id for delisting in found] == spaces
