"""Who and what appears in the made-up market: its people, its spaces and how their leases go."""

from __future__ import annotations

from dataclasses import dataclass

from berth.core.tariff import Terms

from history.keys import Key, account

CITY = 23_864
#: Days since 1970: nothing ends before it.
FAR_DAY = 60_000
#: What everybody has, minor units.
RICH = 10**15
#: What every owner offers: each lease's deposit holds an hour of overstay.
TYPICAL = Terms(
    price_per_slot=250_000,
    price_per_kwh=300_000,
    reserve_minutes=60,
    cancel_pct=20,
    no_show_pct=50,
    free_cancel_hours=1,
)

ATTESTER = Key("bench attester")
AUTHORITY, ARBITER = account("bench authority"), account("bench arbiter")
KEEPERS = tuple(account(f"bench keeper {number}") for number in range(4))
#: What `run_deploy` is given.
DEPLOY_CONFIG = {
    "attesters": {
        "1": {"account": ATTESTER.address, "roles": ["holders", "vehicles", "locks"]},
    },
    "authorities": {str(CITY): AUTHORITY},
    "arbiter": ARBITER,
}


@dataclass
class Space:
    number: int
    owner: str
    lock: Key
    offers: int = 1


@dataclass
class Driver:
    address: str
    plates: tuple[bytes, ...]


@dataclass
class Lease:
    """`begin` and `end` are Unix seconds. `plan` is how it goes."""

    number: int
    space: Space
    driver: Driver
    begin: int
    end: int
    plan: str
    arrived: int = 0


#: How leases go, of a thousand.
PLANS = (
    ("usual", 780),
    ("early", 60),
    ("extended", 40),
    ("overstay", 25),
    ("cancelled", 30),
    ("owner_cancels", 8),
    ("no_show", 15),
    ("obstructed", 7),
    ("disputed", 10),
    ("changed", 10),
    ("presumed", 8),
    ("unused", 7),
)

#: Shortest and longest booking of a plan, slots; else the whole hour.
SLOTS_OF = {"usual": (2, 4), "early": (1, 2), "extended": (2, 2)}
