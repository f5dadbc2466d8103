"""Every way in which a ticket or grant is not what it should be, and the lock stays up."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from berth.devices.certificates import DAY_KEY_SECONDS, certify
from berth.devices.jws import public_bytes
from berth.devices.protocol import Ack, Hello
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OctKey
from joserfc.jws import serialize_compact

from tests.backend.devices.locks import LEASE, PLATE, Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A lock with a grant and the right car in front of it: a good ticket would open it."""
    bench = Bench(tmp_path)
    bench.give(bench.grant())
    bench.world(plate=PLATE)
    return bench


async def refusal(bench: Bench, ticket: str) -> str | None:
    """The code with which the lock refuses; nothing moved, nothing was written down."""
    bench.tell(ticket)
    await bench.lock.settled()
    ack = bench.last(Ack)
    assert ack.outcome == "refused"
    assert ack.position == "LOCKED"
    assert bench.lock.memory.ended == {}
    return ack.reason


async def test_a_good_ticket_lowers_the_bar_and_is_acknowledged_twice(bench: Bench) -> None:
    bench.tell(bench.ticket("lower", id="c0ffee00"))
    await bench.lock.settled()
    assert [(a.outcome, a.command) for a in bench.all(Ack)[1:]] == [
        ("accepted", "c0ffee00"),
        ("done", "c0ffee00"),
    ]
    assert bench.lock.reports.position == "UNLOCKED"
    assert bench.last(Hello).last.command == "c0ffee00"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lock": "0x" + "dd" * 20}, "ticket.lock"),
        ({"chain": 1}, "ticket.chain"),
        ({"market": "0x" + "c1" * 20}, "ticket.contract"),
        ({"nonce": "ab" * 16}, "ticket.nonce"),
        ({"boot": "00" * 12}, "ticket.boot"),
        ({"cycle": 1}, "ticket.cycle"),
        ({"lease": LEASE[:-1] + "2"}, "grant.missing"),
    ],
)
async def test_a_ticket_for_something_else_is_refused(
    bench: Bench, changes: dict[str, object], code: str
) -> None:
    assert await refusal(bench, bench.ticket("lower", **changes)) == code


@pytest.mark.parametrize(("seconds", "opens"), [(120.0, True), (120.5, False)])
async def test_a_ticket_lives_120_seconds_of_the_locks_own_time_after_the_hello(
    bench: Bench, seconds: float, opens: bool
) -> None:
    ticket = bench.ticket("lower")
    bench.time.mono += seconds
    bench.tell(ticket)
    await bench.lock.settled()
    assert (bench.lock.reports.position == "UNLOCKED") == opens
    if not opens:
        assert bench.last(Ack).reason == "ticket.expired"


async def test_a_ticket_delivered_twice_moves_the_bar_once(bench: Bench) -> None:
    ticket = bench.ticket("lower")
    for _ in range(3):
        bench.tell(ticket)
    await bench.lock.settled()
    bench.tell(ticket)
    await bench.lock.settled()
    outcomes = [a.outcome for a in bench.all(Ack)[1:]]
    assert outcomes == ["accepted", "accepted", "accepted", "done", "done"]
    journal = (bench.home.folder / "journal.jsonl").read_text()
    assert journal.count('"k":"intent"') == 1


async def test_a_recorded_ticket_does_not_open_again_in_the_next_cycle(bench: Bench) -> None:
    lower = bench.ticket("lower")
    bench.tell(lower)
    await bench.lock.settled()
    bench.tell(bench.ticket("raise"))
    await bench.lock.settled()
    bench.tell(lower)
    await bench.lock.settled()
    assert bench.lock.reports.position == "LOCKED"


async def test_a_nonce_is_good_for_one_ticket_only(bench: Bench) -> None:
    first, second = bench.ticket("camera_on"), bench.ticket("lower")
    bench.tell(first)
    bench.tell(second)
    await bench.lock.settled()
    assert bench.last(Ack).reason == "ticket.replayed"
    assert bench.lock.reports.position == "LOCKED"


async def test_a_refused_ticket_spends_its_nonce_too(bench: Bench) -> None:
    assert await refusal(bench, bench.ticket("lower", cycle=9)) == "ticket.cycle"
    spent = bench.all(Hello)[-2]
    ticket = bench.ticket("lower", nonce=spent.nonce)
    assert await refusal(bench, ticket) == "ticket.replayed"


async def test_tickets_from_before_a_restart_are_worthless(bench: Bench) -> None:
    ticket = bench.ticket("lower")
    bench.start()
    bench.tell(ticket)
    assert bench.last(Ack).reason == "ticket.boot"


async def test_only_a_pinned_root_certifies_and_the_spare_does(bench: Bench) -> None:
    stranger = bench.new_day_key(Ed25519PrivateKey.generate())
    assert await refusal(bench, bench.ticket("lower", key=stranger)) == "certificate.root"
    bench.tell(bench.ticket("lower", key=bench.new_day_key(bench.spare)))
    await bench.lock.settled()
    assert bench.lock.reports.position == "UNLOCKED"


async def test_a_day_key_of_another_group_or_day_is_refused(bench: Bench) -> None:
    other = bench.new_day_key(group="TWTPE")
    assert await refusal(bench, bench.ticket("lower", key=other)) == "certificate.group"
    bench.time.at += DAY_KEY_SECONDS + 301
    assert await refusal(bench, bench.ticket("lower")) == "certificate.expired"
    bench.time.at -= 2 * DAY_KEY_SECONDS
    assert await refusal(bench, bench.ticket("lower")) == "certificate.early"


