"""Numbers of cities, spaces, leases and slots."""

import pytest
from berth.core import ids, slots
from berth.core.errors import BerthError
from hypothesis import given
from hypothesis import strategies as st

words = {bits: st.integers(0, (1 << bits) - 1) for bits in (16, 32, 64)}


def test_a_space_is_its_city_above_its_index():
    assert ids.space_id(1, 2) == 0x1_0000_0002


def test_a_lease_is_its_space_above_its_start_above_its_epoch():
    assert ids.lease_id(0xA, 0xB, 0xC) == 0xA_0000_000B_000C


@given(words[32], words[32], words[32], words[16])
def test_ids_split_into_what_they_were_made_of(city, index, start, epoch):
    space = ids.space_id(city, index)
    lease = ids.lease_id(space, start, epoch)
    assert ids.split_space(space) == (city, index)
    assert ids.split_lease(lease) == (space, start, epoch)
    assert ids.parse_space(ids.space_hex(space)) == space
    assert ids.parse_lease(ids.lease_hex(lease)) == lease
    assert len(ids.space_hex(space)) == 18
    assert len(ids.lease_hex(lease)) == 30


@given(words[64], words[64])
def test_text_order_of_spaces_is_number_order(one, other):
    assert (ids.space_hex(one) < ids.space_hex(other)) == (one < other)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: ids.space_id(1 << 32, 0), "city"),
        (lambda: ids.space_id(0, -1), "index"),
        (lambda: ids.lease_id(1 << 64, 0, 0), "spaceId"),
        (lambda: ids.lease_id(0, 1 << 32, 0), "startSlot"),
        (lambda: ids.lease_id(0, 0, 1 << 16), "epoch"),
        (lambda: ids.space_id(True, 0), "city"),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(make, field):
    with pytest.raises(BerthError) as refused:
        make()
    assert refused.value.field == field


@pytest.mark.parametrize(
    "text", ["", "0x", "0x12", "12" * 8, "0x" + "g" * 16, "0x" + "0" * 17, None, 7, "0x" + "٣" * 16]
)
def test_malformed_space_text_is_refused(text):
    with pytest.raises(BerthError, match="hexadecimal digits"):
        ids.parse_space(text)


def test_cities_are_their_locode_in_base_36():
    assert ids.city_number("AUMEL") == int("aumel", 36)
    assert ids.city_number("tw tpe") == ids.city_number("TWTPE")
    assert ids.city_code(ids.city_number("TWTPE")) == "TWTPE"
    assert ids.city_number("ZZ999") < 1 << 32


@pytest.mark.parametrize(
    "code", ["", "AUME", "AUMELB", "A1MEL", "AUM1L", "AUM0L", "ÄUMEL", "-AUME"]
)
def test_what_is_no_locode_is_no_city(code):
    with pytest.raises(BerthError) as refused:
        ids.city_number(code)
    assert refused.value.field == "city"


@pytest.mark.parametrize("number", [0, 1, 36**4, (1 << 32) - 1])
def test_numbers_of_no_locode_have_no_code(number):
    with pytest.raises(BerthError):
        ids.city_code(number)


@given(st.integers(0, 1 << 40))
def test_a_slot_holds_its_moment_and_the_ceiling_starts_no_earlier(moment):
    slot = slots.slot_at(moment)
    assert slots.slot_start(slot) <= moment < slots.slot_start(slot + 1)
    assert slots.slot_start(slots.ceil_slot(moment) - 1) < moment
    assert slots.slot_start(slots.ceil_slot(moment)) >= moment


@given(st.integers(0, 1 << 34), st.integers(1, 10**6))
def test_covering_slots_hold_the_whole_period_and_no_slot_more(start, length):
    first, count = slots.slots_covering(start, start + length)
    assert slots.slot_start(first) <= start < slots.slot_start(first + 1)
    assert slots.slot_start(first + count - 1) < start + length <= slots.slot_start(first + count)


def test_an_empty_period_covers_no_slot():
    assert slots.slots_covering(900, 900) == (1, 0)
    assert slots.slots_covering(1800, 900)[1] == 0
