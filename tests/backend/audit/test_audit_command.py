"""`berth audit` on a data folder, against a node that speaks HTTP."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from berth.cli.audit import app
from berth.core.deployment import save_deployment
from berth.core.errors import BerthError
from berth.core.slots import slot_at
from typer.testing import CliRunner

from tests.backend.worlds import DEPLOYMENT, NOW, World

RUN = CliRunner()


@pytest.fixture
def folder(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The world's folder as BERTH_HOME, three settlements, and a node that has them too."""
    space = world.add_space()
    world.add_offer(space)
    for number in range(3):
        lease = world.add_lease(space, slot_at(NOW) - 100 + 10 * number, 8)
        world.settle(lease)
    save_deployment(DEPLOYMENT, world.home / "deployment.json")
    world.node.answers["ledger"] = lambda call: (world.head, world.count, 0)
    server = HTTPServer(("127.0.0.1", 0), node_of(world))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("BERTH_HOME", str(world.home))
    monkeypatch.setenv("BERTH_RPC_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("BERTH_DATABASE_URL", world.database_url)
    monkeypatch.delenv("BERTH_DEPLOYMENT", raising=False)
    yield world
    server.shutdown()
    thread.join()
    server.server_close()


def node_of(world: World) -> type[BaseHTTPRequestHandler]:
    """JSON-RPC with as much of a node as a verification asks for."""
    import asyncio

    class Node(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            asked = json.loads(self.rfile.read(length))
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": answer(asked)})
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    def answer(asked: dict[str, object]) -> object:
        method, params = asked["method"], asked["params"]
        if method == "eth_chainId":
            return hex(world.node.chain)
        if method == "eth_getCode":
            return "0x60"
        if method == "eth_getBlockByNumber":
            return {
                "hash": DEPLOYMENT.genesis_hash,
                "parentHash": "0x" + "00" * 32,
                "number": "0x0",
                "timestamp": "0x0",
            }
        call = params[0]  # type: ignore[index]
        data = bytes.fromhex(call["data"][2:])
        return "0x" + asyncio.run(world.node.eth_call(call["to"], data)).hex()

    return Node


def test_verify_says_complete_and_exits_0(folder: World) -> None:
    result = RUN.invoke(app, ["verify"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("complete: Every settlement is here, unaltered")
    assert f"3 settlements, head 0x{folder.head.hex()}" in result.output


def test_verify_prints_json_for_machines(folder: World) -> None:
    result = RUN.invoke(app, ["verify", "--json"])
    facts = json.loads(result.output)
    assert (facts["verdict"], facts["indexCount"], facts["at"]) == ("complete", 3, None)


def test_verify_exits_1_when_a_record_was_altered(folder: World) -> None:
    with folder.store.write() as conn:
        conn.exec_driver_sql("UPDATE settlements SET refund = '5' WHERE number = 2")
    result = RUN.invoke(app, ["verify"])
    assert result.exit_code == 1
    assert "Settlement 2" in result.output


def test_verify_refuses_another_chain(folder: World) -> None:
    folder.node.chain = 5
    result = RUN.invoke(app, ["verify"])
    assert isinstance(result.exception, BerthError)
    assert result.exception.code == "chain.id"


def test_export_writes_a_whole_file(folder: World, tmp_path: Path) -> None:
    out = tmp_path / "ledger.csv"
    result = RUN.invoke(app, ["export", "--out", str(out)])
    assert result.exit_code == 0, result.output
    lines = list(csv.DictReader(io.StringIO(out.read_text("utf-8"))))
    assert [line["number"] for line in lines] == ["1", "2", "3"]
    assert list(tmp_path.glob(".ledger*")) == []


def test_export_writes_to_standard_output(folder: World) -> None:
    result = RUN.invoke(app, ["export", "--format", "json", "--after", "2"])
    assert [line["number"] for line in json.loads(result.output)] == [3]


def test_export_into_nowhere_is_an_error_that_names_the_option(folder: World) -> None:
    result = RUN.invoke(app, ["export", "--out", "/nowhere/ledger.csv"])
    assert isinstance(result.exception, BerthError)
    assert (result.exception.field, result.exception.exit_code) == ("out", 2)


def test_an_unknown_format_is_refused(folder: World) -> None:
    assert RUN.invoke(app, ["export", "--format", "xml"]).exit_code == 2
