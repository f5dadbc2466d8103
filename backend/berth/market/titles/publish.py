"""Anchoring editions on the chain, and revoking single titles, with the city authority's key."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from berth.chain.contracts import Contract, Contracts
from berth.chain.identity import verify_chain
from berth.chain.rpc import Rpc
from berth.chain.sender import Sender
from berth.core.addresses import ZERO, checksum
from berth.core.clock import Clock
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.ids import city_code
from berth.market.titles import storage
from berth.market.titles.storage import EditionRow
from berth.store.engine import Store, bind_deployment
from berth.store.transactions import TransactionJournal

#: Revocation words (256 titles each) in one transaction: 25,000 gas a word, two thirds of a block.
MAX_WORDS = 800


@dataclass(frozen=True)
class Anchored:
    """One edition that is on the chain now; `gas_used` None when it was there before."""

    edition: EditionRow
    dropped: int
    tx_hash: str
    gas_used: int | None


@dataclass(frozen=True)
class Revoked:
    """Titles that are revoked now; `tx_hash` None when all of them were before."""

    city: int
    indices: tuple[int, ...]
    already: tuple[int, ...]
    tx_hash: str | None
    gas_used: int | None


@dataclass(frozen=True)
class OnChain:
    """A city's edition as the contract has it; edition 0 = none."""

    edition: int
    count: int
    published_at: int
    root: str
    content_hash: str


def revocation_words(indices: Iterable[int]) -> list[dict[str, int]]:
    """The bitmap words of some indices, ascending: bit i of word w is index 256 w + i."""
    words: dict[int, int] = {}
    for index in indices:
        words[index >> 8] = words.get(index >> 8, 0) | 1 << (index & 255)
    return [{"word": word, "bits": bits} for word, bits in sorted(words.items())]


async def on_chain(rpc: Rpc, titles: Contract, city: int) -> OnChain:
    """What the contract says of a city."""
    edition, count, published_at, root, content = await titles.read(rpc, "editionOf", city)
    return OnChain(edition, count, published_at, "0x" + root.hex(), "0x" + content.hex())


async def publish_titles(
    store: Store, rpc: Rpc, deployment: Deployment, key: bytes, city: int
) -> list[Anchored]:
    """Brings the chain up to the newest imported edition; safe to call again at any point.

    Raises BerthError `titles.unknown`, `titles.not_authority`, `titles.foreign`, `titles.behind`,
    the chain's own, or NodeUnreachableError.
    """
    titles, sender = await _ready(store, rpc, deployment, key, city)
    with store.read() as conn:
        latest = storage.latest_edition(conn, city)
    if latest is None:
        raise BerthError(
            "titles.unknown",
            "no edition of {city} has been imported",
            field="city",
            exit_code=2,
            status=404,
            city=city_code(city),
        )
    there = await on_chain(rpc, titles, city)
    if there.edition > latest.edition:
        raise BerthError(
            "titles.behind",
            f"the chain has edition {there.edition} of {latest.city_code}, this database only"
            f" {latest.edition}: import in the database that published it",
            field="city",
        )
    done = []
    if there.edition:
        anchored = await _check_anchored(store, rpc, deployment, city, there)
        if anchored.edition == latest.edition:
            done.append(anchored_before(anchored))
    numbers = range(there.edition + 1, latest.edition + 1)
    return done + [await _publish(store, rpc, titles, sender, city, each) for each in numbers]


def anchored_before(row: EditionRow) -> Anchored:
    """An edition that was on the chain already."""
    return Anchored(row, 0, row.published_tx or "", None)


async def revoke_titles(
    store: Store,
    rpc: Rpc,
    deployment: Deployment,
    key: bytes,
    city: int,
    indices: Iterable[int],
    *,
    reason: str,
    clock: Clock,
) -> Revoked:
    """Revokes titles at once, without an edition; those revoked before are left out.

    The reason stays in the database. Raises BerthError `titles.absent` for an index that the city
    never gave, `titles.reason` for an empty reason.
    """
    wanted = sorted(set(indices))
    if not reason.strip():
        raise BerthError("titles.reason", "must be given", field="reason", exit_code=2)
    titles, sender = await _ready(store, rpc, deployment, key, city)
    there = await on_chain(rpc, titles, city)
    for index in wanted:
        if not 0 <= index < there.count:
            raise BerthError(
                "titles.absent",
                f"{city_code(city)} has no title {index} on the chain",
                field="index",
                status=404,
            )
    already = [index for index in wanted if await titles.read(rpc, "isRevoked", city, index)]
    fresh = [index for index in wanted if index not in already]
    if not fresh:
        return Revoked(city, (), tuple(already), None, None)
    words = revocation_words(fresh)
    if len(words) > MAX_WORDS:
        raise BerthError(
            "titles.words",
            f"{len(fresh)} titles do not fit into one transaction: revoke fewer at once",
            field="index",
        )
    # A new purpose every time: a title may be revoked, reinstated and revoked again.
    receipt = await sender.transact(
        f"titles.revoke:{city}:{secrets.token_hex(8)}",
        titles.address,
        titles.calldata("revoke", city, words),
    )
    tx_hash = receipt.transaction_hash
    with store.write() as conn:
        storage.note_revocations(conn, city, fresh, reason.strip(), tx_hash, clock.now())
    return Revoked(city, tuple(fresh), tuple(already), tx_hash, receipt.gas_used)


