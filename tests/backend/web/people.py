"""Asking the API as somebody."""

from __future__ import annotations

from typing import Any

import httpx
from berth.core.signing import sign_digest, text_digest
from fastapi.testclient import TestClient

from tests.backend.worlds import Person, World


def siwe_message(given: dict[str, Any], person: Person, **changes: Any) -> str:
    """A sign-in message for a nonce's answer, each part open to change."""
    part = {
        "domain": given["domain"],
        "address": person.shown,
        "statement": "Sign in to Berth.",
        "uri": given["uri"],
        "version": "1",
        "chain": given["chainId"],
        "nonce": given["nonce"],
        "issued": given["issuedAt"],
        "tail": "",
    } | changes
    return (
        f"{part['domain']} wants you to sign in with your Ethereum account:\n{part['address']}\n\n"
        f"{part['statement']}\n\n"
        f"URI: {part['uri']}\nVersion: {part['version']}\nChain ID: {part['chain']}\n"
        f"Nonce: {part['nonce']}\nIssued At: {part['issued']}{part['tail']}"
    )


def personal_sign(text: str, person: Person) -> str:
    """As a wallet's personal_sign."""
    return "0x" + sign_digest(text_digest(text.encode()), person.key).hex()


class Api:
    """A client that can be anybody; every problem is checked to be one."""

    def __init__(self, client: TestClient, world: World) -> None:
        self.client = client
        self.world = world

    def nonce(self) -> dict[str, Any]:
        answer = self.client.post("/v1/session/nonce")
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def sign_in(self, person: Person) -> str:
        """A bearer token."""
        message = siwe_message(self.nonce(), person)
        answer = self.client.post(
            "/v1/session",
            json={
                "message": message,
                "signature": personal_sign(message, person),
                "transport": "bearer",
            },
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def ask(
        self,
        method: str,
        path: str,
        who: Person | None = None,
        *,
        expect: int = 200,
        language: str | None = None,
        **more: Any,
    ) -> Any:
        """The JSON of an answer with the expected status."""
        headers = dict(more.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.sign_in(who)}"
        if language is not None:
            headers["Accept-Language"] = language
        answer = self.client.request(method, path, headers=headers, **more)
        assert answer.status_code == expect, f"{answer.status_code}: {answer.text}"
        if expect >= 400:
            check_problem(answer)
        return answer.json() if answer.content else None

    def get(self, path: str, who: Person | None = None, **more: Any) -> Any:
        return self.ask("GET", path, who, **more)

    def post(self, path: str, body: Any, who: Person | None = None, **more: Any) -> Any:
        return self.ask("POST", path, who, json=body, **more)

    def put(self, path: str, body: Any, who: Person | None = None, **more: Any) -> Any:
        return self.ask("PUT", path, who, json=body, **more)


def check_problem(answer: httpx.Response) -> None:
    """RFC 9457, with our code, and nothing of the inside."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:berth:problem:{problem['code']}"
    assert problem["title"]
    assert problem["detail"]
    assert "Traceback" not in answer.text


def fields(problem: dict[str, Any]) -> list[str]:
    """The names of the fields at fault."""
    return [error["field"] for error in problem["errors"]]
