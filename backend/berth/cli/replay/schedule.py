"""From stays to leases asked for, and the order of what happens. Pure: no chain, no clock."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from berth.cli.replay.sessions import Stay
from berth.core.slots import MAX_LEASE_SLOTS, slots_covering

MAX_KWH_CAP = 255

# Reasons of refusal, named as the play names those that it decodes from the chain.
CALENDAR_TAKEN = "Berth_CalendarTaken"
TOO_LONG = "Berth_OutOfRange slots"
TOO_MUCH_ENERGY = "Berth_OutOfRange kwhCap"


@dataclass(frozen=True, slots=True)
class Ask:
    """A lease that a driver asks for at plug-in: the stay rounded out to slots.

    `number` counts asks from 0 in time order; `space` is the index of the space.
    """

    number: int
    stay: Stay
    space: int
    start_slot: int
    slots: int
    kwh_cap: int

    @property
    def end_slot(self) -> int:
        return self.start_slot + self.slots


def fold(users: Iterable[str], spaces: int) -> dict[str, int]:
    """The space of each stall. The stalls, in the order of a hash of their names, are dealt out to
    the spaces like cards: the same for one set of names on every machine, and no space has two
    stalls more than another.
    """
    order = sorted(set(users), key=lambda user: hashlib.sha256(user.encode("utf-8")).digest())
    return {user: rank % spaces for rank, user in enumerate(order)}


def plan(stays: Sequence[Stay], spaces: int, limit: int) -> list[Ask]:
    """The first `limit` stays as leases asked for, their stalls folded onto `spaces`."""
    chosen = stays[:limit]
    space_of = fold((stay.user for stay in chosen), spaces)
    asks = []
    for number, stay in enumerate(chosen):
        start_slot, slots = slots_covering(stay.plugged_in, stay.plugged_out)
        kwh_cap = -(-stay.energy_wh // 1000)
        asks.append(Ask(number, stay, space_of[stay.user], start_slot, slots, kwh_cap))
    return asks


def foresee(asks: Sequence[Ask]) -> dict[int, str]:
    """Reason by number of the asks that the contract has to refuse.

    Departures free no slot early: a window ends in the slot of its departure. Asks of a space come
    by start, so one overlaps an earlier one exactly if it starts before the last granted end.
    """
    refused: dict[int, str] = {}
    taken_until: dict[int, int] = {}
    for ask in asks:
        if ask.slots > MAX_LEASE_SLOTS:
            refused[ask.number] = TOO_LONG
        elif ask.kwh_cap > MAX_KWH_CAP:
            refused[ask.number] = TOO_MUCH_ENERGY
        elif ask.start_slot < taken_until.get(ask.space, 0):
            refused[ask.number] = CALENDAR_TAKEN
        else:
            taken_until[ask.space] = ask.end_slot
    return refused


class Kind(IntEnum):
    """What happens; of one second, records come before new leases."""

    ARRIVED = 0
    LEFT = 1
    LEASE = 2


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """Something that happens at `at` (Unix seconds) to ask `number`."""

    at: int
    kind: Kind
    number: int


class Timeline:
    """What is still to happen, in time order."""

    def __init__(self, asks: Sequence[Ask]) -> None:
        self._asks = asks
        self._heap = [Event(ask.stay.plugged_in, Kind.LEASE, ask.number) for ask in asks]
        heapq.heapify(self._heap)

    def granted(self, ask: Ask) -> None:
        """A lease has been granted: its lock reports the arrival a second later, and the departure
        at the recorded time."""
        heapq.heappush(self._heap, Event(ask.stay.plugged_in + 1, Kind.ARRIVED, ask.number))
        heapq.heappush(self._heap, Event(ask.stay.plugged_out, Kind.LEFT, ask.number))

    def next_wave(self) -> list[Event]:
        """All events of the next second, to be mined together; empty when all is over.

        Of leases that ask for one space in one second only the first: within a block nobody
        promises an order, and the file's order shall decide.
        """
        wave: list[Event] = []
        spaces: set[int] = set()
        later: list[Event] = []
        while self._heap and (not wave or self._heap[0].at == wave[0].at):
            event = heapq.heappop(self._heap)
            if event.kind is Kind.LEASE:
                space = self._asks[event.number].space
                if space in spaces:
                    later.append(event)
                    continue
                spaces.add(space)
            wave.append(event)
        for event in later:
            heapq.heappush(self._heap, event)
        return wave
