"""Leases as locks keep them: granted when deep enough, sent until acknowledged, taken back.

A row's `version` grows with every change that the lock must learn of: an extension, another
vehicle, the end. `acked_version` is what it has confirmed. A lock that says hello tells what it
holds, so a row that it lost is sent again.

What a lock holds is bounded, so that its hello has room for all of it, whatever strangers book and
cancel: a grant leaves a day before its window opens, soonest first, and while the lock holds many
only in the last hour. Until then its row sleeps (`next_at` is `_ASLEEP`), which costs the looks of
the meantime nothing; now and then they wake whose time has come, by the clock of the leases. What
takes a grant back leaves at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from berth.core.clock import Clock
from berth.core.errors import BerthError
from berth.core.ids import parse_lease, split_lease
from berth.core.sealed import Sealer
from berth.core.slots import slot_start
from berth.core.states import LeaseState
from berth.core.tariff import EARLY_SECONDS
from berth.devices.protocol import HELLO_GRANTS, HeldGrant
from berth.relay.audience import lease_row, tell_lease
from berth.relay.claims import Claim, claim_by, claiming, unclaimed, write_claimed
from berth.relay.orders import GrantOrder
from berth.relay.policy import Policy
from berth.relay.rows import Row, every, first
from berth.store.clock import database_now, moment
from berth.store.derived import leases, spaces
from berth.store.kept import grants, lock_states, vehicles_private

#: Between two sendings of a grant that is not acknowledged, seconds of the database's clock.
RESEND_SECONDS = 15
#: Before a grant that could not be signed is tried again.
RETRY_SECONDS = 5
#: A grant leaves so long before its window opens: a space's leases do not overlap, so that these
#: are fewer than half of what a hello may name.
AHEAD_SECONDS = 86_400
#: A lock that holds so many that are not over (taken back or not: not every lock forgets those) is
#: sent no more of them, but those whose window opens within so many seconds.
HELD_AT_MOST = 120
SOON_SECONDS = 3600
#: `next_at` of a row that its lock knows: there is nothing to send.
_NEVER = 1 << 40
#: `next_at` of a row whose time has not come.
_ASLEEP = _NEVER - 1
BATCH = 50
#: Waiting grants that are read at a time: of some of them blocks are missing yet.
PAGE = 200
#: A lock's reason to refuse a grant.
_OLDER = "grant.version"
#: Leases that a lock may say to hold and that it was never given, at a time.
_STRAY = 200
_NO_PLATE = "0x" + "00" * 32
#: A version that has no successor; no grant ever gets there.
_LAST_VERSION = (1 << 32) - 1
#: A lease that the index does not know has ended after this, seconds: no lease is longer.
_LONGEST = 7 * 86400


@dataclass(frozen=True)
class Due:
    """A grant that is ours to sign and send."""

    claim: Claim
    order: GrantOrder


def give(conn: Connection, lease_id: str, now: int) -> None:
    """A lease was booked or changed, its space was given another lock, or a reorg took any of that
    back: the lock that the space has now is to have the lease as it is now, any other no more."""
    lease = lease_row(conn, lease_id)
    if lease is None or not LeaseState(lease["state"]).is_open:
        return
    lock_id = conn.execute(
        select(spaces.c.lock_key).where(spaces.c.space_id == lease["space_id"])
    ).scalar_one()
    _revoke(conn, (grants.c.lease_id == lease_id) & (grants.c.lock_id != lock_id), now)
    fields: dict[str, Any] = {
        "window_start": slot_start(lease["start_slot"]) - EARLY_SECONDS,
        "window_end": slot_start(lease["end_slot"]),
        "plate_commitment": lease["plate_commitment"],
        "state": "pending",
        "reason": None,
        "updated_at": now,
    }
    fields["next_at"] = _when(fields["window_start"], now)
    row = _find(conn, lease_id, lock_id)
    if row is None:
        key = {"lease_id": lease_id, "lock_id": lock_id}
        conn.execute(insert(grants).values(**key, **fields, cycle=0, version=1, created_at=now))
        return
    other_plate = row["plate_commitment"] != lease["plate_commitment"]
    if row["state"] == "revoked" or other_plate or row["window_end"] != fields["window_end"]:
        if other_plate:
            fields["plate_since"] = _NEVER  # until the lock has it
        _change(conn, row, version=row["version"] + 1, **fields)


def _when(window_start: int, now: int) -> int:
    """`next_at` of a grant that its lock lacks."""
    return 0 if window_start <= now + AHEAD_SECONDS else _ASLEEP


def take_back(conn: Connection, lease_id: str, now: int) -> None:
    """The lease is over, or gone: no lock may lower its bar for it any more."""
    _revoke(conn, grants.c.lease_id == lease_id, now)


def _revoke(conn: Connection, which: ColumnElement[bool], now: int) -> None:
    for row in every(conn, select(grants).where(which, grants.c.state != "revoked")):
        if row["state"] == "pending" and row["acked_version"] == 0:
            # What was never sent needs no taking back: the version stays, and counts as known.
            news = {"acked_version": row["version"], "next_at": _NEVER}
        else:
            news = {"version": row["version"] + 1, "next_at": 0}
        _change(conn, row, state="revoked", **news, updated_at=now)


def acknowledged(
    conn: Connection, lock_id: str, lease_id: str, version: int, reason: str | None, now: int
) -> None:
    """The lock's word on a grant: kept when `reason` is None."""
    row = _find(conn, lease_id, lock_id)
    if row is None or version != row["version"]:
        return
    if reason is not None:
        news: dict[str, Any] = {"next_at": database_now(conn) + RESEND_SECONDS}
        if reason == _OLDER:  # the lock holds a newer one, from before our tables were restored
            news |= {"version": max(version + 1, now), "acked_version": 0}
            if version < now:  # the first time; whoever says so again is not answered at once
                news["next_at"] = 0
        _change(conn, row, reason=reason, **news, updated_at=now)
        return
    state = "revoked" if row["state"] == "revoked" else "acknowledged"
    _change(
        conn,
        row,
        acked_version=version,
        plate_since=_plate_since(row, now),
        state=state,
        reason=None,
        next_at=_NEVER,
        updated_at=now,
    )
    if row["state"] != state:
        tell_lease(conn, "lock.grant", lease_id, {"state": state}, now)


