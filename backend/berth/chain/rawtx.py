"""A transaction's own bytes, from whatever a node tells of it.

Few nodes hand them out; all tell the fields, and the bytes made of these are right when, and only
when, their hash is the transaction's.
"""

from __future__ import annotations

from typing import Any

import rlp  # type: ignore[import-untyped]

from berth.chain.rpc import Rpc, RpcError
from berth.core.hashing import keccak


async def raw_transaction(rpc: Rpc, tx_hash: str) -> bytes | None:
    """The signed bytes of a transaction that the node knows, mined or waiting; None when it knows
    none, or one of a kind that is not known here."""
    told = await rpc.call("eth_getTransactionByHash", tx_hash)
    if isinstance(told, dict):
        made = _encode(told)
        if made is not None and "0x" + keccak(made).hex() == tx_hash:
            return made
    try:
        text = await rpc.call("eth_getRawTransactionByHash", tx_hash)
    except RpcError:
        return None
    try:
        raw = bytes.fromhex(str(text).removeprefix("0x"))
    except ValueError:
        return None
    return raw if raw and "0x" + keccak(raw).hex() == tx_hash else None


def _encode(told: dict[str, Any]) -> bytes | None:
    try:
        kind = int(told.get("type") or "0x0", 16)
        if kind == 0:
            return bytes(rlp.encode([*_call(told, "gasPrice"), *_signature(told, "v")]))
        if kind not in (1, 2):
            return None
        fees = ("gasPrice",) if kind == 1 else ("maxPriorityFeePerGas", "maxFeePerGas")
        access = [
            [_bytes(entry["address"]), [_bytes(key) for key in entry["storageKeys"]]]
            for entry in told.get("accessList") or []
        ]
        parity = "yParity" if told.get("yParity") is not None else "v"
        fields = [
            _number(told["chainId"]),
            *_call(told, *fees),
            access,
            *_signature(told, parity),
        ]
        return bytes([kind]) + bytes(rlp.encode(fields))
    except (KeyError, TypeError, ValueError):
        return None


def _call(told: dict[str, Any], *fees: str) -> list[bytes]:
    to = told.get("to")
    return [
        _number(told["nonce"]),
        *(_number(told[fee]) for fee in fees),
        _number(told["gas"]),
        b"" if to is None else _bytes(to),
        _number(told["value"]),
        _bytes(told.get("input") or told.get("data") or "0x"),
    ]


def _signature(told: dict[str, Any], parity: str) -> list[bytes]:
    return [_number(told[name]) for name in (parity, "r", "s")]


def _number(text: str) -> bytes:
    """Big-endian without leading zeros, as RLP has numbers."""
    value = int(text, 16)
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
