"""The examples that lock makers test against are true, and the documentation quotes them."""

from __future__ import annotations

import json
import re

from berth.core.ids import parse_lease
from berth.core.messages import occupancy, recover
from berth.devices.certificates import decode_key
from berth.devices.protocol import decode
from berth.devices.tickets import Grant, Pins, Receipt, Ticket, read_claims

from tests.backend.devices.examples import DOMAIN, FILE, GROUP, LOCK, START, document

DOCS = FILE.with_name("devices.md")


def test_the_file_is_what_the_code_makes() -> None:
    again = "write it anew: .venv/bin/python -m tests.backend.devices.examples"
    assert json.loads(FILE.read_text("utf-8")) == document(), again


def test_every_example_verifies_as_a_lock_and_a_backend_would() -> None:
    examples = json.loads(FILE.read_text("utf-8"))
    for leaf, envelope in examples["fromLock"].items():
        assert decode(LOCK, leaf, json.dumps(envelope).encode()).lock == LOCK
    record = examples["fromLock"]["occupancy"]["payload"]
    typed = occupancy(
        DOMAIN,
        parse_lease(record["leaseId"]),
        record["kind"],
        record["from"],
        record["until"],
        record["energyWh"],
    )
    assert "0x" + typed.digest.hex() == examples["occupancyDigest"]
    assert recover(typed, record["signature"]) == LOCK
    pins = Pins(
        LOCK, DOMAIN.chain_id, DOMAIN.market, GROUP, (decode_key(examples["keys"]["root"]),)
    )
    for name, kind in (("ticket", Ticket), ("grant", Grant), ("receipt", Receipt)):
        assert read_claims(examples["toLock"][name]["jws"], kind, pins, START)  # type: ignore[type-var]


def test_the_documentation_quotes_the_examples_and_no_others() -> None:
    examples = json.loads(FILE.read_text("utf-8"))
    blocks = re.findall(r"```json\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    quoted = [json.loads(block) for block in blocks]
    known = [
        *(envelope["payload"] for envelope in examples["fromLock"].values()),
        *(entry["claims"] for entry in examples["toLock"].values()),
    ]
    assert len(quoted) == len(known)
    for block in quoted:
        assert block in known