def held(conn: Connection, lock_id: str, held_now: Iterable[HeldGrant], now: int) -> None:
    """A hello told what the lock holds: what it lacks is sent again, at once. What it holds and we
    know nothing of, or a newer version than ours, is from before our tables were restored from a
    backup: it is replaced, or taken back."""
    named = list(held_now)
    versions = {one.lease: one.version for one in named if one.version < _LAST_VERSION}
    # one that names as many as a hello holds may have had no room for others
    complete = len(named) < HELLO_GRANTS
    query = select(grants).where(grants.c.lock_id == lock_id)
    for row in every(conn, query):
        known = versions.pop(row["lease_id"], 0 if complete else row["acked_version"])
        if row["window_end"] <= now:
            continue
        if row["state"] == "revoked" and known == 0 and complete:
            known = row["version"]  # forgotten is as good as revoked
        if known == row["acked_version"]:
            if row["next_at"] == _ASLEEP and _when(row["window_start"], now) == 0:
                _change(conn, row, next_at=0)  # its time has come while the lock was away
            continue
        newest = known == row["version"] and row["state"] != "pending"
        later = 0 if row["state"] == "revoked" else _when(row["window_start"], now)
        news: dict[str, Any] = {"acked_version": known, "next_at": _NEVER if newest else later}
        if newest:
            news["plate_since"] = _plate_since(row, now)
        elif known >= row["version"]:
            news["version"] = known + 1
        _change(conn, row, **news, updated_at=now)
    if versions:
        room = max(0, _STRAY - _strays(conn, lock_id, now))
        for lease_id, version in list(versions.items())[:room]:
            _disown(conn, lock_id, lease_id, version, now)


