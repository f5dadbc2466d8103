"""Dead letters and incidents for the operator: nobody else, in words, tried again, resolved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from berth.store.incidents import open_incident
from berth.store.kept import commands, outbox
from fastapi.testclient import TestClient
from sqlalchemy import insert, select, update

from tests.backend.web.people import Api
from tests.backend.worlds import LOCK, NOW, World

TOKEN = "an operator's token, long enough"


@pytest.fixture
def token(world: World) -> str:
    path = world.services.settings.operator_token_file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TOKEN + "\n")
    return TOKEN


@pytest.fixture
def lease(world: World) -> str:
    space = world.add_space()
    world.add_offer(space)
    world.set_lock()
    return world.add_lease(space)


def dead(world: World, lease: str, number: int = 1, **changes: Any) -> str:
    identity = f"0000000{number}-dead-4000-8000-000000000000"
    row = {
        "id": identity,
        "lock_id": LOCK.address,
        "lease_id": lease,
        "epoch": 1,
        "cycle": 0,
        "action": "lower",
        "state": "dead",
        "reason": "lock.no_answer",
        "attempts": 6,
        "created_at": NOW - 60,
        "expires_at": NOW + 60,
        "updated_at": NOW - 30 - number,
    }
    with world.store.write() as conn:
        conn.execute(insert(commands).values(row | changes))
    return identity


class Operator:
    """Asks with the token."""

    def __init__(self, api: Api, token: str | None = TOKEN) -> None:
        self._client: TestClient = api.client
        bearer = f"Bearer {token}".encode("latin-1")
        self._headers = {} if token is None else {b"Authorization": bearer}

    def get(self, path: str, **query: Any) -> Any:
        return self._client.get(f"/v1/ops/{path}", params=query, headers=self._headers)

    def post(self, path: str, body: Any) -> Any:
        return self._client.post(f"/v1/ops/{path}", json=body, headers=self._headers)


# ---- who may


@pytest.mark.parametrize(
    "given", [None, "", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "\xfcn\xefcode"]
)
def test_nobody_gets_in_without_the_token(
    api: Api, world: World, token: str, lease: str, given: str | None
) -> None:
    command = dead(world, lease)
    stranger = Operator(api, given)
    for answer in (
        stranger.get("commands"),
        stranger.get("incidents"),
        stranger.get("outbox"),
        stranger.post(f"commands/{command}", {"action": "retry"}),
        stranger.post("incidents/1", {"resolution": "nothing"}),
        stranger.post("outbox/1", {"action": "retry"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "operator.token")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    with world.store.read() as conn:
        assert len(conn.execute(select(commands.c.id)).all()) == 1


@pytest.mark.parametrize("content", [None, "", "   \n", "short", "\xff\xfe" * 20])
def test_without_a_token_on_this_side_nobody_gets_in_at_all(
    api: Api, world: World, content: str | None
) -> None:
    path = world.services.settings.operator_token_file
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    for given in (None, "", content or "x"):
        if given is not None and not given.isascii():
            continue
        answer = Operator(api, given).get("commands")
        assert (answer.status_code, answer.json()["code"]) == (404, "operator.none")


def test_a_session_is_no_operators_token(api: Api, token: str) -> None:
    from tests.backend.worlds import DINO

    answer = Operator(api, api.sign_in(DINO)).get("commands")
    assert (answer.status_code, answer.json()["code"]) == (401, "operator.token")


def test_a_token_that_is_replaced_is_replaced_at_once(api: Api, world: World, token: str) -> None:
    assert Operator(api).get("commands").status_code == 200
    world.services.settings.operator_token_file.write_text("another token, as long as it is")
    assert Operator(api).get("commands").status_code == 401


# ---- commands


def test_what_was_given_up_is_listed_with_its_reason_in_words(
    api: Api, world: World, token: str, lease: str
) -> None:
    command = dead(world, lease)
    dead(world, lease, 2, state="done", action="camera_on", reason=None)
    (one,) = Operator(api).get("commands").json()["commands"]
    assert (one["id"], one["state"], one["reason"]) == (command, "dead", "lock.no_answer")
    assert one["sentence"] == "The lock did not answer the tickets that were sent."
    assert "power" in one["advice"]
    listed = Operator(api).get("commands", state="done").json()["commands"]
    assert [one["action"] for one in listed] == ["camera_on"]


def test_pages_of_commands_leave_none_out_and_show_none_twice(
    api: Api, world: World, token: str, lease: str
) -> None:
    wanted = [dead(world, lease, number, cycle=number) for number in range(1, 6)]
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = Operator(api).get("commands", **query).json()
        seen += [one["id"] for one in page["commands"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == wanted


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("commands", {"state": "broken"}, "request.invalid"),
        ("commands", {"limit": 0}, "request.invalid"),
        ("commands", {"leaseId": "0x12"}, "request.invalid"),
        ("commands", {"cursor": "nonsense"}, "cursor.invalid"),
        ("incidents", {"cursor": "nonsense"}, "cursor.invalid"),
        ("incidents", {"resolved": "perhaps"}, "request.invalid"),
    ],
)
def test_a_malformed_question_is_refused(
    api: Api, token: str, path: str, query: dict[str, Any], code: str
) -> None:
    answer = Operator(api).get(path, **query)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_retry_is_another_command_that_the_policy_judges_anew(
    api: Api, world: World, token: str, lease: str
) -> None:
    command = dead(world, lease)
    answer = Operator(api).post(f"commands/{command}", {"action": "retry"})
    assert answer.status_code == 200
    made = answer.json()
    assert made["id"] != command
    assert (made["retryOf"], made["state"], made["published"]) == (command, "observed", False)
    assert made["reason"] == "operator.retry"
    assert world.woken == 1
    # once: the new one is at work now
    again = Operator(api).post(f"commands/{command}", {"action": "retry"})
    assert (again.status_code, again.json()["code"]) == (409, "command.replaced")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": 4}, "command.lease_over"),
        ({"state": 5}, "command.lease_over"),
        ({"end_slot": NOW // 900}, "command.lease_over"),
    ],
)
def test_nothing_comes_back_for_a_lease_that_is_over(
    api: Api, world: World, token: str, lease: str, changes: dict[str, int], code: str
) -> None:
    from berth.store.derived import leases

    command = dead(world, lease)
    with world.store.write() as conn:
        conn.execute(update(leases).values(changes))
    answer = Operator(api).post(f"commands/{command}", {"action": "retry"})
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    with world.store.read() as conn:
        assert len(conn.execute(select(commands.c.id)).all()) == 1


def test_nothing_comes_back_for_a_lease_that_a_reorg_took_out(
    api: Api, world: World, token: str, lease: str
) -> None:
    from berth.store.derived import leases

    command = dead(world, lease)
    with world.store.write() as conn:
        conn.execute(leases.delete())
    answer = Operator(api).post(f"commands/{command}", {"action": "retry"})
    assert answer.json()["code"] == "command.lease_over"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": "done"}, "command.done"),
        ({"state": "cancelled"}, "command.done"),
        ({"state": "published"}, "command.not_over"),
        ({"state": "observed"}, "command.not_over"),
        ({"cycle": 3}, "command.cycle"),
    ],
)
def test_what_is_not_given_up_is_not_tried_again(
    api: Api, world: World, token: str, lease: str, changes: dict[str, Any], code: str
) -> None:
    command = dead(world, lease, **changes)
    answer = Operator(api).post(f"commands/{command}", {"action": "retry"})
    assert (answer.status_code, answer.json()["code"]) == (409, code)


@pytest.mark.parametrize("body", [{}, {"action": "lower"}, {"action": "retry", "force": True}])
def test_only_a_retry_can_be_asked_for(
    api: Api, world: World, token: str, lease: str, body: dict[str, Any]
) -> None:
    answer = Operator(api).post(f"commands/{dead(world, lease)}", body)
    assert answer.status_code == 422


def test_an_unknown_command_is_a_404(api: Api, token: str) -> None:
    answer = Operator(api).post("commands/unheard-of", {"action": "retry"})
    assert (answer.status_code, answer.json()["code"]) == (404, "command.unknown")


# ---- rows of the outbox


def test_a_dead_row_of_the_outbox_is_told_and_tried_again_from_the_beginning(
    api: Api, world: World, token: str, lease: str
) -> None:
    with world.store.write() as conn:
        row = {
            "kind": "lease.booked",
            "key": "k",
            "lease_id": lease,
            "payload_json": "{}",
            "created_block": 7,
            "block_hash": "0x" + "aa" * 32,
            "block_timestamp": NOW,
            "created_at": NOW,
            "state": "dead",
            "reason": "no such column",
            "attempts": 10,
            "next_at": 1 << 40,
        }
        conn.execute(insert(outbox).values(row))
        open_incident(conn, "outbox.dead", "outbox.dead:1", "outbox.dead", now=NOW, lease_id=lease)
    (told,) = Operator(api).get("outbox").json()["rows"]
    assert (told["id"], told["error"], told["attempts"]) == (1, "no such column", 10)
    assert Operator(api).post("outbox/1", {"action": "retry"}).status_code == 200
    with world.store.read() as conn:
        after = conn.execute(select(outbox)).mappings().one()
    assert (after["state"], after["attempts"], after["next_at"]) == ("new", 0, 0)
    assert Operator(api).get("incidents").json()["incidents"] == []
    again = Operator(api).post("outbox/1", {"action": "retry"})
    assert (again.status_code, again.json()["code"]) == (409, "outbox.not_dead")
    assert Operator(api).post("outbox/99", {"action": "retry"}).json()["code"] == "outbox.unknown"


# ---- incidents


def test_incidents_are_told_in_words_and_resolved_once(
    api: Api, world: World, token: str, lease: str
) -> None:
    with world.store.write() as conn:
        for number, reason in enumerate(("motor.stuck", "lease.gone"), 1):
            open_incident(
                conn,
                "lease.unserved",
                f"cause {number}",
                reason,
                now=NOW,
                lease_id=lease,
                facts={"cycle": 0},
            )
    two, one = Operator(api).get("incidents").json()["incidents"]
    assert (one["reason"], one["leaseId"], one["facts"]) == ("motor.stuck", lease, {"cycle": 0})
    assert one["sentence"] == "The motor did not get the bar there."
    assert "reorganisation" in two["sentence"]
    done = Operator(api).post(
        f"incidents/{one['id']}", {"resolution": "oiled it", "by": "Ann of the night shift"}
    )
    assert done.status_code == 200
    assert done.json()["by"] == "Ann of the night shift"
    left = Operator(api).get("incidents").json()["incidents"]
    assert [each["id"] for each in left] == [two["id"]]
    everything = Operator(api).get("incidents", resolved=True).json()["incidents"]
    assert [each["resolution"] for each in everything] == [None, "oiled it"]
    again = Operator(api).post(f"incidents/{one['id']}", {"resolution": "once more"})
    assert (again.status_code, again.json()["code"]) == (409, "incident.resolved")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("incidents/1", {"resolution": ""}, 422),
        ("incidents/1", {"resolution": "   "}, 422),
        ("incidents/1", {"resolution": "x" * 501}, 422),
        ("incidents/1", {}, 422),
        ("incidents/99", {"resolution": "done"}, 404),
        ("incidents/0", {"resolution": "done"}, 422),
        (f"incidents/{1 << 70}", {"resolution": "done"}, 422),
    ],
)
def test_a_resolution_needs_words_and_an_incident(
    api: Api, world: World, token: str, path: str, body: dict[str, str], status: int
) -> None:
    with world.store.write() as conn:
        open_incident(conn, "clock.skew", "clock.skew", "clock.skew", now=NOW)
    assert Operator(api).post(path, body).status_code == status
    assert len(Operator(api).get("incidents").json()["incidents"]) == 1


# ---- the same from the command line


@pytest.fixture
def terminal(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    from berth.cli.main import app
    from typer.testing import CliRunner

    monkeypatch.setenv("BERTH_HOME", str(world.home))
    monkeypatch.setenv("BERTH_DATABASE_URL", world.database_url)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_the_command_line_lists_explains_and_retries(
    terminal: Any, world: World, lease: str
) -> None:
    from berth.core.slots import slot_start
    from berth.store.derived import leases

    with world.store.write() as conn:  # the command line goes by the machine's clock
        conn.execute(update(leases).values(end_slot=(1 << 31) - 1))
    assert slot_start((1 << 31) - 1) > NOW
    command = dead(world, lease)
    shown = terminal("commands", "list").output
    assert command in shown
    assert "lock.no_answer: The lock did not answer the tickets that were sent." in shown
    done = terminal("commands", "retry", command, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["retry_of"] == command
    refused = terminal("commands", "retry", command)
    assert refused.exit_code != 0
    assert refused.exception.code == "command.replaced"
    for wrong in ("unheard-of", "outbox/x", "outbox/7"):
        assert terminal("commands", "retry", wrong).exit_code != 0
    assert terminal("commands", "list", "--state", "broken").exception.code == "command.state"


def test_the_command_line_lists_and_resolves_incidents(
    terminal: Any, world: World, lease: str
) -> None:
    assert terminal("incidents", "list").exit_code == 0
    with world.store.write() as conn:
        open_incident(conn, "lease.unserved", "k", "motor.stuck", now=NOW, lease_id=lease)
    listed = terminal("incidents", "list")
    assert listed.exit_code == 1  # there is something to do
    assert f"lease {lease}" in listed.output
    assert "The motor did not get the bar there." in listed.output
    assert terminal("incidents", "resolve", "1", "--words", "oiled it").exit_code == 0
    assert terminal("incidents", "list").exit_code == 0
    assert "oiled it" in terminal("incidents", "list", "--all").output
    assert terminal("incidents", "resolve", "1", "--words", "again").exit_code != 0
    assert terminal("incidents", "resolve", "2", "--words", "what").exit_code != 0
