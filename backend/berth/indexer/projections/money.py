"""Credits of accounts, fees, and the market's own row."""

from __future__ import annotations

from berth.chain import events
from berth.core.ledger import EMPTY_HEAD
from berth.indexer.projection import Place, Projection, gap
from berth.store import derived
from berth.store.bulk import Row


def deposited(p: Projection, e: events.Deposited, at: Place) -> None:
    change_credit(p, e.account, e.amount, at)
    add_to_market(p, "deposited", e.amount)
    _moved(p, "in", e.account, e.amount, e.from_, at)


def withdrawn(p: Projection, e: events.Withdrawn, at: Place) -> None:
    change_credit(p, e.account, -e.amount, at)
    add_to_market(p, "withdrawn", e.amount)
    _moved(p, "out", e.account, e.amount, e.to, at)


def auto_payout_set(p: Projection, e: events.AutoPayoutSet, at: Place) -> None:
    _account_row(p, e.account)["auto_payout"] = int(e.enabled)
    p.tell("account.auto_payout", at, (e.account,), {"enabled": e.enabled, "txHash": at.tx_hash})


def payout_failed(p: Projection, e: events.PayoutFailed, at: Place) -> None:
    # the credit stayed where it was
    p.tell("account.payout_failed", at, (e.account,), {"txHash": at.tx_hash})


def fees_withdrawn(p: Projection, e: events.FeesWithdrawn, _at: Place) -> None:
    add_to_market(p, "fees", -e.amount)
    add_to_market(p, "fees_withdrawn", e.amount)


def change_credit(p: Projection, account: str, amount: int, at: Place) -> None:
    """Adds minor units (negative: takes) to an account's credit; nothing for zero."""
    if amount == 0:
        return
    row = _account_row(p, account)
    credit = int(row["credit"]) + amount
    if credit < 0:
        raise gap(f"the credit of {account} would be {credit} in block {at.block_number}")
    row["credit"] = str(credit)
    if p.telling:
        payload = {"account": account, "credit": str(credit), "change": str(amount)}
        p.tell("account.credit", at, (account,), payload)


def _moved(p: Projection, kind: str, account: str, amount: int, other: str, at: Place) -> None:
    p.rows.add(
        derived.movements,
        {
            "block_number": at.block_number,
            "log_index": at.log_index,
            "account": account,
            "kind": kind,
            "amount": str(amount),
            "other": other,
            "at": at.timestamp,
            "tx_hash": at.tx_hash,
        },
    )


def _account_row(p: Projection, account: str) -> Row:
    known = p.rows.edit(derived.accounts, account)
    if known is None:
        new = {"account": account, "credit": "0", "auto_payout": 0}
        return p.rows.add(derived.accounts, new)
    return known


def market_row(p: Projection) -> Row:
    """The market's row, as it is or as a new market's, to set values in."""
    known = p.rows.edit(derived.market_state, 1)
    return p.rows.add(derived.market_state, _NEW_MARKET.copy()) if known is None else known


def add_to_market(p: Projection, column: str, amount: int) -> None:
    """Adds minor units to one of the market's sums."""
    row = market_row(p)
    total = int(row[column]) + amount
    if total < 0:
        raise gap(f"the market's {column} would be {total}")
    row[column] = str(total)


_NEW_MARKET: Row = {
    "id": 1,
    "fees": "0",
    "ledger_count": 0,
    "head": "0x" + EMPTY_HEAD.hex(),
    "fee_bps": 0,
    "paused_until": 0,
    "deposited": "0",
    "withdrawn": "0",
    "fees_withdrawn": "0",
}