def _strays(conn: Connection, lock_id: str, now: int) -> int:
    """How many leases of those that a lock was never given are being taken back from it."""
    mine = (grants.c.lock_id == lock_id, grants.c.plate_commitment == _NO_PLATE)
    query = select(func.count()).select_from(grants).where(*mine, grants.c.window_end > now)
    return int(conn.execute(query).scalar_one())


def _disown(conn: Connection, lock_id: str, lease_id: str, version: int, now: int) -> None:
    """A lock holds a lease that it was never given, as far as we know. Where it is open, the index
    hands it over and it is given anew."""
    _, start_slot, _ = split_lease(parse_lease(lease_id))
    end = slot_start(start_slot) + _LONGEST
    if end <= now:
        return
    conn.execute(
        insert(grants).values(
            lease_id=lease_id,
            lock_id=lock_id,
            cycle=0,
            window_start=slot_start(start_slot) - EARLY_SECONDS,
            window_end=end,
            plate_commitment=_NO_PLATE,
            state="revoked",
            version=version + 1,
            acked_version=version,
            created_at=now,
            updated_at=now,
        )
    )


def ready(
    conn: Connection, policy: Policy, clock: Clock, *, asleep: bool = False
) -> list[tuple[str, str]]:
    """(lease, lock) of grants that may be sent now: not known to the lock, which listens, and deep
    enough in the chain. One of every lock comes before anybody's second. Reads only, and no more
    than it takes to find as many as are sent at a time. `asleep`: of those that slept until now."""
    index = policy.index(conn)
    found: list[tuple[str, str]] = []
    for row in _in_turn(conn, clock.now(), _SLEPT if asleep else _IN_TURN):
        if row["state"] != "revoked":
            if row["deposit"] is None:
                continue  # the reorg's outbox row is on its way
            # what was booked may be deep already, but not what was changed since
            have, required = policy.depth(index, row, row["changed_block"])
            if have < required:
                continue  # and must not stand before others
        found.append((row["lease_id"], row["lock_id"]))
        if len(found) == BATCH:
            break
    return found


def _in_turn(conn: Connection, now: int, query: Select[Any]) -> Iterator[Row]:
    """Waiting grants, page by page."""
    for start in count(0, PAGE):
        page = every(conn, query, at=now, start=start)
        yield from page
        if len(page) < PAGE:
            return


def due(
    conn: Connection,
    keys: Sequence[tuple[str, str]],
    clock: Clock,
    sealer: Sealer,
    worker: str,
) -> list[Due]:
    """Claims grants that were found ready; marks why others have to wait."""
    now = clock.now()
    found = []
    for held in claim_by(conn, _CLAIM, worker, at=now, wanted=list(keys)):
        row = held.row
        plain = Due(held, _order(row))
        if row["state"] == "revoked":
            found.append(plain)
            continue
        lease = lease_row(conn, row["lease_id"])
        if lease is None:
            write_claimed(conn, grants, held, claimed_by=None, claimed_until=None)
            continue
        salt = _salt(conn, sealer, row["plate_commitment"], lease["driver"])
        if salt is None:
            wait(conn, plain, "plate.unknown", now)
            continue
        told = replace(plain.order, salt=salt, plate_block=lease["plate_block"])
        found.append(Due(held, told))
    return found


def next_one(
    conn: Connection, lease: Row, lock_id: str, clock: Clock, sealer: Sealer
) -> tuple[bool, GrantOrder | None]:
    """(whether the lock may know the lease, the grant that it lacks of it) as things are, however
    deep. Reads only."""
    row = _find(conn, lease["lease_id"], lock_id)
    if row is None or row["state"] == "revoked":
        return False, None
    if not _lacks(conn, lease["lease_id"], lock_id, clock.now()):
        # under way to it, or there; what was never sent and cannot be now is no help
        return row["state"] != "pending", None
    salt = _salt(conn, sealer, row["plate_commitment"], lease["driver"])
    if salt is None:
        return False, None
    return True, replace(_order(row), salt=salt, plate_block=lease["plate_block"])


