"""What the index says of the chain, as questions that a node can answer: one view call a row.

Each question carries what the index holds; whatever the contract answers otherwise is a
difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select

from berth.chain.abi import Entry
from berth.chain.contracts import Contract, Contracts
from berth.core.addresses import ZERO
from berth.core.ids import parse_lease, parse_space
from berth.core.money import parse_minor
from berth.core.states import LeaseState
from berth.core.words import RotationWord, SpaceWords
from berth.store.derived import (
    accounts,
    attesters,
    authorities,
    editions,
    leases,
    market_state,
    offers,
    spaces,
    vehicles,
)

Facts = dict[str, Any]
OPEN = (LeaseState.BOOKED.value, LeaseState.PARKED.value, LeaseState.CLAIMED.value)


@dataclass(frozen=True, slots=True)
class Question:
    """One call: `held` is what the index says, `read` brings the answer into the same shape."""

    what: str
    subject: str
    to: str
    entry: Entry
    arguments: tuple[Any, ...]
    held: Facts
    read: Callable[[Any], Facts]

    @property
    def data(self) -> str:
        return "0x" + self.entry.encode(*self.arguments).hex()

    def answered(self, result: bytes) -> Facts:
        """What the chain says. Raises BerthError for an answer of another shape."""
        return self.read(self.entry.decode_result(result))


def questions(conn: Connection, contracts: Contracts, sample: int | None) -> Iterator[Question]:
    """About every row, or about `sample` random rows of each kind."""
    market, titles = contracts.market, contracts.titles
    yield from _market(conn, market)
    for row in _rows(conn, accounts, sample):
        held: Facts = {"credit": parse_minor(row["credit"])}
        yield _ask("credit", row["account"], market, "creditOf", (row["account"],), held, "credit")
        held = {"autoPayout": bool(row["auto_payout"])}
        yield _ask(
            "credit", row["account"], market, "autoPayoutOf", (row["account"],), held, "autoPayout"
        )
    yield from _leases(conn, market, sample)
    for row in _rows(conn, offers, sample):
        held = {"wordA": int(row["word_a"], 16), "wordB": int(row["word_b"], 16)}
        subject = f"{row['space_id']}/{row['number']}"
        arguments: tuple[Any, ...] = (parse_space(row["space_id"]), row["number"])
        yield Question(
            "offer", subject, market.address, market.abi.function("offerOf"), arguments, held,
            lambda words: {"wordA": words[0], "wordB": words[1]},
        )  # fmt: skip
    for row in _rows(conn, spaces, sample):
        number = parse_space(row["space_id"])
        yield Question(
            "space", row["space_id"], market.address, market.abi.function("spaceOf"), (number,),
            _space_held(row), _space_read,
        )  # fmt: skip
        held = {"manager": row["manager"] or ZERO}
        yield _ask("space", row["space_id"], market, "managerOf", (number,), held, "manager")
    for row in _rows(conn, vehicles, sample):
        held = {
            "driver": row["driver"],
            "untilSlot": row["until_slot"],
            "verifier": row["verifier"],
            "size": row["size"],
        }
        arguments = (bytes.fromhex(row["plate_commitment"][2:]),)
        yield Question(
            "vehicle", row["plate_commitment"], market.address, market.abi.function("vehicleOf"),
            arguments, held, lambda found: dict(zip(_VEHICLE, found, strict=True)),
        )  # fmt: skip
    yield from _titles(conn, titles)


def _market(conn: Connection, market: Contract) -> Iterator[Question]:
    row = conn.execute(select(market_state)).mappings().first()
    if row is None:
        return
    held = {
        "head": row["head"],
        "count": row["ledger_count"],
        "fees": parse_minor(row["fees"]),
    }
    yield Question(
        "ledger", "", market.address, market.abi.function("ledger"), (), held,
        lambda found: {"head": _hex(found[0]), "count": found[1], "fees": found[2]},
    )  # fmt: skip
    held = {"feeBps": row["fee_bps"], "pausedUntil": row["paused_until"]}
    yield Question(
        "market", "", market.address, market.abi.function("config"), (), held,
        lambda found: {"feeBps": found[0], "pausedUntil": found[1]},
    )  # fmt: skip
    for row in conn.execute(select(attesters)).mappings():
        held = {"account": row["account"], "roles": row["roles"], "revoked": bool(row["revoked"])}
        yield Question(
            "attester", str(row["id"]), market.address, market.abi.function("attesterOf"),
            (row["id"],), held,
            lambda found: dict(zip(("account", "roles", "revoked"), found, strict=True)),
        )  # fmt: skip


def _leases(conn: Connection, market: Contract, sample: int | None) -> Iterator[Question]:
    """Open leases word by word with their deposits; of those that are over, that they are."""
    for row in _rows(conn, leases, sample, leases.c.state.in_(OPEN)):
        number = parse_lease(row["lease_id"])
        held = {
            "driver": row["driver"],
            "state": row["state"],
            "disputed": bool(row["disputed"]),
            "slots": row["slots"],
            "offer": row["offer"],
            "epoch": row["epoch"],
            "kwhCap": row["kwh_cap"],
            "arrived": row["arrived"],
            "until": row["until_minute"],
            "energyUsed": row["energy_used"],
            "noShow": bool(row["no_show"]),
        }
        yield Question(
            "lease", row["lease_id"], market.address, market.abi.function("leaseOf"), (number,),
            held, lambda view: {name: view[name] for name in _LEASE},
        )  # fmt: skip
        held = {"deposit": parse_minor(row["deposit"])}
        yield _ask("lease", row["lease_id"], market, "depositOf", (number,), held, "deposit")
    for row in _rows(conn, leases, sample, leases.c.state.not_in(OPEN)):
        number = parse_lease(row["lease_id"])
        held = {"state": row["state"], "driver": row["driver"]}
        yield Question(
            "lease", row["lease_id"], market.address, market.abi.function("leaseOf"), (number,),
            held, lambda view: {"state": view["state"], "driver": view["driver"]},
        )  # fmt: skip


def _titles(conn: Connection, titles: Contract) -> Iterator[Question]:
    newest = (
        select(editions.c.city, func.max(editions.c.edition).label("edition"))
        .group_by(editions.c.city)
        .subquery()
    )
    query = select(editions).join(
        newest,
        (newest.c.city == editions.c.city) & (newest.c.edition == editions.c.edition),
    )
    for row in conn.execute(query).mappings():
        held = {
            "edition": row["edition"],
            "count": row["count"],
            "publishedAt": row["published_at"],
            "root": row["root"],
            "contentHash": row["content_hash"],
        }
        yield Question(
            "edition", str(row["city"]), titles.address, titles.abi.function("editionOf"),
            (row["city"],), held, _edition_read,
        )  # fmt: skip
    for row in conn.execute(select(authorities)).mappings():
        held = {"authority": row["authority"]}
        yield _ask(
            "authority", str(row["city"]), titles, "authorityOf", (row["city"],), held, "authority"
        )


_LEASE = (
    "driver", "state", "disputed", "slots", "offer", "epoch", "kwhCap", "arrived", "until",
    "energyUsed", "noShow",
)  # fmt: skip
_VEHICLE = ("driver", "untilSlot", "verifier", "size")
_SPACE = (
    "owner", "lock_key", "first_live", "last_offer", "since", "valid_day", "cell", "height_cm",
    "width_cm", "length_cm", "connectors", "power", "maker",
)  # fmt: skip


def _space_held(row: Any) -> Facts:
    return {
        **{name: row[name] for name in _SPACE},
        "previous_key": row["previous_key"] or ZERO,
        "rotated_at": row["rotated_at"] or 0,
        "delisted_day": row["delisted_day"],
    }


def _space_read(words: tuple[int, int, int]) -> Facts:
    space, past = SpaceWords.decode(words[0], words[1]), RotationWord.decode(words[2])
    return {
        **{name: getattr(space, name) for name in _SPACE},
        "previous_key": past.previous_key,
        "rotated_at": past.rotated_at,
        "delisted_day": past.delisted_day,
    }


def _edition_read(found: tuple[Any, ...]) -> Facts:
    names = ("edition", "count", "publishedAt", "root", "contentHash")
    return {
        name: _hex(value) if isinstance(value, bytes) else value
        for name, value in zip(names, found, strict=True)
    }


def _ask(
    what: str,
    subject: str,
    contract: Contract,
    function: str,
    arguments: tuple[Any, ...],
    held: Facts,
    name: str,
) -> Question:
    """A question with a single value for an answer."""
    return Question(
        what,
        subject,
        contract.address,
        contract.abi.function(function),
        arguments,
        held,
        lambda value: {name: value},
    )


def _rows(conn: Connection, table: Table, sample: int | None, *conditions: Any) -> Iterator[Any]:
    query: Select[Any] = select(table).where(*conditions)
    if sample is not None:
        query = query.order_by(func.random()).limit(sample)
    yield from conn.execution_options(yield_per=1000).execute(query).mappings()


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
