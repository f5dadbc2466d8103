"""Signing in, and every way to try it that must fail."""

from __future__ import annotations

from typing import Any

import pytest
from berth.core.hashing import keccak
from berth.core.zones import rfc3339
from berth.market.accounts import SESSION_SECONDS
from berth.market.nonces import NONCE_SECONDS
from berth.market.signin import MAX_MESSAGE
from berth.store import kept
from eth_abi.abi import encode
from sqlalchemy import select

from tests.backend.web.people import Api, personal_sign, siwe_message
from tests.backend.worlds import DINO, EVE, WALL, World


def sign_in(api: Api, message: str, signature: str, expect: int, **more: Any) -> Any:
    return api.post(
        "/v1/session", {"message": message, "signature": signature} | more, expect=expect
    )


def attempt(api: Api, expect: int = 401, signer: Any = DINO, **changes: Any) -> Any:
    """Signs in as Dino with a message changed in some part."""
    message = siwe_message(api.nonce(), DINO, **changes)
    return sign_in(api, message, personal_sign(message, signer), expect)


def test_a_signed_message_opens_a_session_by_cookie(api: Api) -> None:
    answer = attempt(api, 201)
    assert answer == {
        "address": DINO.shown,
        "expiresAt": rfc3339(WALL + SESSION_SECONDS),
        "token": None,
    }
    assert api.get("/v1/me")["address"] == DINO.shown


def test_the_cookie_is_for_http_and_this_site_only(api: Api) -> None:
    message = siwe_message(api.nonce(), DINO)
    answer = api.client.post(
        "/v1/session", json={"message": message, "signature": personal_sign(message, DINO)}
    )
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert f"max-age={SESSION_SECONDS}" in cookie
    assert "path=/" in cookie


def test_a_bearer_token_is_given_on_request_and_sets_no_cookie(api: Api) -> None:
    message = siwe_message(api.nonce(), DINO)
    body = {
        "message": message,
        "signature": personal_sign(message, DINO),
        "transport": "bearer",
    }
    answer = api.client.post("/v1/session", json=body)
    assert "set-cookie" not in answer.headers
    token = answer.json()["token"]
    assert api.get("/v1/me", headers={"Authorization": f"Bearer {token}"})["address"] == DINO.shown


def test_the_database_does_not_hold_the_token(api: Api, world: World) -> None:
    token = api.sign_in(DINO)
    with world.store.read() as conn:
        rows = conn.execute(select(kept.sessions)).all()
    assert len(rows) == 1
    assert token not in str(rows)


def test_without_a_session_the_account_is_closed(api: Api) -> None:
    assert api.get("/v1/me", expect=401)["code"] == "session.required"


@pytest.mark.parametrize("token", ["nonsense", "x" * 5000, "Ünïcode"])
def test_a_made_up_token_is_no_session(api: Api, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}".encode()}
    api.get("/v1/me", headers=headers, expect=401)


def test_a_nonce_is_good_once(api: Api) -> None:
    message = siwe_message(api.nonce(), DINO)
    signature = personal_sign(message, DINO)
    sign_in(api, message, signature, 201)
    assert sign_in(api, message, signature, 401)["code"] == "session.nonce"


def test_a_wrong_signature_does_not_use_the_nonce_up(api: Api) -> None:
    message = siwe_message(api.nonce(), DINO)
    assert sign_in(api, message, personal_sign(message, EVE), 401)["code"] == "session.signature"
    sign_in(api, message, personal_sign(message, DINO), 201)


def test_a_nonce_of_ones_own_is_refused(api: Api) -> None:
    assert attempt(api, nonce="a1b2c3d4e5f6a7b8")["code"] == "session.nonce"


def test_a_nonce_is_good_for_ten_minutes(api: Api, world: World) -> None:
    nonce = api.nonce()
    world.wall.at += NONCE_SECONDS
    message = siwe_message(nonce, DINO, issued=rfc3339(world.wall.now()))
    assert sign_in(api, message, personal_sign(message, DINO), 401)["code"] == "session.nonce"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"domain": "evil.example"}, "session.domain"),
        ({"domain": "127.0.0.1:8001"}, "session.domain"),
        ({"uri": "https://evil.example"}, "session.uri"),
        ({"uri": "https://127.0.0.1:8000"}, "session.uri"),
        ({"uri": "http://localhost:8000"}, "session.uri"),
        ({"chain": 1}, "session.chain"),
        ({"issued": rfc3339(WALL - 3600)}, "session.stale"),
        ({"issued": rfc3339(WALL + 3600)}, "session.stale"),
        ({"tail": f"\nExpiration Time: {rfc3339(WALL)}"}, "session.expired"),
        ({"tail": f"\nNot Before: {rfc3339(WALL + 60)}"}, "session.not_yet"),
        ({"version": "2"}, "session.message"),
        ({"address": DINO.address}, "session.message"),
        ({"address": "0x123"}, "session.message"),
        ({"issued": "yesterday"}, "session.message"),
        ({"statement": "two\nlines"}, "session.message"),
        ({"tail": "\nNonce: another1"}, "session.message"),
    ],
)
def test_a_message_for_something_else_is_refused(
    api: Api, changes: dict[str, Any], code: str
) -> None:
    problem = attempt(api, **changes)
    assert problem["code"] == code
    assert problem["errors"][0]["pointer"] == "/message"