def leaves_ahead(conn: Connection, order: GrantOrder, worker: str, now: int) -> Due | None:
    """A grant that was signed before it was claimed is about to leave. None when it must not: it
    was changed or sent meanwhile, or is another relay's."""
    about: dict[str, Any] = {
        "lease": order.lease_id,
        "lock": order.lock_id,
        "of_version": order.version,
        "end": order.window_end,
        "plate": order.plate_commitment,
    }
    held = claim_by(conn, _CLAIM_AS_IT_WAS, worker, at=now, **about)
    found = Due(held[0], order) if held else None
    return found if found is not None and leaves(conn, found, now) else None


def settled(conn: Connection, lease_id: str, lock_id: str, now: int) -> bool:
    """The lock has the grant, or it is under way: nothing more is to be sent before a command."""
    row = _find(conn, lease_id, lock_id)
    if row is None or row["state"] not in ("published", "acknowledged"):
        return False
    return not _lacks(conn, lease_id, lock_id, now)


def _lacks(conn: Connection, lease_id: str, lock_id: str, now: int) -> bool:
    """Could the lock be sent its grant of the lease now?"""
    return first(conn, _LACKS, lease=lease_id, lock=lock_id, at=now) is not None


def _sendable(when: ColumnElement[bool]) -> ColumnElement[bool]:
    """May be sent at the parameter `at`, once its turn has come (`when`, of its `next_at`)."""
    listening = exists().where(lock_states.c.lock_id == grants.c.lock_id, lock_states.c.online == 1)
    return and_(
        grants.c.acked_version < grants.c.version,
        when,
        grants.c.window_end > bindparam("at"),
        unclaimed(grants),
        listening,
        or_(
            grants.c.state == "revoked",
            grants.c.window_start <= bindparam("at") + SOON_SECONDS,
            and_(
                grants.c.window_start <= bindparam("at") + AHEAD_SECONDS,
                or_(grants.c.acked_version > 0, _held() < HELD_AT_MOST),
            ),
        ),
    )


def _held() -> ColumnElement[int]:
    """How many grants that are not over were sent to the grant's lock, or are about to be."""
    other = grants.alias("of_the_lock")
    return (
        select(func.count())
        .select_from(other)
        .where(
            other.c.lock_id == grants.c.lock_id,
            other.c.window_end > bindparam("at"),
            or_(
                other.c.state != "pending",
                other.c.acked_version > 0,
                other.c.claimed_by.is_not(None),
            ),
        )
        .correlate(grants)
        .scalar_subquery()
    )


_OF_LEASE_AND_LOCK = and_(
    grants.c.lease_id == bindparam("lease"), grants.c.lock_id == bindparam("lock")
)
_ONE = select(grants).where(_OF_LEASE_AND_LOCK)
_DUE = grants.c.next_at <= moment()
_WOKEN = grants.c.next_at == _ASLEEP
#: Due, or asleep until now.
_MAY_LEAVE = _sendable(or_(_DUE, _WOKEN))
_LACKS = select(grants.c.lease_id).where(_MAY_LEAVE, _OF_LEASE_AND_LOCK)
_TURN = func.row_number().over(
    partition_by=grants.c.lock_id, order_by=(grants.c.window_start, grants.c.lease_id)
)


def _waiting(when: ColumnElement[bool]) -> Select[Any]:
    waiting = (
        select(
            grants.c.lease_id,
            grants.c.lock_id,
            grants.c.state,
            grants.c.window_start,
            _TURN.label("turn"),
        )
        .where(_sendable(when))
        .subquery()
    )
    return (
        select(waiting, leases.c.changed_block, leases.c.deposit)
        .outerjoin(leases, leases.c.lease_id == waiting.c.lease_id)
        .order_by(waiting.c.turn, waiting.c.window_start, waiting.c.lease_id, waiting.c.lock_id)
        .limit(PAGE)
        .offset(bindparam("start"))
    )


