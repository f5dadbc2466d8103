"""The operator pays for what drivers and owners sign: each request is brought through the
forwarder, at most once.

The sponsor's key can do nothing but pay: the market sees the account that signed, and asks for the
raw sender wherever money leaves. What it may cost is bounded an account, a day, a unit of gas; what
would be refused is not sent.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog
from sqlalchemy import Connection, or_, select

from berth.chain.contracts import Contracts
from berth.chain.reverts import translate
from berth.chain.rpc import Rpc, RpcError
from berth.chain.sender import Sender, decoded_transaction
from berth.core.clock import Clock
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.signing import recover_digest
from berth.market.forwarding import FORWARDED, ForwardRequest, read_call, read_forwarded
from berth.market.intents import dry_run
from berth.market.permits import has_key
from berth.market.sponsor_purse import balance_and_price
from berth.store.derived import leases, spaces
from berth.store.engine import Store
from berth.store.kept import sent_transactions as sent
from berth.store.outage import OUTAGE, reason_of
from berth.store.transactions import DAY, SentTransaction, TransactionJournal

#: Gas of one request: no call of the market needs more.
MOST_GAS = 3_000_000
#: Part of the estimate added to a request's gas: state may have changed when it is mined.
GAS_MARGIN_PCT = 25
#: How long what is signed may be brought, seconds; the clocks of both sides may differ a little.
LONGEST_SECONDS = 600
_CLOCKS_APART = 30
#: Of a transaction: intrinsic gas, the most a byte of data costs, what the forwarder needs itself.
_EMPTY_GAS, _BYTE_GAS, _FORWARDER_GAS = 21_000, 40, 100_000
#: How often what is out is looked after.
_LOOK_SECONDS = 5.0
_OPEN = ("signed", "sent")
_GONE = ("dropped", "replaced")
_CHUNK = 500
#: Why the sender sends nothing now, though the request is good.
_NOT_NOW = ("chain.spend_cap", "chain.fee_ceiling", "chain.refused")
_log = structlog.get_logger("berth.sponsor")


@dataclass(frozen=True)
class Bounds:
    """What is paid for in 24 hours: requests of one account, gas of one account, gas in all. Of
    this a part is for newcomers: anybody can make accounts, but not use up what the others need."""

    calls: int = 40
    account_gas: int = 15_000_000
    gas: int = 300_000_000
    newcomers_pct: int = 50

    @property
    def newcomers_gas(self) -> int:
        """Gas for all accounts together that never had a space or a lease."""
        return self.gas * self.newcomers_pct // 100


@dataclass(frozen=True)
class _Use:
    """What was paid for in the last 24 hours."""

    calls: int
    account_gas: int
    gas: int
    by_account: Mapping[str, int]


class Sponsor:
    """Brings signed requests to the chain. Others may be at work with the same journal and key."""

    def __init__(
        self,
        store: Store,
        rpc: Rpc,
        deployment: Deployment,
        sender: Sender,
        clock: Clock,
        bounds: Bounds | None = None,
    ) -> None:
        self._store = store
        self._journal = TransactionJournal(store)
        self._rpc = rpc
        self._deployment = deployment
        self._contracts = Contracts.of(deployment)
        self._sender = sender
        self._clock = clock
        self._bounds = bounds or Bounds()
        self._one_by_one: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def account(self) -> str:
        """Whose ether pays."""
        return self._sender.address

    async def run(self) -> None:
        """Looks after what is out, for ever: what a crash or a reorg lost is sent again."""
        while True:
            try:
                await self._sender.resume()
            except OUTAGE as error:
                _log.warning("sponsor waits", reason=reason_of(error))
            except BerthError as error:
                _log.warning("sponsor waits", reason=error.message)
            except Exception:  # requests are answered whatever becomes of those that are out
                _log.exception("sponsor failed")
            await asyncio.sleep(_LOOK_SECONDS)

    async def offer(self, account: str, to: str, data: bytes, gas: int) -> ForwardRequest | None:
        """What `account` would sign so that this call, which needs `gas`, is paid for; None where
        it has to pay itself. Raises BerthError intent.busy."""
        call = read_call(self._contracts, to, data)
        if to != self._deployment.market or call.verb not in FORWARDED:
            return None
        most = gas + gas * GAS_MARGIN_PCT // 100
        if most > MOST_GAS or not await has_key(self._rpc, account):
            return None
        if await asyncio.to_thread(self._over_now, account, most) is not None:
            return None
        nonce = await self._nonce(account)
        await self._done_with(account)
        deadline = self._clock.now() + LONGEST_SECONDS
        request = ForwardRequest(account, to, most, nonce, deadline, data)
        return request if await self._can_pay(request) else None

    async def bring(self, request: ForwardRequest, signature: bytes) -> str:
        """Sends a signed request, once, ever; its id. Raises BerthError: intent.target, .data,
        .verb, .gas, .deadline, .signature, .nonce, .busy, .limit, .not_paid; ChainRevertError."""
        self._check(request)
        digest = request.message(self._deployment).digest
        identity = "0x" + digest.hex()
        purpose = purpose_of(request.account, identity)
        if await self._on_record(purpose):
            return identity
        if recover_digest(digest, signature) != request.account:
            raise BerthError(
                "intent.signature",
                "is not by the account that the request is from",
                field="signature",
                status=422,
            )
        lock = self._one_by_one.setdefault(request.account, asyncio.Lock())
        async with lock:
            if not await self._on_record(purpose):
                await self._send(purpose, request, signature)
        return identity

    def _check(self, request: ForwardRequest) -> None:
        call = read_call(self._contracts, request.to, request.data, "request.data")
        if request.to != self._deployment.market:
            raise BerthError(
                "intent.target", "is paid for on the market only", field="request.to", status=422
            )
        if call.verb not in FORWARDED:
            raise BerthError(
                "intent.verb",
                "{verb} is sent by the account itself",
                field="request.data",
                status=422,
                verb=call.verb,
            )
        if not 0 < request.gas <= MOST_GAS:
            raise BerthError(
                "intent.gas",
                "is not from 1 to {most}",
                field="request.gas",
                status=422,
                most=MOST_GAS,
            )
        now = self._clock.now()
        if not now < request.deadline <= now + LONGEST_SECONDS + _CLOCKS_APART:
            raise BerthError(
                "intent.deadline",
                "is not within {seconds} seconds from now: prepare it anew",
                field="request.deadline",
                status=422,
                seconds=LONGEST_SECONDS,
            )

    async def _send(self, purpose: str, request: ForwardRequest, signature: bytes) -> None:
        done = await self._done_with(request.account)
        if request.nonce != await self._nonce(request.account):
            raise BerthError(
                "intent.nonce",
                "is not the account's next at the forwarder: prepare it anew",
                field="request.nonce",
                status=409,
            )
        over = await asyncio.to_thread(self._over_now, request.account, request.gas)
        if over is not None:
            raise over

        def unless(conn: Connection) -> BerthError | None:
            """The same once more, when no other process can bring anything: two that looked at the
            same moment must not both send."""
            if set(_open(conn, self._sender.address, request.account)) - done:
                return _busy()
            return self._over(conn, request.account, request.gas)

        _gas, refused = await dry_run(self._rpc, request.account, request.to, request.data)
        if refused is not None:
            raise refused
        forwarder = self._contracts.forwarder
        data, limit = request.calldata(forwarder, signature), _limit(request)
        await self._rehearse(forwarder.address, data, limit)
        try:
            await self._sender.send(purpose, forwarder.address, data, gas=limit, unless=unless)
        except BerthError as error:
            if error.code not in _NOT_NOW:
                raise
            _log.warning("not paid", account=request.account, reason=error.message)
            raise BerthError(
                "intent.not_paid",
                "the operator does not pay for this now: try again later, or send it yourself",
                status=503,
            ) from error

    async def _rehearse(self, to: str, data: bytes, limit: int) -> None:
        """The very transaction, as the chain would take it now."""
        call = {
            "from": self._sender.address,
            "to": to,
            "data": "0x" + data.hex(),
            "gas": hex(limit),
        }
        try:
            await self._rpc.call("eth_call", call, "latest")
        except RpcError as error:
            raise translate(error) from error

    # ---- what is asked of chain and tables

    async def _nonce(self, account: str) -> int:
        return int(await self._contracts.forwarder.read(self._rpc, "nonces", account))

    async def _can_pay(self, request: ForwardRequest) -> bool:
        balance, price = await balance_and_price(self._rpc, self._sender.address)
        return balance >= _limit(request) * price

    async def _on_record(self, purpose: str) -> bool:
        record = await asyncio.to_thread(self._journal.find, purpose)
        return record is not None and record.state not in _GONE

    async def _done_with(self, account: str) -> set[str]:
        """Purposes of the account's that are open on record and in nobody's way: mined, or past
        their deadline, so that the forwarder takes them no more. Any other keeps the account from
        having more brought, for two with one nonce cannot both be done: BerthError intent.busy."""
        records = await asyncio.to_thread(self._open, account)
        for record in records.values():
            data = bytes(decoded_transaction(record.raw)["data"])
            forwarded = read_forwarded(self._contracts, data)
            if forwarded is not None and forwarded.deadline < self._clock.now():
                continue
            hashes = (record.tx_hash, *record.former_hashes)
            receipts = [await self._rpc.receipt(one) for one in hashes]
            if not any(receipts):
                raise _busy()
        return set(records)

    def _open(self, account: str) -> dict[str, SentTransaction]:
        with self._store.read() as conn:
            purposes = _open(conn, self._sender.address, account)
        found = {purpose: self._journal.find(purpose) for purpose in purposes}
        return {purpose: record for purpose, record in found.items() if record is not None}

    def _over_now(self, account: str, gas: int) -> BerthError | None:
        with self._store.read() as conn:
            return self._over(conn, account, gas)

    def _over(self, conn: Connection, account: str, gas: int) -> BerthError | None:
        """Which bound `gas` more would break."""
        use, bounds = self._use(conn, account), self._bounds
        if use.calls >= bounds.calls:
            return BerthError(
                "intent.limit",
                "the operator pays for {calls} orders of an account in 24 hours, and has",
                status=429,
                calls=bounds.calls,
            )
        if use.account_gas + gas > bounds.account_gas:
            return BerthError(
                "intent.limit",
                "what the operator pays for an account in 24 hours is used up",
                status=429,
            )
        if use.gas + gas > bounds.gas:
            return BerthError(
                "intent.limit", "what the operator pays for in 24 hours is used up", status=429
            )
        strangers = newcomers(conn, {account, *use.by_account})
        if account in strangers:
            theirs = sum(used for one, used in use.by_account.items() if one in strangers)
            if theirs + gas > bounds.newcomers_gas:
                return BerthError(
                    "intent.limit",
                    "what the operator pays for newcomers in 24 hours is used up",
                    status=429,
                )
        return None

    def _use(self, conn: Connection, account: str) -> _Use:
        query = select(sent.c.purpose, sent.c.gas_used, sent.c.raw).where(
            sent.c.account == self._sender.address,
            sent.c.state.not_in(_GONE),
            or_(sent.c.submitted_at > int(time.time()) - DAY, sent.c.state.in_(_OPEN)),
        )
        calls, gas, by_account = 0, 0, Counter[str]()
        for row in conn.execute(query):
            used = _gas_of(row.raw) if row.gas_used is None else int(row.gas_used)
            gas += used
            whose = _whose(row.purpose)
            if whose is not None:
                by_account[whose] += used
                calls += whose == account
        return _Use(calls, by_account[account], gas, by_account)


def newcomers(conn: Connection, accounts: Collection[str]) -> set[str]:
    """Those of some accounts that never had a space or a lease here."""
    strangers, wanted = set(accounts), sorted(accounts)
    for at in range(0, len(wanted), _CHUNK):
        some = wanted[at : at + _CHUNK]
        for column in (leases.c.driver, leases.c.owner, spaces.c.owner):
            known = select(column).where(column.in_(some)).distinct()
            strangers -= set(conn.execute(known).scalars())
    return strangers


def _open(conn: Connection, sponsor: str, account: str) -> list[str]:
    """Purposes of the account's requests that are not done, as far as is on record."""
    query = select(sent.c.purpose).where(
        sent.c.account == sponsor,
        sent.c.state.in_(_OPEN),
        sent.c.purpose.startswith(purpose_of(account, ""), autoescape=True),
    )
    return list(conn.execute(query).scalars())


def _busy() -> BerthError:
    return BerthError(
        "intent.busy", "your last order is on its way to the chain: wait for it", status=409
    )


def purpose_of(account: str, identity: str) -> str:
    """Under which a request is on record with the sender: by what was signed, so that the same
    request is one transaction for good."""
    return f"intent:{account}:{identity}"


def _whose(purpose: str) -> str | None:
    """The account of a request on record; None of what fills a gap of nonces."""
    kind, _, rest = purpose.partition(":")
    return rest.partition(":")[0] if kind == "intent" else None


def _limit(request: ForwardRequest) -> int:
    """Gas of the whole transaction: the forwarder insists that the request's own is there when it
    makes the call, of which 63 parts in 64 are handed on."""
    data = len(request.data) + 600  # the other fields and the signature
    around = _EMPTY_GAS + _BYTE_GAS * data + _FORWARDER_GAS
    return around + request.gas * 64 // 63 + 1


def _gas_of(raw: str) -> int:
    return int(decoded_transaction(bytes.fromhex(raw[2:]))["gas"])
