"""Where spaces are searched for: one public point a space, kept by triggers, with a spatial index.

The point is the one that the present owner chose (`space_private.public_lat/public_lon`), else the
centre of the space's on-chain cell: never the exact place, for exact distances would give a private
address away in four queries. Triggers on `spaces` and `space_private` keep it right through reorgs
and rebuilds, whoever writes. SQLite searches an R*Tree over it, PostgreSQL a GiST index of points.

On PostgreSQL the index and an owner may move the same point at once. Its row stays while its space
does, so that whoever comes second waits for it and then sees what the first one wrote.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Column, Connection, Float, MetaData, Table

from berth.store.columns import serial, text

# Apart from the two groups: neither backed up nor part of a digest, always derivable from both.
metadata = MetaData()

space_points = Table(
    "space_points",
    metadata,
    serial("point_id"),
    text("space_id", unique=True),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
)


def _axis(cell: str, top: int, span: float) -> str:
    """SQL for the centre of a geohash cell on one axis: every second bit of 30, from bit `top`."""
    bits = " + ".join(
        f"((({cell} >> {top - 2 * place}) & 1) << {14 - place})" for place in range(15)
    )
    return f"(({bits}) + 0.5) * {span} / 32768.0 - {span / 2}"


def _point(space: str) -> str:
    """SELECT of (space_id, lat, lon) for the space with this id."""
    return f"""
        SELECT s.space_id,
               coalesce(p.public_lat, {_axis("s.cell", 28, 180.0)}),
               coalesce(p.public_lon, {_axis("s.cell", 29, 360.0)})
          FROM spaces s
          LEFT JOIN space_private p ON p.space_id = s.space_id AND p.by_owner = s.owner
         WHERE s.space_id = {space}"""  # noqa: S608 - fixed names only


def _put(space: str) -> str:
    # Delete and insert, not an upsert: within a trigger SQLite applies the outer statement's own
    # conflict rule, and a REPLACE would leave a box behind.
    return f"{_drop(space)} INSERT INTO space_points (space_id, lat, lon) {_point(space)};"


def _move(space: str) -> str:
    """For PostgreSQL: as `_put`, but whoever else moves the point meanwhile is waited for.

    Three statements, for each sees what was committed before it began: the first one waits, the
    second one sees what was waited for. One alone would put a point from before its own wait.
    """
    return f"""
        PERFORM 1 FROM space_points WHERE space_id = {space} FOR UPDATE;
        UPDATE space_points SET lat = found.lat, lon = found.lon
          FROM ({_point(space)}) AS found (space_id, lat, lon)
         WHERE space_points.space_id = found.space_id;
        IF NOT FOUND THEN INSERT INTO space_points (space_id, lat, lon) {_point(space)}; END IF;"""  # noqa: S608 - fixed names only


def _drop(space: str) -> str:
    return f"DELETE FROM space_points WHERE space_id = {space};"  # noqa: S608 - fixed names only


_SOURCES = ("spaces", "space_private")


def _trigger(name: str, event: str, body: str) -> str:
    return f"CREATE TRIGGER {name} AFTER {event} BEGIN {body} END"


def _sqlite() -> list[str]:
    box = "new.point_id, new.lat, new.lat, new.lon, new.lon"
    enter = f"INSERT INTO space_boxes VALUES ({box});"  # noqa: S608 - fixed names only
    leave = "DELETE FROM space_boxes WHERE point_id = old.point_id;"
    columns = "point_id, min_lat, max_lat, min_lon, max_lon"
    statements = [
        f"CREATE VIRTUAL TABLE space_boxes USING rtree ({columns})",
        _trigger("space_points_box_in", "INSERT ON space_points", enter),
        _trigger("space_points_box_out", "DELETE ON space_points", leave),
    ]
    for source in _SOURCES:
        put = _put("new.space_id")
        statements += [
            _trigger(f"{source}_point_in", f"INSERT ON {source}", put),
            _trigger(f"{source}_point_move", f"UPDATE ON {source}", put),
            _trigger(f"{source}_point_out", f"DELETE ON {source}", _gone(source, "old.space_id")),
        ]
    return statements


def _gone(source: str, space: str, put: Callable[[str], str] = _put) -> str:
    # a space that loses its private record falls back to the centre of its cell
    return _drop(space) if source == "spaces" else put(space)


def _function(source: str, put: Callable[[str], str]) -> str:
    return f"""CREATE OR REPLACE FUNCTION {source}_point() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              IF TG_OP = 'DELETE' THEN {_gone(source, "OLD.space_id", put)}
              ELSE {put("NEW.space_id")} END IF;
              RETURN NULL;
            END $$"""


def _postgresql() -> list[str]:
    statements = ["CREATE INDEX ix_space_points_place ON space_points USING gist (point(lon, lat))"]
    for source in _SOURCES:
        statements += [
            _function(source, _put),
            f"""CREATE TRIGGER {source}_point AFTER INSERT OR UPDATE OR DELETE ON {source}
            FOR EACH ROW EXECUTE FUNCTION {source}_point()""",
        ]
    return statements


def keep_rows(conn: Connection, *, kept: bool = True) -> None:
    """Lets a point's row stay while it moves, or (kept=False) be made anew as `create` has it.

    SQLite has one writer: nothing to do.
    """
    if conn.dialect.name == "sqlite":
        return
    for source in _SOURCES:
        conn.exec_driver_sql(_function(source, _move if kept else _put))


def create(conn: Connection) -> None:
    """Makes table, index and triggers, and fills them from the spaces that are there. What
    `keep_rows` does comes after it."""
    metadata.create_all(conn, checkfirst=False)
    sqlite = conn.dialect.name == "sqlite"
    for statement in _sqlite() if sqlite else _postgresql():
        conn.exec_driver_sql(statement)
    conn.exec_driver_sql(f"INSERT INTO space_points (space_id, lat, lon) {_point('s.space_id')}")


def drop(conn: Connection) -> None:
    """Undoes `create`."""
    sqlite = conn.dialect.name == "sqlite"
    for source in _SOURCES:
        if sqlite:
            for name in ("in", "move", "out"):
                conn.exec_driver_sql(f"DROP TRIGGER {source}_point_{name}")
        else:
            conn.exec_driver_sql(f"DROP TRIGGER {source}_point ON {source}")
            conn.exec_driver_sql(f"DROP FUNCTION {source}_point()")
    if sqlite:
        conn.exec_driver_sql("DROP TABLE space_boxes")
    metadata.drop_all(conn)
