"""TitleRegistry: editions, revocations, proofs, claims."""

import pytest
from berth.core import merkle
from berth.core.compliance import Reason
from berth.core.hashing import keccak
from berth.core.title import encode, leaf
from brownie import ZERO_ADDRESS
from support.clock import DAY, HOUR, MONDAY, at, reach
from support.errors import reverts, reverts_with
from support.forms import Edition, title_form
from support.storage import set_edition
from support.world import CITY, OTHER_CITY, TODAY, title

HASH = b"\xcc" * 32
ADMIN_ROLE = "0x" + "00" * 32


def unauthorized(account, role=ADMIN_ROLE) -> str:
    """AccessControl's refusal, as Brownie shows it."""
    return f"AccessControlUnauthorizedAccount: {account.address.lower()}, {bytes.fromhex(role[2:])}"


class TestConstructor:
    def test_reverts_without_an_admin(self, world):
        from brownie import TitleRegistry

        with reverts("BadAccount", "admin", ZERO_ADDRESS):
            TitleRegistry.deploy(ZERO_ADDRESS, {"from": world.stranger})


class TestSetAuthority:
    def test_admin_names_the_authority_of_a_city(self, world, titles):
        tx = titles.setAuthority(7, world.stranger, {"from": world.admin})
        assert titles.authorityOf(7) == world.stranger
        assert tx.events["AuthoritySet"] == {"city": 7, "authority": world.stranger}

    def test_reverts_for_anybody_else(self, world, titles):
        for sender in (world.stranger, world.authority, world.deployer, world.guardian):
            with reverts_with(unauthorized(sender)):
                titles.setAuthority(7, sender, {"from": sender})

    @pytest.mark.parametrize("city", [0, 2**32, 2**256 - 1])
    def test_reverts_for_a_number_that_is_no_city(self, world, titles, city):
        with reverts("OutOfRange", "city", city, 1, 2**32 - 1):
            titles.setAuthority(city, world.stranger, {"from": world.admin})

    def test_a_replaced_authority_has_no_power_left(self, world, titles):
        titles.setAuthority(CITY, world.stranger, {"from": world.admin})
        with reverts("NotAuthority", CITY, world.authority):
            titles.revoke(CITY, [(0, 1)], {"from": world.authority})


class TestSetMarket:
    def test_admin_allows_and_disallows_a_market(self, world, titles):
        titles.setMarket(world.stranger, True, {"from": world.admin})
        assert titles.isMarket(world.stranger)
        tx = titles.setMarket(world.stranger, False, {"from": world.admin})
        assert not titles.isMarket(world.stranger)
        assert tx.events["MarketSet"] == {"market": world.stranger, "allowed": False}

    def test_reverts_for_anybody_else(self, world, titles):
        with reverts_with(unauthorized(world.deployer)):
            titles.setMarket(world.deployer, True, {"from": world.deployer})

    def test_reverts_for_nobody(self, world, titles):
        with reverts("BadAccount", "market", ZERO_ADDRESS):
            titles.setMarket(ZERO_ADDRESS, True, {"from": world.admin})


class TestTooManyEditions:
    """Markets keep an edition's number in 16 bits: nobody may use the numbers up."""

    def publish(self, world, number):
        return world.titles.publishEdition(
            CITY, number, b"\x07" * 32, HASH, 8, [], {"from": world.authority}
        )

    def test_a_thousand_are_free_then_one_a_day(self, world):
        first = world.titles.editionOf(CITY)[2]
        set_edition(world, CITY, 999)
        self.publish(world, 1000)
        at(first + DAY - 1)
        with reverts("EditionTooSoon", CITY, 1001, first + DAY):
            self.publish(world, 1001)
        at(first + DAY)
        self.publish(world, 1001)
        with reverts("EditionTooSoon", CITY, 1002, first + 2 * DAY):
            self.publish(world, 1002)

    def test_a_thief_of_the_key_leaves_numbers_to_the_next_authority(self, world, titles):
        """A hundred days of thieving, and a year is as good as before."""
        first = titles.editionOf(CITY)[2]
        set_edition(world, CITY, 1100)
        at(first + 100 * DAY + HOUR)
        with reverts("EditionTooSoon", CITY, 1101, first + 101 * DAY):
            self.publish(world, 1101)
        titles.setAuthority(CITY, world.stranger, {"from": world.admin})
        at(first + 101 * DAY)
        titles.publishEdition(CITY, 1101, b"\x08" * 32, HASH, 8, [], {"from": world.stranger})
        assert titles.editionOf(CITY)[0] == 1101


