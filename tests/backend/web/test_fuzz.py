"""Requests made from the OpenAPI document, good and bad: no 5xx, and answers as described."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from berth.web import create_app
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.backend.web.people import Api
from tests.backend.worlds import DINO, NOW, ORIGIN, World

# thirty requests to each of some fifty operations
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A little of everything, and a chain that answers."""
    made = World(tmp_path_factory.mktemp("fuzz"))
    made.add_edition()
    space = made.add_space()
    made.add_offer(space)
    made.settle(made.add_lease(space, NOW // 900 - 20))
    made.add_lease(space)
    made.add_vehicle()
    made.node.answers |= {
        "compliance": lambda call: 1,
        "ledger": lambda call: (made.head, made.count, 0),
        "vehicleOf": lambda call: ("0x" + "00" * 20, 0, 0, 0),
    }
    yield made
    made.close()


def test_every_operation_answers_as_its_description_says(world: World) -> None:
    with TestClient(create_app(world.services), base_url=ORIGIN) as client:
        headers = {"Authorization": f"Bearer {Api(client, world).sign_in(DINO)}"}
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(world.services))
    tried = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        # an event stream never ends; a session that is ended is none for the rest
        if operation.path == "/v1/events" or operation.method == "delete":
            continue

        @given(case=operation.as_strategy())
        @settings(max_examples=30, suppress_health_check=list(HealthCheck))
        def run(case: schemathesis.Case) -> None:
            response = case.call(headers=headers)
            tried.add((case.method, case.path, response.status_code))
            case.validate_response(response, checks=CHECKS)

        run()
    good = {path for _, path, status in tried if status < 300}
    assert {"/v1/me", "/v1/config", "/v1/audit/settlements", "/status"} <= good
