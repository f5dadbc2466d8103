"""Attacks with titles: every way to show one that one has not."""

from dataclasses import replace

import pytest
from berth.core.hashing import keccak
from berth.core.title import leaf
from support.attacks import (
    attack,
    nothing_gained,
    person,
    sender_of,
)
from support.errors import reverts
from support.forms import Edition
from support.owners import HEIR, hand_over, next_edition
from support.world import CITY, OTHER_CITY, title

NOT_IN_EDITION, REVOKED = 1 << 1, 1 << 2
ALREADY, NOT_ALLOWED, NOT_NEWER, NOT_HERE = 1 << 7, 1 << 8, 1 << 10, 1 << 11
HOLDER_SIGNATURE, POSSESSION = 1 << 18, 1 << 28


@attack(21)
class TestProofs:
    """Every way to show a title that one has not."""

    def test_somebody_elses_title_needs_somebody_elses_identity(self, world, market, space):
        """The proof is public; the verifier's word about the wallet is not to be had."""
        stolen = world.registration(1, owner=world.stranger.address)
        stolen.holder[3] = world.holder_word(
            world.stranger.address, b"\xee" * 32, stolen.holder[1], 1
        )
        with nothing_gained(world, world.stranger, losses={world.owner: 0}):
            with reverts("NotCompliant", HOLDER_SIGNATURE):
                market.registerSpace(stolen.form(), {"from": world.stranger})
            next_edition(world)
            mine = world.registration(0, owner=world.stranger.address)
            mine.holder[3] = stolen.holder[3]
            with reverts("NotCompliant", NOT_IN_EDITION):
                market.takeOver(
                    replace(mine, title=replace(mine.title, salted_holder=b"\xee" * 32)).form(),
                    {"from": world.stranger},
                )

    def test_an_inner_node_is_no_title(self, world, market):
        """The children of a node, read as a title: its leaf would have to be hashed twice."""
        a, b = (leaf(each) for each in world.edition.titles[:2])
        node = keccak(min(a, b) + max(a, b))
        made = world.registration(1)
        made.proof = [node, *made.proof[1:]]
        with reverts("NotCompliant", NOT_IN_EDITION):
            market.registerSpace(made.form(), {"from": world.owner})
        made.proof = world.edition.proof(world.edition.titles[1])[1:]
        with reverts("NotCompliant", NOT_IN_EDITION):
            market.registerSpace(made.form(), {"from": world.owner})

    @pytest.mark.parametrize("verb", ["registerSpace", "takeOver"])
    def test_a_stale_edition_proves_nothing(self, world, market, space, verb):
        old = world.registration(0 if verb == "takeOver" else 1)
        next_edition(world, title(7, salted_holder=HEIR))
        with nothing_gained(world, world.owner), reverts("NotCompliant", NOT_IN_EDITION):
            getattr(market, verb)(old.form(), {"from": world.owner})

    def test_another_city_proves_nothing_about_this_one(self, world, market, titles, space):
        """The authority of one city writes titles of the other into its edition."""
        forged = Edition.of(title(0, salted_holder=HEIR), title(1, city=OTHER_CITY))
        titles.publishEdition(
            OTHER_CITY,
            1,
            forged.tree.root,
            b"\xcc" * 32,
            2,
            [],
            {"from": sender_of(titles.authorityOf(OTHER_CITY))},
        )
        thief = world.stranger
        made = world.registration(0, owner=thief.address, edition=forged)
        assert made.title.city == CITY
        with nothing_gained(world, thief, losses={world.owner: 0}):
            with reverts("NotCompliant", NOT_IN_EDITION | NOT_NEWER):
                market.takeOver(made.form(), {"from": thief})
            with reverts("NotCompliant", NOT_IN_EDITION):
                market.registerSpace(made.form(), {"from": thief})

    def test_a_revoked_title_can_be_neither_registered_nor_renewed(
        self, world, market, titles, space
    ):
        titles.revoke(CITY, [(0, 0b11)], {"from": world.authority})
        with reverts("NotCompliant", REVOKED):
            market.registerSpace(world.registration(1).form(), {"from": world.owner})
        with reverts("NotCompliant", REVOKED):
            market.takeOver(world.registration(0).form(), {"from": world.owner})

    def test_nothing_is_taken_over_within_the_same_edition(self, world, market, space):
        """Two wallets of one holder, or a verifier who erred: the space stays where it is until the
        city speaks again."""
        thief = world.stranger
        with (
            nothing_gained(world, thief, losses={world.owner: 0}),
            reverts("NotCompliant", NOT_NEWER),
        ):
            market.takeOver(world.registration(0, owner=thief.address).form(), {"from": thief})

    def test_a_renewal_raises_the_edition_that_a_successor_must_pass(self, world, market, space):
        """The owner renews in the newest edition: in that edition nobody takes it over any more."""
        edition = next_edition(world)
        market.takeOver(world.registration(0, edition=edition).form(), {"from": world.owner})
        thief = world.stranger
        with reverts("NotCompliant", NOT_NEWER):
            market.takeOver(
                world.registration(0, owner=thief.address, edition=edition).form(), {"from": thief}
            )

    def test_a_space_that_is_not_registered_here_is_not_taken_over(self, world, market, space):
        """As a renewal of nothing it would come without a claim."""
        with reverts("NotCompliant", NOT_HERE):
            market.takeOver(world.registration(1).form(), {"from": world.owner})

    def test_the_former_holders_proof_does_not_win_the_space_back(self, world, market, space):
        heir, _ = person(world, "heir")
        hand_over(world, space, heir)
        edition = Edition.of(title(0, salted_holder=HEIR), *world.edition.titles[1:])
        mine = world.registration(0, edition=edition, title=edition.titles[0])
        mine.holder[3] = world.holder_word(
            world.owner.address, world.edition.titles[0].salted_holder, mine.holder[1], 1
        )
        with nothing_gained(world, world.owner, losses={heir: 0}):
            with reverts("NotCompliant", HOLDER_SIGNATURE | NOT_NEWER):
                market.takeOver(mine.form(), {"from": world.owner})
            with reverts("NotCompliant", NOT_IN_EDITION | NOT_NEWER):
                market.takeOver(world.registration(0).form(), {"from": world.owner})
