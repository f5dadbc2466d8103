"""What follows from the tariff's formulas, proven over the integers for all values of all fields.

tests/forge/Tariff.t.sol proves that the compiled code computes the formulas F1 to F6 in arithmetic
of 256 bits, from minutes within their bounds. Here Z3 proves, without bits: that no sum or product
in them reaches 2^256, so that this arithmetic is that of the integers; and what settlements rely
on. Neither half says anything alone. Every lemma must hold; a canary, a lemma made wrong by a
little, must not.
"""

import sys
from collections.abc import Iterator

import z3

PRICE, KWH_PRICE, FEE_BPS, PCT, RESERVE, SLOTS, CAP = z3.Ints("price kwh_price bps pct reserve n k")
STAYED, OVER, USED, PERCENT, COST = z3.Ints("stayed over used percent cost")

#: What OfferWord.pack lets through, and what Tariff.t.sol proves of the minutes.
RANGES = [
    z3.And(PRICE >= 0, PRICE < 2**80),
    z3.And(KWH_PRICE >= 0, KWH_PRICE < 2**80),
    z3.And(FEE_BPS >= 0, FEE_BPS <= 1000),
    z3.And(PCT >= 100, PCT <= 1000),
    z3.And(RESERVE >= 0, RESERVE <= 1440),
    z3.And(SLOTS >= 1, SLOTS <= 672),
    z3.And(CAP >= 0, CAP <= 255),
    z3.And(STAYED >= 15, STAYED <= 15 * SLOTS),
    z3.And(OVER >= 0, OVER <= RESERVE),
    z3.And(USED >= 0, USED <= 10 * CAP),
    z3.And(PERCENT >= 0, PERCENT <= 100),
    z3.And(COST >= 0, COST < 2**128),
]

# Solidity's division floors, and so does Z3's of what is not negative.
RENT_MOST = PRICE * SLOTS
OVERSTAY_MOST = PRICE * PCT * RESERVE / 1500
ENERGY_MOST = KWH_PRICE * CAP
DEPOSIT = RENT_MOST + OVERSTAY_MOST + ENERGY_MOST  # F1
RENT = PRICE * STAYED / 15  # F2
OVERSTAY = PRICE * PCT * OVER / 1500  # F3
ENERGY = KWH_PRICE * USED / 10  # F4
BILL = RENT + OVERSTAY + ENERGY
PART = PRICE * SLOTS * PERCENT / 100  # F6
LAPSED = RENT + OVERSTAY / 2 + ENERGY


def fee(cost: z3.ArithRef) -> z3.ArithRef:  # F5
    return cost * FEE_BPS / 10_000


START, STAY = z3.Ints("start stay")
FIRST_HOUR = START / 4
HOURS = (START + STAY + 3) / 4 - FIRST_HOUR


def later(term: z3.ArithRef) -> z3.ArithRef:
    """The same a week later: 672 slots."""
    return z3.substitute(term, (START, START + 672))


def lemmas() -> Iterator[tuple[str, z3.BoolRef]]:
    yield "prices times minutes stay below 2^94", PRICE * STAYED < 2**94
    yield "prices times percents times minutes stay below 2^101", PRICE * PCT * RESERVE < 2**101
    yield "overstay's product is below its reserve's", PRICE * PCT * OVER <= PRICE * PCT * RESERVE
    yield "prices times energy stay below 2^92", KWH_PRICE * USED < 2**92
    yield (
        "the part of the rent stays below 2^97 before it is divided",
        PRICE * SLOTS * PERCENT < 2**97,
    )
    yield "costs times fees stay below 2^138", COST * FEE_BPS < 2**138
    yield "a deposit is below 2^91", DEPOSIT < 2**91
    yield "rent <= its term of the deposit", RENT <= RENT_MOST
    yield "overstay <= its term of the deposit", OVERSTAY <= OVERSTAY_MOST
    yield "energy <= its term of the deposit", ENERGY <= ENERGY_MOST
    yield "a bill never exceeds its deposit", BILL <= DEPOSIT
    yield "a lapsed bill never exceeds the claim", LAPSED <= BILL
    yield "a charge never exceeds the rent of the deposit", PART <= RENT_MOST
    yield "the whole rent is 100 percent of it", PRICE * SLOTS * 100 / 100 == RENT_MOST
    yield "a fee is at most a tenth of the cost", 10 * fee(COST) <= COST
    share, refund = COST - fee(COST), DEPOSIT - COST
    yield (
        "owner's share + fee + refund = deposit, none of them negative",
        z3.Implies(
            COST <= DEPOSIT,
            z3.And(
                share >= 0,
                fee(COST) >= 0,
                refund >= 0,
                share + fee(COST) + refund == DEPOSIT,
            ),
        ),
    )
    yield (
        "hours of a week repeat with the week: WeeklyHours.t.sol needs one week of starts",
        z3.And(
            (later(FIRST_HOUR) + 72) % 168 == (FIRST_HOUR + 72) % 168,
            later(HOURS) == HOURS,
        ),
    )


def canaries() -> Iterator[tuple[str, z3.BoolRef]]:
    yield "a fifteenth less of the divisor", PRICE * STAYED / 14 <= RENT_MOST
    yield "a fee of a twentieth", 20 * fee(COST) <= COST
    yield "a deposit below 2^90", DEPOSIT < 2**90
    yield "a part that is always smaller", PART < RENT_MOST
    yield "hours that repeat with the day", later(FIRST_HOUR) % 168 == (FIRST_HOUR + 24) % 168


def holds(claim: z3.BoolRef) -> z3.CheckSatResult:
    """unsat: there is no counterexample."""
    solver = z3.Solver()
    solver.set("timeout", 30_000)
    solver.add(*RANGES, START >= 0, STAY >= 1, STAY <= 672, z3.Not(claim))
    return solver.check()


def main() -> int:
    wrong = 0
    count = 0
    for name, claim in lemmas():
        count += 1
        answer = holds(claim)
        if answer != z3.unsat:
            wrong += 1
            print(f"lemmas: not proven ({answer}): {name}", file=sys.stderr)
    for name, claim in canaries():
        if holds(claim) != z3.sat:
            wrong += 1
            print(f"lemmas: should be refuted and is not: {name}", file=sys.stderr)
    if not wrong:
        print(f"lemmas: {count} proven over the integers, for every value of every field")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