async def test_a_certificate_does_not_lend_itself_to_another_key(bench: Bench) -> None:
    """The right certificate in the header, the signature of somebody else."""
    forged = bench.new_day_key(Ed25519PrivateKey.generate())
    stolen = type(forged)(forged.private, bench.day_key.certificate, forged.group, forged.expires)
    assert await refusal(bench, bench.ticket("lower", key=stolen)) == "jws.signature"


async def test_a_day_key_cannot_certify_a_further_day_key(bench: Bench) -> None:
    private = Ed25519PrivateKey.generate()
    now = bench.time.now()
    chained = certify(bench.day_key.private, public_bytes(private), "AUMEL", now, now + 9999)
    key = type(bench.day_key)(private, chained, "AUMEL", now + 9999)
    assert await refusal(bench, bench.ticket("lower", key=key)) == "certificate.root"


def _edit(ticket: str, part: int, change: Callable[[dict[str, object]], object]) -> str:
    parts = ticket.split(".")
    content = json.loads(base64.urlsafe_b64decode(parts[part] + "=="))
    change(content)
    encoded = base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
    return ".".join([*parts[:part], encoded, *parts[part + 1 :]])


async def test_a_changed_claim_header_or_signature_breaks_the_ticket(bench: Bench) -> None:
    ticket = bench.ticket("raise")
    changed = _edit(ticket, 1, lambda claims: claims.update(action="lower"))
    assert await refusal(bench, changed) == "jws.signature"
    head, body, signature = ticket.split(".")
    flipped = ("A" if signature[9] != "A" else "B").join([signature[:9], signature[10:]])
    assert await refusal(bench, f"{head}.{body}.{flipped}") == "jws.signature"
    assert await refusal(bench, f"{head}.{body}.") == "jws.signature"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"alg": "none"}, "jws.alg"),
        ({"alg": "HS256"}, "jws.alg"),
        ({"alg": "EdDSA"}, "jws.alg"),
        ({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}}, "jws.header"),
        ({"b64": False, "crit": ["b64"]}, "jws."),
        ({"crit": ["exp"], "exp": 1}, "jws."),
        ({"typ": "berth-grant+jwt"}, "jws.typ"),
        ({"typ": "JWT"}, "jws.typ"),
        ({"crt": 7}, "certificate.root"),
    ],
)
async def test_tricks_with_the_header_are_refused(
    bench: Bench, change: dict[str, object], code: str
) -> None:
    ticket = _edit(bench.ticket("lower"), 0, lambda header: header.update(change))
    reason = await refusal(bench, ticket)
    assert reason is not None
    assert reason.startswith(code)


async def test_the_public_key_used_as_an_hmac_secret_opens_nothing(bench: Bench) -> None:
    secret = OctKey.import_key(public_bytes(bench.day_key.private))
    claims = base64.urlsafe_b64decode(bench.ticket("lower").split(".")[1] + "==")
    forged = serialize_compact({"alg": "HS256", "typ": "berth-ticket+jwt"}, claims, secret)
    assert await refusal(bench, forged) == "jws.alg"


@pytest.mark.parametrize(
    "junk", ["", "x", "a.b", "a.b.c", "....", "{}", '{"ask":"open"}', "é", "A" * 20_000]
)
async def test_junk_on_the_command_topic_moves_nothing_and_harms_nothing(
    bench: Bench, junk: str
) -> None:
    assert await refusal(bench, junk) in ("jws.malformed", "jws.typ")
    bench.lock.hear_command(bytes(range(256)))
    bench.lock.hear_grant(bytes(range(256)))
    bench.lock.hear_world(b"\xff{")
    bench.tell(bench.ticket("lower"))
    await bench.lock.settled()
    assert bench.lock.reports.position == "UNLOCKED"


@pytest.mark.parametrize(
    "change",
    [{"action": "explode"}, {"seconds": 121}, {"seconds": 0}, {"cycle": -1}, {"extra": 1}],
)
async def test_claims_out_of_their_range_are_refused_even_when_signed(
    bench: Bench, change: dict[str, object]
) -> None:
    from berth.devices.jws import sign_compact

    claims = json.loads(base64.urlsafe_b64decode(bench.ticket("lower").split(".")[1] + "=="))
    signed = sign_compact(
        "berth-ticket+jwt",
        {**claims, **change},
        bench.day_key.private,
        certificate=bench.day_key.certificate,
    )
    assert await refusal(bench, signed) == "ticket.malformed"


async def test_a_grant_is_no_ticket_and_a_ticket_no_grant(bench: Bench) -> None:
    assert await refusal(bench, bench.grant()) == "jws.typ"
    bench.give(bench.ticket("lower"))
    assert bench.last(Ack).reason == "jws.typ"


async def test_an_old_grant_does_not_undo_a_revocation(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.give(bench.grant(version=1))
    bench.give(bench.grant(version=2, state="revoked"))
    assert bench.last(Ack).outcome == "done"
    bench.give(bench.grant(version=1))
    assert bench.last(Ack).reason == "grant.version"
    bench.world(plate=PLATE)
    assert await refusal(bench, bench.ticket("lower")) == "grant.revoked"
    bench.start()  # and a restart forgets nothing
    assert await refusal(bench, bench.ticket("lower")) == "grant.revoked"


async def test_grants_of_other_locks_keys_and_nonsense_windows_are_refused(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    bench.give(bench.grant(lock="0x" + "dd" * 20))
    assert bench.last(Ack).reason == "ticket.lock"
    bench.give(bench.grant(key=bench.new_day_key(Ed25519PrivateKey.generate())))
    assert bench.last(Ack).reason == "certificate.root"
    bench.give(bench.grant(start=5, end=4, opens=1))
    assert bench.last(Ack).reason == "grant.window"
    assert bench.lock.memory.grants == {}
