"""The signer as a process of its own: who may ask, how, and what a relay does without it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from berth.cli.platform.signing import SignerServer, check_signer, listening
from berth.core.errors import BerthError
from berth.devices.tickets import Grant, Receipt, Ticket, read_claims
from berth.relay.orders import GrantOrder, ReceiptOrder, TicketOrder
from berth.relay.signer import Signer
from berth.relay.signer_client import RemoteSigner
from berth.relay.signer_wire import LARGEST, SignerAddress, read_secret

from tests.backend.relay.street import Street
from tests.backend.worlds import COMMITMENT, DEPLOYMENT, SALT

SECRET = "s3cret-" * 6


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, as the path of a socket must be."""
    made = Path(tempfile.mkdtemp(prefix="berth-signer-"))
    yield made
    shutil.rmtree(made)


@asynccontextmanager
async def serving(
    street: Street, url: str, secret: str | None = None, signer: Any = None
) -> AsyncIterator[str]:
    """The signer's service; yields where it is."""
    with listening(SignerAddress.parse(url), None, None) as (listener, where):
        server = SignerServer(signer or street.signer, secret)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield where
        finally:
            server.should_exit = True
            await task


def asking(url: str, secret: str | None = None, **options: Any) -> RemoteSigner:
    return RemoteSigner(SignerAddress.parse(url), secret, **options)


def ticket(street: Street, lease: str, **changes: object) -> TicketOrder:
    plain = TicketOrder("c0ffee00", street.home.lock_id, lease, 0, "lower", street.boot, "ab" * 16)
    return replace(plain, **changes)  # type: ignore[arg-type]


