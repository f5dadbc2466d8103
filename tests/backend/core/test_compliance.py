"""Reasons, the same bits as the contract's."""

import re
from pathlib import Path

import pytest
from berth.core.compliance import Reason, decode, encode
from berth.core.errors import BerthError
from hypothesis import given
from hypothesis import strategies as st

SOURCE = Path(__file__).parents[3] / "contracts" / "libraries" / "Reasons.sol"


def test_the_bits_are_those_of_the_contract():
    constants = re.findall(r"constant (\w+) = 1 << (\d+);", SOURCE.read_text("utf-8"))
    assert {name: int(bit) for name, bit in constants} == {r.name: r.value for r in Reason}


@given(st.sets(st.sampled_from(Reason)))
def test_a_bitmap_reads_back_as_its_reasons(reasons):
    assert set(decode(encode(reasons))) == reasons


def test_reasons_come_lowest_bit_first():
    assert decode(1 << 24 | 1 << 2) == [Reason.TITLE_REVOKED, Reason.LOCK_MAKER_UNKNOWN]
    assert decode(0) == []


def test_a_bit_that_nobody_knows_is_an_error_and_not_silence():
    with pytest.raises(BerthError, match="unknown bits"):
        decode(1 << 12)


def test_every_reason_has_a_code_a_field_and_two_sentences():
    assert len({reason.code for reason in Reason}) == len(Reason)
    for reason in Reason:
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", reason.code)
        assert reason.field
        assert reason.sentence("en").isascii()
        assert re.search("[\u4e00-\u9fff]", reason.sentence("zh-CN"))
    assert Reason.TITLE_REVOKED.code == "title.revoked"
