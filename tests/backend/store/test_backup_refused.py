"""Backups that are damaged, altered or foreign: refused with a reason, and nothing is touched."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from berth.core.sealed import Sealer
from berth.store.backup_file import PURPOSE
from berth.store.restore import restore_backup
from cryptography.fernet import Fernet

from tests.backend.store.backups import KEYS, Made, refused, rewritten, untouched
from tests.backend.worlds import DEPLOYMENT


def test_a_file_cut_off_anywhere_is_refused(small: Made, tmp_path: Path) -> None:
    whole, url = small.file.read_bytes(), str(tmp_path / "empty.sqlite")
    cut = tmp_path / "cut"
    for size in [*range(0, len(whole), len(whole) // 60), len(whole) - 1, len(whole) - 8]:
        cut.write_bytes(whole[:size])
        error = refused(url, cut)
        # without its first bytes it is not even known to be a backup
        assert error.code in ("backup.truncated", "backup.foreign"), size
        assert error.exit_code
        assert size < 20 or error.code == "backup.truncated", size
    untouched(url)


def test_a_file_with_any_bit_changed_is_refused(small: Made, tmp_path: Path) -> None:
    whole, url = small.file.read_bytes(), str(tmp_path / "empty.sqlite")
    chance, bent = random.Random(7), tmp_path / "bent"
    for place in [0, 1, 2, *(chance.randrange(10, len(whole)) for _ in range(120))]:
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        bent.write_bytes(changed)
        with contextlib.suppress(EOFError, OSError, zlib.error):
            if gzip.decompress(changed) == gzip.decompress(whole):
                continue  # a bit that fills a byte up: the content is the same
        assert refused(url, bent).code in (
            "backup.damaged", "backup.truncated", "backup.foreign", "backup.seal",
        ), place  # fmt: skip
    untouched(url)


def test_an_altered_row_with_the_right_checksum_lacks_the_seal(small: Made, tmp_path: Path) -> None:
    def steal(lines: list[bytes]) -> None:
        (place,) = [
            n
            for n, line in enumerate(lines)
            if line.startswith(b'["vehicles_private.plate_commitment 1')
        ]
        lines[place] = lines[place].replace(b"driver 1", b"driver 2")

    url = str(tmp_path / "empty.sqlite")
    error = refused(url, rewritten(small, steal))
    assert error.code == "backup.seal"
    assert "altered" in error.message
    untouched(url)


def test_a_backup_of_another_field_key_is_refused(small: Made, tmp_path: Path) -> None:
    url = str(tmp_path / "empty.sqlite")
    other = Sealer([Fernet.generate_key()]).derived(PURPOSE)
    assert refused(url, small.file, keys=other).code == "backup.seal"
    untouched(url)
    # after a change of the field key the former one still opens it
    restore_backup(url, small.file, [*other, *KEYS], DEPLOYMENT)


def test_backups_of_newer_programs_are_refused_by_name(small: Made, tmp_path: Path) -> None:
    url = str(tmp_path / "empty.sqlite")
    for name, value in (("format", 2), ("migration", "9999")):

        def age(lines: list[bytes], name: str = name, value: Any = value) -> None:
            lines[0] = json.dumps(json.loads(lines[0]) | {name: value}).encode() + b"\n"

        error = refused(url, rewritten(small, age, key=KEYS[0]))
        assert error.code == "backup.newer"
        assert str(value) in error.message
    untouched(url)


@pytest.mark.parametrize("field", ["chain_id", "genesis_hash", "market"])
def test_another_deployments_backup_is_refused(small: Made, tmp_path: Path, field: str) -> None:
    url = str(tmp_path / "empty.sqlite")
    other = {"chain_id": 5, "genesis_hash": "0x" + "11" * 32, "market": "0x" + "12" * 20}[field]
    error = refused(url, small.file, ours=replace(DEPLOYMENT, **{field: other}))
    assert error.code == "backup.deployment"
    assert DEPLOYMENT.market in error.message
    untouched(url)


def test_what_is_no_backup_is_said_to_be_none(tmp_path: Path) -> None:
    url = str(tmp_path / "empty.sqlite")
    contents = {
        "text": b"dear diary",
        "nothing": b"",
        "zip": gzip.compress(b"dear diary\n"),
        "json": gzip.compress(b'{"berth": "something else"}\n'),
        "bomb": gzip.compress(b"[" * (5 << 20)),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        assert refused(url, tmp_path / name).code in (
            "backup.foreign", "backup.truncated", "backup.damaged",
        ), name  # fmt: skip
    assert refused(url, tmp_path / "missing").code == "backup.unreadable"
    untouched(url)
