"""Putting a backup back: all of it or nothing, and so that nothing is done twice.

The tables are made at the backup's own migration, filled, and brought to the newest one, in a
single transaction. The index is empty afterwards and is read anew from the chain, which is where
all truth about leases is; until it has caught up the relay sleeps. What the kept rows believe of
the outside world is as old as the backup, so before the transaction ends they are told to ask:

- A command that was on its way is cancelled. It may have been obeyed since; a driver who is still
  there says so again, and that is another command. (A lock obeys a command's id once, and none of a
  former occupancy cycle, so that an old ticket in flight moves nothing either.)
- Every lock is asked to say hello, and its grants are sent again under higher versions than any
  given out since.
- Every lease that the relay had taken on is looked for in the new index; one that is gone is taken
  back from its lock. Leases booked, changed or ended since come with the index itself.
- Claims are nobody's. Evidence and transactions go on: the contract takes a record once, and the
  sender looks for its transactions before it sends any again.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import (
    Connection,
    Select,
    case,
    column,
    func,
    insert,
    inspect,
    literal_column,
    select,
    table,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, OperationalError

from berth.core.errors import BerthError
from berth.store import derived, kept, migrations
from berth.store.backup import NOT_CARRIED
from berth.store.backup_file import BackupReader, Header, Totals
from berth.store.engine import (
    MIGRATION_LOCK,
    DeploymentIdentity,
    Store,
    check_deployment,
    reach_store,
    revision_of,
)
from berth.store.kept import commands, confirmations, events, grants, lock_states, outbox, presence

REASON = "store.restored"
#: Event ids given out after the backup are behind the first one after a restore: a page that saw
#: one of them asks for what follows it.
_EVENTS_AHEAD = 1 << 20
_CHUNK = 500
_ALIVE = ("observed", "confirmed", "eligible", "claimed", "published", "acknowledged")


@dataclass(frozen=True)
class Restored:
    """What was put back."""

    header: Header
    totals: Totals
    cancelled: int  # commands that were on their way
    asked: int  # leases that are looked for in the new index


def restore_backup(
    url: str, path: Path, keys: Sequence[bytes], ours: DeploymentIdentity, *, force: bool = False
) -> Restored:
    """Puts a backup into the database at a URL, which must hold no kept rows unless `force`: then
    all that is in it is lost.

    Raises BerthError and changes nothing: backup.unreadable, .foreign, .newer, .truncated,
    .damaged, .seal, .deployment, .not_empty, .rows; store.busy while anybody else is connected;
    what `open_store` raises.
    """
    reader = BackupReader(path, keys)
    try:
        header = reader.header()
        totals = reader.check()  # all of it, before the database hears of anything
        _check_header(header, path, ours)
        _alone(url)
        store = reach_store(url)
        try:
            return _restore(store, reader, header, totals, ours, force=force)
        finally:
            store.close()
    finally:
        reader.close()


def _check_header(header: Header, path: Path, ours: DeploymentIdentity) -> None:
    if header.migration not in migrations.KNOWN:
        message = (
            f"{path} is of migration {header.migration}, this program knows none later than"
            f" {migrations.HEAD}: use the newer program"
        )
        raise BerthError("backup.newer", message, field="file", exit_code=2)
    theirs = header.deployment
    named = (theirs.chain_id, theirs.genesis_hash, theirs.market)
    if named != (ours.chain_id, ours.genesis_hash.lower(), ours.market.lower()):
        message = (
            f"{path} is of another deployment (chain {theirs.chain_id}, market {theirs.market}),"
            f" not of chain {ours.chain_id}, market {ours.market.lower()}"
        )
        raise BerthError("backup.deployment", message, field="file", exit_code=2)


def _restore(
    store: Store,
    reader: BackupReader,
    header: Header,
    totals: Totals,
    ours: DeploymentIdentity,
    *,
    force: bool,
) -> Restored:
    try:
        with store.write() as conn:
            if not store.sqlite:
                conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
                _nobody_else(conn)
            revision = revision_of(conn)
            if revision is not None:
                _refuse_what_is_there(conn, force=force)
                migrations.downgrade(conn, "base")
            migrations.upgrade(conn, None, header.migration)
            _load(conn, reader, header.migration)
            if reader.totals != totals:
                raise BerthError("backup.damaged", "the file changed while it was read")
            if header.migration != migrations.HEAD:
                migrations.upgrade(conn, header.migration)
            if not check_deployment(conn, ours):
                raise BerthError("backup.damaged", "its rows are of no deployment", field="file")
            _count_on(conn)
            now = int(time.time())
            cancelled = _cancel(conn)
            _ask_locks(conn, now)
            _release(conn)
            asked = _ask_index(conn, now)
    except OperationalError as error:
        message = f"the database gave up, nothing was changed: {error.orig}"
        raise BerthError("store.unreachable", message, status=503) from error
    return Restored(header, totals, cancelled, asked)


def _alone(url: str) -> None:
    """Refuses an SQLite file that another process has open: only one that nobody else has can leave
    its write-ahead log."""
    store = reach_store(url)
    database = store.engine.url.database
    store.close()
    if not store.sqlite or not database or database == ":memory:":
        return
    raw = sqlite3.connect(database, timeout=0)
    try:
        raw.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        raise _busy(f"another process has {database} open") from error
    finally:
        raw.close()


def _nobody_else(conn: Connection) -> None:
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    others = conn.execute(text(query)).scalar_one()
    if others:
        raise _busy(f"there are {others} other connections to the database")


def _busy(why: str) -> BerthError:
    message = f"{why}: end all of Berth's processes before a restore"
    return BerthError("store.busy", message, exit_code=2, status=409)


def _refuse_what_is_there(conn: Connection, *, force: bool) -> None:
    if force:
        return
    for name in _kept_tables(conn) - {"deployment", "roles"}:
        rows: Select[tuple[int]] = select(literal_column("1")).select_from(table(name)).limit(1)
        if conn.execute(rows).first() is not None:
            message = (
                f"the database is not empty ({name} has rows): restore into an empty one, or give"
                " --force to lose all that is in it"
            )
            raise BerthError("backup.not_empty", message, exit_code=2, status=409)


def _kept_tables(conn: Connection) -> set[str]:
    inspector = inspect(conn)
    if conn.dialect.name != "sqlite":
        return set(inspector.get_table_names(schema="kept")) - {migrations.VERSION_TABLE}
    return {
        name
        for name in inspector.get_table_names()
        if name not in derived.metadata.tables
        and name != migrations.VERSION_TABLE
        and not name.startswith(("space_points", "space_boxes"))
    }


def _load(conn: Connection, reader: BackupReader, migration: str) -> None:
    """The rows, into the tables of the backup's own migration."""
    inspector = inspect(conn)
    schema = None if conn.dialect.name == "sqlite" else "kept"
    missing = _kept_tables(conn) - NOT_CARRIED
    for name, columns, rows in reader.tables():
        if name not in missing:
            raise BerthError(
                "backup.rows", f"{name} is no kept table of migration {migration}", field="file"
            )
        missing.discard(name)
        there = {one["name"] for one in inspector.get_columns(name, schema=schema)}
        if set(columns) != there:
            raise BerthError(
                "backup.rows", f"{name} has other columns in migration {migration}", field="file"
            )
        statement = insert(table(name, *(column(one) for one in columns)))
        try:
            while part := list(islice(rows, _CHUNK)):
                conn.execute(statement, [dict(zip(columns, row, strict=True)) for row in part])
        except OperationalError:
            raise
        except DBAPIError as error:
            message = f"the database does not take the rows of {name}: {error.orig}"
            raise BerthError("backup.rows", message, field="file") from error
    if missing:
        raise BerthError("backup.rows", f"it lacks {', '.join(sorted(missing))}", field="file")


