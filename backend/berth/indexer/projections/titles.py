"""Titles: editions, revocations, authorities."""

from __future__ import annotations

from berth.chain import events
from berth.indexer.projection import Place, Projection
from berth.store import derived


def edition_published(p: Projection, e: events.EditionPublished, at: Place) -> None:
    p.rows.add(
        derived.editions,
        {
            "city": e.city,
            "edition": e.edition,
            "root": e.root,
            "content_hash": e.content_hash,
            "count": e.count,
            "published_at": at.timestamp,
            "block_number": at.block_number,
            "tx_hash": at.tx_hash,
        },
    )
    payload = {"city": e.city, "edition": e.edition, "root": e.root, "count": e.count}
    p.tell("titles.published", at, None, payload)


def titles_revoked(p: Projection, e: events.TitlesRevoked, at: Place) -> None:
    _set_bits(p, e.city, e.word, _bits(p, e.city, e.word) | e.bits)
    p.tell("titles.revoked", at, None, {"city": e.city, "word": e.word, "bits": f"0x{e.bits:064x}"})


def titles_reinstated(p: Projection, e: events.TitlesReinstated, at: Place) -> None:
    _set_bits(p, e.city, e.word, _bits(p, e.city, e.word) & ~e.bits)
    payload = {"city": e.city, "word": e.word, "bits": f"0x{e.bits:064x}"}
    p.tell("titles.reinstated", at, None, payload)


def authority_set(p: Projection, e: events.AuthoritySet, _at: Place) -> None:
    p.rows.put(derived.authorities, {"city": e.city, "authority": e.authority})


def _bits(p: Projection, city: int, word: int) -> int:
    row = p.rows.get(derived.revocations, (city, word))
    return 0 if row is None else int(row["bits"], 16)


def _set_bits(p: Projection, city: int, word: int, bits: int) -> None:
    if bits:
        row = {"city": city, "word": word, "bits": f"0x{bits:064x}"}
        p.rows.put(derived.revocations, row)
    else:
        # no row means none revoked: one state, one form, one digest
        p.rows.drop(derived.revocations, (city, word))
