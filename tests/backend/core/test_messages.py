"""What is signed for Berth, against the standards computed by hand."""

import json
import re
from pathlib import Path

import pytest
from berth.core import messages
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.signing import address_of, new_private_key
from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

TYPES = Path(__file__).parents[3] / "contracts" / "interfaces" / "BerthTypes.sol"

MARKET = "0x" + "c0" * 20
WHO = "0x" + "a1" * 20
LOCK = "0x" + "b2" * 20
DOMAIN = messages.Domain(1337, MARKET)
COMMITMENT = bytes(range(32))
KEY = keccak(b"cow")


def digest_by_hand(type_text, values, chain_id=1337, market=MARKET):
    """EIP-712 from its text: keccak(0x1901 ‖ domain separator ‖ struct hash)."""
    kinds = [field.split()[0] for field in type_text[type_text.index("(") + 1 : -1].split(",")]
    domain_type = (
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    )
    separator = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [
                keccak(domain_type.encode()),
                keccak(b"Berth Parking Market"),
                keccak(b"1"),
                chain_id,
                market,
            ],
        )
    )
    struct = keccak(encode(["bytes32", *kinds], [keccak(type_text.encode()), *values]))
    return keccak(b"\x19\x01" + separator + struct)


HOLDER = "HolderAttestation(address wallet,bytes32 saltedHolder,uint16 validDay,uint256 nonce)"
LOCK_TYPE = "LockAttestation(address lock,uint16 validDay)"
POSSESSION = "LockPossession(address lock,uint64 spaceId,address owner)"
VEHICLE = "VehicleAttestation(address driver,bytes32 plateCommitment,uint8 size,uint32 untilSlot)"
OCCUPANCY = "Occupancy(uint256 leaseId,uint8 kind,uint40 from,uint40 until,uint32 energyWh)"
AGREEMENT = "Agreement(uint256 leaseId,uint256 deposit,uint256 cost,uint256 validUntil)"
PERMIT = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
CONFIRMATION = "UnlockConfirmation(uint256 leaseId,uint32 cycle,uint40 at)"

CASES = [
    (messages.holder_attestation, HOLDER, (WHO, COMMITMENT, 21000, (1 << 256) - 1)),
    (messages.lock_attestation, LOCK_TYPE, (LOCK, 65535)),
    (messages.lock_possession, POSSESSION, (LOCK, (1 << 64) - 1, WHO)),
    (messages.vehicle_attestation, VEHICLE, (WHO, COMMITMENT, 4, (1 << 32) - 1)),
    (messages.occupancy, OCCUPANCY, ((1 << 112) - 1, 2, 1_800_000_000, (1 << 40) - 1, 44_000)),
    (messages.agreement, AGREEMENT, ((1 << 112) - 1, 1 << 90, 0, (1 << 256) - 1)),
    (messages.permit, PERMIT, (WHO, LOCK, (1 << 256) - 1, 7, 1_800_000_000)),
    (messages.unlock_confirmation, CONFIRMATION, ((1 << 112) - 1, 3, 1_800_000_000)),
]
parametrised = pytest.mark.parametrize(("make", "type_text", "values"), CASES)


@parametrised
def test_a_digest_is_what_the_standard_computes(make, type_text, values):
    assert make(DOMAIN, *values).digest == digest_by_hand(type_text, values)


@parametrised
def test_the_json_that_wallets_take_gives_the_same_digest(make, type_text, values):
    message = make(DOMAIN, *values)
    document = json.loads(json.dumps(message.typed_data))
    signed = Account.sign_typed_data(KEY, full_message=document)
    assert bytes(signed.message_hash) == message.digest
    assert messages.sign(message, KEY) == bytes(signed.signature)
    assert document["primaryType"] == message.primary_type == type_text.split("(")[0]


@parametrised
def test_numbers_that_javascript_rounds_travel_as_text(make, type_text, values):
    for value in make(DOMAIN, *values).typed_data["message"].values():
        assert isinstance(value, str) or value < 1 << 53