def _count_on(conn: Connection) -> None:
    """Numbers that the database gives go on after those that were put in."""
    for one in kept.metadata.sorted_tables:
        (key, *more) = one.primary_key.columns
        if more or not one.dialect_options["sqlite"]["autoincrement"]:
            continue
        highest = conn.execute(select(func.coalesce(func.max(key), 0))).scalar_one()
        if one is events:
            highest += _EVENTS_AHEAD
        if conn.dialect.name == "sqlite":
            where = {"name": one.name, "seq": highest}
            done = conn.execute(
                text("UPDATE sqlite_sequence SET seq = max(seq, :seq) WHERE name = :name"), where
            )
            if not done.rowcount:
                conn.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :seq)"), where)
        elif highest:
            sequence = func.pg_get_serial_sequence(f"kept.{one.name}", key.name)
            conn.execute(select(func.setval(sequence, highest)))


def _cancel(conn: Connection) -> int:
    """Commands on their way. They count as answered after every wish that is on record, so that it
    takes a new one for another command."""
    wishes = (commands.c.updated_at, confirmations.c.at, presence.c.at)
    latest = max(conn.execute(select(func.coalesce(func.max(at), 0))).scalar_one() for at in wishes)
    done = conn.execute(
        update(commands)
        .where(commands.c.state.in_(_ALIVE))
        .values(state="cancelled", reason=REASON, term=commands.c.term + 1, updated_at=latest)
    )
    return done.rowcount


