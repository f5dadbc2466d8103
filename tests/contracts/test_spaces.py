"""Spaces: registration, and the bitmap of reasons that comes instead of one."""

import random

import pytest
from berth.core import messages
from berth.core.compliance import Reason, decode
from berth.core.words import SpaceWords
from brownie import ZERO_ADDRESS, MarketExtension, ParkingMarket
from support.clock import DAY, MONDAY, reach
from support.errors import reverts
from support.forms import Edition
from support.keys import key
from support.world import CITY, MAKER, OTHER_CITY, TODAY, VALID_DAY, VEHICLES, VERIFIER, title


def sign_holder(world, made, by=None, wallet=None, salted=None):
    """The verifier's signature over what the registration says now."""
    _, valid_day, nonce, _ = made.holder
    made.holder[3] = world.holder_word(
        wallet or world.owner.address, salted or made.title.salted_holder, valid_day, nonce, by
    )


def sign_possession(world, made, space=None, owner=None, by=None):
    space = CITY << 32 | made.title.index if space is None else space
    message = messages.lock_possession(
        world.domain, made.lock[0], space, owner or world.owner.address
    )
    made.lock[4] = messages.sign(message, (by or world.lock).private)


# ---- faults: each changes a registration, or the world, so that one reason applies
def city_unknown(world, made):
    made.title = title(made.title.index, city=OTHER_CITY, salted_holder=made.title.salted_holder)
    sign_possession(world, made, space=OTHER_CITY << 32 | made.title.index)


def not_in_edition(world, made):
    made.proof = made.proof[1:]


def title_revoked(world, made):
    world.titles.revoke(CITY, [(0, 1 << made.title.index)], {"from": world.authority})


def _other_title(world, made, **changes):
    """Publishes an edition in which this title is as the changes say."""
    bad = title(made.title.index, **changes)
    edition = Edition.of(title(0), bad)
    world.publish(edition)
    made.title, made.proof = bad, edition.proof(bad)


def title_expired(world, made):
    _other_title(world, made, valid_day=TODAY - 1)


def sharing_not_allowed(world, made):
    _other_title(world, made, attributes=made.title.attributes & ~(1 << 8))


def kind_unknown(world, made):
    _other_title(world, made, attributes=made.title.attributes & ~0xFF)


def dimensions_out_of_range(world, made):
    _other_title(world, made, attributes=made.title.attributes & ~(0xFFFF << 25))


def cell_out_of_range(world, made):
    _other_title(world, made, cell=1 << 30)


def already_registered(world, made):
    world.market.registerSpace(made.form(), {"from": world.owner})


def market_not_allowed(world, made):
    world.titles.setMarket(world.market, False, {"from": world.admin})


def holder_verifier_unknown(world, made):
    made.holder[0] = 99


def holder_verifier_without_the_role(world, made):
    made.holder[0] = MAKER


def holder_verifier_number_beyond_all(world, made):
    made.holder[0] = 2**256 - 1


def holder_verifier_revoked(world, made):
    world.market.revokeAttester(VERIFIER, {"from": world.guardian})


def holder_signature_by_somebody_else(world, made):
    sign_holder(world, made, by=key("nobody"))


def holder_signature_for_another_wallet(world, made):
    sign_holder(world, made, wallet=world.stranger.address)


def holder_signature_for_another_holder(world, made):
    sign_holder(world, made, salted=b"\xee" * 32)


def holder_signature_for_another_nonce(world, made):
    made.holder[2] += 1


def holder_signature_empty(world, made):
    made.holder[3] = b""


def holder_signature_malleable(world, made):
    made.holder[3] = malleable(made.holder[3])


def holder_day_beyond_its_type(world, made):
    made.holder[1] = 2**16


def holder_expired(world, made):
    made.holder[1] = TODAY - 1
    sign_holder(world, made)


def holder_attestation_revoked(world, made):
    from brownie import accounts

    verifier = accounts.at(world.verifier.address, force=True)
    accounts[9].transfer(verifier, "1 ether")
    world.market.revokeAttestation(VERIFIER, made.holder[2], {"from": verifier})


def lock_maker_unknown(world, made):
    made.lock[1] = 0


def lock_maker_without_the_role(world, made):
    made.lock[1] = VEHICLES


def lock_maker_revoked(world, made):
    world.market.revokeAttester(MAKER, {"from": world.guardian})


def lock_attested_by_somebody_else(world, made):
    made.lock[3] = world.maker_word(made.lock[0], made.lock[2], by=world.verifier)


def lock_day_stretched(world, made):
    made.lock[2] += 1


def lock_day_beyond_its_type(world, made):
    made.lock[2] = 2**16


def lock_expired(world, made):
    made.lock[2] = TODAY - 1
    made.lock[3] = world.maker_word(made.lock[0], TODAY - 1)


