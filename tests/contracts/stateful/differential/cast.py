"""The people and keys of all sequences: the same in each, so that a seed says everything."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

from berth.core.addresses import ZERO
from berth.core.ids import city_number
from support.keys import key

from differential.signing import Signer

CITY = city_number("AUMEL")
INDICES = range(5)

#: Who owns, manages, leases: anybody may do all of it.
PEOPLE = ("ann", "ben", "cleo", "dan", "eva", "fay", "gus", "zed")
#: Of these, who has not approved the market and pays by permit.
UNAPPROVED = ("fay", "gus")
OFFICES = ("admin", "guardian", "arbiter", "authority")
#: Another market, as far as the registry can tell.
OTHER_MARKET = "zed"
ATTESTERS = tuple(f"attester {number}" for number in range(1, 20))
LOCKS = tuple(f"lock {number}" for number in range(8))
PLATES = 4  # of each person

#: Attesters from the start: id to name and roles.
FIRST_ATTESTERS = {
    1: ("attester 1", 1),
    2: ("attester 2", 2),
    3: ("attester 3", 4),
    4: ("attester 4", 1),
    5: ("attester 5", 2),
    6: ("attester 6", 4),
}


@dataclass(frozen=True)
class Person:
    """Somebody, or a lock, with a key."""

    name: str
    address: str  # lower case

    @cached_property
    def signer(self) -> Signer:
        return Signer(key(self.name).private)


@lru_cache(maxsize=1)
def everybody() -> dict[str, Person]:
    """All by name."""
    names = (*PEOPLE, *OFFICES, *ATTESTERS, *LOCKS)
    return {name: Person(name, key(name).address.lower()) for name in names}


@lru_cache(maxsize=1)
def by_address() -> dict[str, Person]:
    return {person.address: person for person in everybody().values()}


@lru_cache
def address(name: str) -> str:
    return everybody()[name].address


def called(account: str) -> str:
    """An account's name, for people who read."""
    if account == ZERO:
        return "nobody"
    person = by_address().get(account)
    return person.name if person else account


def plate(name: str, number: int) -> bytes:
    """The commitment to one of a person's plates."""
    return bytes([0x40 + PEOPLE.index(name), number]) + bytes(30)


def plates(account: str) -> list[bytes]:
    person = by_address()[account].name
    return [plate(person, number) for number in range(PLATES)] if person in PEOPLE else []