async def _ready(
    store: Store, rpc: Rpc, deployment: Deployment, key: bytes, city: int
) -> tuple[Contract, Sender]:
    """Right chain, right database, and the key is the city authority's."""
    await verify_chain(rpc, deployment)
    bind_deployment(store, deployment)
    titles = Contracts.of(deployment).titles
    sender = Sender(rpc, TransactionJournal(store), key, deployment.chain_id)
    authority = str(await titles.read(rpc, "authorityOf", city)).lower()
    if authority != sender.address:
        who = "nobody" if authority == ZERO else checksum(authority)
        raise BerthError(
            "titles.not_authority",
            f"{checksum(sender.address)} is not the authority of {city_code(city)}: that is {who}",
            field="keystore",
            status=403,
        )
    return titles, sender


async def _publish(
    store: Store, rpc: Rpc, titles: Contract, sender: Sender, city: int, number: int
) -> Anchored:
    with store.read() as conn:
        row = storage.edition_row(conn, city, number)
        dropped = storage.dropped_indices(conn, city, number) if number > 1 else []
    if row is None:
        raise BerthError("titles.behind", f"edition {number} is not in this database", field="city")
    purpose = _purpose(store, row)
    words = revocation_words(dropped)
    part = 0
    while len(words) > MAX_WORDS:
        # What does not fit beside the edition is revoked just before it.
        part, now, words = part + 1, words[:MAX_WORDS], words[MAX_WORDS:]
        data = titles.calldata("revoke", city, now)
        await sender.transact(f"{purpose}:{part}", titles.address, data)
    receipt = await sender.transact(
        purpose,
        titles.address,
        titles.calldata(
            "publishEdition",
            city,
            number,
            bytes.fromhex(row.root[2:]),
            bytes.fromhex(row.content_hash[2:]),
            # The contract takes indices below this number, and dropped titles leave gaps.
            row.index_bound,
            words,
        ),
    )
    there = await on_chain(rpc, titles, city)
    if (there.edition, there.root) != (number, row.root):
        raise _foreign(row, there)
    with store.write() as conn:
        storage.mark_published(conn, city, number, receipt.transaction_hash)
        published = storage.edition_row(conn, city, number)
    return Anchored(published or row, len(dropped), receipt.transaction_hash, receipt.gas_used)


def _purpose(store: Store, row: EditionRow) -> str:
    """Names the deed; a new name after an attempt that was mined but refused."""
    journal = TransactionJournal(store)
    attempt = 1
    while True:
        purpose = f"{storage.publish_purpose(row.city, row.edition)}{attempt}"
        known = journal.find(purpose)
        if known is None or known.state != "reverted":
            return purpose
        attempt += 1


async def _check_anchored(
    store: Store, rpc: Rpc, deployment: Deployment, city: int, there: OnChain
) -> EditionRow:
    """The edition on the chain must be ours; notes its transaction if a crash kept us from it."""
    with store.read() as conn:
        row = storage.edition_row(conn, city, there.edition)
    if row is None or row.root != there.root:
        raise _foreign(row, there)
    if row.published_tx is None:
        tx_hash = await _find_transaction(rpc, deployment, city, there.edition)
        with store.write() as conn:
            storage.mark_published(conn, city, there.edition, tx_hash)
            row = storage.edition_row(conn, city, there.edition) or row
    return row


async def _find_transaction(rpc: Rpc, deployment: Deployment, city: int, edition: int) -> str:
    event = Contracts.of(deployment).titles.abi.events["EditionPublished"]
    head = await rpc.block_number()
    for log in await rpc.logs(deployment.block, head, [deployment.titles]):
        topics = [int(topic, 16) for topic in log.topics]
        if topics[:3] == [int.from_bytes(event.topic, "big"), city, edition]:
            return log.transaction_hash
    return ""


def _foreign(row: EditionRow | None, there: OnChain) -> BerthError:
    ours = "none" if row is None else row.root
    return BerthError(
        "titles.foreign",
        f"edition {there.edition} on the chain has root {there.root}, here it is {ours}: it was"
        " published from another database",
        field="city",
    )
