"""Call data, results, and reverts in words."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest
from berth.chain.abi import all_abis, decode_result, encode_call, load_abi
from berth.chain.reverts import as_revert, decode_revert, translate
from berth.chain.rpc import RpcError
from berth.chain.rpc_errors import revert_data
from berth.core.errors import BerthError
from eth_abi import encode

REQUEST = {
    "spaceId": 777 << 32,
    "startSlot": 2_000_000,
    "slots": 4,
    "offer": 1,
    "kwhCap": 0,
    "plateCommitment": b"\x11" * 32,
    "maxCost": 10**9,
}


def test_a_struct_is_given_as_a_dict_or_in_order() -> None:
    by_name = encode_call("ParkingMarket", "lease", REQUEST)
    assert by_name == encode_call("ParkingMarket", "lease", tuple(REQUEST.values()))
    assert by_name[:4] == load_abi("ParkingMarket").function("lease").selector
    assert len(by_name) == 4 + 7 * 32


def test_a_struct_inside_a_struct_and_a_list_of_structs_are_encoded() -> None:
    words = [{"word": 1, "bits": 3}, (2, 5)]
    data = encode_call("TitleRegistry", "revoke", 777, words)
    expected = encode(["uint256", "(uint256,uint256)[]"], [777, [(1, 3), (2, 5)]])
    assert data[4:] == expected
    registration = load_abi("ParkingMarket").function("registerSpace").inputs[0]
    assert registration.canonical.startswith("((uint256,uint256,bytes32,bytes32,")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([{**REQUEST, "slotss": 1}], "wrong members"),
        ([tuple(REQUEST.values())[:-1]], "wrong number of members"),
        ([], "takes 1 arguments"),
        ([{**REQUEST, "maxCost": -1}], "lease"),
        ([{**REQUEST, "plateCommitment": "no"}], "lease"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[Any], said: str) -> None:
    with pytest.raises(BerthError, match=said) as caught:
        encode_call("ParkingMarket", "lease", *arguments)
    assert caught.value.code == "chain.argument"


def test_an_unknown_function_is_named() -> None:
    with pytest.raises(BerthError, match="has no function fly"):
        encode_call("ParkingMarket", "fly")


def test_results_come_as_value_tuple_or_dict() -> None:
    assert decode_result("ParkingMarket", "creditOf", encode(["uint256"], [7])) == 7
    words = encode(["uint256"] * 3, [1, 2, 3])
    assert decode_result("ParkingMarket", "spaceOf", words) == (1, 2, 3)
    view = encode(
        ["address", "uint8", "bool", *["uint16"] * 3, "uint8", *["uint16"] * 3, "bool"],
        ["0x" + "ab" * 20, 2, True, 4, 1, 1, 9, 3, 0, 0, True],
    )
    lease = decode_result("ParkingMarket", "leaseOf", view)
    assert lease["driver"] == "0x" + "ab" * 20
    assert (lease["state"], lease["slots"], lease["kwhCap"]) == (2, 4, 9)
    assert (lease["disputed"], lease["noShow"]) == (True, True)


def test_an_empty_answer_says_that_there_is_no_contract() -> None:
    with pytest.raises(BerthError, match="no contract there"):
        decode_result("ParkingMarket", "creditOf", b"")


def custom(name: str, *values: Any) -> bytes:
    entry = next(e for abi in all_abis() for e in abi.errors.values() if e.name == name)
    return entry.encode(*values)


def test_a_custom_error_keeps_its_name_and_figures() -> None:
    revert = decode_revert(custom("Berth_CostAboveMaximum", 120, 100))
    assert revert.code == "chain.Berth_CostAboveMaximum"
    assert revert.arguments == {"deposit": 120, "maxCost": 100}
    assert str(revert) == "Berth_CostAboveMaximum(deposit=120, maxCost=100)"
    assert revert.status == 409


def test_compliance_reasons_are_spelt_out() -> None:
    revert = decode_revert(custom("Berth_NotCompliant", 1 << 2 | 1 << 24))
    assert "TITLE_REVOKED, LOCK_MAKER_UNKNOWN" in str(revert)


def test_field_names_and_ids_are_readable() -> None:
    revert = decode_revert(custom("Berth_OutOfRange", b"slots".ljust(32, b"\0"), 0, 1, 672))
    assert revert.arguments["field"] == "slots"
    taken = decode_revert(custom("Berth_CalendarTaken", 5, 6, 7))
    assert "spaceId=0x0000000000000005" in str(taken)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "without a reason"),
        (bytes.fromhex("08c379a0") + encode(["string"], ["too late"]), "too late"),
        (bytes.fromhex("4e487b71") + encode(["uint256"], [0x11]), "overflow"),
        (bytes.fromhex("deadbeef"), "0xdeadbeef"),
        (bytes.fromhex("4e487b71"), "malformed"),
    ],
)
def test_other_reverts_are_worded_too(data: bytes, said: str) -> None:
    assert said in decode_revert(data).message


def test_revert_data_is_found_where_nodes_put_it() -> None:
    assert revert_data("0x1234") == b"\x12\x34"
    assert revert_data({"result": "0x1234", "hash": "0x55"}) == b"\x12\x34"
    assert revert_data("Reverted 0x12") is None
    assert revert_data(None) is None


def test_an_error_that_is_no_revert_stays_what_it_is() -> None:
    error = RpcError("eth_call", -32000, "header not found", None)
    assert as_revert(error) is None
    assert translate(error) is error
    bare = RpcError("eth_call", 3, "execution reverted", None)
    assert translate(bare).code == "chain.Revert"


@pytest.mark.timeout(60)  # milliseconds, where no promised length is believed
@pytest.mark.parametrize("name", ["registerSpace", "leaseWithPermit", "agree", "blockSlots"])
def test_calldata_however_mangled_is_refused_in_words(name: str) -> None:
    """Lengths and offsets are a stranger's: they may point anywhere and promise anything."""
    entry = load_abi("ParkingMarket").functions[name]
    chance = random.Random(3)
    for _ in range(200):
        words = [
            chance.choice((0, 1, 32, 2**31, 2**63, 2**64 + 5, 2**255, 2**256 - 1)) for _ in "x" * 40
        ]
        data = b"".join(word.to_bytes(32, "big") for word in words)
        with contextlib.suppress(BerthError):
            entry.decode_inputs(data[: chance.randint(0, len(data))])


def test_a_reason_that_is_no_text_is_told_as_bytes() -> None:
    selector = bytes.fromhex("08c379a0")  # Error(string)
    length = (2).to_bytes(32, "big")
    data = selector + (32).to_bytes(32, "big") + length + b"\xff\xfe".ljust(32, b"\0")
    found = decode_revert(data)
    assert (found.name, found.arguments) == ("Error", {"data": "0x" + data.hex()})
