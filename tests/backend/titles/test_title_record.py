"""What stands in a leaf, and how it is salted."""

from __future__ import annotations

import pytest
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.title import (
    Attributes,
    Kind,
    Title,
    address_hash,
    encode,
    leaf,
    normalise_address,
    pack_attributes,
    salted_holder,
    unpack_attributes,
)
from eth_abi import encode as abi_encode
from hypothesis import given
from hypothesis import strategies as st

GOOD = {
    "city": 17848605,
    "index": 3,
    "salted_holder": b"\1" * 32,
    "address_hash": b"\2" * 32,
    "cell": (1 << 30) - 1,
    "attributes": pack_attributes(Kind.GARAGE, True, 210, 250, 550),
    "valid_day": 65535,
}


@given(
    st.tuples(
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**32 - 1),
        st.binary(min_size=32, max_size=32),
        st.binary(min_size=32, max_size=32),
        st.integers(0, 2**30 - 1),
        st.integers(0, 2**57 - 1),
        st.integers(0, 2**16 - 1),
    )
)
def test_a_leaf_is_the_double_hash_of_the_abi_encoding(fields):
    words = ["uint256", "uint256", "bytes32", "bytes32", "uint256", "uint256", "uint256"]
    title = Title(*fields)
    assert encode(title) == abi_encode(words, fields)
    assert leaf(title) == keccak(keccak(encode(title)))


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("city", 1 << 32, "city"),
        ("index", -1, "index"),
        ("salted_holder", b"\1" * 31, "saltedHolder"),
        ("address_hash", b"\1" * 33, "addressHash"),
        ("cell", 1 << 32, "cell"),
        ("attributes", 1 << 64, "attributes"),
        ("valid_day", 1 << 16, "validDay"),
    ],
)
def test_a_field_out_of_its_range_is_named(field, value, named):
    with pytest.raises(BerthError) as refused:
        leaf(Title(**{**GOOD, field: value}))
    assert refused.value.field == named


@given(
    st.integers(0, 255),
    st.booleans(),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.integers(0, 65535),
)
def test_attributes_come_back_as_they_went_in(kind, sharing, height, width, length):
    word = pack_attributes(kind, sharing, height, width, length)
    assert word < 1 << 57
    assert unpack_attributes(word) == Attributes(kind, sharing, height, width, length)


def test_the_attribute_word_has_the_layout_of_the_contract():
    assert pack_attributes(4, True, 3, 5, 7) == 4 | 1 << 8 | 3 << 9 | 5 << 25 | 7 << 41


def test_bits_beyond_the_attributes_are_refused():
    with pytest.raises(BerthError):
        unpack_attributes(1 << 57)


@pytest.mark.parametrize(
    "spelling",
    [
        "King Street 5, Melbourne",
        "  king  STREET 5 Melbourne ",
        "King Street 5 ,\tMelbourne;",
        "Ｋｉｎｇ　Street 5，Melbourne",
    ],
)
def test_one_address_has_one_hash_however_it_is_spelt(spelling):
    assert normalise_address(spelling) == "king street 5 melbourne"
    assert address_hash(b"\5" * 32, spelling) == keccak(b"\5" * 32 + b"king street 5 melbourne")


def test_an_empty_address_or_holder_has_no_hash():
    with pytest.raises(BerthError, match="address: is empty"):
        address_hash(b"\5" * 32, " ,、 ")
    with pytest.raises(BerthError, match="holder: is empty"):
        salted_holder(b"\5" * 32, "  ")


def test_the_salt_hides_the_holder():
    one, two = (salted_holder(salt, "A. Holder") for salt in (b"\5" * 32, b"\6" * 32))
    assert one != two
    assert one == keccak(b"\5" * 32 + b"A. Holder")
    with pytest.raises(BerthError, match="32 bytes"):
        salted_holder(b"short", "A. Holder")
