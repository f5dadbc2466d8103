"""For every row of the state table: a lease that it applies to, and the verb itself."""

from __future__ import annotations

from dataclasses import replace

from berth.core import tariff
from berth.core.addresses import ZERO
from berth.core.model import Agreement, ExtendRequest, Occupancy, Refused, Transition
from berth.core.states import LeaseState, RecordKind
from berth.core.words import LeaseWord

from tests.backend.core.model.scene import (
    ARBITER,
    DRIVER,
    LOCK,
    MOST,
    OWNER,
    PLATES,
    START,
    STRANGER,
    TERMS,
    Scene,
)

BEGIN = START * 900
END = BEGIN + 8 * 900


def prepare(scene: Scene, row: Transition) -> int:
    """A lease in a state of the row, written into the books, for its instants may lie before
    those at which such a lease comes about."""
    if LeaseState.BLOCKED in row.from_states:
        return scene.market.block_slots(OWNER, scene.space, START, 8)
    lease = scene.lease()
    scene.market.deposit(OWNER, 10**9)
    put(scene, lease, row.from_states[0], bool(row.disputed), no_show=bool(row.no_show))
    return lease


def put(
    scene: Scene, lease: int, state: LeaseState, disputed: bool, *, no_show: bool = False
) -> None:
    """The lease in a state, whatever happened to it before."""
    word = scene.market.lease_of(lease)
    scene.market.leases[lease >> 16] = _in_state(word, state, disputed, no_show)


def _in_state(word: LeaseWord, state: LeaseState, disputed: bool, no_show: bool) -> LeaseWord:
    word = replace(word, state=state, disputed=disputed, no_show=no_show)
    if state in (LeaseState.PARKED, LeaseState.CLAIMED):
        word = replace(word, arrived=1)
    return replace(word, until=155) if state is LeaseState.CLAIMED else word


def attempt(scene: Scene, row: Transition, lease: int) -> str | None:
    """The row's verb now, by whom the row names: the refusal's name, None if it goes through."""
    m = scene.market
    late = row.to is LeaseState.CLAIMED and not row.disputed
    try:
        if row.verb == "record":
            m.record(STRANGER, _occupancy(row, lease, m.now, late), LOCK)
        elif row.verb == "extend":
            m.extend(DRIVER, ExtendRequest(lease, 1, 0, PLATES[DRIVER], MOST))
        elif row.verb == "changeVehicle":
            m.change_vehicle(DRIVER, lease, PLATES[DRIVER])
        elif row.verb == "cancel":
            m.cancel(DRIVER, lease)
        elif row.verb == "ownerCancel":
            m.owner_cancel(OWNER, lease)
        elif row.verb == "unblock":
            m.unblock(OWNER, lease)
        elif row.verb == "dispute":
            m.dispute(DRIVER, lease)
        elif row.verb == "resolve":
            m.resolve(ARBITER, lease, 0)
        elif row.verb == "agree":
            m.agree(DRIVER, Agreement(lease, _deposit(scene, lease), 0, MOST), ZERO, OWNER)
        else:
            m.close(STRANGER, lease)
    except Refused as refusal:
        return refusal.error_name.removeprefix("Berth_")
    return None


def _deposit(scene: Scene, lease: int) -> int:
    return tariff.deposit(TERMS, scene.market.lease_of(lease).slots, 10)


def _occupancy(row: Transition, lease: int, now: int, late: bool) -> Occupancy:
    if row.kind is RecordKind.ARRIVED:
        moment = min(now, END - 1)
        return Occupancy(lease, 1, moment, moment)
    if row.kind is RecordKind.LEFT:
        return Occupancy(lease, 2, min(now, BEGIN), END + 2100 if late else min(now, END))
    if row.kind is RecordKind.BLOCKED:
        return Occupancy(lease, 3, 0, min(now, END))
    return Occupancy(lease, 4, 0, min(now, END))
