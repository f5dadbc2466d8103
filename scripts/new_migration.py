#!/usr/bin/env python3
"""Write the next migration from what the declared tables have and the migrations do not.

    .venv/bin/python scripts/new_migration.py "why the tables change"
    .venv/bin/python scripts/new_migration.py --first

--first writes 0001 anew, whole and explicit; only before the first release, while no database is
out there. Read what it wrote: a rename looks like a loss to it.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations.ops import OpContainer, UpgradeOps
from berth.store import derived, kept, migrations, open_store
from sqlalchemy import MetaData, create_engine

VERSIONS = migrations.FOLDER / "versions"
GROUPS = (("derived", derived.metadata), ("kept", kept.metadata))


def changes(engine: Any, metadata: MetaData) -> UpgradeOps:
    """What would have to be done to a database for it to have this group's tables."""
    names = set(metadata.tables)
    with engine.connect() as conn:
        options = {
            "include_name": lambda name, kind, _parents: kind != "table" or name in names,
            "compare_type": True,
        }
        context = MigrationContext.configure(conn, opts=options)
        script = produce_migrations(context, metadata)
    assert script.upgrade_ops is not None
    return script.upgrade_ops


def body(operations: list[tuple[str, OpContainer]]) -> str:
    """The text of upgrade() or downgrade(), group by group."""
    parts = []
    for group, container in operations:
        if container.is_empty():
            continue
        # in batches: SQLite alters most things by making the table anew
        code = render_python_code(container, render_as_batch=True)
        code = re.sub(r"^ *# ###.*\n", "", code + "\n", flags=re.MULTILINE)
        parts.append(f"    into({group!r})\n    {code.strip()}\n")
    # the order that connections have
    return "\n".join([*parts, "    into('derived')\n"])


def write(revision: str, former: str | None, message: str, groups: list[Any]) -> Path:
    """The migration's file."""
    up = body([(name, ops) for name, ops in groups])
    down = body([(name, ops.reverse()) for name, ops in reversed(groups)])
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:40]
    path = VERSIONS / f"{revision}_{slug}.py"
    path.write_text(
        f'"""{message[0].upper()}{message[1:].rstrip(".")}."""\n\n'
        "# ruff: noqa: E501\n\nfrom __future__ import annotations\n\n"
        "import sqlalchemy as sa\nfrom alembic import op\n\n"
        "from berth.store.migrations import into\n\n"
        f"revision = {revision!r}\ndown_revision = {former!r}\n\n\n"
        f"def upgrade() -> None:\n{up}\n\n"
        f"def downgrade() -> None:\n{down}",
        "utf-8",
    )
    ruff = str(Path(sys.executable).with_name("ruff"))
    for command in (["check", "-q", "--fix"], ["format", "-q"]):
        subprocess.run([ruff, *command, str(path)], check=True)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("message", nargs="?")
    parser.add_argument("--first", action="store_true")
    arguments = parser.parse_args()
    if arguments.first:
        empty = create_engine("sqlite://")
        groups = [(name, changes(empty, metadata)) for name, metadata in GROUPS]
        for old in VERSIONS.glob("0001_*.py"):
            old.unlink()
        print(write("0001", None, "all tables of the first release", groups).name)
        return 0
    if not arguments.message:
        parser.error("say why the tables change")
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"{folder}/head.sqlite")
        groups = [(name, changes(store.engine, metadata)) for name, metadata in GROUPS]
        store.close()
    if all(ops.is_empty() for _, ops in groups):
        print("the migrations make what is declared: nothing to write", file=sys.stderr)
        return 1
    revision = f"{int(migrations.HEAD) + 1:04d}"
    path = write(revision, migrations.HEAD, arguments.message, groups)
    print(f'{path.name}; add "{revision}" to KNOWN in store/migrations/__init__.py')
    return 0


if __name__ == "__main__":
    sys.exit(main())
