"""The asset: an ordinary ERC-20 with permit, as OpenZeppelin's."""

from __future__ import annotations

from dataclasses import dataclass, field

from berth.core.addresses import parse_address
from berth.core.model.facts import Permit
from berth.core.model.refusal import NEVER, Refused


@dataclass
class Token:
    """Balances, allowances as (owner, spender), and how many permits an account has used."""

    balances: dict[str, int] = field(default_factory=dict)
    allowances: dict[tuple[str, str], int] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)

    def balance_of(self, account: str) -> int:
        return self.balances.get(parse_address(account), 0)

    def allowance(self, owner: str, spender: str) -> int:
        return self.allowances.get((parse_address(owner), parse_address(spender)), 0)

    def mint(self, account: str, amount: int) -> None:
        self.balances[parse_address(account)] = self.balance_of(account) + amount

    def approve(self, owner: str, spender: str, amount: int) -> None:
        self.allowances[parse_address(owner), parse_address(spender)] = amount

    def permit(self, owner: str, spender: str, permit: Permit, now: int) -> bool:
        """Sets the allowance when the permit is good, and says whether it was."""
        used = self.nonces.get(owner, 0)
        if now > permit.deadline or permit.signed_by != owner or permit.nonce != used:
            return False
        self.nonces[owner] = used + 1
        self.approve(owner, spender, permit.amount)
        return True

    def transfer(self, sender: str, to: str, amount: int) -> None:
        held = self.balance_of(sender)
        if held < amount:
            raise Refused("ERC20InsufficientBalance", (sender, held, amount))
        self.balances[sender] = held - amount
        self.balances[to] = self.balance_of(to) + amount

    def transfer_from(self, spender: str, owner: str, to: str, amount: int) -> None:
        allowed = self.allowance(owner, spender)
        if allowed != NEVER:
            if allowed < amount:
                raise Refused("ERC20InsufficientAllowance", (spender, allowed, amount))
            self.allowances[owner, spender] = allowed - amount
        self.transfer(owner, to, amount)
