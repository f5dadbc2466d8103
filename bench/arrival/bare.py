"""The least that could answer a block: hear of it, ask for its logs, publish.

    python bench/arrival/bare.py NODE_URL WS_URL BROKER_URL MARKET TOPIC

One subscription to new heads, one eth_getLogs, one MQTT publish of QoS 1 with as many bytes as a
ticket has. The payload begins with the block's number.
"""

from __future__ import annotations

import asyncio
import sys

import httpx
import msgspec
from berth.chain.wire import Log
from berth.devices.mqtt import BrokerLogin
from websockets.asyncio.client import connect

#: Bytes of a ticket with its certificate, roughly.
PAYLOAD = 1400


class _Logs(msgspec.Struct):
    result: list[Log]


_decode = msgspec.json.Decoder(_Logs).decode


async def answer(node: str, ws: str, broker: str, market: str, topic: str) -> None:
    login = BrokerLogin.at(broker, "bare", "bench")
    async with (
        login.client() as line,
        httpx.AsyncClient(trust_env=False) as http,
        connect(ws, proxy=None) as heads,
    ):
        await heads.send('{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}')
        await heads.recv()
        print("ready", flush=True)
        async for message in heads:
            head = msgspec.json.decode(message)["params"]["result"]
            query = {"fromBlock": head["number"], "toBlock": head["number"], "address": [market]}
            call = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [query]}
            content = msgspec.json.encode(call)
            headers = {"Content-Type": "application/json"}
            _decode((await http.post(node, content=content, headers=headers)).content)
            payload = f"{int(head['number'], 16)} ".ljust(PAYLOAD, ".")
            await line.publish(topic, payload, qos=1)


if __name__ == "__main__":
    asyncio.run(answer(*sys.argv[1:6]))
