"""The trees of editions as files in the data folder."""

from __future__ import annotations

from pathlib import Path

from berth.core import merkle
from berth.core.errors import BerthError
from berth.core.title import leaf
from berth.market.titles import storage
from berth.market.titles.edition import title_of
from berth.market.titles.salts import Salts
from berth.market.titles.storage import EditionRow
from berth.store.engine import Store


def tree_path(home: Path, row: EditionRow) -> Path:
    """`titles/AUMEL-1-3f9ac01d.tree`: city, edition, the root's first four bytes."""
    return home / "titles" / row.tree_name


def open_tree(store: Store, home: Path, row: EditionRow, salts: Salts) -> merkle.TreeFile:
    """An edition's tree, made anew from the records if its file is lost or damaged.

    Raises BerthError `titles.secret` when the city's secret is not the one it was made with.
    """
    root = bytes.fromhex(row.root[2:])
    try:
        return merkle.TreeFile(tree_path(home, row), root)
    except BerthError:
        pass
    with store.read() as conn:
        tree = merkle.build(
            [
                leaf(title_of(row.city, entry, salts))
                for entry in storage.entries_of(conn, row.city, row.edition)
            ]
        )
    if tree.root != root:
        raise secret_changed(row)
    merkle.write_tree(tree, tree_path(home, row))
    return merkle.TreeFile(tree_path(home, row), root)


def check_secret(store: Store, home: Path, row: EditionRow, salts: Salts) -> None:
    """Refuses to build on an edition that was made with another secret.

    All salted hashes would change, and with them every attestation would be void.
    """
    with store.read() as conn:
        entry = next(iter(storage.entries_of(conn, row.city, row.edition)))
    with open_tree(store, home, row, salts) as file:
        if leaf(title_of(row.city, entry, salts)) not in file.tree:
            raise secret_changed(row)


def secret_changed(row: EditionRow) -> BerthError:
    return BerthError(
        "titles.secret",
        f"the secret of {row.city_code} in the data folder is not the one that edition"
        f" {row.edition} was made with: restore it from a backup",
        field="secret",
        exit_code=2,
        status=500,
    )