class TestPublishEdition:
    def test_anchors_root_content_hash_and_count(self, world, titles):
        at(MONDAY + DAY)
        tx = titles.publishEdition(
            CITY, 2, b"\x07" * 32, HASH, 29_584, [], {"from": world.authority}
        )
        assert titles.editionOf(CITY) == (
            2, 29_584, MONDAY + DAY, "0x" + "07" * 32, "0x" + HASH.hex()
        )  # fmt: skip
        assert tx.events["EditionPublished"] == {
            "city": CITY,
            "edition": 2,
            "root": "0x" + "07" * 32,
            "contentHash": "0x" + HASH.hex(),
            "count": 29_584,
        }

    def test_revokes_dropped_indices_in_the_same_transaction(self, world, titles):
        edition = Edition.of(*(title(index) for index in range(4)))
        tx = world.publish(edition, dropped=[(0, 0b1100_0000), (3, 1)])
        assert [titles.isRevoked(CITY, index) for index in (5, 6, 7, 8, 768, 769)] == [
            False, True, True, False, True, False
        ]  # fmt: skip
        assert tx.events["TitlesRevoked"] == [
            {"city": CITY, "word": 0, "bits": 0b1100_0000},
            {"city": CITY, "word": 3, "bits": 1},
        ]

    @pytest.mark.parametrize("edition", [0, 1, 3, 2**32 + 2])
    def test_reverts_for_an_edition_that_is_not_the_next(self, world, titles, edition):
        with reverts("EditionOutOfOrder", CITY, 1, edition):
            titles.publishEdition(CITY, edition, HASH, HASH, 1, [], {"from": world.authority})

    def test_reverts_for_the_authority_of_another_city(self, world, titles):
        with reverts("NotAuthority", OTHER_CITY, world.authority):
            titles.publishEdition(OTHER_CITY, 1, HASH, HASH, 1, [], {"from": world.authority})

    def test_reverts_for_a_city_without_authority(self, world, titles):
        with reverts("NotAuthority", 9, world.authority):
            titles.publishEdition(9, 1, HASH, HASH, 1, [], {"from": world.authority})

    @pytest.mark.parametrize("count", [0, 2**32])
    def test_reverts_for_a_count_that_cannot_be(self, world, titles, count):
        with reverts("OutOfRange", "count", count, 1, 2**32 - 1):
            titles.publishEdition(CITY, 2, HASH, HASH, count, [], {"from": world.authority})

    def test_reverts_for_a_zero_root_which_would_stand_for_no_edition(self, world, titles):
        with reverts("OutOfRange", "root", 0, 1, 2**256 - 1):
            titles.publishEdition(CITY, 2, bytes(32), HASH, 1, [], {"from": world.authority})

    def test_reverts_for_a_dropped_word_beyond_any_index(self, world, titles):
        with reverts("OutOfRange", "word", 2**24, 0, 2**24 - 1):
            world.publish(world.edition, dropped=[(2**24, 1)])


class TestRevoke:
    def test_sets_bits_and_leaves_the_others(self, world, titles):
        titles.revoke(CITY, [(0, 0b0101)], {"from": world.authority})
        titles.revoke(CITY, [(0, 0b0010)], {"from": world.authority})
        assert [titles.isRevoked(CITY, index) for index in range(4)] == [True, True, True, False]

    def test_reaches_the_first_and_the_last_bit_of_a_word(self, world, titles):
        titles.revoke(CITY, [(1, 1 | 1 << 255)], {"from": world.authority})
        revoked = [index for index in range(200, 600) if titles.isRevoked(CITY, index)]
        assert revoked == [256, 511]

    def test_touches_no_other_city(self, world, titles):
        titles.revoke(CITY, [(0, 1)], {"from": world.authority})
        assert not titles.isRevoked(OTHER_CITY, 0)

    def test_reverts_for_anybody_but_the_citys_authority(self, world, titles):
        with reverts("NotAuthority", CITY, world.stranger):
            titles.revoke(CITY, [(0, 1)], {"from": world.stranger})

    def test_reverts_for_a_word_beyond_any_index(self, world, titles):
        with reverts("OutOfRange", "word", 2**256 - 1, 0, 2**24 - 1):
            titles.revoke(CITY, [(2**256 - 1, 1)], {"from": world.authority})


