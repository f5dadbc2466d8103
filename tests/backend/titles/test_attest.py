"""Attestations recover to the attesters; a person takes a generated title on a local chain."""

from __future__ import annotations

import pytest
from berth.core.clock import WallClock
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.ids import city_number, space_hex, space_id
from berth.core.messages import (
    holder_attestation,
    lock_attestation,
    recover,
    vehicle_attestation,
)
from berth.core.plate import commitment
from berth.core.signing import address_of
from berth.market import attest
from berth.market.editions import stands_for
from berth.market.titles.taking import take_generated_title
from berth.store.derived import spaces
from sqlalchemy import insert

from .sources import row, rows

CITY = city_number("AUMEL")
VERIFIER, MAKER, STRANGER = (bytes([number]) * 32 for number in (1, 2, 3))
WALLET, OTHER = "0x" + "aa" * 20, "0x" + "bb" * 20
HIDDEN = b"\7" * 32


def deployment(chain_id: int = 1337) -> Deployment:
    contracts = {
        name: "0x" + f"{number:040x}"
        for number, name in enumerate(("titles", "market", "forwarder", "timelock", "asset"), 1)
    }
    return Deployment(
        chain_id=chain_id,
        genesis_hash="0x" + "00" * 32,
        block=1,
        **contracts,
        asset_symbol="tEUR",
        asset_decimals=6,
        fee_bps=250,
        attesters={5: address_of(VERIFIER), 9: address_of(MAKER)},
    )


class TestAttestations:
    def test_an_owners_recovers_to_the_verifier(self):
        proof = attest.attest_owner(deployment(), VERIFIER, WALLET, HIDDEN, valid_day=21000)
        message = holder_attestation(deployment().domain, WALLET, HIDDEN, 21000, proof.nonce)
        assert recover(message, proof.signature) == address_of(VERIFIER)
        assert (proof.verifier, proof.valid_day) == (5, 21000)
        assert attest.holder_json(proof) == {
            "verifier": 5,
            "validDay": 21000,
            "nonce": str(proof.nonce),
            "signature": "0x" + proof.signature.hex(),
        }

    def test_two_of_the_same_owner_have_names_of_their_own(self):
        nonces = {
            attest.attest_owner(deployment(), VERIFIER, WALLET, HIDDEN, valid_day=1).nonce
            for _ in range(5)
        }
        assert len(nonces) == 5

    def test_a_vehicles_recovers_to_the_verifier_and_hides_the_plate(self):
        proof = attest.attest_vehicle(
            deployment(), VERIFIER, WALLET, "abc-123", size=2, until_slot=2_000_000
        )
        message = vehicle_attestation(
            deployment().domain, WALLET, proof.plate_commitment, 2, 2_000_000
        )
        assert recover(message, proof.signature) == address_of(VERIFIER)
        assert proof.plate_commitment == commitment(proof.salt, "ABC 123")
        assert proof.plate == "ABC123"
        document = attest.vehicle_json(proof)
        assert document["private"] == {"plate": "ABC123", "salt": "0x" + proof.salt.hex()}
        assert "ABC123" not in str(document["proof"])

    def test_a_lock_s_recovers_to_the_maker(self):
        proof = attest.attest_lock(deployment(), MAKER, OTHER, valid_day=21000)
        message = lock_attestation(deployment().domain, OTHER, 21000)
        assert recover(message, proof.maker_signature) == address_of(MAKER)
        assert (proof.key, proof.maker) == (OTHER, 9)

    def test_a_key_that_the_deployment_does_not_name_attests_nothing(self):
        for sign in (
            lambda: attest.attest_owner(deployment(), STRANGER, WALLET, HIDDEN, valid_day=1),
            lambda: attest.attest_lock(deployment(), STRANGER, OTHER, valid_day=1),
            lambda: attest.attest_vehicle(
                deployment(), STRANGER, WALLET, "ABC123", size=1, until_slot=1
            ),
        ):
            with pytest.raises(BerthError) as refused:
                sign()
            assert refused.value.code == "attester.unknown"

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"size": 5}, "size"),
            ({"until_slot": 1 << 32}, "untilSlot"),
            ({"plate": "?"}, "plate"),
            ({"driver": "0x12"}, "driver"),
        ],
    )
    def test_what_no_vehicle_is_like_is_refused(self, changes, field):
        wanted = {"driver": WALLET, "plate": "ABC123", "size": 1, "until_slot": 1} | changes
        with pytest.raises(BerthError) as refused:
            attest.attest_vehicle(deployment(), VERIFIER, **wanted)
        assert refused.value.field == field


