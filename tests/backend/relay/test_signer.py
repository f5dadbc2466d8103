"""The signer believes its own node, not the relay."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from berth.core.errors import BerthError
from berth.devices.tickets import Grant, Pins, Receipt, Ticket, read_claims
from berth.relay import signer_audit
from berth.relay.orders import ReceiptOrder
from berth.relay.signer import Signer
from berth.relay.signer_audit import Lines, SignatureLog
from berth.relay.signer_limits import Limits

from tests.backend.relay.signer_service import code_of
from tests.backend.relay.signer_service import grant as grant_order
from tests.backend.relay.signer_service import ticket as order
from tests.backend.relay.street import Street
from tests.backend.worlds import COMMITMENT, SALT


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
    assert await street.signer.ticket(order(street, lease, action="camera_on")), "it may look"
    street.node.height = 101
    assert await street.signer.ticket(order(street, lease))


async def test_a_camera_too_is_for_an_open_lease_of_the_lock_in_its_time(street: Street) -> None:
    lease = street.book()
    look = order(street, lease, action="camera_on")
    other = replace(look, lock_id="0x" + "dd" * 20)
    assert await code_of(street.signer.ticket(other)) == "signer.lock"
    street.node.timestamp = street.clock.at + 7200
    assert await code_of(street.signer.ticket(look)) == "signer.window"
    street.node.timestamp, street.node.state = None, 4
    assert await code_of(street.signer.ticket(look)) == "signer.lease"
    street.remove(lease)
    assert await code_of(street.signer.ticket(look)) == "signer.lease"


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
            await street.signer.ticket(order(street, lease, action="camera_on"))
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


async def test_a_lease_is_looked_at_in_two_trips_to_the_node(street: Street) -> None:
    lease = street.book()
    await street.signer.ticket(order(street, lease))
    assert street.node.trips == 2
    await street.signer.ticket(order(street, lease, action="raise"))
    assert street.node.trips == 3
    await street.signer.grant(grant_order(street, lease))
    assert street.node.trips == 6


async def test_a_deposit_that_has_grown_meanwhile_asks_for_its_own_depth(street: Street) -> None:
    lease = street.book(booked_block=95)
    deposits = iter([1_000_000, 600_000_000])  # at the first look, at the second
    street.node._depositOf = lambda given, at: next(deposits)  # type: ignore[method-assign]
    asked: list[int] = []

    def required(deposit: int) -> int:
        asked.append(deposit)
        return 2 if deposit < 10**8 else 12

    street.policy.required = required  # type: ignore[method-assign]
    signer = Signer(street.ring, street.node, street.policy)  # type: ignore[arg-type]
    assert await code_of(signer.ticket(order(street, lease))) == "signer.depth"
    assert asked == [1_000_000, 600_000_000]


async def test_a_node_that_refuses_batches_is_asked_one_by_one(street: Street) -> None:
    lease = street.book()
    street.node.batches = False
    assert await street.signer.ticket(order(street, lease))
    street.remove(lease)
    assert await code_of(street.signer.ticket(order(street, lease))) == "signer.lease"


@pytest.mark.parametrize("revoked", [False, True])
async def test_a_node_of_another_chain_is_asked_for_nothing(street: Street, revoked: bool) -> None:
    lease = street.book()
    street.node.chain_id = 1
    assert await code_of(street.signer.ticket(order(street, lease))) == "signer.chain"
    assert await code_of(street.signer.ticket(order(street, lease, action="raise"))) == (
        "signer.chain"
    )
    grant = grant_order(street, lease, revoked=revoked)
    assert await code_of(street.signer.grant(grant)) == "signer.chain"


async def test_a_node_that_stopped_following_the_chain_opens_nothing(street: Street) -> None:
    lease = street.book()
    signer = Signer(street.ring, street.node, street.policy, max_age=120)  # type: ignore[arg-type]
    street.node.timestamp = street.clock.at
    street.clock.at += 121
    assert await code_of(signer.ticket(order(street, lease))) == "signer.stale"
    assert await code_of(signer.status()) == "signer.stale"
    street.clock.at -= 1
    assert await signer.ticket(order(street, lease))


# ---- a thief has the relay: replays, and every bar at once


async def test_one_lease_lowers_a_bar_twelve_times_in_ten_minutes(street: Street) -> None:
    lease, now = street.book(), [1000.0]
    limits = Limits(monotonic=lambda: now[0], wall=lambda: now[0])
    signer = Signer(street.ring, street.node, street.policy, limits=limits)  # type: ignore[arg-type]
    for number in range(12):
        now[0] += 5
        assert await signer.ticket(order(street, lease, command_id=f"{number:08x}"))
    assert await code_of(signer.ticket(order(street, lease))) == "signer.rate"
    assert await signer.ticket(order(street, lease, action="raise")), "what is safe goes on"
    now[0] += 600
    assert await signer.ticket(order(street, lease))


async def test_all_locks_together_are_lowered_so_often_a_minute(street: Street) -> None:
    now = [1000.0]
    limits = Limits(lowers_a_minute=3, monotonic=lambda: now[0], wall=lambda: now[0])
    for number in range(3):
        assert limits.admits_lowering(f"lease {number}")
        limits.lowered(f"lease {number}")
    assert not limits.admits_lowering("another lease")
    now[0] += 60
    assert limits.admits_lowering("another lease")


async def test_refused_orders_use_up_no_lowering(street: Street) -> None:
    limits = Limits(lowers_a_minute=1)
    signer = Signer(street.ring, street.node, street.policy, limits=limits)  # type: ignore[arg-type]
    lease = street.book(booked_block=100)
    assert await code_of(signer.ticket(order(street, lease))) == "signer.depth"
    street.node.height = 101
    assert await signer.ticket(order(street, lease))
    assert await code_of(signer.ticket(order(street, lease))) == "signer.rate"


def recorded(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


async def test_what_opens_a_bar_is_in_files_that_receipts_cannot_fill(
    street: Street, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signer_audit, "LARGEST", 600)
    monkeypatch.setattr(signer_audit, "FILES", 2)
    lease, log = street.book(), SignatureLog(tmp_path)
    generous = Limits(monotonic=itertools.count(0, 60).__next__)
    signer = Signer(street.ring, street.node, street.policy, log=log, limits=generous)  # type: ignore[arg-type]
    await signer.grant(grant_order(street, lease))
    await signer.ticket(order(street, lease))
    taken_back = replace(grant_order(street, lease), revoked=True)
    for number in range(40):
        digest = f"0x{number:064x}"
        await signer.receipt(ReceiptOrder(street.home.lock_id, lease, 1, digest))
        await signer.ticket(order(street, lease, action="raise", command_id=f"{number:08x}"))
        await signer.grant(taken_back)
    assert [one["action"] for one in recorded(tmp_path / "lowerings.jsonl")] == ["lower"]
    assert [one["state"] for one in recorded(tmp_path / "grants.jsonl")] == ["granted"]
    assert {one["signed"] for one in recorded(tmp_path / "others.jsonl.1")} <= {
        "grant", "receipt", "ticket",
    }  # fmt: skip
    names = {name for name in os.listdir(tmp_path) if name.startswith("others")}
    assert names == {"others.jsonl", "others.jsonl.1", "others.jsonl.2"}


async def test_every_signature_is_on_record_and_a_restart_forgets_no_limit(
    street: Street, tmp_path: Path
) -> None:
    lease = street.book()

    def signer() -> Signer:
        log = SignatureLog(tmp_path / "signer")
        return Signer(street.ring, street.node, street.policy, log=log)  # type: ignore[arg-type]

    first = signer()
    await first.grant(grant_order(street, lease))
    for number in range(12):
        await first.ticket(order(street, lease, command_id=f"{number:08x}"))
    (granted,) = recorded(tmp_path / "signer" / "grants.jsonl")
    assert (granted["signed"], granted["lease"]) == ("grant", lease)
    path = tmp_path / "signer" / "lowerings.jsonl"
    lines = recorded(path)
    assert [line["signed"] for line in lines] == ["ticket"] * 12
    newest = {name: lines[-1][name] for name in ("lock", "lease", "command", "action", "block")}
    assert newest == {
        "lock": street.home.lock_id,
        "lease": lease,
        "command": "0000000b",
        "action": "lower",
        "block": 100,
    }
    for name in os.listdir(path.parent):
        file = path.parent / name
        assert file.stat().st_mode & 0o777 == 0o600
        assert SALT.hex() not in file.read_text("utf-8")
    assert await code_of(signer().ticket(order(street, lease))) == "signer.rate"


async def test_nothing_is_signed_that_cannot_be_put_on_record(
    street: Street, tmp_path: Path
) -> None:
    lease, log = street.book(), SignatureLog(tmp_path / "signer")
    signer = Signer(street.ring, street.node, street.policy, log=log)  # type: ignore[arg-type]
    full = os.open("/dev/full", os.O_RDWR)
    for kind in log.kinds.values():
        kind._file = full
    receipt = ReceiptOrder(street.home.lock_id, lease, 1, "0x" + "00" * 32)
    for asked in (
        signer.ticket(order(street, lease)),
        signer.grant(grant_order(street, lease)),
        signer.receipt(receipt),
    ):
        assert await code_of(asked) == "signer.log"


def test_a_record_that_was_cut_off_goes_on_on_a_new_line(tmp_path: Path) -> None:
    log = Lines(tmp_path / "grants.jsonl")
    log.note({"signed": "ticket", "action": "lower"})
    log.close()
    with log.path.open("a") as file:
        file.write('{"at":1,"sig')
    again = Lines(tmp_path / "grants.jsonl")
    again.note({"signed": "grant"})
    assert [entry["signed"] for entry in again.since(2)] == ["ticket", "grant"]


def test_a_record_that_grows_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signer_audit, "LARGEST", 200)
    monkeypatch.setattr(signer_audit, "FILES", 2)
    log = Lines(tmp_path / "grants.jsonl")
    for number in range(20):
        log.note({"signed": "ticket", "number": number, "pad": "x" * 40})
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["grants.jsonl", "grants.jsonl.1", "grants.jsonl.2"]
    newest = [json.loads(line)["number"] for line in log.path.read_text().splitlines()]
    assert newest[-1] == 19