class TestReinstate:
    def test_takes_a_revocation_back_and_leaves_the_others(self, world, titles):
        titles.revoke(CITY, [(0, 0b111)], {"from": world.authority})
        tx = titles.reinstate(CITY, [(0, 0b010)], {"from": world.authority})
        assert [titles.isRevoked(CITY, index) for index in range(3)] == [True, False, True]
        assert tx.events["TitlesReinstated"] == {"city": CITY, "word": 0, "bits": 0b010}

    def test_reverts_for_anybody_but_the_citys_authority(self, world, titles):
        with reverts("NotAuthority", CITY, world.owner):
            titles.reinstate(CITY, [(0, 1)], {"from": world.owner})

    def test_reverts_for_a_word_beyond_any_index(self, world, titles):
        with reverts("OutOfRange", "word", 2**24, 0, 2**24 - 1):
            titles.reinstate(CITY, [(2**24, 1)], {"from": world.authority})


class TestVerify:
    def test_holds_for_every_title_of_the_current_edition(self, world, titles):
        for each in world.edition.titles:
            assert titles.verify(title_form(each), world.edition.proof(each))

    def test_fails_for_a_revoked_title(self, world, titles):
        titles.revoke(CITY, [(0, 0b10)], {"from": world.authority})
        one = world.edition.titles[1]
        assert not titles.verify(title_form(one), world.edition.proof(one))

    def test_agrees_with_the_backends_leaf_and_tree(self, world, titles):
        one = world.edition.titles[3]
        assert merkle.verify(world.edition.tree.root, leaf(one), world.edition.proof(one))
        assert titles.editionOf(CITY)[3] == "0x" + world.edition.tree.root.hex()


class TestTitleReasons:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"valid_day": TODAY - 1}, Reason.TITLE_EXPIRED),
            ({"attributes": 1 | 250 << 25 | 550 << 41}, Reason.SHARING_NOT_ALLOWED),
            ({"attributes": 1 << 8 | 250 << 25 | 550 << 41}, Reason.KIND_UNKNOWN),
            ({"attributes": 6 | 1 << 8 | 250 << 25 | 550 << 41}, Reason.KIND_UNKNOWN),
            ({"attributes": 255 | 1 << 8 | 250 << 25 | 550 << 41}, Reason.KIND_UNKNOWN),
            (
                {"attributes": 1 | 1 << 8 | 149 << 9 | 250 << 25 | 550 << 41},
                Reason.DIMENSIONS_OUT_OF_RANGE,
            ),
            (
                {"attributes": 1 | 1 << 8 | 1001 << 9 | 250 << 25 | 550 << 41},
                Reason.DIMENSIONS_OUT_OF_RANGE,
            ),
            ({"attributes": 1 | 1 << 8 | 149 << 25 | 550 << 41}, Reason.DIMENSIONS_OUT_OF_RANGE),
            ({"attributes": 1 | 1 << 8 | 1001 << 25 | 550 << 41}, Reason.DIMENSIONS_OUT_OF_RANGE),
            ({"attributes": 1 | 1 << 8 | 250 << 25 | 299 << 41}, Reason.DIMENSIONS_OUT_OF_RANGE),
            ({"attributes": 1 | 1 << 8 | 250 << 25 | 2501 << 41}, Reason.DIMENSIONS_OUT_OF_RANGE),
            (
                {"attributes": 1 | 1 << 8 | 250 << 25 | 550 << 41 | 1 << 57},
                Reason.DIMENSIONS_OUT_OF_RANGE,
            ),
        ],
    )
    def test_names_the_one_thing_that_is_wrong_with_a_title(self, world, titles, changes, reason):
        bad = title(0x20, **changes)
        edition = Edition.of(title(0), bad)
        world.publish(edition)
        assert titles.titleReasons(title_form(bad), edition.proof(bad)) == reason.mask

    @pytest.mark.parametrize(
        "attributes",
        [
            1 | 1 << 8 | 150 << 25 | 300 << 41,
            5 | 1 << 8 | 150 << 9 | 1000 << 25 | 2500 << 41,
            3 | 1 << 8 | 1000 << 9 | 150 << 25 | 300 << 41,
        ],
    )
    def test_is_content_at_the_edges_of_what_is_sane(self, world, titles, attributes):
        edge = title(0x20, attributes=attributes)
        edition = Edition.of(title(0), edge)
        world.publish(edition)
        assert titles.titleReasons(title_form(edge), edition.proof(edge)) == 0

    def test_adds_up_everything_that_is_wrong(self, world, titles):
        bad = title(0x20, attributes=6, valid_day=TODAY - 1)
        edition = Edition.of(title(0), bad)
        world.publish(edition, dropped=[(0, 1 << 0x20)])
        assert titles.titleReasons(title_form(bad), edition.proof(bad)) == (
            Reason.TITLE_REVOKED.mask
            | Reason.TITLE_EXPIRED.mask
            | Reason.KIND_UNKNOWN.mask
            | Reason.SHARING_NOT_ALLOWED.mask
            | Reason.DIMENSIONS_OUT_OF_RANGE.mask
        )

    def test_knows_no_title_of_a_city_without_edition(self, titles):
        stray = title(0, city=OTHER_CITY)
        assert titles.titleReasons(title_form(stray), []) == Reason.CITY_UNKNOWN.mask

    def test_knows_no_title_of_a_city_number_beyond_32_bits(self, world, titles):
        form = list(title_form(world.edition.titles[0]))
        form[0] = CITY + 2**32
        assert titles.titleReasons(form, []) == Reason.CITY_UNKNOWN.mask

    def test_a_cell_beyond_30_bits_is_out_of_range(self, world, titles):
        bad = title(0x20, cell=1 << 30)
        edition = Edition.of(title(0), bad)
        world.publish(edition)
        assert (
            titles.titleReasons(title_form(bad), edition.proof(bad))
            == Reason.CELL_OUT_OF_RANGE.mask
        )

    def test_a_title_is_good_to_the_last_second_of_its_last_day(self, world, titles):
        last = title(0x20, valid_day=TODAY)
        edition = Edition.of(title(0), last)
        world.publish(edition)
        reach(MONDAY + DAY - 1)
        assert titles.titleReasons(title_form(last), edition.proof(last)) == 0
        reach(MONDAY + DAY)
        assert (
            titles.titleReasons(title_form(last), edition.proof(last)) == Reason.TITLE_EXPIRED.mask
        )

    def test_a_registered_space_is_already_registered(self, world, titles, space):
        first = world.edition.titles[0]
        answer = titles.titleReasons(title_form(first), world.edition.proof(first))
        assert answer == Reason.ALREADY_REGISTERED.mask


