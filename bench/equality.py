"""Are two indexes of one history the same? Rows and SHA-256 of every projected table.

A row is a line of its values, by the names of their columns in alphabetical order, numbers as
decimal text; rows come in the order of their keys. bench/ponder/src/api/index.ts does the same.
"""

from __future__ import annotations

import hashlib
from typing import Any

from berth.store import Store
from berth.store.derived import PROJECTIONS
from sqlalchemy import select

Digests = dict[str, dict[str, Any]]


def keys() -> dict[str, list[str]]:
    """Every projected table with its key columns."""
    return {
        table.name: [column.name for column in table.primary_key.columns] for table in PROJECTIONS
    }


def digests(store: Store) -> Digests:
    """Of all that was projected into a database of ours."""
    found: Digests = {}
    with store.read() as conn:
        for table in PROJECTIONS:
            columns = sorted(table.columns, key=lambda column: column.name)
            order = list(table.primary_key.columns)
            sha, rows = hashlib.sha256(), 0
            sha.update(("|".join(column.name for column in columns) + "\n").encode())
            for row in conn.execute(select(*columns).order_by(*order)):
                values = ("" if value is None else str(value) for value in row)
                sha.update(("|".join(values) + "\n").encode())
                rows += 1
            found[table.name] = {"rows": rows, "sha256": sha.hexdigest()}
    return found


def differences(ours: Digests, theirs: Digests) -> list[str]:
    """A sentence for each table that is not the same."""
    found = []
    for name in sorted(set(ours) | set(theirs)):
        one, other = ours.get(name), theirs.get(name)
        if one is None or other is None:
            found.append(f"only one of them has a table {name}")
        elif one["rows"] != other["rows"]:
            found.append(f"{name}: {one['rows']} rows in one, {other['rows']} in the other")
        elif one["sha256"] != other["sha256"]:
            found.append(f"{name}: {one['rows']} rows each, but their values differ")
    return found