def possession_of_another_space(world, made):
    sign_possession(world, made, space=CITY << 32 | 77)


def possession_for_another_owner(world, made):
    sign_possession(world, made, owner=world.stranger.address)


def possession_by_another_key(world, made):
    sign_possession(world, made, by=key("another lock"))


def charger_without_power(world, made):
    made.connectors, made.power = 1, 0


def power_without_charger(world, made):
    made.connectors, made.power = 0, 37


def connectors_beyond_eight_bits(world, made):
    made.connectors, made.power = 256, 37


def power_beyond_a_megawatt(world, made):
    made.connectors, made.power = 1, 10_001


FAULTS = [
    (city_unknown, Reason.CITY_UNKNOWN),
    (not_in_edition, Reason.NOT_IN_EDITION),
    (title_revoked, Reason.TITLE_REVOKED),
    (title_expired, Reason.TITLE_EXPIRED),
    (sharing_not_allowed, Reason.SHARING_NOT_ALLOWED),
    (kind_unknown, Reason.KIND_UNKNOWN),
    (dimensions_out_of_range, Reason.DIMENSIONS_OUT_OF_RANGE),
    (cell_out_of_range, Reason.CELL_OUT_OF_RANGE),
    (already_registered, Reason.ALREADY_REGISTERED),
    (market_not_allowed, Reason.MARKET_NOT_ALLOWED),
    (holder_verifier_unknown, Reason.HOLDER_VERIFIER_UNKNOWN),
    (holder_verifier_without_the_role, Reason.HOLDER_VERIFIER_UNKNOWN),
    (holder_verifier_number_beyond_all, Reason.HOLDER_VERIFIER_UNKNOWN),
    (holder_verifier_revoked, Reason.HOLDER_VERIFIER_REVOKED),
    (holder_signature_by_somebody_else, Reason.HOLDER_SIGNATURE_INVALID),
    (holder_signature_for_another_wallet, Reason.HOLDER_SIGNATURE_INVALID),
    (holder_signature_for_another_holder, Reason.HOLDER_SIGNATURE_INVALID),
    (holder_signature_for_another_nonce, Reason.HOLDER_SIGNATURE_INVALID),
    (holder_signature_empty, Reason.HOLDER_SIGNATURE_INVALID),
    (holder_signature_malleable, Reason.HOLDER_SIGNATURE_INVALID),
    (holder_day_beyond_its_type, Reason.HOLDER_SIGNATURE_INVALID),
    (holder_expired, Reason.HOLDER_EXPIRED),
    (holder_attestation_revoked, Reason.HOLDER_ATTESTATION_REVOKED),
    (lock_maker_unknown, Reason.LOCK_MAKER_UNKNOWN),
    (lock_maker_without_the_role, Reason.LOCK_MAKER_UNKNOWN),
    (lock_maker_revoked, Reason.LOCK_MAKER_REVOKED),
    (lock_attested_by_somebody_else, Reason.LOCK_ATTESTATION_INVALID),
    (lock_day_stretched, Reason.LOCK_ATTESTATION_INVALID),
    (lock_day_beyond_its_type, Reason.LOCK_ATTESTATION_INVALID),
    (lock_expired, Reason.LOCK_EXPIRED),
    (possession_of_another_space, Reason.LOCK_POSSESSION_INVALID),
    (possession_for_another_owner, Reason.LOCK_POSSESSION_INVALID),
    (possession_by_another_key, Reason.LOCK_POSSESSION_INVALID),
    (charger_without_power, Reason.CHARGER_INCONSISTENT),
    (power_without_charger, Reason.CHARGER_INCONSISTENT),
    (connectors_beyond_eight_bits, Reason.CHARGER_INCONSISTENT),
    (power_beyond_a_megawatt, Reason.CHARGER_INCONSISTENT),
]

# faults that do not get into each other's way, in an order in which all of them can be made
COMBINABLE = [
    (title_expired, Reason.TITLE_EXPIRED),
    (title_revoked, Reason.TITLE_REVOKED),
    (market_not_allowed, Reason.MARKET_NOT_ALLOWED),
    (holder_signature_for_another_wallet, Reason.HOLDER_SIGNATURE_INVALID),
    (holder_attestation_revoked, Reason.HOLDER_ATTESTATION_REVOKED),
    (holder_verifier_revoked, Reason.HOLDER_VERIFIER_REVOKED),
    (lock_attested_by_somebody_else, Reason.LOCK_ATTESTATION_INVALID),
    (lock_maker_revoked, Reason.LOCK_MAKER_REVOKED),
    (possession_by_another_key, Reason.LOCK_POSSESSION_INVALID),
    (charger_without_power, Reason.CHARGER_INCONSISTENT),
]

SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def malleable(signature: bytes) -> bytes:
    """The other signature of the same key over the same digest: s mirrored, v flipped."""
    s = SECP256K1_N - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([signature[64] ^ 7])


class TestConstructor:
    def parts(self, world) -> list:
        """Arguments of a market that could be deployed."""
        return [
            world.titles,
            world.asset,
            world.forwarder,
            world.extension,
            world.timelock,
            ZERO_ADDRESS,
            0,
        ]

    @pytest.mark.parametrize(("place", "field"), [(0, "titles"), (1, "asset"), (4, "admin")])
    def test_reverts_without_titles_asset_or_admin(self, world, place, field):
        arguments = self.parts(world)
        arguments[place] = ZERO_ADDRESS
        with reverts("BadAccount", field, ZERO_ADDRESS):
            ParkingMarket.deploy(*arguments, {"from": world.stranger})

    def test_reverts_for_a_fee_above_ten_percent(self, world):
        arguments = [*self.parts(world)[:6], 1001]
        with reverts("OutOfRange", "feeBps", 1001, 0, 1000):
            ParkingMarket.deploy(*arguments, {"from": world.stranger})

    @pytest.mark.parametrize("place", [0, 1, 2], ids=["titles", "asset", "forwarder"])
    def test_reverts_with_an_extension_made_for_others(self, world, place):
        made_for = [world.titles, world.asset, world.forwarder]
        made_for[place] = world.stranger
        extension = MarketExtension.deploy(*made_for, {"from": world.stranger})
        arguments = self.parts(world)
        arguments[3] = extension
        with reverts("ExtensionMismatch", extension):
            ParkingMarket.deploy(*arguments, {"from": world.stranger})


class TestRegisterSpace:
    def test_stores_what_was_proven_and_tells_the_world(self, world, market):
        made = world.registration(1)
        made.connectors, made.power = 0b11, 110
        tx = market.registerSpace(made.form(), {"from": world.owner})
        assert tx.return_value == CITY << 32 | 1
        words = SpaceWords.decode(*market.spaceOf(CITY << 32 | 1)[:2])
        assert words == SpaceWords(
            owner=world.owner.address.lower(),
            first_live=1,
            last_offer=0,
            since=1,
            valid_day=VALID_DAY,
            cell=made.title.cell,
            lock_key=world.lock.address.lower(),
            height_cm=0,
            width_cm=250,
            length_cm=550,
            connectors=0b11,
            power=110,
            maker=MAKER,
            edition=1,
        )
        assert tx.events["SpaceRegistered"] == {
            "spaceId": CITY << 32 | 1,
            "owner": world.owner,
            "lockKey": world.lock.address,
            "cell": made.title.cell,
            "addressHash": "0x" + made.title.address_hash.hex(),
            "attributes": made.title.attributes,
            "connectors": 0b11,
            "power": 110,
            "maker": MAKER,
            "validDay": VALID_DAY,
        }
        assert world.titles.marketOf(CITY << 32 | 1) == market

    @pytest.mark.parametrize("shortest", ["title", "holder", "lock"])
    def test_is_valid_as_long_as_the_shortest_of_its_three_proofs(self, world, market, shortest):
        made = world.registration(1)
        if shortest == "title":
            _other_title(world, made, valid_day=TODAY + 5)
        elif shortest == "holder":
            made.holder[1] = TODAY + 5
            sign_holder(world, made)
        else:
            made.lock[2] = TODAY + 5
            made.lock[3] = world.maker_word(made.lock[0], TODAY + 5)
        market.registerSpace(made.form(), {"from": world.owner})
        assert SpaceWords.decode(*market.spaceOf(CITY << 32 | 1)[:2]).valid_day == TODAY + 5

    def test_a_title_without_end_is_held_back_by_the_other_proofs(self, world, market):
        """A title's day is a full word in its leaf: nothing may truncate it into the 16 bits of a
        space."""
        made = world.registration(1)
        form = list(made.form())
        from berth.core import merkle
        from berth.core.hashing import keccak
        from eth_abi import encode as abi_encode

        fields = [*form[0][:6], 2**200]
        kinds = ["uint256", "uint256", "bytes32", "bytes32", "uint256", "uint256", "uint256"]
        leaf = keccak(keccak(abi_encode(kinds, fields)))
        tree = merkle.build([leaf, b"\x01" * 32])
        world.titles.publishEdition(
            CITY, 2, tree.root, b"\1" * 32, 8, [], {"from": world.authority}
        )
        form[0], form[1] = tuple(fields), tree.proof(leaf)
        market.registerSpace(tuple(form), {"from": world.owner})
        assert SpaceWords.decode(*market.spaceOf(CITY << 32 | 1)[:2]).valid_day == VALID_DAY

    def test_nobody_can_register_with_anothers_papers(self, world, market):
        made = world.registration(1)
        mask = Reason.HOLDER_SIGNATURE_INVALID.mask | Reason.LOCK_POSSESSION_INVALID.mask
        with reverts("NotCompliant", mask):
            market.registerSpace(made.form(), {"from": world.stranger})

    def test_papers_of_another_market_do_not_count(self, world, market):
        """The EIP-712 domain names the market: nothing signed for one deployment works in
        another."""
        other = world.second_market().market
        made = world.registration(1)
        mask = (
            Reason.HOLDER_SIGNATURE_INVALID.mask
            | Reason.LOCK_ATTESTATION_INVALID.mask
            | Reason.LOCK_POSSESSION_INVALID.mask
        )
        assert other.compliance(world.owner, made.form()) == mask
        with reverts("NotCompliant", mask):
            other.registerSpace(made.form(), {"from": world.owner})

    def test_reverts_while_paused(self, world, market):
        market.pause({"from": world.guardian})
        until = market.config()[1]
        with reverts("Paused", until):
            market.registerSpace(world.registration(1).form(), {"from": world.owner})

    def test_leaves_no_claim_behind_when_it_reverts(self, world, market, titles):
        made = world.registration(1)
        charger_without_power(world, made)
        with reverts("NotCompliant", Reason.CHARGER_INCONSISTENT.mask):
            market.registerSpace(made.form(), {"from": world.owner})
        assert titles.marketOf(CITY << 32 | 1) == ZERO_ADDRESS


