"""Credits in and out, and what happens to the asset beside the market."""

from differential.cast import UNAPPROVED, address
from differential.moves.leasing import NEVER, permit_of
from differential.steps import Step
from differential.teller import Teller


def deposit(t: Teller) -> Step:
    return Step(t.soon(), t.person(), "deposit", (_amount(t),))


def deposit_for(t: Teller) -> Step:
    return Step(t.soon(), t.person(), "deposit_for", (t.person(), _amount(t)))


def deposit_with_permit(t: Teller) -> Step:
    account, at = address(t.lot.choice(UNAPPROVED)), t.soon()
    return Step(at, account, "deposit_with_permit", (_amount(t), permit_of(t, account, at)))


def withdraw(t: Teller) -> Step:
    account = _rich(t)
    if account is None:
        return deposit(t)
    amount = t.lot.randint(1, t.model.credit_of(account))
    amount = t.lot.choice((amount, t.model.credit_of(account), amount))
    to = account if t.lot.random() < 0.5 else t.person()
    return Step(t.soon(), account, "withdraw", (to, amount))


def set_auto_payout(t: Teller) -> Step:
    account = _rich(t) or t.person()
    return Step(t.soon(), account, "set_auto_payout", (t.lot.random() < 0.8,))


def payout(t: Teller) -> Step:
    wanting = [each for each in _accounts(t) if t.model.account_of(each).auto_payout]
    if not wanting:
        return set_auto_payout(t)
    return Step(t.soon(), t.person(), "payout", (t.lot.choice(wanting),))


def payout_batch(t: Teller) -> Step:
    accounts = [t.person() for _ in range(t.lot.randint(1, 3))]
    accounts += [each for each in _accounts(t) if t.model.account_of(each).auto_payout][:2]
    return Step(t.soon(), t.person(), "payout_batch", (accounts,))


def withdraw_fees(t: Teller) -> Step | None:
    if not t.model.fees:
        return None
    amount = t.lot.choice((1, t.model.fees, t.lot.randint(1, t.model.fees)))
    return Step(t.soon(), address("admin"), "withdraw_fees", (t.person(), amount))


def aside(t: Teller) -> Step:
    """Of the asset: money made, allowances changed, gifts, permits spent by somebody else."""
    person, at, market = t.person(), t.soon(), t.model.address
    what = t.lot.randrange(4)
    if what == 0:
        return Step(at, person, "token.mint", (person, t.lot.choice((1, 10**9, 1 << 126))))
    if what == 1:
        account = address(t.lot.choice(UNAPPROVED))
        amount = t.lot.choice((0, 3, 10**8, NEVER))
        return Step(at, account, "token.approve", (account, market, amount))
    if what == 2:
        held = t.model.token.balance_of(person)
        amount = t.lot.randint(0, min(held, 10**6))
        return Step(at, person, "token.transfer", (person, market, amount))
    account = address(t.lot.choice(UNAPPROVED))
    permit = permit_of(t, account, at)
    return Step(at, person, "token.permit", (account, market, permit, at))


def _amount(t: Teller) -> int:
    return t.lot.choice((1, 777, t.lot.randrange(1, 10**9)))


def _accounts(t: Teller) -> list[str]:
    return [account for account, held in t.model.accounts.items() if held.credit]


def _rich(t: Teller) -> str | None:
    """Somebody with credit who can sign."""
    found = _accounts(t)
    return t.lot.choice(found) if found else None


MONEY = {
    "deposit": deposit,
    "deposit_for": deposit_for,
    "deposit_with_permit": deposit_with_permit,
    "withdraw": withdraw,
    "set_auto_payout": set_auto_payout,
    "payout": payout,
    "payout_batch": payout_batch,
    "withdraw_fees": withdraw_fees,
    "aside": aside,
}
