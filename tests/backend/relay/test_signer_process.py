"""The signer as a process of its own: what it signs, what it is sent, what a relay does without
it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from berth.cli.platform.signing import check_signer
from berth.core.errors import BerthError
from berth.devices.tickets import Grant, Receipt, Ticket, read_claims
from berth.relay.orders import ReceiptOrder, TicketOrder
from berth.relay.signer import Signer
from berth.relay.signer_wire import LARGEST

from tests.backend.relay.signer_service import (
    asking,
    code_of,
    grant,
    post,
    raw,
    serving,
    ticket,
    wire,
)
from tests.backend.relay.street import Street
from tests.backend.worlds import COMMITMENT, DEPLOYMENT, SALT

# ---- what it signs


async def test_everything_that_is_signed_here_is_signed_there(street: Street, folder: Path) -> None:
    lease, pins = street.book(), street.home.pins
    async with serving(street, f"unix:{folder}/s") as url, asking(url) as remote:
        given = read_claims(
            await remote.ticket(ticket(street, lease)), Ticket, pins, street.clock.now()
        )
        assert (given.lease, given.action, given.nonce) == (lease, "lower", "ab" * 16)
        held = read_claims(
            await remote.grant(grant(street, lease)), Grant, pins, street.clock.now()
        )
        assert (held.plate, held.salt) == (COMMITMENT, "0x" + SALT.hex())
        over = grant(street, lease, revoked=True, salt=None, plate_block=None, version=2)
        gone = read_claims(await remote.grant(over), Grant, pins, street.clock.now())
        assert gone.state == "revoked"
        order = ReceiptOrder(street.home.lock_id, lease, 1, "0x" + "00" * 32)
        receipt = read_claims(await remote.receipt(order), Receipt, pins, street.clock.now())
        assert receipt.kind == 1
        said = await check_signer(remote, DEPLOYMENT)
        assert (said["head"], said["signatures"]) == (100, 4)


async def test_a_thief_in_the_relay_gets_nothing_that_the_chain_does_not_say(
    street: Street, folder: Path
) -> None:
    lease = street.book()
    async with serving(street, f"unix:{folder}/s") as url, asking(url) as remote:
        invented = ticket(street, lease, lease_id=lease[:-4] + "0009")
        assert await code_of(remote.ticket(invented)) == "signer.lease"
        other = ticket(street, lease, lock_id="0x" + "dd" * 20)
        assert await code_of(remote.ticket(other)) == "signer.lock"
        street.set_lease(lease, booked_block=100)
        assert await code_of(remote.ticket(ticket(street, lease))) == "signer.depth"
        street.set_lease(lease, booked_block=90)
        longer = grant(street, lease, window_end=street.clock.at + 9000)
        assert await code_of(remote.grant(longer)) == "signer.window"
        plate = grant(street, lease, plate_commitment="0x" + "66" * 32)
        assert await code_of(remote.grant(plate)) == "signer.plate"
        street.node.timestamp = street.clock.at - 901
        assert await code_of(remote.ticket(ticket(street, lease))) == "signer.window"
        street.node.timestamp = street.clock.at + 7200
        assert await code_of(remote.ticket(ticket(street, lease))) == "signer.window"
        street.node.timestamp, street.node.chain_id = None, 5
        assert await code_of(remote.ticket(ticket(street, lease))) == "signer.chain"
        street.node.chain_id = DEPLOYMENT.chain_id
        assert await remote.ticket(ticket(street, lease)), "and the honest one still gets his"


async def test_a_thief_cannot_wear_out_a_bar_nor_lower_all_of_them(
    street: Street, folder: Path
) -> None:
    lease = street.book()
    async with serving(street, f"unix:{folder}/s") as url, asking(url) as remote:
        asked = [remote.ticket(ticket(street, lease, nonce=f"{n:032x}")) for n in range(30)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
    signed = [answer for answer in answers if isinstance(answer, str)]
    codes = {answer.code for answer in answers if isinstance(answer, BerthError)}
    assert (len(signed), codes) == (12, {"signer.rate"})


async def test_day_keys_are_renewed_while_it_runs(street: Street, folder: Path) -> None:
    lease, pins = street.book(), street.home.pins
    order = ReceiptOrder(street.home.lock_id, lease, 1, "0x" + "00" * 32)
    async with serving(street, f"unix:{folder}/s") as url, asking(url) as remote:
        first = await remote.receipt(order)
        street.clock.at += 5 * 86400
        with pytest.raises(BerthError):
            read_claims(first, Receipt, pins, street.clock.now())
        assert read_claims(await remote.receipt(order), Receipt, pins, street.clock.now())
        (street.world.home / "tickets" / "root.pem").rename(street.world.home / "vault.pem")
        street.clock.at += 5 * 86400
        assert await code_of(remote.receipt(order)) == "keyring.day_key"


# ---- what it is sent


async def test_garbage_is_refused_and_the_next_one_is_served(street: Street, folder: Path) -> None:
    lease, path = street.book(), folder / "s"
    good = ticket(street, lease)
    bad: list[tuple[bytes, int]] = [
        (post("/v1/ticket", b""), 400),
        (post("/v1/ticket", b"null"), 400),
        (post("/v1/ticket", b"\xff\xfe\x00"), 400),
        (post("/v1/ticket", b"[" * 4000), 400),
        (post("/v1/ticket", wire(good, more=1)), 400),
        (post("/v1/ticket", wire(good, cycle="0")), 400),
        (post("/v1/ticket", wire(good, cycle=-1)), 400),
        (post("/v1/ticket", wire(good, cycle=1 << 40)), 400),
        (post("/v1/ticket", wire(good, action="open")), 400),
        (post("/v1/ticket", wire(good, leaseId="0x1")), 400),
        (post("/v1/ticket", wire(good, lockId=good.lock_id.upper())), 400),
        (post("/v1/ticket", wire(good, nonce="../../etc")), 400),
        (post("/v1/grant", wire(good)), 400),
        (post("/v1/nothing", b"{}"), 404),
        (post("/v1/ticket", wire(good)).replace(b"POST", b"GET", 1), 405),
        (post("/v1/ticket", b"x" * (LARGEST + 1)), 413),
        (post("/v1/ticket", b"", "Content-Length: 99999999999"), 413),
        (post("/v1/ticket", b"", "Content-Length: -1"), 400),
        (b"\x16\x03\x01\x02\x00\x01\x00 TLS\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", 400),
    ]
    chunks = b"".join(b"1000\r\n" + b"x" * 4096 + b"\r\n" for _ in range(40)) + b"0\r\n\r\n"
    bad.append((post("/v1/ticket", chunks, "Transfer-Encoding: chunked"), 413))
    async with serving(street, f"unix:{path}") as url, asking(url) as remote:
        for request, status in bad:
            answered, body = await raw(path, request)
            assert answered in (status, 0), (request[:80], body)
            assert b"jws" not in body
            assert b"Traceback" not in body
        assert await remote.ticket(good)


async def test_a_caller_who_says_nothing_holds_up_nobody(street: Street, folder: Path) -> None:
    lease, path = street.book(), folder / "s"
    async with serving(street, f"unix:{path}") as url, asking(url) as remote:
        lines = [await asyncio.open_unix_connection(str(path)) for _ in range(10)]
        for _, writer in lines:
            writer.write(b"POST /v1/ticket HTTP/1.1\r\n")
        assert await remote.ticket(ticket(street, lease))
        for _, writer in lines:
            writer.close()


async def test_silent_callers_are_sent_away_however_many_there_are(
    street: Street, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.cli.platform.signing.PATIENCE", 0.3)
    lease, path = street.book(), folder / "s"
    refused = post("/v1/nothing", b"{}").replace(b"Connection: close\r\n", b"")
    async with serving(street, f"unix:{path}") as url, asking(url) as remote:
        lines = [await asyncio.open_unix_connection(str(path)) for _ in range(80)]
        for number, (_, writer) in enumerate(lines):
            # half of them have been answered once, and begin again
            writer.write((refused if number % 2 else b"") + b"POST /v1/ticket HTTP/1.1\r\n")
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(BerthError):
                    assert await remote.ticket(ticket(street, lease))
                    break
                await asyncio.sleep(0.2)
            for reader, writer in lines:
                with contextlib.suppress(ConnectionError):
                    await reader.read()
                writer.close()


async def test_what_fails_inside_is_not_told_outside(street: Street, folder: Path) -> None:
    class Broken(Signer):
        async def ticket(self, order: TicketOrder) -> str:
            raise RuntimeError("the password is sesame")

    broken = Broken(street.ring, street.node, street.policy)  # type: ignore[arg-type]
    lease, path = street.book(), folder / "s"
    async with serving(street, f"unix:{path}", signer=broken) as url, asking(url) as remote:
        assert await code_of(remote.ticket(ticket(street, lease))) == "signer.failed"
        _, body = await raw(path, post("/v1/ticket", wire(ticket(street, lease))))
        assert b"sesame" not in body


# ---- without it


async def test_without_a_signer_there_is_a_clear_error_and_nothing_else(folder: Path) -> None:
    async with asking(f"unix:{folder}/s") as remote:
        with pytest.raises(BerthError, match="the signer at") as refused:
            await remote.status()
    assert (refused.value.code, refused.value.status) == ("signer.unreachable", 503)


async def test_a_restarted_signer_is_found_again_on_the_same_line(
    street: Street, folder: Path
) -> None:
    lease, url = street.book(), f"unix:{folder}/s"
    async with asking(url) as remote:
        async with serving(street, url):
            assert await remote.ticket(ticket(street, lease))
        assert await code_of(remote.ticket(ticket(street, lease))) == "signer.unreachable"
        async with serving(street, url):
            assert await remote.ticket(ticket(street, lease))


async def test_a_signer_that_does_not_answer_is_given_up(street: Street, folder: Path) -> None:
    class Slow(Signer):
        async def ticket(self, order: TicketOrder) -> str:
            await asyncio.sleep(30)
            raise AssertionError

    slow = Slow(street.ring, street.node, street.policy)  # type: ignore[arg-type]
    lease, path = street.book(), folder / "s"
    async with serving(street, f"unix:{path}", signer=slow) as url, asking(url, timeout=0.3) as one:
        assert await code_of(one.ticket(ticket(street, lease))) == "signer.unreachable"


@pytest.mark.parametrize(
    "answer",
    [b"<html>", b'{"jws":1}', b'{"jws":"a b"}', b'{"jws":"' + b"x" * 9000 + b'"}', b"", b"[]"],
)
async def test_what_is_no_signer_is_not_believed(
    street: Street, folder: Path, answer: bytes
) -> None:
    async def impostor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(answer)
        writer.write(head + answer)
        await writer.drain()
        writer.close()

    lease = street.book()
    server = await asyncio.start_unix_server(impostor, str(folder / "s"))
    async with server, asking(f"unix:{folder}/s") as remote:
        assert await code_of(remote.ticket(ticket(street, lease))) == "signer.unreachable"


async def test_a_signer_of_another_market_is_not_used(street: Street, folder: Path) -> None:
    async with serving(street, f"unix:{folder}/s") as url, asking(url) as remote:
        other = replace(DEPLOYMENT, market="0x" + "77" * 20)
        assert await code_of(check_signer(remote, other)) == "signer.market"


async def test_a_command_waits_for_the_signer_and_is_sent_once_it_is_back(
    street: Street, folder: Path
) -> None:
    """Nothing is lost, nothing is sent twice: the claim is given back each time."""
    from berth.relay.delivery import Delivery, hold

    url, sent = f"unix:{folder}/s", list[str]()

    async def send(lock: str, leaf: str, payload: bytes) -> None:
        sent.append(payload.decode())

    lease = street.book()
    street.hello()
    street.tell(lease)
    street.plate(lease)
    street.confirm(lease)
    async with asking(url) as remote:
        delivery = Delivery(
            street.store, street.policy, street.clock, street.world.sealer, remote, send, "one"
        )

        async def attempt() -> Any:
            street.plan()
            street.hello()
            with street.store.write() as conn:
                taken = delivery.claim(conn, hold(conn, [street.home.lock_id]))
            await delivery.send(taken)
            return street.command("lower")

        row = await attempt()
        assert (row["state"], row["reason"]) == ("eligible", "signer.unreachable")
        assert sent == []
        async with serving(street, url):
            async with asyncio.timeout(20):
                while row["state"] != "published":
                    await asyncio.sleep(0.3)
                    row = await attempt()
        tickets = [text for text in sent if text.count(".") == 2]
        assert len(tickets) == 1
        given = read_claims(tickets[0], Ticket, street.home.pins, street.clock.now())
        assert given.id == row["id"]