class TestCompliance:
    def test_is_zero_exactly_for_what_can_be_registered(self, world, market):
        made = world.registration(1)
        assert market.compliance(world.owner, made.form()) == 0
        market.registerSpace(made.form(), {"from": world.owner})

    def test_every_reason_known_off_chain_has_a_fault_here(self):
        taking_over = {Reason.EDITION_NOT_NEWER, Reason.NOT_REGISTERED_HERE}
        assert {reason for _, reason in FAULTS} == set(Reason) - taking_over

    @pytest.mark.parametrize(
        ("fault", "reason"), FAULTS, ids=lambda value: getattr(value, "__name__", "")
    )
    def test_names_the_one_reason_and_registering_reverts_with_it(
        self, world, market, fault, reason
    ):
        made = world.registration(1)
        fault(world, made)
        answer = market.compliance(world.owner, made.form())
        assert decode(answer) == [reason]
        with reverts("NotCompliant", answer):
            market.registerSpace(made.form(), {"from": world.owner})

    @pytest.mark.parametrize("seed", range(8))
    def test_names_all_reasons_of_a_combination_and_registering_reverts_with_them(
        self, world, market, seed
    ):
        made = world.registration(1)
        lot = random.Random(seed)
        chosen = COMBINABLE if seed == 0 else lot.sample(COMBINABLE, lot.randint(2, 7))
        chosen = [each for each in COMBINABLE if each in chosen]
        expected = 0
        for fault, reason in chosen:
            fault(world, made)
            expected |= reason.mask
        assert market.compliance(world.owner, made.form()) == expected
        with reverts("NotCompliant", expected):
            market.registerSpace(made.form(), {"from": world.owner})

    @pytest.mark.parametrize("length", [0, 64, 66])
    def test_a_signature_of_the_wrong_length_is_a_reason_and_no_crash(self, world, market, length):
        made = world.registration(1)
        made.lock[4] = bytes(length)
        assert market.compliance(world.owner, made.form()) == Reason.LOCK_POSSESSION_INVALID.mask

    def test_a_lock_key_of_zero_possesses_nothing(self, world, market):
        made = world.registration(1)
        made.lock[0] = ZERO_ADDRESS
        made.lock[3] = world.maker_word(ZERO_ADDRESS, VALID_DAY)
        made.lock[4] = bytes(65)
        assert market.compliance(world.owner, made.form()) == Reason.LOCK_POSSESSION_INVALID.mask

    @pytest.mark.parametrize("proof", ["holder", "lock"])
    def test_a_proof_is_good_to_the_last_second_of_its_last_day(self, world, market, proof):
        made = world.registration(1)
        if proof == "holder":
            made.holder[1] = TODAY
            sign_holder(world, made)
            reason = Reason.HOLDER_EXPIRED
        else:
            made.lock[2] = TODAY
            made.lock[3] = world.maker_word(made.lock[0], TODAY)
            reason = Reason.LOCK_EXPIRED
        reach(MONDAY + DAY - 1)
        assert market.compliance(world.owner, made.form()) == 0
        reach(MONDAY + DAY)
        assert market.compliance(world.owner, made.form()) == reason.mask


class TestSpaceOf:
    def test_is_empty_for_a_space_that_nobody_registered(self, market):
        assert market.spaceOf(CITY << 32 | 5) == (0, 0, 0)
