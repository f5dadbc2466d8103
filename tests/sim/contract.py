"""The reference model behind the contracts' ABI: calls in, words, logs and reverts out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from berth.chain.abi import Entry, load_abi
from berth.core.deployment import Deployment
from berth.core.messages import occupancy, recover
from berth.core.model import Market, Occupancy, Refused, Registry, Token
from eth_abi.abi import encode as abi_encode

MARKET, TOKEN, TITLES = load_abi("ParkingMarket"), load_abi("TestToken"), load_abi("TitleRegistry")

#: (address, topics, data)
RawLog = tuple[str, list[str], bytes]
#: What a transaction does to a market; raises Refused.
Deed = Callable[[Market], Any]


class RevertError(Exception):
    """The contract refuses, with an error of its ABI."""

    def __init__(self, data: bytes, text: str) -> None:
        super().__init__(text)
        self.data = data


def clone(market: Market) -> Market:
    """Another market in the same state; values in the books are immutable and shared."""
    twin = _copy(market)
    twin.token, twin.registry = _copy(market.token), _copy(market.registry)
    return twin


def _copy(part: Any) -> Any:
    twin = copy.copy(part)
    for each in fields(part):
        value = getattr(part, each.name)
        if isinstance(value, (dict, list, set)):
            setattr(twin, each.name, value.copy())
    return twin


def encode_log(address: str, entry: Entry, values: dict[str, Any]) -> RawLog:
    """A log as the contract writes it."""
    topics = ["0x" + entry.topic.hex()]
    plain = [p for p in entry.inputs if not p.indexed]
    topics += [
        "0x" + abi_encode([p.type], [values[p.name]]).hex() for p in entry.inputs if p.indexed
    ]
    return address, topics, abi_encode([p.type for p in plain], [values[p.name] for p in plain])


def logs_of(market: Market, address: str) -> list[RawLog]:
    """The logs of the model's last verb."""
    return [encode_log(address, MARKET.events[name], values) for name, values in market.events]


def revert_of(refused: Refused) -> RevertError:
    """The data that the contract's revert carries."""
    entry = (
        next(e for e in MARKET.errors.values() if e.name == refused.error_name)
        if any(e.name == refused.error_name for e in MARKET.errors.values())
        else None
    )
    if entry is None:  # of the token
        text = f"execution reverted: {refused}"
        return RevertError(b"", text)
    values = [
        given.encode().ljust(32, b"\0") if p.type == "bytes32" and isinstance(given, str) else given
        for p, given in zip(entry.inputs, refused.arguments, strict=True)
    ]
    data = entry.selector + abi_encode([p.type for p in entry.inputs], values)
    return RevertError(data, f"execution reverted: {refused}")


@dataclass(frozen=True)
class Codec:
    """One deployment's addresses, and what stands behind them."""

    deployment: Deployment

    def view(self, market: Market, to: str, data: bytes) -> bytes:
        """The answer of a read. Raises RevertError; ValueError for what is not simulated."""
        if to == self.deployment.asset:
            return self._token(market.token, data)
        entry = _entry(MARKET, data)
        reader = _READERS.get(entry.name)
        if reader is None:
            raise ValueError(f"the simulated contract has no view {entry.name}")
        try:
            answer = reader(market, **entry.decode_inputs(data[4:]))
        except Refused as refused:
            raise revert_of(refused) from refused
        return abi_encode([p.canonical for p in entry.outputs], answer)

    def is_verb(self, data: bytes) -> bool:
        """Does it change something?"""
        return _entry(MARKET, data).name in (*_VERBS, "record", "recordBatch")

    def deed(self, sender: str, to: str, data: bytes) -> Deed:
        """What a transaction with this data does."""
        if to != self.deployment.market:
            raise ValueError(f"nobody here sends transactions to {to}")
        entry = _entry(MARKET, data)
        given = entry.decode_inputs(data[4:])
        if entry.name == "record":
            return self._record(sender, [given["o"]], [given["signature"]], batch=False)
        if entry.name == "recordBatch":
            return self._record(sender, given["occupancies"], given["signatures"], batch=True)
        verb = _VERBS[entry.name]
        values = list(given.values())
        return lambda market: getattr(market, verb)(sender, *values)

    def _record(
        self,
        sender: str,
        records: Sequence[dict[str, int]],
        signatures: Sequence[bytes],
        *,
        batch: bool,
    ) -> Deed:
        facts, signers = [], []
        for record, signature in zip(records, signatures, strict=True):
            fact = Occupancy(
                record["leaseId"], record["kind"], record["from"], record["until"],
                record["energyWh"],
            )  # fmt: skip
            message = occupancy(
                self.deployment.domain, fact.lease_id, fact.kind, fact.from_, fact.until,
                fact.energy_wh,
            )  # fmt: skip
            facts.append(fact)
            signers.append(recover(message, signature))
        if batch:
            return lambda market: market.record_batch(sender, facts, signers)
        return lambda market: market.record(sender, facts[0], signers[0])

    def _token(self, token: Token, data: bytes) -> bytes:
        entry = _entry(TOKEN, data)
        given = entry.decode_inputs(data[4:])
        if entry.name == "balanceOf":
            return abi_encode(["uint256"], [token.balance_of(next(iter(given.values())))])
        if entry.name == "allowance":
            return abi_encode(["uint256"], [token.allowance(*given.values())])
        raise ValueError(f"the simulated token has no view {entry.name}")


def _entry(abi: Any, data: bytes) -> Entry:
    found = next((e for e in abi.functions.values() if e.selector == data[:4]), None)
    if found is None:
        raise RevertError(b"", "execution reverted")
    return found  # type: ignore[no-any-return]


def _lease(market: Market, leaseId: int) -> list[Any]:
    word = market.lease_of(leaseId)
    return [
        (
            word.driver, int(word.state), word.disputed, word.slots, word.offer, word.epoch,
            word.kwh_cap, word.arrived, word.until, word.energy_used, word.no_show,
        )
    ]  # fmt: skip


def _space(market: Market, spaceId: int) -> list[Any]:
    words = market.spaces.get(spaceId)
    if words is None:
        return [0, 0, 0]
    return [*words.encode(), market.rotation_of(spaceId).encode()]


_VERBS = {
    "close": "close", "closeBatch": "close_batch", "delist": "delist",
    "payout": "payout", "payoutBatch": "payout_batch",
}  # fmt: skip
_READERS: dict[str, Callable[..., list[Any]]] = {
    "leaseOf": _lease,
    "depositOf": lambda market, leaseId: [market.deposit_of(leaseId)],
    "spaceOf": _space,
    "offerOf": lambda market, spaceId, number: list(market.offer_of(spaceId, number)),
    "creditOf": lambda market, account: [market.credit_of(account)],
    "autoPayoutOf": lambda market, account: [market.account_of(account).auto_payout],
    "ledger": lambda market: [market.head, market.count, market.fees],
    "payeeOf": lambda market, spaceId, offer: [market.payee_of(spaceId, offer)],
    "config": lambda market: [
        market.fee_bps, market.paused_until, sum(1 << i for i in market.revoked_attesters),
    ],
}  # fmt: skip


def first_market(deployment: Deployment, admin: str, arbiter: str) -> Market:
    """The contract as it is deployed."""
    registry = Registry()
    registry.set_market(deployment.market)
    return Market(
        address=deployment.market,
        forwarder=deployment.forwarder,
        token=Token(),
        registry=registry,
        admin=admin,
        arbiter=arbiter,
        fee_bps=deployment.fee_bps,
    )
