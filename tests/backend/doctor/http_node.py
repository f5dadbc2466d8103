"""A node on a real port that says what a mirror says, and misbehaves when told to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from berth.chain.rpc import RpcError

from tests.backend.audit.mirror import Mirror


class HttpNode:
    """`answers[method]` replaces an answer; an exception in it becomes an RPC error. `hanging`
    keeps every request waiting."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self.answers: dict[str, Callable[[list[Any]], Any]] = {}
        self.balance, self.gas_price = 10**18, 10**9
        self.released = threading.Event()
        self.released.set()
        self.url = ""

    @property
    def hanging(self) -> bool:
        return not self.released.is_set()

    @hanging.setter
    def hanging(self, wanted: bool) -> None:
        (self.released.clear if wanted else self.released.set)()

    @contextmanager
    def serving(self) -> Iterator[HttpNode]:
        node = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node.released.wait(60)
                many = body if isinstance(body, list) else [body]
                answers = [node.answer(one) for one in many]
                content = json.dumps(answers if isinstance(body, list) else answers[0]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            self.hanging = False
            server.shutdown()
            server.server_close()
            thread.join()

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        try:
            result = self._result(call["method"], call["params"])
        except RpcError as error:
            return {"id": call["id"], "error": {"code": error.rpc_code, "message": error.text}}
        return {"id": call["id"], "result": result}

    def _result(self, method: str, params: list[Any]) -> Any:
        if method in self.answers:
            return self.answers[method](params)
        mirror = self.mirror
        if method == "eth_chainId":
            return hex(mirror.chain)
        if method == "eth_blockNumber":
            return hex(mirror.head)
        if method == "eth_getBlockByNumber":
            which = params[0] if params[0] == "latest" else int(params[0], 16)
            return _header(asyncio.run(mirror.block(which)))
        if method == "eth_getLogs":
            return []
        if method == "eth_getCode":
            return "0x60"
        if method == "eth_getBalance":
            return hex(self.balance)
        if method == "eth_gasPrice":
            return hex(self.gas_price)
        if method == "eth_call":
            call, tag = params
            data = bytes.fromhex(call["data"][2:])
            return "0x" + asyncio.run(mirror.eth_call(call["to"], data, block=tag)).hex()
        raise AssertionError(f"nobody answers {method}")


def _header(block: Any) -> dict[str, str] | None:
    if block is None:
        return None
    return {
        "hash": block.hash,
        "parentHash": "0x" + "00" * 32,
        "number": hex(block.number),
        "timestamp": hex(block.timestamp),
    }