class TestTaking:
    @pytest.fixture
    def take(self, library):
        def run(wallet=WALLET, chain_id=1337, **wanted):
            return take_generated_title(
                library, deployment(chain_id), VERIFIER, wallet, CITY, WallClock(), **wanted
            )

        return run

    def test_the_verifier_attests_the_wallet_for_the_titles_holder(self, load, write, take, store):
        load(write(*rows(1, 2)))
        taken = take()
        message = holder_attestation(
            deployment().domain,
            WALLET,
            taken.title.title.salted_holder,
            taken.holder.valid_day,
            taken.holder.nonce,
        )
        assert recover(message, taken.holder.signature) == address_of(VERIFIER)
        assert taken.title.title.index == 0
        with store.read() as conn:
            assert stands_for(conn, CITY, "generated:AUMEL:000000", WALLET)
            assert not stands_for(conn, CITY, "generated:AUMEL:000000", OTHER)

    def test_the_same_wallet_gets_the_same_title_again(self, load, write, take):
        load(write(*rows(1, 2)))
        assert [take().title.title.index for _ in range(2)] == [0, 0]

    def test_another_wallet_gets_another_holders_title(self, load, write, take):
        load(write(*rows(1, 2)))
        assert [take(wallet).title.title.index for wallet in (WALLET, OTHER)] == [0, 1]

    def test_the_nearest_free_one_is_taken(self, load, write, take):
        load(write(*rows(9, 2, 5)))
        assert take(near=(-37.8004, 144.96)).title.entry.reference == "S-5"
        assert take(OTHER, near=(-37.8004, 144.96)).title.entry.reference == "S-2"

    def test_real_holders_and_unshared_spaces_are_nobodys_to_take(self, load, write, take):
        load(write(row(1, holder="A. Person"), row(2, sharing="no"), row(3)))
        assert take().title.title.index == 2
        for index in (0, 1):
            with pytest.raises(BerthError) as refused:
                take(index=index)
            assert (refused.value.code, refused.value.status) == ("titles.taken", 409)

    def test_registered_spaces_are_left_out(self, load, write, take, store):
        load(write(*rows(1, 2)))
        with store.write() as conn:
            conn.execute(insert(spaces).values(**registered(space_hex(space_id(CITY, 0)))))
        assert take().title.title.index == 1

    def test_when_all_are_taken_that_is_said(self, load, write, take):
        load(write(*rows(1)))
        take()
        with pytest.raises(BerthError) as refused:
            take(OTHER)
        assert refused.value.code == "titles.none_free"
        with pytest.raises(BerthError) as refused:
            take(OTHER, index=0)
        assert refused.value.code == "titles.taken"
        with pytest.raises(BerthError) as refused:
            take(OTHER, index=7)
        assert refused.value.code == "titles.absent"

    def test_on_a_chain_of_real_money_nobody_is_generated(self, load, write, take):
        load(write(*rows(1)))
        with pytest.raises(BerthError) as refused:
            take(chain_id=1)
        assert refused.value.code == "titles.local_only"


def registered(space: str) -> dict[str, object]:
    """A row of the index for a registered space."""
    values: dict[str, object] = {}
    for column in spaces.columns:
        values[column.name] = 0 if column.type.python_type is int else "0x00"
    return values | {"space_id": space}
