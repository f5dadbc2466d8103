"""Money in and out: credits of accounts, and the token behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from berth.core.addresses import ZERO, parse_address
from berth.core.model.books import Account, Books, verb
from berth.core.model.facts import Permit
from berth.core.model.refusal import MAX_8, MAX_128, Refused, at_most, between, refuse

MAX_BATCH = 100


class Credits(Books):
    """Tokens held = credits + deposits of open leases + fees (+ what somebody gave away)."""

    @verb
    def deposit(self, sender: str, amount: int) -> None:
        self._deposit(sender, sender, amount)

    @verb
    def deposit_for(self, sender: str, account: str, amount: int) -> None:
        account = parse_address(account, "account")
        if account in (ZERO, self.address, self.forwarder):
            refuse("BadAccount", "account", account)
        self._deposit(sender, account, amount)

    @verb
    def deposit_with_permit(self, sender: str, amount: int, permit: Permit) -> None:
        self._permit(sender, permit)
        self._deposit(sender, sender, amount)

    @verb
    def withdraw(self, sender: str, to: str, amount: int) -> None:
        to = parse_address(to, "to")
        between("amount", amount, 1, MAX_128)
        self._debit(sender, amount)
        self.emit("Withdrawn", account=sender, to=to, amount=amount)
        self._push(to, amount)

    @verb
    def set_auto_payout(self, sender: str, enabled: bool) -> None:
        self.accounts[sender] = replace(self.account_of(sender), auto_payout=enabled)
        self.emit("AutoPayoutSet", account=sender, enabled=enabled)

    @verb
    def payout(self, sender: str, account: str) -> None:
        self._payout(parse_address(account, "account"))

    @verb
    def payout_batch(self, sender: str, accounts: Sequence[str]) -> None:
        between("accounts", len(accounts), 1, MAX_BATCH)
        for account in map(parse_address, accounts):
            undo = self.save()
            try:
                self._payout(account)
            except Refused:
                undo()
                self.emit("PayoutFailed", account=account)

    def account_of(self, account: str) -> Account:
        return self.accounts.get(parse_address(account), Account())

    def credit_of(self, account: str) -> int:
        return self.account_of(account).credit

    def _deposit(self, payer: str, account: str, amount: int) -> None:
        between("amount", amount, 1, MAX_128)
        self._credit(account, amount)
        self.emit("Deposited", account=account, from_=payer, amount=amount)
        self._pull(payer, amount)

    def _payout(self, account: str) -> None:
        held = self.account_of(account)
        if not held.auto_payout:
            refuse("PayoutNotWanted", account)
        between("credit", held.credit, 1, MAX_128)
        self._debit(account, held.credit)
        self.emit("Withdrawn", account=account, to=account, amount=held.credit)
        self._push(account, held.credit)

    def _permit(self, owner: str, permit: Permit) -> None:
        """A permit that is no good changes nothing: the transfer says so if it was needed."""
        at_most("permit.v", permit.v, MAX_8)
        self.token.permit(owner, self.address, permit, self.now)

    def _credit(self, account: str, amount: int) -> None:
        held = self.account_of(account)
        at_most("credit", held.credit + amount, MAX_128)
        self.accounts[account] = replace(held, credit=held.credit + amount, used=True)

    def _debit(self, account: str, amount: int) -> None:
        held = self.account_of(account)
        if held.credit < amount:
            refuse("CreditTooLow", account, held.credit, amount)
        self.accounts[account] = replace(held, credit=held.credit - amount)

    def _escrow(self, account: str, amount: int) -> int:
        """Takes from credit first, then from the token balance; what was pulled from there."""
        from_credit = min(self.credit_of(account), amount)
        if from_credit:
            self._debit(account, from_credit)
        if from_credit < amount:
            self._pull(account, amount - from_credit)
        return amount - from_credit

    def _pull(self, account: str, amount: int) -> None:
        self.token.transfer_from(self.address, account, self.address, amount)

    def _push(self, to: str, amount: int) -> None:
        if to in (ZERO, self.address):
            refuse("BadAccount", "to", to)
        self.token.transfer(self.address, to, amount)
