"""The sponsor's account: how many more calls it pays for, and what does not get through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, func, select

from berth.chain.rpc import Rpc
from berth.store.clock import database_now
from berth.store.kept import sent_transactions as sent

#: Gas of a dear call: a lease with a new vehicle and a permit, through the forwarder, needs less.
CALL_GAS = 250_000
#: What is out for longer is stuck, seconds: by then it was sent again more than once, and dearer.
STUCK_SECONDS = 300
_OPEN = ("signed", "sent")

Level = Literal["ok", "low", "empty", "stuck"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The sponsor's transactions that are out: how many, and for how long the oldest, seconds."""

    count: int = 0
    oldest: int = 0

    @property
    def stuck(self) -> bool:
        return self.oldest > STUCK_SECONDS


@dataclass(frozen=True, slots=True)
class Purse:
    """The sponsor as it is now. `balance` and `price` (of a unit of gas) in wei; `warn` is the
    number of calls below which it is low."""

    account: str
    balance: int
    price: int
    waiting: Waiting
    warn: int

    @property
    def calls(self) -> int:
        """Calls that the balance still pays for, at today's price of gas."""
        return self.balance // max(1, CALL_GAS * self.price)

    @property
    def level(self) -> Level:
        """The one word. An empty account is told before anything: nobody's call is paid for."""
        if self.calls == 0:
            return "empty"
        if self.waiting.stuck:
            return "stuck"
        return "low" if self.calls < self.warn else "ok"


async def balance_and_price(rpc: Rpc, account: str) -> tuple[int, int]:
    """What an account has, and what a unit of gas costs: wei."""
    balance = await rpc.typed(str, "eth_getBalance", account, "latest")
    price = await rpc.typed(str, "eth_gasPrice")
    return int(balance, 16), int(price, 16)


def waiting_of(conn: Connection, account: str) -> Waiting:
    """What of the account's transactions is out, by the database's clock."""
    count, oldest = conn.execute(
        select(func.count(), func.min(sent.c.submitted_at)).where(
            sent.c.account == account, sent.c.state.in_(_OPEN)
        )
    ).one()
    return Waiting(count, 0 if oldest is None else max(0, database_now(conn) - int(oldest)))
