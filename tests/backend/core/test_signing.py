"""secp256k1 signatures and addresses."""

import pytest
from berth.core.addresses import ZERO, address_bytes, checksum, parse_address
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.signing import (
    ORDER,
    address_of,
    new_private_key,
    recover_digest,
    sign_digest,
    text_digest,
)
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_defunct
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = keccak(b"cow")
DIGEST = keccak(b"something")


def test_the_example_of_eip_712_is_signed_as_published():
    digest = bytes.fromhex("be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2")
    signature = sign_digest(digest, KEY)
    assert signature.hex() == (
        "4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d"
        "07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b91562"
        "1c"
    )
    assert recover_digest(digest, signature) == "0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826"


@settings(max_examples=25)
@given(st.binary(min_size=32, max_size=32), st.integers(1, ORDER - 1))
def test_whatever_is_signed_recovers_its_signer(digest, number):
    key = number.to_bytes(32, "big")
    signature = sign_digest(digest, key)
    assert recover_digest(digest, signature) == address_of(key)
    assert address_of(key) == Account.from_key(key).address.lower()


def twisted(signature):
    """The other signature that bare ECDSA accepts for the same digest and key."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


SOUND = sign_digest(DIGEST, KEY)


@pytest.mark.parametrize(
    ("signature", "code"),
    [
        (twisted(SOUND), "signature.s"),
        (SOUND[:64] + b"\x00", "signature.v"),
        (SOUND[:64] + b"\x1d", "signature.v"),
        (SOUND[:64], "signature.length"),
        (SOUND + b"\x00", "signature.length"),
        (b"", "signature.length"),
        ("0x" + SOUND.hex()[:-1], "signature.length"),
        (SOUND.hex(), "signature.length"),
        (bytes(64) + b"\x1b", "signature.invalid"),
        (ORDER.to_bytes(32, "big") + SOUND[32:], "signature.invalid"),
        (SOUND[:32] + bytes(32) + SOUND[64:], "signature.invalid"),
        # no point of the curve has this x
        ((5).to_bytes(32, "big") + SOUND[32:], "signature.invalid"),
    ],
)
def test_signatures_that_the_chain_refuses_are_refused_here(signature, code):
    with pytest.raises(BerthError) as refused:
        recover_digest(DIGEST, signature)
    assert (refused.value.code, refused.value.field) == (code, "signature")


@pytest.mark.parametrize("key", [bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32, b"short"])
def test_what_is_no_private_key_signs_nothing(key):
    with pytest.raises(BerthError) as refused:
        sign_digest(DIGEST, key)
    assert refused.value.field == "privateKey"


def test_new_keys_differ():
    assert len({new_private_key() for _ in range(8)}) == 8


@given(st.text())
def test_text_digests_are_those_of_personal_sign(text):
    assert text_digest(text.encode("utf-8", "replace")) == bytes(
        _hash_eip191_message(encode_defunct(text.encode("utf-8", "replace")))
    )


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_keccak_is_that_of_ethereum(data, digest):
    assert keccak(data).hex() == digest


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_checksums_are_those_of_eip_55(address):
    assert checksum(address.lower()) == address
    assert parse_address(address) == address.lower()
    assert parse_address("0x" + address[2:].upper()) == address.lower()
    assert address_bytes(address) == bytes.fromhex(address[2:])


def test_a_mistyped_checksum_is_refused():
    with pytest.raises(BerthError, match="wrong checksum") as refused:
        parse_address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "owner")
    assert refused.value.field == "owner"


@pytest.mark.parametrize("text", ["", "0x", ZERO[:-1], ZERO + "0", ZERO[2:], "0X" + "0" * 40, None])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(BerthError) as refused:
        parse_address(text, "to")
    assert (refused.value.code, refused.value.field) == ("address.invalid", "to")
