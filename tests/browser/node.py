"""A node of an auditor's own: a real one behind another address, honest or not."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Makes another answer of a method's: (method, params, result) to result. It may take its time, and
#: may raise RefusedError.
Change = Callable[[str, list[Any], Any], Any]


class RefusedError(Exception):
    """What a node says instead of an answer."""


def honest(_method: str, _params: list[Any], result: Any) -> Any:
    """Says what the node says."""
    return result


@dataclass
class Node:
    """Where it is, and the methods that it was asked for."""

    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def node_before(rpc: str, change: Change = honest) -> Iterator[Node]:
    """A node on a port of its own that web pages may ask, for the length of a block."""
    node = Node()

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_OPTIONS(self) -> None:
            self._answer(204, b"")

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["content-length"]))
            wanted = urllib.request.Request(rpc, sent, {"content-type": "application/json"})
            with urllib.request.urlopen(wanted, timeout=30) as response:
                answer = json.loads(response.read())
            call = json.loads(sent)
            node.asked.append(call["method"])
            if "result" in answer:
                try:
                    params = call.get("params", [])
                    answer["result"] = change(call["method"], params, answer["result"])
                except RefusedError as refused:
                    told = {"code": -32602, "message": str(refused)}
                    answer = {"jsonrpc": "2.0", "id": call["id"], "error": told}
            self._answer(200, json.dumps(answer).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            for name in ("origin", "headers", "methods"):
                self.send_header(f"access-control-allow-{name}", "*")
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    node.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
