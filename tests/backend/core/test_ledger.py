"""The running hash over settlements."""

from dataclasses import astuple, replace

import pytest
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.ledger import EMPTY_HEAD, Record, next_head, record_hash
from eth_abi import encode

RECORD = Record(
    lease_id=(1 << 111) + 5,
    outcome=1,
    owner="0x" + "12" * 20,
    driver="0x" + "ef" * 20,
    offer=3,
    rent=4_000_000,
    overstay=100,
    energy=7,
    fee=100_000,
    refund=123_456,
    arrived=1,
    until=60,
    energy_wh=1900,
    closed_at=1_800_000_000,
)
TYPES = [
    "uint256",
    "uint256",
    "address",
    "address",
    *["uint256"] * 10,
]


def test_a_record_hashes_as_solidity_encodes_it():
    assert record_hash(RECORD) == keccak(encode(TYPES, astuple(RECORD)))


def test_the_head_folds_in_one_record_after_the_other():
    first = next_head(EMPTY_HEAD, record_hash(RECORD))
    assert first == keccak(encode(["bytes32", "bytes32"], [bytes(32), record_hash(RECORD)]))
    second = record_hash(replace(RECORD, rent=4_000_001))
    assert next_head(first, second) != next_head(next_head(EMPTY_HEAD, second), record_hash(RECORD))


def test_shares_of_a_record_add_up_to_its_deposit():
    assert RECORD.cost == 4_000_107
    assert RECORD.owner_share + RECORD.fee + RECORD.refund == RECORD.deposit


def test_a_figure_that_is_no_word_is_refused_by_name():
    with pytest.raises(BerthError) as refused:
        record_hash(replace(RECORD, refund=-1))
    assert refused.value.field == "refund"