class TestMerkleAttacks:
    """Each of these must end in NOT_IN_EDITION."""

    def refused(self, titles, form, proof):
        assert titles.titleReasons(form, proof) == Reason.NOT_IN_EDITION.mask
        assert not titles.verify(form, proof)

    def test_another_owners_proof(self, world, titles):
        mine, theirs = world.edition.titles[:2]
        self.refused(titles, title_form(mine), world.edition.proof(theirs))

    def test_another_owners_title_with_my_name_in_it(self, world, titles):
        theirs = world.edition.titles[1]
        form = list(title_form(theirs))
        form[2] = b"\xee" * 32
        self.refused(titles, form, world.edition.proof(theirs))

    @pytest.mark.parametrize(("place", "value"), [(1, 2), (4, 1), (5, 1 << 8), (6, 2**255)])
    def test_any_field_changed(self, world, titles, place, value):
        one = world.edition.titles[1]
        form = list(title_form(one))
        form[place] = value
        self.refused(titles, form, world.edition.proof(one))

    def test_an_inner_node_as_a_leaf(self, world, titles):
        """The best an attacker can do: a title whose single hash is what an inner node hashes.
        Hashing twice ends it: the tree's inner nodes are hashes of 64 bytes, a leaf is a hash of
        32."""
        one = world.edition.titles[0]
        proof = world.edition.proof(one)
        pair = sorted([leaf(one), proof[0]])
        inner = keccak(b"".join(pair))
        assert merkle.verify(world.edition.tree.root, inner, proof[1:])  # in the tree, but no title
        self.refused(titles, title_form(one), proof[1:])

    def test_a_tree_hashed_once_does_not_verify(self, world, titles):
        """An authority's tool that forgets the second hash builds an edition nobody can use; not
        one to attack."""
        one = title(0x20)
        tree = merkle.build([keccak(encode(one)), keccak(encode(title(0x21)))])
        titles.publishEdition(CITY, 2, tree.root, HASH, 64, [], {"from": world.authority})
        self.refused(titles, title_form(one), tree.proof(keccak(encode(one))))

    def test_an_empty_proof(self, world, titles):
        self.refused(titles, title_form(world.edition.titles[0]), [])

    def test_a_proof_too_long(self, world, titles):
        one = world.edition.titles[0]
        self.refused(titles, title_form(one), [*world.edition.proof(one), b"\0" * 32])

    def test_a_stale_edition(self, world, titles):
        old = world.edition.titles[5]
        world.publish(Edition.of(*(title(index, address_hash=b"\x99" * 32) for index in range(8))))
        self.refused(titles, title_form(old), world.edition.proof(old))

    def test_an_index_beyond_the_count_of_the_edition(self, world, titles):
        """The count bounds the revocation bits that an authority has to mind."""
        hidden = title(100)
        edition = Edition.of(title(0), hidden)
        titles.publishEdition(CITY, 2, edition.tree.root, HASH, 100, [], {"from": world.authority})
        self.refused(titles, title_form(hidden), edition.proof(hidden))

    def test_another_citys_proof(self, world, titles):
        far = Edition.of(*(title(index, city=OTHER_CITY) for index in range(4)))
        from brownie import accounts

        world.publish(far, city=OTHER_CITY, sender=accounts[6])
        mine = title(1)
        self.refused(titles, title_form(mine), far.proof(far.titles[1]))
        self.refused(
            titles, title_form(far.titles[1]), world.edition.proof(world.edition.titles[1])
        )

    def test_an_authority_cannot_smuggle_a_title_of_another_city_into_its_edition(
        self, world, titles
    ):
        """Its tree may hold what it likes: a title is looked up in the edition of the city it
        names."""
        from brownie import accounts

        foreign = title(0x20)
        smuggled = Edition.of(title(0, city=OTHER_CITY), foreign)
        world.publish(smuggled, city=OTHER_CITY, sender=accounts[6])
        self.refused(titles, title_form(foreign), smuggled.proof(foreign))


