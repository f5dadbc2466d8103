"""A small market in a database, a chain that answers reads, and people with keys: for web, market
and audit tests. Rows are written as the indexer would write them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from berth.core.addresses import checksum
from berth.core.deployment import Deployment
from berth.core.geo import decode_cell, encode_cell
from berth.core.hashing import keccak
from berth.core.ids import city_number, lease_hex, parse_space, space_hex, space_id
from berth.core.ledger import EMPTY_HEAD, Record, next_head, record_hash
from berth.core.plate import commitment
from berth.core.sealed import Sealer
from berth.core.settings import load_settings
from berth.core.signing import address_of
from berth.core.slots import slot_at, slot_start
from berth.core.states import Outcome
from berth.core.tariff import Terms, deposit, encode_words
from berth.core.title import address_hash, pack_attributes
from berth.indexer.cursor import NAME
from berth.relay.desk import Desk
from berth.relay.policy import Policy
from berth.store import Store, derived, kept, open_store
from berth.web.services import Services
from cryptography.fernet import Fernet
from sqlalchemy import Connection, insert, select, update

from tests.backend.answering_node import AnsweringNode

NOW = 1_795_000_000 // 900 * 900  # the first second of a slot
WALL = NOW + 5
MELBOURNE = city_number("AUMEL")
TOWN_HALL = (-37.8150, 144.9665)
ORIGIN = "http://127.0.0.1:8000"
DEPLOYMENT = Deployment(
    chain_id=1337,
    genesis_hash="0x" + "9e" * 32,
    block=1,
    titles="0x" + "71" * 20,
    market="0x" + "3a" * 20,
    forwarder="0x" + "f0" * 20,
    timelock="0x" + "7c" * 20,
    asset="0x" + "a5" * 20,
    asset_symbol="tEUR",
    asset_decimals=6,
    fee_bps=250,
    attesters={1: "0x" + "01" * 20},
)


@dataclass
class StillClock:
    """A clock that a test moves."""

    at: int

    def now(self) -> int:
        return self.at


@dataclass(frozen=True)
class Person:
    """Somebody with a key."""

    name: str
    key: bytes = field(repr=False)

    @classmethod
    def called(cls, name: str) -> Person:
        return cls(name, keccak(b"test key of " + name.encode()))

    @property
    def address(self) -> str:
        return address_of(self.key)

    @property
    def shown(self) -> str:
        return checksum(self.address)


OLGA, DINO, EVE = Person.called("olga"), Person.called("dino"), Person.called("eve")
LOCK = Person.called("lock")
SALT = bytes(range(32))
PLATE = "ABC123"
COMMITMENT = "0x" + commitment(SALT, PLATE).hex()


class World:
    """The market. Every `add_*` returns the id of what it added."""

    def __init__(self, home: Path, url: str | None = None) -> None:
        self.home = home
        self.store: Store = open_store(url or f"sqlite:///{home / 'berth.sqlite'}")
        self.clock = StillClock(NOW)
        self.wall = StillClock(WALL)
        self.node = AnsweringNode(DEPLOYMENT)
        self.sealer = Sealer([Fernet.generate_key()])
        self.head = EMPTY_HEAD
        self.count = 0
        self.woken = 0
        self.relay = Desk(Policy(DEPLOYMENT, self.clock), self._wake)
        self.services = Services(
            store=self.store,
            settings=replace(
                load_settings({"BERTH_HOME": str(home), "BERTH_DAPP": str(home / "dapp")}),
                public_url=ORIGIN,
            ),
            deployment=DEPLOYMENT,
            rpc=self.node,  # type: ignore[arg-type]
            clock=self.clock,
            sealer=self.sealer,
            relay=self.relay,
            wall=self.wall,
        )
        self.at_block(100)

    def close(self) -> None:
        self.store.close()

    @property
    def database_url(self) -> str:
        """The store's database, as another process would be told of it."""
        return self.store.engine.url.render_as_string(hide_password=False)

    def _wake(self) -> None:
        self.woken += 1

    # ---- the chain's side

    def at_block(self, number: int, head: int | None = None) -> None:
        """The index has read up to this block."""
        row = {
            "block_number": number,
            "block_hash": f"0x{number:064x}",
            "block_timestamp": self.clock.now(),
            "version": number,
            "head_number": number if head is None else head,
            "final_number": max(0, number - 10),
            "updated_at": self.wall.now(),
        }
        with self.store.write() as conn:
            if not conn.execute(update(derived.cursor).values(**row)).rowcount:
                conn.execute(insert(derived.cursor).values(name=NAME, **row))

    def add_space(
        self,
        index: int = 42,
        *,
        owner: Person = OLGA,
        lock: Person = LOCK,
        place: tuple[float, float] = TOWN_HALL,
        city: int = MELBOURNE,
        address: str = "12 Secret Lane, Melbourne",
        **changes: Any,
    ) -> str:
        """Registers a space at `place`'s cell."""
        identity = space_hex(space_id(city, index))
        row: dict[str, Any] = {
            "space_id": identity,
            "owner": owner.address,
            "lock_key": lock.address,
            "cell": encode_cell(*place),
            "address_hash": "0x" + address_hash(SALT, address).hex(),
            "attributes": hex(pack_attributes(3, True, 210, 250, 500)),
            "kind": 3,
            "sharing": 1,
            "height_cm": 210,
            "width_cm": 250,
            "length_cm": 500,
            "connectors": 0,
            "power": 0,
            "maker": 1,
            "valid_day": NOW // 86400 + 400,
            "first_live": 1,
            "last_offer": 0,
            "since": 1,
            "manager": None,
            "previous_key": None,
            "rotated_at": None,
            "delisted_day": 0,
            "released": 0,
            "registered_at": NOW - 9000,
            "block_number": 10,
            "tx_hash": f"0x{index:064x}",
        }
        with self.store.write() as conn:
            conn.execute(insert(derived.spaces).values(row | changes))
        return identity

    def add_offer(self, space: str, number: int = 1, **terms: Any) -> Terms:
        """Publishes an offer; price 100,000 a slot unless said otherwise."""
        offer = Terms(**({"price_per_slot": 100_000, "fee_bps": 250} | terms))
        word_a, word_b = encode_words(offer)
        with self.store.write() as conn:
            row = conn.execute(
                select(derived.spaces).where(derived.spaces.c.space_id == space)
            ).one()
            conn.execute(
                insert(derived.offers).values(
                    space_id=space,
                    number=number,
                    owner=row.owner,
                    cell=row.cell,
                    word_a=f"0x{word_a:064x}",
                    word_b=f"0x{word_b:064x}",
                    price_per_slot=str(offer.price_per_slot),
                    price_per_kwh=str(offer.price_per_kwh),
                    fee_bps=offer.fee_bps,
                    overstay_pct=offer.overstay_pct,
                    reserve_minutes=offer.reserve_minutes,
                    minimum_pct=offer.minimum_pct,
                    free_cancel_hours=offer.free_cancel_hours,
                    no_show_pct=offer.no_show_pct,
                    cancel_pct=offer.cancel_pct,
                    hours_of_week=f"0x{offer.hours_of_week:042x}",
                    utc_offset=offer.utc_offset,
                    first_day=offer.first_day,
                    last_day=offer.last_day,
                    min_slots=offer.min_slots,
                    max_slots=offer.max_slots,
                    flags=offer.flags,
                    published_at=NOW - 8000,
                    block_number=11,
                    tx_hash="0x" + "0f" * 32,
                )
            )
            conn.execute(
                update(derived.spaces)
                .where(derived.spaces.c.space_id == space)
                .values(last_offer=number)
            )
        return offer

    def add_lease(
        self,
        space: str,
        start_slot: int | None = None,
        slots: int = 8,
        *,
        driver: Person = DINO,
        offer: int = 1,
        kwh_cap: int = 0,
        epoch: int = 1,
        **changes: Any,
    ) -> str:
        """Leases a space from `start_slot` (default: the current one)."""
        first = slot_at(self.clock.now()) if start_slot is None else start_slot
        identity = lease_hex((parse_space(space) << 48) | first << 16 | epoch)
        with self.store.write() as conn:
            owner, cell = conn.execute(
                select(derived.offers.c.owner, derived.offers.c.cell).where(
                    derived.offers.c.space_id == space, derived.offers.c.number == offer
                )
            ).one()
            terms = self.terms(conn, space, offer)
            amount = deposit(terms, slots, kwh_cap)
            row: dict[str, Any] = {
                "lease_id": identity,
                "space_id": space,
                "start_slot": first,
                "slots": slots,
                "end_slot": first + slots,
                "epoch": epoch,
                "driver": driver.address,
                "owner": owner,
                "cell": cell,
                "offer": offer,
                "kwh_cap": kwh_cap,
                "deposit": str(amount),
                "pulled": str(amount),
                "plate_commitment": COMMITMENT,
                "plate_block": changes.get("booked_block", 90),
                "state": 1,
                "disputed": 0,
                "disputed_by": None,
                "disputed_at": None,
                "no_show": 0,
                "compensation": None,
                "arrived": 0,
                "arrived_at": None,
                "until_minute": 0,
                "energy_used": 0,
                "overstay": None,
                "booked_block": 90,
                "booked_tx": "0x" + "b0" * 32,
                "booked_at": NOW - 60,
                "arrived_tx": None,
                "claimed_tx": None,
                "closed_tx": None,
                "closed_at": None,
                "changed_block": changes.get("booked_block", 90),
                "updated_block": 90,
            }
            conn.execute(insert(derived.leases).values(row | changes))
        return identity

    def block_slots(self, space: str, start_slot: int, slots: int, **changes: Any) -> str:
        """The owner takes slots out of sharing."""
        identity = lease_hex((parse_space(space) << 48) | start_slot << 16 | 7)
        row: dict[str, Any] = {
            "lease_id": identity,
            "space_id": space,
            "start_slot": start_slot,
            "slots": slots,
            "end_slot": start_slot + slots,
            "by": OLGA.address,
            "blocked_at": NOW - 60,
            "ended_at": None,
            "block_number": 91,
            "tx_hash": "0x" + "b1" * 32,
        }
        with self.store.write() as conn:
            conn.execute(insert(derived.blockings).values(row | changes))
        return identity

    def set_space(self, space: str, **values: Any) -> None:
        """What became of a space."""
        with self.store.write() as conn:
            table = derived.spaces
            conn.execute(update(table).where(table.c.space_id == space).values(values))

    def settle(self, lease: str, *, outcome: int = 1, minutes: int = 90, **changes: Any) -> int:
        """Closes a lease and appends its record; bills `minutes` of rent."""
        with self.store.write() as conn:
            row = conn.execute(
                select(derived.leases).where(derived.leases.c.lease_id == lease)
            ).one()
            terms = self.terms(conn, row.space_id, row.offer)
            rent = terms.price_per_slot * minutes // 15 if outcome != 5 else 0
            fee = rent * terms.fee_bps // 10_000
            values = {
                "lease_id": int(lease, 16),
                "outcome": outcome,
                "owner": row.owner,
                "driver": row.driver,
                "offer": row.offer,
                "rent": rent,
                "overstay": 0,
                "energy": 0,
                "fee": fee,
                "refund": int(row.deposit) - rent,
                "arrived": 1 if outcome != 5 else 0,
                "until": minutes if outcome != 5 else 0,
                "energy_wh": 0,
                "closed_at": slot_start(row.start_slot) + 60 * minutes,
            }
            record = Record(**(values | changes))
            digest = record_hash(record)
            self.head = next_head(self.head, digest)
            self.count += 1
            tx_hash = f"0x{self.count + (1 << 200):064x}"
            conn.execute(
                insert(derived.settlements).values(
                    number=self.count,
                    lease_id=lease,
                    outcome=record.outcome,
                    owner=record.owner,
                    driver=record.driver,
                    offer=record.offer,
                    rent=str(record.rent),
                    overstay=str(record.overstay),
                    energy=str(record.energy),
                    fee=str(record.fee),
                    refund=str(record.refund),
                    arrived=record.arrived,
                    until_minute=record.until,
                    energy_wh=record.energy_wh,
                    closed_at=record.closed_at,
                    record_hash="0x" + digest.hex(),
                    head="0x" + self.head.hex(),
                    block_number=100,
                    tx_hash=tx_hash,
                )
            )
            conn.execute(
                update(derived.leases)
                .where(derived.leases.c.lease_id == lease)
                .values(
                    state=Outcome(record.outcome).terminal_state.value,
                    arrived=record.arrived,
                    until_minute=record.until,
                    closed_at=record.closed_at,
                    closed_tx=tx_hash,
                )
            )
            self._market_state(conn)
        return self.count

    def _market_state(self, conn: Connection) -> None:
        values = {"ledger_count": self.count, "head": "0x" + self.head.hex()}
        if not conn.execute(update(derived.market_state).values(**values)).rowcount:
            conn.execute(
                insert(derived.market_state).values(
                    id=1,
                    fees="0",
                    fee_bps=250,
                    paused_until=0,
                    deposited="0",
                    withdrawn="0",
                    fees_withdrawn="0",
                    **values,
                )
            )

    def add_vehicle(self, driver: Person = DINO, plate_commitment: str = COMMITMENT) -> str:
        """Attests a vehicle until a year from now."""
        with self.store.write() as conn:
            conn.execute(
                insert(derived.vehicles).values(
                    plate_commitment=plate_commitment,
                    driver=driver.address,
                    until_slot=slot_at(NOW) + 96 * 365,
                    verifier=1,
                    size=2,
                    block_number=20,
                    tx_hash="0x" + "ce" * 32,
                )
            )
        return plate_commitment

    def set_lock(self, lock: Person = LOCK, **values: Any) -> None:
        """What the lock last said."""
        row: dict[str, Any] = {
            "lock_id": lock.address,
            "position": "LOCKED",
            "online": 1,
            "occupied": 0,
            "cycle": 0,
            "camera": 0,
            "seen_at": NOW,
        }
        with self.store.write() as conn:
            conn.execute(
                kept.lock_states.delete().where(kept.lock_states.c.lock_id == lock.address)
            )
            conn.execute(insert(kept.lock_states).values(row | values))

    def add_edition(self, count: int = 100) -> None:
        """Melbourne has anchored its first edition and the library holds it."""
        with self.store.write() as conn:
            conn.execute(
                insert(derived.editions).values(
                    city=MELBOURNE,
                    edition=1,
                    root="0x" + "11" * 32,
                    content_hash="0x" + "22" * 32,
                    count=count,
                    published_at=NOW - 10_000,
                    block_number=5,
                    tx_hash="0x" + "33" * 32,
                )
            )
            conn.execute(
                insert(kept.title_editions).values(
                    city=MELBOURNE,
                    edition=1,
                    city_code="AUMEL",
                    name="Melbourne",
                    root="0x" + "11" * 32,
                    content_hash="0x" + "22" * 32,
                    count=count,
                    index_bound=count,
                    source_sha256="00",
                    format="csv",
                    attribution="City of Melbourne, CC BY 4.0",
                    imported_at=NOW - 11_000,
                )
            )

    def terms(self, conn: Connection, space: str, number: int) -> Terms:
        from berth.market.offers import offer_terms

        return offer_terms(conn, space, number)

    def events(self) -> Iterator[dict[str, Any]]:
        """All rows of the event table."""
        with self.store.read() as conn:
            for row in conn.execute(select(kept.events).order_by(kept.events.c.seq)).mappings():
                yield dict(row) | {"payload": json.loads(row["payload_json"])}


def cell_centre(place: tuple[float, float]) -> tuple[float, float]:
    """The default public point of a space at this place."""
    return decode_cell(encode_cell(*place))
