"""The database: its migration, whose it is, whether its pages and tables are whole, its clock."""

from __future__ import annotations

import asyncio
import time

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DatabaseError

from berth.cli.doctor.finding import Case, Finding, ok, trouble, unchecked, warning
from berth.core.errors import BerthError
from berth.store import derived, kept
from berth.store.clock import database_now
from berth.store.engine import Store, check_deployment
from berth.store.migrations import HEAD, KNOWN
from berth.store.revision import revision

#: The database's clock decides who may work on what: it may differ from ours by so much, seconds.
CLOCK_SECONDS = 5
_RESTORE = "stop everything and restore a backup (`berth db restore`)"


async def examine(case: Case) -> list[Finding]:
    """Nothing of it is changed."""
    if case.store is None:
        return [unchecked("database.tables", "the database cannot be opened")]
    return await asyncio.to_thread(_look, case, case.store)


def _look(case: Case, store: Store) -> list[Finding]:
    with store.read() as conn:
        found = _migration(conn)
        if found.level != "ok":
            return [found]
        findings = [found, _owner(conn, case), _tables(conn), _clock(conn)]
        try:
            findings.append(_pages(conn, store.sqlite))
        except DatabaseError as error:
            says = f"the database cannot be read whole: {error.orig}"
            findings.append(trouble("database.pages", says, _RESTORE))
    return findings


def _migration(conn: Connection) -> Finding:
    check, found = "database.migration", revision(conn)
    if found == HEAD:
        return ok(check, f"at migration {found}")
    if found is None:
        return trouble(check, "it holds no tables of Berth", "`berth db migrate`")
    if found in KNOWN:
        return trouble(
            check, f"at migration {found}, this program needs {HEAD}", "`berth db migrate`"
        )
    says = f"at migration {found}, this program knows none later than {HEAD}"
    return trouble(check, says, "use the newer program; nothing was touched")


def _owner(conn: Connection, case: Case) -> Finding:
    check = "database.deployment"
    if case.deployment is None:
        return unchecked(check, "there is no deployment")
    try:
        bound = check_deployment(conn, case.deployment)
    except BerthError as error:
        return trouble(check, str(error), "another BERTH_DATABASE_URL or BERTH_HOME")
    if not bound:
        return warning(check, "tied to no deployment yet", "start the index once")
    return ok(check, "tied to this deployment")


def _tables(conn: Connection) -> Finding:
    check = "database.tables"
    inspector = inspect(conn)
    present: set[str] = set()
    for schema in (None,) if conn.dialect.name == "sqlite" else ("derived", "kept"):
        present |= set(inspector.get_table_names(schema=schema))
    wanted = {*derived.metadata.tables, *kept.metadata.tables}
    missing = sorted({name.rpartition(".")[2] for name in wanted} - present)
    if missing:
        return trouble(check, f"tables are missing: {', '.join(missing)}", _RESTORE)
    return ok(check, f"all {len(wanted)} tables are there")


def _clock(conn: Connection) -> Finding:
    skew = database_now(conn) - int(time.time())
    if abs(skew) > CLOCK_SECONDS:
        says = f"its clock and this machine's differ by {abs(skew)} s"
        return trouble("database.clock", says, "set both clocks (NTP)")
    return ok("database.clock", "its clock agrees with this machine's")


def _pages(conn: Connection, sqlite: bool) -> Finding:
    """SQLite reads every page; PostgreSQL knows what its checksums and indexes came to."""
    check = "database.pages"
    if sqlite:
        said = [row[0] for row in conn.exec_driver_sql("PRAGMA quick_check(5)")]
        if said != ["ok"]:
            return trouble(check, f"it is damaged: {'; '.join(map(str, said))}", _RESTORE)
        return ok(check, "every page is whole")
    failures = conn.execute(
        text("SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()")
    ).scalar()
    broken = conn.execute(
        text("SELECT count(*) FROM pg_index WHERE NOT indisvalid OR NOT indisready")
    ).scalar_one()
    if failures:
        return trouble(check, f"{failures} pages failed their checksum", _RESTORE)
    if broken:
        return trouble(check, f"{broken} indexes are not valid", "REINDEX DATABASE")
    how = "no checksum has failed" if failures is not None else "checksums are off"
    return ok(check, f"{how}, every index is valid")
