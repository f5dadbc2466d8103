"""Why a space cannot be registered: what registry, admin and attesters have decided, as the owner
is told it. What is wrong with the papers themselves is in `test_owner_states`.

One reason is not to be met in the app, `space.not_registered_here`: the service asks for a renewal
only of a space that its index has in this market, and the chain lets it go by an event that the
index follows.
"""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from berth.chain.rpc import Rpc
from berth.cli.demo.owners import Papers, Wish, gather_papers
from berth.cli.platform.parties import VERIFIER
from berth.core import merkle
from berth.core.compliance import Reason
from berth.core.ids import city_number, parse_space, space_id
from berth.core.messages import holder_attestation, lock_attestation, lock_possession, sign
from berth.core.signing import address_of, new_private_key
from berth.core.title import Title, leaf, pack_attributes
from berth.market.attest import attest_owner, holder_json
from berth.market.titles.publish import revocation_words
from playwright.async_api import BrowserContext, Page

from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import Outside, shows, signs_in
from tests.browser.screens import Screens
from tests.browser.test_owner_states import changed, hands_in, refused, wallet_of, with_a_space
from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600), ON_A_PHONE]

#: A city that the local registry speaks for, and has published nothing of.
ELSEWHERE = "DEBER"
HOLDERS, LOCKS = 1, 4


