"""Who may ask the signer: its socket, its secret, its addresses."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from berth.cli.platform.signing import listening
from berth.core.errors import BerthError
from berth.relay.signer_wire import SignerAddress, read_secret

from tests.backend.relay.signer_service import SECRET, asking, code_of, post, raw, serving, ticket
from tests.backend.relay.street import Street


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
