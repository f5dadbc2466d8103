"""The signer believes its own node, not the relay."""

from __future__ import annotations

from dataclasses import replace

import pytest
from berth.core.errors import BerthError
from berth.devices.tickets import Grant, Pins, Receipt, Ticket, read_claims
from berth.relay.orders import GrantOrder, ReceiptOrder, TicketOrder

from tests.backend.relay.street import Street
from tests.backend.worlds import COMMITMENT, SALT


def order(street: Street, lease: str, **changes: object) -> TicketOrder:
    plain = TicketOrder("c0ffee00", street.home.lock_id, lease, 0, "lower", street.boot, "ab" * 16)
    return replace(plain, **changes)  # type: ignore[arg-type]


def grant_order(street: Street, lease: str, **changes: object) -> GrantOrder:
    plain = GrantOrder(
        lease, street.home.lock_id, 1, False, street.clock.at + 7200, COMMITMENT, SALT, 90
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


async def code_of(attempt: object) -> str:
    with pytest.raises(BerthError) as refused:
        await attempt  # type: ignore[misc]
    return refused.value.code


def pins(street: Street) -> Pins:
    return street.home.pins


async def test_a_ticket_is_what_the_lock_expects(street: Street) -> None:
    lease = street.book()
    text = await street.signer.ticket(order(street, lease))
    ticket = read_claims(text, Ticket, pins(street), street.clock.now())
    assert (ticket.lease, ticket.action, ticket.nonce) == (lease, "lower", "ab" * 16)
    assert ticket.seconds == 120


async def test_a_grant_names_the_vehicle_the_window_and_what_is_required(street: Street) -> None:
    lease = street.book()
    text = await street.signer.grant(grant_order(street, lease))
    grant = read_claims(text, Grant, pins(street), street.clock.now())
    assert (grant.plate, grant.salt) == (COMMITMENT, "0x" + SALT.hex())
    assert grant.requires == ["plate", "confirm", "near"]
    assert grant.end - grant.start == 8 * 900
    assert grant.start - grant.opens == 900


async def test_a_lease_that_only_the_relay_knows_opens_nothing(street: Street) -> None:
    lease = street.book()
    street.node._lease = lambda number: None  # type: ignore[method-assign]
    assert await code_of(street.signer.ticket(order(street, lease))) == "signer.lease"
    assert await code_of(street.signer.grant(grant_order(street, lease))) == "signer.lease"


@pytest.mark.parametrize("state", [3, 4, 5, 6])
async def test_a_lease_that_is_over_on_the_chain_opens_nothing(street: Street, state: int) -> None:
    lease = street.book()
    street.node.state = state
    assert await code_of(street.signer.ticket(order(street, lease))) == "signer.lease"


async def test_a_lease_that_is_not_deep_on_its_own_node_opens_nothing(street: Street) -> None:
    lease = street.book(booked_block=100)
    street.world.at_block(150)  # whatever the index says
    assert await code_of(street.signer.ticket(order(street, lease))) == "signer.depth"
    street.node.height = 101
    assert await street.signer.ticket(order(street, lease))


async def test_another_lock_gets_no_ticket_for_the_lease(street: Street) -> None:
    lease = street.book()
    thief = order(street, lease, lock_id="0x" + "dd" * 20)
    assert await code_of(street.signer.ticket(thief)) == "signer.lock"
    assert await code_of(street.signer.ticket(replace(thief, action="raise"))) == "signer.lock"


@pytest.mark.parametrize(
    ("offset", "allowed"), [(-901, False), (-900, True), (7199, True), (7200, False)]
)
async def test_the_time_of_the_chain_decides_not_that_of_the_relay(
    street: Street, offset: int, allowed: bool
) -> None:
    lease = street.book()
    start = street.clock.at
    street.node.timestamp = start + offset
    attempt = street.signer.ticket(order(street, lease))
    if allowed:
        assert await attempt
    else:
        assert await code_of(attempt) == "signer.window"


async def test_a_grant_for_another_vehicle_than_the_chains_is_not_signed(street: Street) -> None:
    lease = street.book()
    street.node.plate = "0x" + "66" * 32
    assert await code_of(street.signer.grant(grant_order(street, lease))) == "signer.plate"
    street.node.plate = None
    wrong_block = grant_order(street, lease, plate_block=91)
    assert await code_of(street.signer.grant(wrong_block)) == "signer.plate"


async def test_taking_a_grant_back_needs_no_proof(street: Street) -> None:
    lease = street.book()
    street.remove(lease)
    revocation = grant_order(street, lease, revoked=True, salt=None, version=2)
    text = await street.signer.grant(revocation)
    grant = read_claims(text, Grant, pins(street), street.clock.now())
    assert (grant.state, grant.version) == ("revoked", 2)
    assert grant.salt == "0x" + "00" * 32


async def test_raising_a_bar_needs_no_open_lease(street: Street) -> None:
    lease = street.book()
    street.set_lease(lease, state=4)
    assert await street.signer.ticket(order(street, lease, action="raise"))


async def test_a_relay_gone_mad_is_slowed_down(street: Street) -> None:
    lease = street.book()
    codes = []
    for _ in range(30):
        try:
            await street.signer.ticket(order(street, lease))
            codes.append("signed")
        except BerthError as error:
            codes.append(error.code)
    assert codes.count("signed") == 20
    assert set(codes[20:]) == {"signer.rate"}


async def test_the_day_key_is_renewed_before_it_ends_and_locks_follow(street: Street) -> None:
    lease = street.book()
    text = await street.signer.ticket(order(street, lease))
    street.clock.at += 5 * 86400
    with pytest.raises(BerthError):
        read_claims(text, Ticket, pins(street), street.clock.now())
    later = await street.signer.receipt(
        ReceiptOrder(street.home.lock_id, lease, 1, "0x" + "00" * 32)
    )
    assert read_claims(later, Receipt, pins(street), street.clock.now()).kind == 1


async def test_without_a_root_the_last_day_key_runs_out_with_a_clear_error(street: Street) -> None:
    street.ring.day_key()
    (street.world.home / "tickets" / "root.pem").rename(street.world.home / "vault.pem")
    street.clock.at += 86400
    assert street.ring.day_key()  # still valid, not renewable
    street.clock.at += 2 * 86400
    with pytest.raises(BerthError, match="no root to certify one"):
        street.ring.day_key()