def test_the_types_are_those_that_the_contracts_state():
    stated = re.findall(r"[Ss]igned(?: by the \w+)?: (\w+\([^)]*\))", TYPES.read_text("utf-8"))
    assert sorted(stated) == sorted([HOLDER, LOCK_TYPE, POSSESSION, VEHICLE, OCCUPANCY, AGREEMENT])


@given(
    st.integers(1, 1 << 53).map(lambda n: n - 1),
    st.binary(min_size=20, max_size=20),
    st.integers(0, (1 << 112) - 1),
    st.sampled_from([1, 2, 3, 4]),
    st.integers(0, (1 << 40) - 1),
    st.integers(0, (1 << 32) - 1),
)
def test_occupancy_digests_follow_chain_market_and_every_field(
    chain_id, market, lease, kind, at, energy
):
    address = "0x" + market.hex()
    message = messages.occupancy(messages.Domain(chain_id, address), lease, kind, at, at, energy)
    assert message.digest == digest_by_hand(
        OCCUPANCY, (lease, kind, at, at, energy), chain_id, address
    )


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: messages.holder_attestation(DOMAIN, "0x12", COMMITMENT, 1, 1), "wallet"),
        (lambda: messages.holder_attestation(DOMAIN, WHO, b"short", 1, 1), "saltedHolder"),
        (lambda: messages.holder_attestation(DOMAIN, WHO, COMMITMENT, 65536, 1), "validDay"),
        (lambda: messages.holder_attestation(DOMAIN, WHO, COMMITMENT, 1, 1 << 256), "nonce"),
        (lambda: messages.lock_attestation(DOMAIN, LOCK, -1), "validDay"),
        (lambda: messages.lock_possession(DOMAIN, LOCK, 1 << 64, WHO), "spaceId"),
        (lambda: messages.lock_possession(DOMAIN, LOCK, 1, "nobody"), "owner"),
        (lambda: messages.vehicle_attestation(DOMAIN, WHO, COMMITMENT, 256, 1), "size"),
        (lambda: messages.vehicle_attestation(DOMAIN, WHO, COMMITMENT, 1, 1 << 32), "untilSlot"),
        (lambda: messages.occupancy(DOMAIN, 1, 1, 1 << 40, 1, 1), "from"),
        (lambda: messages.occupancy(DOMAIN, 1, 1, 1, "5", 1), "until"),
        (lambda: messages.occupancy(DOMAIN, 1, 1, 1, 1, 1.5), "energyWh"),
        (lambda: messages.Domain(1337, "market"), "market"),
        (lambda: messages.Domain(-1, MARKET), "chainId"),
    ],
)
def test_fields_out_of_their_solidity_range_are_refused_by_name(make, field):
    with pytest.raises(BerthError) as refused:
        make()
    assert refused.value.field == field


def test_the_signer_is_recovered():
    key = new_private_key()
    message = messages.lock_attestation(DOMAIN, LOCK, 21000)
    signature = messages.sign(message, key)
    assert messages.recover(message, signature) == address_of(key)
    assert messages.recover(message, "0x" + signature.hex()) == address_of(key)


def test_a_signature_counts_on_one_chain_and_one_market_only():
    signature = messages.sign(messages.lock_attestation(DOMAIN, LOCK, 21000), KEY)
    for domain in (messages.Domain(1338, MARKET), messages.Domain(1337, WHO)):
        elsewhere = messages.lock_attestation(domain, LOCK, 21000)
        assert messages.recover(elsewhere, signature) != address_of(KEY)


def test_an_independent_library_recovers_the_same_signer():
    message = messages.vehicle_attestation(DOMAIN, WHO, COMMITMENT, 2, 2_000_000)
    signature = messages.sign(message, KEY)
    signable = encode_typed_data(full_message=message.typed_data)
    assert Account.recover_message(signable, signature=signature).lower() == address_of(KEY)