def test_somebody_elses_signature_is_refused(api: Api) -> None:
    assert attempt(api, signer=EVE)["code"] == "session.signature"


def test_a_message_changed_after_signing_is_refused(api: Api) -> None:
    message = siwe_message(api.nonce(), DINO)
    signature = personal_sign(message, DINO)
    other = message.replace("Sign in to Berth.", "Sign in to Birth.")
    assert sign_in(api, other, signature, 401)["code"] == "session.signature"


def test_the_malleable_twin_of_a_signature_is_refused(api: Api) -> None:
    message = siwe_message(api.nonce(), DINO)
    good = bytes.fromhex(personal_sign(message, DINO)[2:])
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - int.from_bytes(good[32:64], "big")
    twin = good[:32] + s.to_bytes(32, "big") + bytes([27 + 28 - good[64]])
    assert sign_in(api, message, "0x" + twin.hex(), 401)["code"] == "session.signature"


def test_localhost_is_the_same_site_as_127_0_0_1(api: Api) -> None:
    attempt(api, 201, domain="localhost:8000", uri="http://localhost:8000")
    answer = api.client.post("/v1/session/nonce", headers={"Host": "localhost:8000"})
    assert answer.json()["domain"] == "localhost:8000"


def test_a_forged_host_does_not_become_the_domain(api: Api) -> None:
    answer = api.client.post("/v1/session/nonce", headers={"Host": "evil.example"})
    assert answer.json()["domain"] == "127.0.0.1:8000"


def test_an_account_with_code_is_asked_by_erc_1271(api: Api, world: World) -> None:
    magic = keccak(b"isValidSignature(bytes32,bytes)")[:4]
    world.node.answers[magic.hex()] = lambda call: encode(["bytes4"], [magic])
    message = siwe_message(api.nonce(), DINO)
    sign_in(api, message, "0x1234", 201)


def test_a_contract_that_says_no_opens_nothing(api: Api, world: World) -> None:
    magic = keccak(b"isValidSignature(bytes32,bytes)")[:4]
    world.node.answers[magic.hex()] = lambda call: encode(["bytes4"], [b"\xff" * 4])
    message = siwe_message(api.nonce(), DINO)
    assert sign_in(api, message, "0x1234", 401)["code"] == "session.signature"


def test_a_session_ends_after_twelve_hours(api: Api, world: World) -> None:
    headers = {"Authorization": f"Bearer {api.sign_in(DINO)}"}
    world.wall.at = WALL + SESSION_SECONDS - 1
    api.get("/v1/me", headers=headers)
    world.wall.at = WALL + SESSION_SECONDS
    api.get("/v1/me", headers=headers, expect=401)


def test_signing_out_ends_the_session_and_again_does_no_harm(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.sign_in(DINO)}"}
    api.ask("DELETE", "/v1/session", headers=headers, expect=204)
    api.get("/v1/me", headers=headers, expect=401)
    api.ask("DELETE", "/v1/session", headers=headers, expect=204)


def test_another_sites_page_cannot_act_by_the_cookie(api: Api) -> None:
    attempt(api, 201)
    foreign = {"Origin": "https://evil.example"}
    body = {"city": "AUMEL", "index": 1}
    problem = api.post("/v1/titles/proof", body, headers=foreign, expect=403)
    assert problem["code"] == "session.origin"
    own = {"Origin": "http://127.0.0.1:8000"}
    assert api.post("/v1/titles/proof", body, headers=own, expect=404)["code"] == "titles.unknown"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"signature": "0x12"}, "message"),
        ({"message": "x"}, "signature"),
        ({"message": "x", "signature": "12"}, "signature"),
        ({"message": "x", "signature": "0x123"}, "signature"),
        ({"message": "x" * (MAX_MESSAGE + 1), "signature": "0x12"}, "message"),
        ({"message": "x", "signature": "0x12", "extra": 1}, "extra"),
        ({"message": "x", "signature": "0x12", "transport": "post"}, "transport"),
    ],
)
def test_a_bad_field_is_named(api: Api, body: dict[str, Any], field: str) -> None:
    problem = api.post("/v1/session", body, expect=422)
    assert problem["code"] == "request.invalid"
    assert problem["errors"][0]["pointer"] == f"/{field}"


def test_an_account_keeps_its_latest_sessions_only(api: Api, world: World) -> None:
    tokens = []
    for _ in range(22):
        world.wall.at += 1
        tokens.append(api.sign_in(DINO))
    api.get("/v1/me", headers={"Authorization": f"Bearer {tokens[0]}"}, expect=401)
    api.get("/v1/me", headers={"Authorization": f"Bearer {tokens[-1]}"})
