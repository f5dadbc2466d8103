"""Plates and their commitments."""

import pytest
from berth.core import plate
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("typed", ["ABC123", "abc 123", "ABC-123", "A.BC·123", "ＡＢＣ－１２３"])
def test_one_plate_however_it_is_typed(typed):
    assert plate.normalise(typed) == "ABC123"


def test_letters_of_any_script_stay():
    assert plate.normalise("京A·12345") == "京A12345"
    assert plate.normalise("ää 1") == "ÄÄ1"


@pytest.mark.parametrize(
    "typed", ["", " ", "A", "ABC123456789X", "ABC\n123", "ABC;123", "🚗123", None]
)
def test_what_is_no_plate_is_refused(typed):
    with pytest.raises(BerthError) as refused:
        plate.normalise(typed)
    assert refused.value.field == "plate"


def test_a_commitment_is_keccak_of_salt_and_normalised_plate():
    salt = bytes(range(32))
    assert plate.commitment(salt, "abc 123") == keccak(salt + b"ABC123")


@given(st.from_regex(r"[A-Z0-9]{2,12}", fullmatch=True))
def test_normalising_twice_changes_nothing(text):
    assert plate.normalise(plate.normalise(text)) == text


def test_the_salt_hides_the_plate():
    one, other = plate.new_salt(), plate.new_salt()
    assert one != other
    assert plate.commitment(one, "ABC123") != plate.commitment(other, "ABC123")
    with pytest.raises(BerthError, match="32 bytes"):
        plate.commitment(b"short", "ABC123")
