"""Signed JSON of devices."""

import json

import pytest
from berth.core.envelope import canonical, open_envelope, seal
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.signing import address_of
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = keccak(b"a lock")

numbers = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(1e-4, 1e14),
    st.floats(-1e14, -1e-4),
    st.just(0.0),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(st.characters(exclude_categories=["Cs"]))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(max_codepoint=127)), inner, max_size=4),
    ),
    max_leaves=12,
)
payloads = st.dictionaries(st.text(st.characters(max_codepoint=127)), values, max_size=5)


@settings(max_examples=30)
@given(payloads)
def test_an_envelope_survives_json_and_names_its_signer(payload):
    travelled = json.loads(json.dumps(seal(payload, KEY)))
    opened, signer = open_envelope(travelled)
    assert signer == address_of(KEY)
    assert opened == payload


def test_any_wallet_library_can_check_it():
    envelope = seal({"nonce": "0xab", "bootId": 7}, KEY)
    text = encode_defunct(text='{"bootId":7,"nonce":"0xab"}')
    signer = Account.recover_message(text, signature=envelope["signature"])
    assert signer.lower() == address_of(KEY)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"b": 1, "a": 2}, '{"a":2,"b":1}'),
        ({"x": 1.0, "y": 0.5, "z": -0.0}, '{"x":1,"y":0.5,"z":0}'),
        ({"plate": "京A1", "q": 'a"\\\n\x01'}, '{"plate":"京A1","q":"a\\"\\\\\\n\\u0001"}'),
        ({"l": [True, None, {"z": 1, "a": []}]}, '{"l":[true,null,{"a":[],"z":1}]}'),
    ],
)
def test_the_canonical_form_is_that_of_rfc_8785(payload, text):
    assert canonical(payload).decode("utf-8") == text


def test_a_changed_payload_names_another_signer():
    envelope = seal({"position": "LOCKED"}, KEY)
    envelope["payload"] = {"position": "UNLOCKED"}
    try:
        signer = open_envelope(envelope)[1]
    except BerthError:
        return
    assert signer != address_of(KEY)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"x": 1 << 53}, "envelope.number"),
        ({"x": float("nan")}, "envelope.number"),
        ({"x": float("inf")}, "envelope.number"),
        ({"x": 1e-9}, "envelope.number"),
        ({"x": 1e300}, "envelope.number"),
        ({"é": 1}, "envelope.key"),
        ({"x": {1: 2}}, "envelope.key"),
        ({"x": b"bytes"}, "envelope.type"),
        ({"x": "\ud800"}, "envelope.text"),
    ],
)
def test_what_has_no_canonical_form_is_refused(payload, code):
    with pytest.raises(BerthError) as refused:
        seal(payload, KEY)
    assert refused.value.code == code


def test_the_member_without_canonical_form_is_named():
    with pytest.raises(BerthError) as refused:
        seal({"a": [{"b": 1 << 60}]}, KEY)
    assert refused.value.field == "payload.a[0].b"


def test_nesting_has_a_limit():
    deep = {}
    for _ in range(100_000):
        deep = {"d": deep}
    with pytest.raises(BerthError, match="deeper"):
        open_envelope({"payload": deep, "signature": "0x" + "00" * 65})


@pytest.mark.parametrize(
    "envelope",
    [
        None,
        [],
        "{}",
        {},
        {"payload": {}},
        {"payload": [], "signature": "0x"},
        {"payload": {}, "signature": None},
        {"payload": {}, "signature": "0x12"},
        {"payload": {}, "signature": "0x" + "00" * 65},
        {"payload": {}, "signature": "0x" + "00" * 65, "more": 1},
    ],
)
def test_malformed_envelopes_are_refused(envelope):
    with pytest.raises(BerthError):
        open_envelope(envelope)