def _ask_locks(conn: Connection, now: int) -> None:
    """Nothing that a lock is believed to know or to have said counts until it has said hello."""
    for lock_id, boot in conn.execute(select(lock_states.c.lock_id, lock_states.c.boot_id)).all():
        # A boot one character short sorts just before itself and equals none: the lock is asked to
        # say hello, and copies of former boots' messages are refused as before.
        conn.execute(
            update(lock_states)
            .where(lock_states.c.lock_id == lock_id)
            .values(boot_id=boot and boot[:-1], nonce=None, nonce_at=None, online=0)
        )
    # Unix seconds are above any version that was counted up from 1, and above those of a former
    # restore: fewer than one change a second. None counts as never sent.
    higher = func.max if conn.dialect.name == "sqlite" else func.greatest
    conn.execute(
        update(grants).values(
            version=higher(grants.c.version + 1, now),
            acked_version=0,
            next_at=0,
            state=case((grants.c.state == "revoked", "revoked"), else_="published"),
        )
    )


def _release(conn: Connection) -> None:
    """What somebody had claimed is nobody's."""
    conn.execute(update(outbox).where(outbox.c.state == "claimed").values(state="new", next_at=0))
    for one in kept.metadata.sorted_tables:
        if "claimed_by" in one.columns:
            conn.execute(update(one).values(claimed_by=None, claimed_until=None))


def _ask_index(conn: Connection, now: int) -> int:
    """One row for each lease that a lock may hold: handled once the index has caught up, it takes
    back a lease that is not there and does nothing for one that is."""
    held = select(grants.c.lease_id).where(grants.c.state != "revoked")
    booked = (
        select(outbox)
        .where(
            outbox.c.kind == "lease.booked",
            outbox.c.state != "cancelled",
            outbox.c.lease_id.in_(held),
        )
        .order_by(outbox.c.id)
    )
    leases = {row["lease_id"]: row for row in conn.execute(booked).mappings()}
    for lease_id, row in leases.items():
        conn.execute(
            insert(outbox).values(
                kind="undone.lease.booked",
                key=f"undone.lease.booked:{lease_id}:restored:{now}",
                lease_id=lease_id,
                payload_json=row["payload_json"],
                created_block=row["created_block"],
                block_hash=row["block_hash"],
                block_timestamp=row["block_timestamp"],
                created_at=now,
            )
        )
    return len(leases)
