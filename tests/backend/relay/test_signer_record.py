"""A restart forgets no limit, whatever else was signed since."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from berth.core.errors import BerthError
from berth.relay import signer_audit
from berth.relay.signer_audit import Lines


def test_lowerings_are_found_behind_a_flood_of_other_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signer_audit, "LARGEST", 40_000)
    log = Lines(tmp_path / "lowerings.jsonl")
    begin = time.time() - 1
    log.note({"signed": "ticket", "action": "lower", "lease": "0x01"})
    for number in range(300):  # some 33 kB, and below: over the edge of a file
        log.note({"signed": "receipt", "lock": "0x" + "ab" * 20, "kind": number % 4})
    assert [one["lease"] for one in log.since(begin) if one.get("action") == "lower"] == ["0x01"]
    for number in range(200):
        log.note({"signed": "receipt", "lock": "0x" + "ab" * 20, "kind": number % 4})
    assert log.path.with_suffix(".jsonl.1").exists()
    assert [one["lease"] for one in log.since(begin) if one.get("action") == "lower"] == ["0x01"]
    log.close()


def test_a_line_that_a_full_disk_cut_short_takes_no_other_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Lines(tmp_path / "lowerings.jsonl")
    begin, write = time.time() - 1, os.write
    log.note({"lease": "0x01"})
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda file, data: write(file, data[:9]))
        with pytest.raises(BerthError, match="cut short"):
            log.note({"lease": "0x02"})
    log.note({"lease": "0x03"})  # there is room again: signed, so it counts
    log.note({"lease": "0x04"})
    assert [one["lease"] for one in log.since(begin)] == ["0x01", "0x03", "0x04"]
    log.close()
