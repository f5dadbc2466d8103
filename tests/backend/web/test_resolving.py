"""What an operator writes under an incident is kept as text."""

from __future__ import annotations

import pytest
from berth.store.incidents import open_incident

from tests.backend.web.people import Api, fields
from tests.backend.web.test_ops import Operator, token
from tests.backend.worlds import NOW, World

__all__ = ["token"]


@pytest.mark.usefixtures("token")
def test_no_database_is_given_letters_that_it_does_not_keep(api: Api, world: World) -> None:
    with world.store.write() as conn:
        open_incident(conn, "lease.unserved", "cause", "motor.stuck", now=NOW)
    operator = Operator(api)
    (open_one,) = operator.get("incidents").json()["incidents"]
    path = f"incidents/{open_one['id']}"
    for body, field in (
        ({"resolution": "oiled\0it"}, "resolution"),
        ({"resolution": "oiled it", "by": "An\0n"}, "by"),
        ({"resolution": "oiled it", "by": "An\nn"}, "by"),
    ):
        answer = operator.post(path, body)
        assert (answer.status_code, fields(answer.json())) == (422, [field])
    done = operator.post(path, {"resolution": "oiled it,\nlooked again", "by": "Ann"})
    assert done.json()["resolution"] == "oiled it,\nlooked again"
