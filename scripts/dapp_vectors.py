"""Cases for the app's own arithmetic, answered by the readable model: ledger, tariff, a tree.

The app computes them anew in the browser; its tests hold it against these answers.
"""

import json
import random
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from berth.core.ledger import EMPTY_HEAD, Record, next_head, record_hash
from berth.core.merkle import build
from berth.core.slots import slot_start
from berth.core.states import Outcome
from berth.core.tariff import (
    Bill,
    Terms,
    award_bill,
    bill_minutes,
    cancel_charge,
    deposit,
    encode_words,
    lapsed_bill,
    no_show_charge,
    presumed_bill,
    unused_bill,
)
from berth.core.title import Title, leaf

_SEED = 20261121
_CASES_OF_EACH = 10
_MINUTES = (Outcome.DEPARTED, Outcome.ACCEPTED, Outcome.MATURED)


def vectors() -> str:
    """The JSON of all cases; amounts and other wide numbers as decimal text."""
    chance = random.Random(_SEED)
    ends = [one for one in Outcome if one is not Outcome.NONE] * _CASES_OF_EACH
    bills = [_bill_case(chance, outcome) for outcome in ends]
    return json.dumps({"ledger": _ledger(chance), "bills": bills, "tree": _tree(chance)}, indent=1)


def _terms(chance: random.Random) -> Terms:
    no_show = chance.randint(0, 100)
    return Terms(
        price_per_slot=chance.choice((1, chance.randrange(1, 10**7), chance.randrange(1, 1 << 80))),
        price_per_kwh=chance.randrange(10**9),
        fee_bps=chance.randint(0, 1000),
        overstay_pct=chance.randint(100, 1000),
        reserve_minutes=chance.randint(0, 1440),
        minimum_pct=chance.randint(0, 100),
        free_cancel_hours=chance.randint(0, 48),
        no_show_pct=no_show,
        cancel_pct=chance.randint(0, no_show),
        hours_of_week=(1 << 168) - 1,
        utc_offset=0,
        first_day=0,
        last_day=65535,
        min_slots=1,
        max_slots=672,
        flags=0,
    )


def _bill_case(chance: random.Random, outcome: Outcome) -> dict[str, Any]:
    terms, slots, cap = _terms(chance), chance.randint(1, 672), chance.randint(0, 255)
    start_slot = 1_900_000
    closed_at = slot_start(start_slot) + chance.randint(-60 * 3600, 3600)
    arrived = chance.randint(0, 15 * slots)
    until = chance.randint(arrived, 15 * slots + 5 + terms.reserve_minutes)
    used = chance.randint(0, 10 * cap)
    rules: dict[Outcome, Callable[[], Bill]] = {
        **{
            one: lambda: bill_minutes(
                terms, slots, cap, arrived_minute=arrived, until_minute=until, energy_used=used
            )
            for one in _MINUTES
        },
        Outcome.LAPSED: lambda: lapsed_bill(
            terms, slots, cap, arrived_minute=arrived, until_minute=until, energy_used=used
        ),
        Outcome.PRESUMED: lambda: presumed_bill(terms, slots, cap, arrived=arrived + 1),
        Outcome.CANCELLED: lambda: award_bill(
            terms, slots, cap, cancel_charge(terms, start_slot, slots, closed_at)
        ),
        Outcome.NO_SHOW: lambda: award_bill(terms, slots, cap, no_show_charge(terms, slots)),
        Outcome.RESOLVED: lambda: award_bill(terms, slots, cap, deposit(terms, slots, cap) // 3),
        Outcome.AGREED: lambda: award_bill(terms, slots, cap, deposit(terms, slots, cap)),
    }
    bill = rules.get(outcome, lambda: unused_bill(terms, slots, cap))()
    compensation = 0
    if outcome is Outcome.CANCELLED_BY_OWNER:
        late = closed_at >= slot_start(start_slot)
        compensation = (
            no_show_charge(terms, slots)
            if late
            else cancel_charge(terms, start_slot, slots, closed_at)
        )
    return {
        "outcome": int(outcome),
        "wordA": str(encode_words(terms)[0]),
        "slots": slots,
        "kwhCap": cap,
        "start": slot_start(start_slot),
        "closedAt": closed_at,
        "arrived": bill.arrived,
        "until": bill.until_minute,
        "energyWh": bill.energy_wh,
        "deposit": str(deposit(terms, slots, cap)),
        "compensation": str(compensation),
        **{name: str(getattr(bill, name)) for name in ("rent", "overstay", "energy", "fee")},
    }


def _ledger(chance: random.Random) -> list[dict[str, Any]]:
    head, told = EMPTY_HEAD, []
    for number in range(1, 6):
        record = Record(
            lease_id=chance.getrandbits(112),
            outcome=chance.randint(1, 12),
            owner=f"0x{chance.getrandbits(160):040x}",
            driver=f"0x{chance.getrandbits(160):040x}",
            offer=chance.randint(1, 65535),
            rent=chance.getrandbits(90),
            overstay=chance.getrandbits(80),
            energy=chance.getrandbits(70),
            fee=chance.getrandbits(60),
            refund=chance.getrandbits(90),
            arrived=chance.randint(0, 10081),
            until=chance.randint(0, 11525),
            energy_wh=chance.randint(0, 255_000),
            closed_at=chance.getrandbits(32),
        )
        digest = record_hash(record)
        head = next_head(head, digest)
        values = {
            name: str(value) if isinstance(value, int) else value
            for name, value in asdict(record).items()
        }
        told.append(
            {
                "number": number,
                **values,
                "recordHash": f"0x{digest.hex()}",
                "head": f"0x{head.hex()}",
            }
        )
    return told


def _tree(chance: random.Random) -> dict[str, Any]:
    titles = [
        Title(
            city=7,
            index=index,
            salted_holder=chance.randbytes(32),
            address_hash=chance.randbytes(32),
            cell=chance.getrandbits(30),
            attributes=chance.getrandbits(57),
            valid_day=chance.randint(1, 65535),
        )
        for index in range(21)
    ]
    tree = build([leaf(title) for title in titles])
    shown = titles[13]
    return {
        "root": f"0x{tree.root.hex()}",
        "leaf": f"0x{leaf(shown).hex()}",
        "proof": [f"0x{node.hex()}" for node in tree.proof(leaf(shown))],
        "title": {
            "city": str(shown.city),
            "index": str(shown.index),
            "saltedHolder": f"0x{shown.salted_holder.hex()}",
            "addressHash": f"0x{shown.address_hash.hex()}",
            "cell": str(shown.cell),
            "attributes": str(shown.attributes),
            "validDay": str(shown.valid_day),
        },
    }
