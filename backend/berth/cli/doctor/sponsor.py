"""The sponsor, where there is one: can its account pay for what is likely to come, and does what it
brought get through?"""

from __future__ import annotations

import asyncio

from berth.chain.nodes import Nodes
from berth.cli.doctor.finding import Case, Finding, ok, trouble, unchecked, warning
from berth.cli.keyring import key_path
from berth.core.errors import BerthError
from berth.core.keys import keystore_address
from berth.core.money import Currency
from berth.market.sponsor_purse import Purse, Waiting, balance_and_price, waiting_of
from berth.store.engine import Store
from berth.store.migrations import HEAD
from berth.store.revision import revision

_ETHER = Currency("ether", 18)
_FILL = "send it some ether; until then wallets pay for themselves"


async def examine(case: Case) -> list[Finding]:
    """Nothing to look at where nobody pays for accounts' calls."""
    path = key_path(case.settings.keys, "sponsor")
    if not case.settings.sponsor and not path.exists():
        return [ok("sponsor", "nobody pays for what accounts sign: BERTH_SPONSOR is off")]
    try:
        account = keystore_address(path)
    except BerthError as error:
        return [trouble("sponsor", f"its key: {error}", "`berth keys new --role sponsor`")]
    if case.deployment is None:
        return [unchecked("sponsor", "there is no deployment")]
    if case.store is None:
        return [unchecked("sponsor", "the database cannot be opened")]
    waiting = await asyncio.to_thread(_waiting, case.store, account)
    if waiting is None:
        return [unchecked("sponsor", "the database is at another migration")]
    try:
        async with Nodes(
            case.settings.rpc_urls, case.deployment, timeout=case.answer, retries=0
        ) as rpc:
            balance, price = await balance_and_price(rpc, account)
    except BerthError as error:
        return [unchecked("sponsor", str(error)), _stuck(waiting)]
    purse = Purse(account, balance, price, waiting, case.settings.sponsor_warn)
    return [_balance(purse), _stuck(waiting)]


def _waiting(store: Store, account: str) -> Waiting | None:
    with store.read() as conn:
        return waiting_of(conn, account) if revision(conn) == HEAD else None


def _balance(purse: Purse) -> Finding:
    has = f"the sponsor's account {purse.account} has {_ETHER.format(purse.balance)} ether"
    if purse.calls == 0:
        return trouble("sponsor", f"{has}: not enough for a call", _FILL)
    says = f"{has}: enough for {purse.calls} more calls at today's price of gas"
    if purse.calls < purse.warn:
        return warning("sponsor", f"{says}, fewer than {purse.warn}", _FILL, calls=purse.calls)
    return ok("sponsor", says, calls=purse.calls)


def _stuck(waiting: Waiting) -> Finding:
    says = f"{waiting.count} calls that it brought are out"
    if not waiting.stuck:
        return ok("sponsor.sent", says)
    do = "does an API process run, is BERTH_MAX_FEE_GWEI or BERTH_SPEND_CAP too low? see its log"
    return trouble("sponsor.sent", f"{says}, the oldest for {waiting.oldest} s", do)
