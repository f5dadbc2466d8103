"""Signed call data through the forwarder."""

from brownie import web3
from eth_account import Account
from eth_account.messages import encode_typed_data

from support.clock import DAY, now
from support.keys import Key

_FIELDS = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("gas", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint48"),
    ("data", "bytes"),
)


def relay(
    world,
    by: Key,
    data: bytes | str,
    *,
    to=None,
    forwarder=None,
    signer: Key | None = None,
    relayer=None,
):
    """Signs call data, whatever it is, with a key that has no ether, and lets somebody else send
    it to whatever trusts the forwarder."""
    forwarder = forwarder or world.forwarder
    request = {
        "from": by.address,
        "to": str(to or world.market.address),
        "value": 0,
        "gas": 1_000_000,
        "nonce": forwarder.nonces(by.address),
        "deadline": now() + DAY,
        "data": bytes.fromhex(data[2:]) if isinstance(data, str) else data,
    }
    domain = {
        "name": "Berth Forwarder",
        "version": "1",
        "chainId": web3.chain_id,
        "verifyingContract": forwarder.address,
    }
    types = {"ForwardRequest": [{"name": name, "type": kind} for name, kind in _FIELDS]}
    typed = encode_typed_data(domain, types, request)
    signature = bytes(Account.sign_message(typed, (signer or by).private).signature)
    form = (*(request[n] for n in ("from", "to", "value", "gas", "deadline", "data")), signature)
    return forwarder.execute(form, {"from": relayer or world.stranger})
