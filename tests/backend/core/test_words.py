"""Storage words."""

from dataclasses import replace

import pytest
from berth.core.bits import Field, Layout
from berth.core.errors import BerthError
from berth.core.states import (
    LeaseState,
    Outcome,
    RecordKind,
    Times,
    claim_deadline,
    dispute_deadline,
    evidence_deadline,
)
from berth.core.words import LeaseWord, RotationWord, SpaceWords, VehicleWord
from hypothesis import given
from hypothesis import strategies as st

WHO = "0x" + "ab" * 20
LOCK = "0x" + "cd" * 20

LEASE = LeaseWord(
    driver=WHO,
    state=LeaseState.CLAIMED,
    disputed=False,
    slots=672,
    offer=513,
    epoch=7,
    kwh_cap=200,
    arrived=10081,
    until=11525,
    energy_used=2000,
)


def test_a_lease_word_is_packed_as_the_contract_packs_it():
    assert LEASE.encode() == (
        int(WHO, 16)
        | 3 << 160
        | 672 << 164
        | 513 << 174
        | 7 << 190
        | 200 << 206
        | 10081 << 214
        | 11525 << 228
        | 2000 << 242
    )
    assert LeaseWord.decode(LEASE.encode()) == LEASE


def test_dispute_and_no_show_are_single_bits():
    word = replace(LEASE, disputed=True, no_show=True)
    assert word.encode() ^ LEASE.encode() == 1 << 163 | 1 << 254
    assert LeaseWord.decode(word.encode()) == word


def test_lease_words_that_no_contract_writes_are_refused():
    with pytest.raises(BerthError, match="above the last field"):
        LeaseWord.decode(1 << 255)
    with pytest.raises(BerthError, match="no state"):
        LeaseWord.decode(7 << 160)
    with pytest.raises(BerthError) as refused:
        replace(LEASE, slots=1024).encode()
    assert refused.value.field == "slots"


def test_space_words_are_packed_as_the_contract_packs_them():
    space = SpaceWords(
        owner=WHO,
        first_live=1,
        last_offer=2,
        since=1,
        valid_day=21000,
        cell=0x3FFFFFFF,
        lock_key=LOCK,
        height_cm=210,
        width_cm=250,
        length_cm=520,
        connectors=3,
        power=110,
        maker=5,
        edition=7,
    )
    word0 = int(WHO, 16) | 1 << 160 | 2 << 176 | 1 << 192 | 21000 << 208 | 0x3FFFFFFF << 224
    word1 = int(LOCK, 16) | 210 << 160 | 250 << 176 | 520 << 192 | 3 << 208 | 110 << 216
    word1 |= 5 << 232 | 7 << 240
    assert space.encode() == (word0, word1)
    assert SpaceWords.decode(word0, word1) == space


def test_the_word_of_a_space_s_past_is_packed_as_the_contract_packs_it():
    past = RotationWord(previous_key=LOCK, rotated_at=1_795_996_800, delisted_day=20_800)
    assert past.encode() == int(LOCK, 16) | 1_795_996_800 << 160 | 20_800 << 200
    assert RotationWord.decode(past.encode()) == past
    assert RotationWord.decode(0) == RotationWord()


def test_a_vehicle_word_is_packed_as_the_contract_packs_it():
    vehicle = VehicleWord(driver=WHO, until_slot=2_000_000, verifier=9, size=2)
    assert vehicle.encode() == int(WHO, 16) | 2_000_000 << 160 | 9 << 192 | 2 << 200
    assert VehicleWord.decode(vehicle.encode()) == vehicle


@given(st.data())
def test_any_layout_reads_back_what_it_packed(data):
    widths = data.draw(st.lists(st.integers(2, 60), min_size=1, max_size=4))
    layout = Layout(*(Field(f"f{i}", bits, signed=i % 2 == 1) for i, bits in enumerate(widths)))
    values = {
        field.name: data.draw(
            st.integers(-(1 << field.bits - 1), (1 << field.bits - 1) - 1)
            if field.signed
            else st.integers(0, (1 << field.bits) - 1)
        )
        for field in layout.fields
    }
    assert layout.unpack(layout.pack(values)) == values


def test_a_signed_field_out_of_its_range_is_refused_by_name():
    layout = Layout(Field("offset", 8, signed=True))
    assert layout.pack({"offset": -1}) == 0xFF
    for value in (128, -129):
        with pytest.raises(BerthError) as refused:
            layout.pack({"offset": value})
        assert refused.value.field == "offset"


def test_open_states_are_those_with_money_in_escrow():
    assert [s for s in LeaseState if s.is_open] == [
        LeaseState.BOOKED,
        LeaseState.PARKED,
        LeaseState.CLAIMED,
    ]
    assert [outcome.value for outcome in Outcome] == list(range(13))


def test_leases_that_end_unused_are_cancelled_and_all_others_settled():
    cancelled = [o.name for o in Outcome if o.terminal_state is LeaseState.CANCELLED]
    assert cancelled == ["UNUSED", "CANCELLED", "CANCELLED_BY_OWNER", "OBSTRUCTED"]
    settled = [o.value for o in Outcome if o.terminal_state is LeaseState.SETTLED]
    assert settled == [1, 2, 3, 4, 9, 10, 11, 12]
    assert Outcome.NONE.terminal_state is LeaseState.NONE


def test_kinds_of_records_have_the_numbers_that_locks_sign():
    assert {kind.name: kind.value for kind in RecordKind} == {
        "ARRIVED": 1,
        "LEFT": 2,
        "BLOCKED": 3,
        "NOSHOW": 4,
    }


def test_deadlines_follow_the_end_and_the_reserve():
    assert evidence_deadline(1000, 60) == 1000 + 3600 + 86400
    assert claim_deadline(1000, 60) == 1000 + 3600 + 3 * 86400
    assert dispute_deadline(1000, 60) == 1000 + 3600 + 10 * 86400


def test_the_times_of_a_lease_come_in_their_order():
    times = Times.of(1_000_000, 4, 60)
    start, end = 900_000_000, 900_003_600
    assert times == Times(
        early=start - 900,
        start=start,
        end=end,
        t1=end + 3600 + 24 * 3600,
        t2=end + 3600 + 72 * 3600,
        t3=end + 3600 + 240 * 3600,
    )