def grant(street: Street, lease: str, **changes: object) -> GrantOrder:
    plain = GrantOrder(
        lease, street.home.lock_id, 1, False, street.clock.at + 7200, COMMITMENT, SALT, 90
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


async def code_of(attempt: Any) -> str:
    with pytest.raises(BerthError) as refused:
        await attempt
    return refused.value.code


async def raw(path: Path, request: bytes) -> tuple[int, bytes]:
    """(status, body) of what is sent byte by byte; 0 when the line was closed without an answer."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    with contextlib.suppress(ConnectionError):
        writer.write(request)
        await writer.drain()
    async with asyncio.timeout(5):
        answer = await reader.read(100_000)
    writer.close()
    if not answer:
        return 0, b""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: signer", "Connection: close", *headers]
    if not any(line.lower().startswith(("content-length", "transfer")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def wire(order: TicketOrder, **changes: Any) -> bytes:
    names = {"command_id": "commandId", "lock_id": "lockId", "lease_id": "leaseId"}
    body = {names.get(name, name): value for name, value in asdict(order).items()} | changes
    return json.dumps(body).encode()


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


# ---- who may ask


async def test_the_socket_is_its_owners_alone(street: Street, folder: Path) -> None:
    async with serving(street, f"unix:{folder}/s"):
        mode = (folder / "s").stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
    assert not (folder / "s").exists()


async def test_a_group_may_be_let_in(folder: Path) -> None:
    import grp

    mine = grp.getgrgid(os.getgid()).gr_name
    with listening(SignerAddress.parse(f"unix:{folder}/s"), mine, None):
        assert stat.S_IMODE((folder / "s").stat().st_mode) == 0o660
    with (
        pytest.raises(BerthError, match="no group") as refused,
        listening(SignerAddress.parse(f"unix:{folder}/s"), "nobody-knows-them", None),
    ):
        pass
    assert refused.value.code == "signer.socket"


async def test_there_is_one_signer_a_socket_and_a_killed_one_is_no_hindrance(
    street: Street, folder: Path
) -> None:
    url = f"unix:{folder}/s"
    async with serving(street, url), asking(url) as remote:
        with pytest.raises(BerthError) as refused, listening(SignerAddress.parse(url), None, None):
            pass
        assert (refused.value.code, refused.value.exit_code) == ("signer.in_use", 2)
        assert (await remote.status())["head"] == 100, "the first one is not disturbed"
    import socket

    left = socket.socket(socket.AF_UNIX)
    left.bind(str(folder / "s"))  # as kill -9 leaves it
    left.close()
    async with serving(street, url), asking(url) as remote:
        assert (await remote.status())["head"] == 100


async def test_something_else_of_that_name_is_not_taken_away(folder: Path) -> None:
    (folder / "s").write_text("mine")
    with (
        pytest.raises(BerthError) as refused,
        listening(SignerAddress.parse(f"unix:{folder}/s"), None, None),
    ):
        pass
    assert refused.value.code == "signer.socket"
    assert (folder / "s").read_text() == "mine"


@pytest.mark.parametrize("given", [None, "wrong" * 10, SECRET[:-1], SECRET + "x"])
async def test_who_does_not_know_the_secret_is_told_nothing(
    street: Street, folder: Path, given: str | None
) -> None:
    lease, url = street.book(), f"unix:{folder}/s"
    async with serving(street, url, SECRET):
        async with asking(url, given) as thief:
            assert await code_of(thief.ticket(ticket(street, lease))) == "signer.secret"
            assert await code_of(thief.status()) == "signer.secret"
        async with asking(url, SECRET) as relay:
            assert await relay.ticket(ticket(street, lease))
        # the secret comes before everything else, the path too
        assert (await raw(folder / "s", post("/v1/nothing", b"{")))[0] == 401


async def test_over_tcp_it_listens_on_this_machine_alone_and_wants_a_secret(
    street: Street, tmp_path: Path
) -> None:
    lease = street.book()
    async with (
        serving(street, "http://127.0.0.1:0", SECRET) as url,
        asking(url, SECRET) as remote,
    ):
        assert await remote.ticket(ticket(street, lease))
    address = SignerAddress.parse("http://127.0.0.1:7000")
    with pytest.raises(BerthError) as refused:
        read_secret(None, address)
    assert (refused.value.code, refused.value.field) == (
        "signer.secret",
        "BERTH_SIGNER_SECRET_FILE",
    )


@pytest.mark.parametrize(
    "url", ["http://signer.example:1", "http://0.0.0.0:1", "http://127.0.0.1:1/x", "http://u@[::1]"]
)
def test_an_address_that_would_show_the_secret_is_refused(url: str) -> None:
    with pytest.raises(BerthError) as refused:
        SignerAddress.parse(url)
    assert (refused.value.code, refused.value.exit_code) == ("signer.url", 2)


def test_a_path_too_long_for_a_socket_is_said() -> None:
    with pytest.raises(BerthError, match="100 bytes"):
        SignerAddress.parse("unix:/" + "x" * 100)


@pytest.mark.parametrize("listen", ["0.0.0.0:9", "example.org:9", "127.0.0.1", "127.0.0.1:x"])
def test_behind_a_proxy_it_still_listens_on_this_machine_alone(listen: str) -> None:
    address = SignerAddress.parse("https://signer.example")
    for given in (listen, None):
        with pytest.raises(BerthError) as refused, listening(address, None, given):
            pass
        assert (refused.value.code, refused.value.field) == ("signer.listen", "--listen")
    with listening(address, None, "127.0.0.1:0") as (_, where):
        assert where.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        ("short", 0o600, "32 characters"),
        ("a blank in the middle of a long secret", 0o600, "no blanks"),
        (SECRET, 0o604, "everybody may read"),
        ("ü" * 40, 0o600, "not ASCII"),
    ],
)
def test_a_bad_secret_file_is_named(tmp_path: Path, content: str, mode: int, why: str) -> None:
    file = tmp_path / "secret"
    file.write_text(content, "utf-8")
    file.chmod(mode)
    with pytest.raises(BerthError, match=why) as refused:
        read_secret(file, SignerAddress.parse("unix:/tmp/s"))
    assert (refused.value.code, refused.value.exit_code) == ("signer.secret", 2)
    with pytest.raises(BerthError, match="cannot read"):
        read_secret(tmp_path / "none", SignerAddress.parse("unix:/tmp/s"))


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
    from berth.relay.delivery import Delivery

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
                taken = delivery.claim(conn)
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