class TestClaim:
    def test_a_market_claims_a_compliant_space_once(self, world, titles):
        titles.setMarket(world.stranger, True, {"from": world.admin})
        one = world.edition.titles[1]
        arguments = title_form(one), world.edition.proof(one)
        tx = titles.claim(*arguments, {"from": world.stranger})
        assert tx.return_value == (0, 1)
        assert titles.marketOf(CITY << 32 | 1) == world.stranger
        assert tx.events["SpaceClaimed"] == {"spaceId": CITY << 32 | 1, "market": world.stranger}
        again = titles.claim(*arguments, {"from": world.stranger}).return_value
        assert again == (Reason.ALREADY_REGISTERED.mask, 1)

    def test_two_markets_can_never_hold_one_space(self, world, titles, space):
        titles.setMarket(world.stranger, True, {"from": world.admin})
        first = world.edition.titles[0]
        tx = titles.claim(title_form(first), world.edition.proof(first), {"from": world.stranger})
        assert tx.return_value == (Reason.ALREADY_REGISTERED.mask, 1)
        assert titles.marketOf(space) == world.market
        assert "SpaceClaimed" not in tx.events

    def test_changes_nothing_when_the_title_does_not_comply(self, world, titles):
        titles.setMarket(world.stranger, True, {"from": world.admin})
        titles.revoke(CITY, [(0, 0b10)], {"from": world.authority})
        one = world.edition.titles[1]
        tx = titles.claim(title_form(one), world.edition.proof(one), {"from": world.stranger})
        assert tx.return_value == (Reason.TITLE_REVOKED.mask, 1)
        assert titles.marketOf(CITY << 32 | 1) == ZERO_ADDRESS

    @pytest.mark.parametrize("who", ["owner", "deployer", "authority"])
    def test_gives_nothing_to_anybody_but_a_market(self, world, titles, who):
        one = world.edition.titles[1]
        tx = titles.claim(title_form(one), world.edition.proof(one), {"from": getattr(world, who)})
        assert tx.return_value == (Reason.MARKET_NOT_ALLOWED.mask, 1)
        assert titles.marketOf(CITY << 32 | 1) == ZERO_ADDRESS
        assert "SpaceClaimed" not in tx.events
