"""The node asked directly: what a contract would answer now, or does answer, its refusals by name.

A call moves no clock, so that many can be compared at one second.
"""

from types import SimpleNamespace

from berth.core.hashing import keccak
from brownie import web3
from eth_abi import decode

GAS = 12_000_000


def refusal(contract, data: str, sender, *others, send: bool = False) -> tuple | None:
    """Why the contract would refuse this call now: (error, arguments ...); None = it would not.
    With `send` it is a transaction, in a block of its own.

    Errors are known by the ABIs of the contract and of the `others` that it calls; one that nobody
    knows is ("?", data).
    """
    call = {
        "from": str(getattr(sender, "address", sender)),
        "to": contract.address,
        "data": data,
        "gas": hex(GAS),
    }
    if send and "error" not in _ask("eth_sendTransaction", call):
        return None
    # of a transaction that failed the node does not say why; the same call in the time of its
    # block does, because a failure leaves no trace
    answer = _ask("eth_call", call, "latest")
    if "error" not in answer:
        assert not send, "refused as a transaction, and not as a call"
        return None
    data = answer["error"].get("data") or "0x"
    said = bytes.fromhex(data.removeprefix("0x"))
    for entry in (entry for one in (contract, *others) for entry in one.abi):
        if entry["type"] == "error" and _selector(entry) == said[:4]:
            return entry["name"].removeprefix("Berth_"), *decode(_types(entry), said[4:])
    return "?", said


def _ask(method: str, *parameters) -> dict:
    return web3.provider.make_request(method, list(parameters))


def named(function, answer) -> SimpleNamespace:
    """The one struct that a view answers, its members by their names."""
    (output,) = function.abi["outputs"]
    return _struct(output["components"], answer)


def _struct(components: list[dict], values) -> SimpleNamespace:
    return SimpleNamespace(
        **{
            part["name"]: _struct(part["components"], value) if part["type"] == "tuple" else value
            for part, value in zip(components, values, strict=True)
        }
    )


def _types(entry: dict) -> list[str]:
    return [parameter["type"] for parameter in entry["inputs"]]


def _selector(entry: dict) -> bytes:
    return keccak(f"{entry['name']}({','.join(_types(entry))})".encode())[:4]
