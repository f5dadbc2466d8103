"""What must be true of a lease that has just ended, by the tariff alone."""

from berth.core import tariff
from berth.core.ledger import Record, next_head, record_hash
from berth.core.slots import ceil_slot
from berth.core.states import LeaseState, Outcome
from berth.core.tariff import Bill
from lifecycle.calls import (
    AGREED,
    AWARD,
    ENERGY,
    FROM,
    LAST_UNTIL,
    evidence,
)
from lifecycle.cells import KWH, SLOTS, START_SLOT, TIMES, Cell
from lifecycle.stage import Observation
from support.forms import TERMS

STAY = TERMS, SLOTS, KWH


def bill_of(cell: Cell, outcome: Outcome) -> Bill:
    """What a lease costs that ends so, there and then."""
    if outcome is Outcome.DEPARTED:
        arrived = 1 if cell.situation.state is LeaseState.PARKED else 0
        left = evidence(cell.verb.kind, cell.instant.at, cell.verb.overstay)
        return tariff.bill(TERMS, START_SLOT, SLOTS, KWH, *left, ENERGY, arrived=arrived)
    if outcome is Outcome.PRESUMED:
        return tariff.presumed_bill(*STAY, arrived=1)
    claimed = tariff.bill(TERMS, START_SLOT, SLOTS, KWH, FROM, LAST_UNTIL, ENERGY)
    if outcome in (Outcome.ACCEPTED, Outcome.MATURED):
        return claimed
    if outcome is Outcome.LAPSED:
        return tariff.lapsed_bill(
            *STAY,
            arrived_minute=claimed.arrived - 1,
            until_minute=claimed.until_minute,
            energy_used=claimed.energy_used,
        )
    sums = {
        Outcome.UNUSED: 0,
        Outcome.CANCELLED_BY_OWNER: 0,
        Outcome.OBSTRUCTED: 0,
        Outcome.NO_SHOW: tariff.no_show_charge(TERMS, SLOTS),
        Outcome.RESOLVED: AWARD,
        Outcome.AGREED: AGREED,
    }
    if outcome is Outcome.CANCELLED:
        return tariff.award_bill(*STAY, _cancel_charge(cell))
    return tariff.award_bill(*STAY, sums[outcome])


def compensation(cell: Cell, outcome: Outcome) -> int:
    """What the payee pays the driver besides."""
    if outcome is not Outcome.CANCELLED_BY_OWNER:
        return 0
    if cell.instant.at < TIMES.start:
        return _cancel_charge(cell)
    return tariff.no_show_charge(TERMS, SLOTS)


def check_end(cell: Cell, outcome: Outcome, observed: Observation) -> None:
    """Event, record, head, money, calendar."""
    before, after, at = observed.before, observed.seen.books, cell.instant.at
    settled, bill = observed.seen.event("Settled"), bill_of(cell, outcome)

    amounts = {
        name: getattr(bill, name) for name in ("rent", "overstay", "energy", "fee", "refund")
    }
    assert {name: settled[name] for name in amounts} == amounts
    assert settled["outcome"] == outcome
    assert settled["closedAt"] == at
    assert after.lease["state"] == outcome.terminal_state
    assert (settled["arrived"], settled["until"]) == (after.lease["arrived"], after.lease["until"])
    assert settled["energyWh"] == 100 * after.lease["energyUsed"]

    record = Record(
        lease_id=settled["leaseId"],
        outcome=outcome,
        owner=settled["owner"],
        driver=settled["driver"],
        offer=settled["offer"],
        **amounts,
        arrived=settled["arrived"],
        until=settled["until"],
        energy_wh=settled["energyWh"],
        closed_at=at,
    )
    assert after.head == next_head(before.head, record_hash(record))
    assert after.count == before.count + 1 == settled["number"]

    amends = compensation(cell, outcome)
    gains = {"payee": bill.owner - amends, "driver": bill.refund + amends}
    assert after.credits == {who: held + gains.get(who, 0) for who, held in before.credits.items()}
    assert after.fees == before.fees + bill.fee
    assert after.market_tokens == before.market_tokens
    names = [name for name, _ in observed.seen.events]
    assert ("Compensated" in names) == bool(amends)

    rest = range(max(START_SLOT, ceil_slot(at)), START_SLOT + SLOTS)
    assert after.calendar == before.calendar - set(rest)


def _cancel_charge(cell: Cell) -> int:
    return tariff.cancel_charge(TERMS, START_SLOT, SLOTS, cell.instant.at)