async def test_a_title_of_which_nothing_is_right_is_refused_for_all_of_it(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    papers = await at_the_desk(town, page, context, outside, rpc)
    good = papers.body["title"]
    title = Title(
        city=city_number(ELSEWHERE),
        index=0,
        salted_holder=bytes.fromhex(good["saltedHolder"][2:]),
        address_hash=bytes.fromhex(good["addressHash"][2:]),
        cell=1 << 30,
        attributes=pack_attributes(9, False, 10, 100, 100),
        valid_day=1,
    )
    tree = merkle.build([leaf(title), bytes(32)])
    registry, titles = await outside.party("registry"), outside.stage.contracts.titles
    await registry.transact(
        "an edition", titles, "publishEdition", title.city, 1, tree.root, bytes(32), 1, []
    )
    body = changed(
        papers.body,
        title={
            "city": ELSEWHERE,
            "index": title.index,
            "cell": title.cell,
            "attributes": title.attributes,
            "validDay": title.valid_day,
        },
        proof=["0x" + node.hex() for node in tree.proof(leaf(title))],
        lock=opened(outside, papers, papers.owner.address, space_id(title.city, title.index)),
    )
    await refused(
        page,
        body,
        Reason.TITLE_EXPIRED,
        Reason.SHARING_NOT_ALLOWED,
        Reason.KIND_UNKNOWN,
        Reason.DIMENSIONS_OUT_OF_RANGE,
        Reason.CELL_OUT_OF_RANGE,
    )
    await screens.look("title")


async def test_what_was_decided_about_a_title_or_the_market_is_told(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    papers = await at_the_desk(town, page, context, outside, rpc)
    titles, market = outside.stage.contracts.titles, outside.market.address
    await outside.governs(titles, "setMarket", market, False)
    await refused(page, papers.body, Reason.MARKET_NOT_ALLOWED)
    await screens.look("market")
    await outside.governs(titles, "setMarket", market, True)
    await hands_in(page, papers.body)
    await shows(page, "ready")

    # in another market of the same city
    await page.reload()
    other = outside.stage.person("Another market")
    await outside.stage.fund(other, 0)
    await outside.governs(titles, "setMarket", other.address, True)
    found = outside.stage.library.proof_of(
        city_number(papers.body["title"]["city"]), papers.body["title"]["index"]
    )
    await other.transact("a claim", titles, "claim", struct(found.title), list(found.proof))
    await refused(page, papers.body, Reason.ALREADY_REGISTERED)

    registry = await outside.party("registry")
    words = revocation_words([found.title.index])
    await registry.transact("a revocation", titles, "revoke", found.title.city, words)
    await refused(page, papers.body, Reason.TITLE_REVOKED, Reason.ALREADY_REGISTERED)
    await screens.look("revoked")


async def test_what_attesters_have_taken_back_is_told(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    papers = await at_the_desk(town, page, context, outside, rpc)
    body, domain = papers.body, outside.stage.deployment.domain
    # a verifier and a maker of this test's own, for what is revoked stays revoked
    key = new_private_key()
    for number, role in ((7, HOLDERS), (8, LOCKS)):
        await outside.governs(outside.market, "setAttester", number, address_of(key), role)
    holder, lock = body["holder"], body["lock"]
    attested = holder_attestation(
        domain,
        papers.owner.address,
        bytes.fromhex(body["title"]["saltedHolder"][2:]),
        holder["validDay"],
        int(holder["nonce"]),
    )
    made = lock_attestation(domain, papers.lock.lock_id, lock["validDay"])
    theirs = changed(
        body,
        holder={"verifier": 7, "signature": "0x" + sign(attested, key).hex()},
        lock={"maker": 8, "makerSignature": "0x" + sign(made, key).hex()},
    )
    await hands_in(page, theirs)
    await shows(page, "ready")
    for number in (7, 8):
        await outside.governs(outside.market, "revokeAttester", number)
    await page.reload()
    await refused(page, theirs, Reason.HOLDER_VERIFIER_REVOKED, Reason.LOCK_MAKER_REVOKED)
    await screens.look("attesters")

    # one word of a verifier who is trusted as before
    verifier = await outside.party("verifier")
    nonce = int(holder["nonce"])
    await verifier.transact("taken back", outside.market, "revokeAttestation", VERIFIER, nonce)
    await refused(page, body, Reason.HOLDER_ATTESTATION_REVOKED)
    await screens.look("attestation")


async def test_another_wallet_of_the_same_holder_waits_for_the_next_edition(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    outside, listing = await with_a_space(outside)
    stage = outside.stage
    wallet = await wallet_of(secrets.token_bytes(32), rpc, context)
    city, found = city_number(stage.city.code), listing.index
    proof = stage.library.proof_of(city, found)
    holder = attest_owner(
        stage.deployment,
        stage.parties.key("verifier"),
        wallet.address,
        proof.title.salted_holder,
        valid_day=await stage.now() // 86_400 + 30,
    )
    papers = await gather_papers(stage, wish())
    body = changed(
        papers.body,
        title={
            "index": found,
            "saltedHolder": "0x" + proof.title.salted_holder.hex(),
            "addressHash": "0x" + proof.title.address_hash.hex(),
            "cell": proof.title.cell,
            "attributes": proof.title.attributes,
            "validDay": proof.title.valid_day,
        },
        proof=["0x" + node.hex() for node in proof.proof],
        holder=holder_json(holder),
        lock=opened(outside, papers, wallet.address, parse_space(listing.space_id)),
    )
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/owner/register")
    await refused(page, body, Reason.EDITION_NOT_NEWER)
    await screens.look("edition")


async def at_the_desk(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc
) -> Papers:
    """An owner with good papers, signed in where spaces are registered."""
    papers = await gather_papers(outside.stage, wish())
    await signs_in(page, town, await wallet_of(papers.owner.key, rpc, context))
    await page.goto(f"{town.url}/owner/register")
    return papers


def wish() -> Wish:
    # somewhere in town; what a person does is on record by name, so nobody is called the same twice
    return Wish(f"Paul {secrets.token_hex(4)}", (0.0, 0.0), 2_000_000, 0, (), 0)


def opened(outside: Outside, papers: Papers, owner: str, space: int) -> dict[str, str]:
    """The lock's word for another space, or another owner."""
    message = lock_possession(outside.stage.deployment.domain, papers.lock.lock_id, space, owner)
    return {"possession": "0x" + sign(message, papers.lock.private_key).hex()}


def struct(title: Title) -> dict[str, Any]:
    """The contract's `Title`."""
    return {
        "city": title.city,
        "index": title.index,
        "saltedHolder": title.salted_holder,
        "addressHash": title.address_hash,
        "cell": title.cell,
        "attributes": title.attributes,
        "validDay": title.valid_day,
    }
