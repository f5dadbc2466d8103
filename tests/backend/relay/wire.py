"""A wire that remembers what went to locks, a delivery that uses it, and rows handed over."""

from __future__ import annotations

import json

from berth.core.errors import BerthError
from berth.devices.protocol import ASK_HELLO
from berth.devices.tickets import Grant, Ticket, read_claims
from berth.relay.delivery import Delivery
from berth.store.kept import outbox
from sqlalchemy import insert

from tests.backend.relay.street import Street
from tests.backend.worlds import DINO, NOW, OLGA


class Wire:
    """Everything that was sent to locks."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.down = False

    async def send(self, lock_id: str, leaf: str, payload: bytes) -> None:
        if self.down:
            raise BerthError("relay.offline", "there is no broker")
        self.sent.append((leaf, payload))

    def tickets(self, street: Street) -> list[Ticket]:
        return [
            read_claims(data.decode(), Ticket, street.home.pins, street.clock.now())
            for leaf, data in self.sent
            if leaf == "command" and data != ASK_HELLO
        ]

    def grants(self, street: Street) -> list[Grant]:
        return [
            read_claims(data.decode(), Grant, street.home.pins, street.clock.now())
            for leaf, data in self.sent
            if leaf == "grant"
        ]

    @property
    def asked(self) -> int:
        return sum(data == ASK_HELLO for _, data in self.sent)


def relay(street: Street, wire: Wire, name: str = "one", store: object = None) -> Delivery:
    return Delivery(
        store or street.store,  # type: ignore[arg-type]
        street.policy,
        street.clock,
        street.world.sealer,
        street.signer,
        wire.send,
        name,
    )


def put(street: Street, kind: str, lease: str, key: str | None = None, **payload: str) -> None:
    """The indexer hands a change over."""
    told = {"driver": DINO.address, "owner": OLGA.address, "spaceId": street.space}
    with street.store.write() as conn:
        conn.execute(
            insert(outbox).values(
                kind=kind,
                key=key or f"{kind}:{lease}",
                lease_id=lease,
                payload_json=json.dumps(told | payload),
                created_block=90,
                block_hash="0x" + "90" * 32,
                block_timestamp=NOW,
                created_at=NOW,
            )
        )