_IN_TURN = _waiting(_DUE)
_SLEPT = _waiting(_WOKEN)
_CLAIM = claiming(
    grants,
    and_(
        _MAY_LEAVE,
        tuple_(grants.c.lease_id, grants.c.lock_id).in_(bindparam("wanted", expanding=True)),
    ),
    (grants.c.window_start, grants.c.lease_id, grants.c.lock_id),
    BATCH,
)
_CLAIM_AS_IT_WAS = claiming(
    grants,
    and_(
        _MAY_LEAVE,
        _OF_LEASE_AND_LOCK,
        grants.c.version == bindparam("of_version"),
        grants.c.state != "revoked",
        grants.c.window_end == bindparam("end"),
        grants.c.plate_commitment == bindparam("plate"),
    ),
    (grants.c.lease_id,),
    1,
)
_SEALED = select(vehicles_private.c.sealed).where(
    vehicles_private.c.plate_commitment == bindparam("plate"),
    vehicles_private.c.driver == bindparam("of_driver"),
)


def leaves(conn: Connection, due: Due, now: int) -> bool:
    """The grant is about to leave, and is sent again unless the lock answers. False when it must
    not: it has changed since it was claimed, or is another relay's by now."""
    state = "published" if due.claim.row["state"] == "pending" else due.claim.row["state"]
    return write_claimed(
        conn,
        grants,
        due.claim,
        state=state,
        reason=None,
        next_at=moment() + RESEND_SECONDS,
        claimed_by=None,
        claimed_until=None,
        updated_at=now,
    )


def wait(conn: Connection, due: Due, reason: str, now: int) -> None:
    """It could not be signed or sent; says why, once, and is tried again in a while."""
    order = due.order
    row = _find(conn, order.lease_id, order.lock_id)
    if row is None or row["term"] != due.claim.term:
        return
    if row["reason"] != reason and row["state"] != "revoked":
        tell_lease(conn, "lock.grant", order.lease_id, {"state": "pending", "reason": reason}, now)
    _change(conn, row, reason=reason, next_at=moment() + RETRY_SECONDS, updated_at=now)


def _release(conn: Connection, held: Claim) -> None:
    write_claimed(conn, grants, held, claimed_by=None, claimed_until=None)


def _order(row: Row) -> GrantOrder:
    return GrantOrder(
        lease_id=row["lease_id"],
        lock_id=row["lock_id"],
        version=row["version"],
        revoked=row["state"] == "revoked",
        window_end=row["window_end"],
        plate_commitment=row["plate_commitment"],
    )


def _plate_since(row: Row, now: int) -> int:
    """From when on the lock reads plates for the lease's present vehicle, once it has the grant."""
    since: int = row["plate_since"]
    return now if since == _NEVER else since


def _salt(conn: Connection, sealer: Sealer, commitment: str, driver: str) -> bytes | None:
    about = {"plate": commitment, "of_driver": driver}
    sealed = conn.execute(_SEALED, about).scalar_one_or_none()
    if sealed is None:
        return None
    try:
        return bytes.fromhex(str(sealer.open(sealed)["salt"]).removeprefix("0x"))
    except (BerthError, KeyError, ValueError):
        return None


def _find(conn: Connection, lease_id: str, lock_id: str) -> Row | None:
    return first(conn, _ONE, lease=lease_id, lock=lock_id)


def _change(conn: Connection, row: Row, **values: Any) -> None:
    """Changes a grant; whoever has claimed it finds that it is no longer his."""
    conn.execute(
        update(grants)
        .where(
            grants.c.lease_id == row["lease_id"],
            grants.c.lock_id == row["lock_id"],
            grants.c.version == row["version"],
        )
        .values({"claimed_by": None, "claimed_until": None, **values, "term": grants.c.term + 1})
    )
