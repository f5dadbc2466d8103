"""What an account may do with a lease now, by the index: the contract has the last word."""

from __future__ import annotations

from berth.core.states import LeaseState
from berth.core.tariff import Terms, cancel_charge, no_show_charge
from berth.market.leases import Lease, times_of

_RUNNING = (LeaseState.BOOKED, LeaseState.PARKED)


def verbs_of(lease: Lease, terms: Terms, account: str, now: int) -> list[str]:
    """The contract's verbs that its party `account` may use at `now` (Unix seconds), in the order
    in which one would offer them."""
    if not lease.is_open:
        return []
    times = times_of(lease, terms)
    driver, payee = account == lease.driver, account == lease.owner
    booked, claimed = lease.state is LeaseState.BOOKED, lease.state is LeaseState.CLAIMED
    calm = not lease.disputed
    closes = times.t3 if lease.disputed else times.t2 if claimed else times.t1
    legal = {
        "extend": calm and driver and lease.state in _RUNNING and now < times.end,
        "changeVehicle": calm and driver and lease.state in _RUNNING and now < times.end,
        "cancel": calm and driver and booked and now < times.start,
        "ownerCancel": calm and payee and booked and now < times.t1,
        "dispute": calm and times.start <= now < (times.t2 if claimed else times.t1),
        "agree": True,
        "close": now >= closes or (claimed and calm and driver),
    }
    return [verb for verb, allowed in legal.items() if allowed]


def cancelling_costs(lease: Lease, terms: Terms, account: str, now: int) -> int | None:
    """What cancelling would cost the account now, minor units: the driver from the deposit, the
    owner from credit; None when it is not possible."""
    verbs = verbs_of(lease, terms, account, now)
    if "cancel" not in verbs and "ownerCancel" not in verbs:
        return None
    if now >= lease.start:
        return no_show_charge(terms, lease.slots)
    return cancel_charge(terms, lease.start_slot, lease.slots, now)
